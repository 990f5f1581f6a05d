//! How the steps of a plan are shared out among threads.

use std::ops::Range;

use crate::kernels::KernelSpec;
use crate::plan::{Plan, waves};

/// Cost (see `KernelSpec::cost`) from which a wave is worth more than one thread: meeting takes some hundred nanoseconds.
const PARALLEL_COST: u64 = 100_000;

/// Cost below which a chunk is not worth handing out alone.
const CHUNK_COST: u64 = 20_000;

/// A thread takes this fraction of its share of what is left: chunks shrink toward the end of a wave, so that all end at about the same time.
const SHARE: u64 = 2;

/// Some tasks of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub step: usize,
    pub tasks: Range<usize>,
}

/// What a thread takes at once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chunk {
    /// To be done one after another.
    pub pieces: Range<usize>,
    /// How many of the first chunks must be done before this one begins.
    pub after: usize,
}

/// The work of a run. Chunks are handed out in their order.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub chunks: Vec<Chunk>,
    pub pieces: Vec<Piece>,
}

/// The work of a plan for a batch on so many threads. A wave that is worth it is cut into chunks, and nobody begins it before the wave before it is done.
/// One thread alone, and waves too small to share, are one chunk.
pub(super) fn schedule(plan: &Plan, batch: usize, n_threads: usize) -> Schedule {
    let works: Vec<Work> = plan
        .steps
        .iter()
        .map(|step| {
            let spec = &plan.kernels[step.kernel.0 as usize];
            Work::new(spec, batch)
        })
        .collect();
    let mut schedule = Schedule::default();
    if n_threads == 1 {
        schedule.push_whole(0..plan.steps.len(), &works);
        schedule.end_chunk(0);
        return schedule;
    }
    for mut wave in waves(plan) {
        let cost = wave
            .iter()
            .map(|step| works[*step].cost)
            .fold(0, u64::saturating_add);
        let n_tasks: usize = wave.iter().map(|step| works[*step].n_tasks).sum();
        if cost < PARALLEL_COST || n_tasks == 1 {
            schedule.push_whole(wave, &works);
            continue;
        }
        // What waited for others to share.
        schedule.end_chunk(schedule.chunks.len());
        // Whole small steps come last.
        wave.sort_by_key(|step| std::cmp::Reverse(works[*step].cost));
        schedule.share(&wave, &works, cost, n_threads as u64);
    }
    schedule.end_chunk(schedule.chunks.len());
    schedule
}

/// The tasks of a step.
struct Work {
    n_tasks: usize,
    cost: u64,
}

impl Work {
    fn new(spec: &KernelSpec, batch: usize) -> Work {
        Work {
            n_tasks: spec.n_tasks(batch),
            cost: spec.cost().saturating_mul(batch as u64),
        }
    }
}

impl Schedule {
    /// Appends all tasks of steps to the chunk that is open.
    fn push_whole(&mut self, steps: impl IntoIterator<Item = usize>, works: &[Work]) {
        let pieces = steps.into_iter().map(|step| Piece {
            step,
            tasks: 0..works[step].n_tasks,
        });
        self.pieces.extend(pieces);
    }

    /// Makes a chunk of the pieces since the last one.
    fn end_chunk(&mut self, after: usize) {
        let begin = self.chunks.last().map_or(0, |chunk| chunk.pieces.end);
        if begin < self.pieces.len() {
            let pieces = begin..self.pieces.len();
            self.chunks.push(Chunk { pieces, after });
        }
    }

    /// Cuts a wave into chunks.
    fn share(&mut self, wave: &[usize], works: &[Work], cost: u64, n_threads: u64) {
        let after = self.chunks.len();
        let mut left = cost;
        let wanted = |left: u64| (left / (SHARE * n_threads)).max(CHUNK_COST);
        // Of the chunk that is open.
        let mut room = wanted(left);
        for &step in wave {
            let Work { n_tasks, cost } = works[step];
            let task_cost = (cost / n_tasks.max(1) as u64).max(1);
            let mut begin = 0;
            while begin < n_tasks {
                let n_fitting = room.div_ceil(task_cost).min((n_tasks - begin) as u64);
                let end = begin + n_fitting as usize;
                let tasks = begin..end;
                self.pieces.push(Piece { step, tasks });
                let taken = n_fitting * task_cost;
                left = left.saturating_sub(taken);
                room = room.saturating_sub(taken);
                if room == 0 {
                    self.end_chunk(after);
                    room = wanted(left);
                }
                begin = end;
            }
        }
        self.end_chunk(after);
    }
}
