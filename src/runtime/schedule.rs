//! How the steps of a plan are shared out among threads.

use std::ops::Range;

use crate::kernels::KernelSpec;
use crate::plan::{Buffer, PARALLEL_COST, Plan, waves_of};

/// Cost below which a chunk is not worth handing out alone.
const CHUNK_COST: u64 = 20_000;

/// A thread takes this fraction of its share of what is left: chunks shrink toward the end of a wave, so that all end at about the same time.
const SHARE: u64 = 2;

/// Images of the batch that a piece is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Images {
    /// The index of the first.
    pub first: usize,
    /// How many.
    pub n: usize,
    /// Whether the thread that takes the piece has them to itself, in an arena of its own.
    pub are_own: bool,
}

/// Some tasks of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub step: usize,
    pub tasks: Range<usize>,
    pub images: Images,
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
    /// Whether the plan's [lead](Plan::lead) runs apart from the other steps.
    pub has_lead: bool,
}

/// The work of a plan for a batch on so many threads.
///
/// Of the lead's steps, each thread takes an image at a time, for as long as there is one for each; they share the work on the images that are left. The
/// other steps are for the whole batch, as is everything where there are not as many images as threads.
pub(super) fn schedule(plan: &Plan, batch: usize, n_threads: usize) -> Schedule {
    let images = |first, n| Images {
        first,
        n,
        are_own: false,
    };
    let mut schedule = Schedule::default();
    match &plan.lead {
        Some(lead) if batch >= n_threads.max(2) => {
            schedule.has_lead = true;
            let steps = 0..lead.n_steps;
            let (n_each, n_left) = (batch / n_threads, batch % n_threads);
            let n_groups = n_threads * n_each.div_ceil(lead.group);
            let begin = |group| group * (batch - n_left) / n_groups;
            for group in 0..n_groups {
                let group = Images {
                    are_own: true,
                    ..images(begin(group), begin(group + 1) - begin(group))
                };
                schedule.push_whole(steps.clone(), &works(plan, group));
                schedule.end_chunk(0);
            }
            let left = images(batch - n_left, n_left);
            schedule.push_steps(plan, steps, &plan.buffers, left, n_threads);
            let steps = lead.n_steps..plan.steps.len();
            schedule.push_steps(plan, steps, &lead.buffers, images(0, batch), n_threads);
        }
        _ => {
            let steps = 0..plan.steps.len();
            schedule.push_steps(plan, steps, &plan.buffers, images(0, batch), n_threads);
        }
    }
    schedule
}

/// The tasks of a step for some images.
struct Work {
    images: Images,
    n_tasks: usize,
    cost: u64,
}

impl Work {
    fn new(spec: &KernelSpec, images: Images) -> Work {
        Work {
            images,
            n_tasks: spec.n_tasks(images.n),
            cost: spec.cost().saturating_mul(images.n as u64),
        }
    }
}

/// Those of all steps of the plan.
fn works(plan: &Plan, images: Images) -> Vec<Work> {
    let steps = plan.steps.iter();
    let specs = steps.map(|step| &plan.kernels[step.kernel.0 as usize]);
    specs.map(|spec| Work::new(spec, images)).collect()
}

impl Schedule {
    /// Appends steps for images that the threads share, with the buffers laid out like this. A wave that is worth it is cut into chunks, and nobody begins it
    /// before all that came before is done. One thread alone, and waves too small to share, are one chunk.
    fn push_steps(
        &mut self,
        plan: &Plan,
        steps: Range<usize>,
        layout: &[Buffer],
        images: Images,
        n_threads: usize,
    ) {
        if images.n == 0 {
            return;
        }
        let works = works(plan, images);
        let before = self.chunks.len();
        if n_threads == 1 {
            self.push_whole(steps, &works);
            self.end_chunk(before);
            return;
        }
        for mut wave in waves_of(plan, steps, layout) {
            let cost = wave
                .iter()
                .map(|step| works[*step].cost)
                .fold(0, u64::saturating_add);
            let n_tasks: usize = wave.iter().map(|step| works[*step].n_tasks).sum();
            if cost < PARALLEL_COST || n_tasks == 1 {
                self.push_whole(wave, &works);
                continue;
            }
            // What waited for others to share.
            self.end_chunk(self.chunks.len());
            // Whole small steps come last.
            wave.sort_by_key(|step| std::cmp::Reverse(works[*step].cost));
            self.share(&wave, &works, cost, n_threads as u64);
        }
        self.end_chunk(self.chunks.len());
    }

    /// Appends all tasks of steps to the chunk that is open.
    fn push_whole(&mut self, steps: impl IntoIterator<Item = usize>, works: &[Work]) {
        let pieces = steps.into_iter().map(|step| Piece {
            step,
            tasks: 0..works[step].n_tasks,
            images: works[step].images,
        });
        self.pieces
            .extend(pieces.filter(|piece| !piece.tasks.is_empty()));
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
            let Work {
                images,
                n_tasks,
                cost,
            } = works[step];
            let task_cost = (cost / n_tasks.max(1) as u64).max(1);
            let mut begin = 0;
            while begin < n_tasks {
                let n_fitting = room.div_ceil(task_cost).min((n_tasks - begin) as u64);
                let end = begin + n_fitting as usize;
                let tasks = begin..end;
                self.pieces.push(Piece {
                    step,
                    tasks,
                    images,
                });
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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Images = Images {
        first: 0,
        n: 1,
        are_own: false,
    };

    fn share(works: &[(usize, u64)], n_threads: u64) -> Schedule {
        let work = |&(n_tasks, cost): &(usize, u64)| Work {
            images: ONE,
            n_tasks,
            cost,
        };
        let works: Vec<Work> = works.iter().map(work).collect();
        let cost = works.iter().map(|work| work.cost).sum();
        let steps: Vec<usize> = (0..works.len()).collect();
        let mut schedule = Schedule::default();
        schedule.share(&steps, &works, cost, n_threads);
        schedule
    }

    #[test]
    fn chunks_shrink_and_hold_each_task_once() {
        for n_threads in [2, 3, 16] {
            let schedule = share(&[(1000, 10_000_000)], n_threads);
            let sizes: Vec<usize> = schedule
                .pieces
                .iter()
                .map(|piece| piece.tasks.len())
                .collect();
            assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
            assert_eq!(sizes[0], 500usize.div_ceil(n_threads as usize));
            assert!(sizes[sizes.len() - 1] <= 2, "{sizes:?}");
            let mut next = 0;
            for (chunk, piece) in schedule.chunks.iter().zip(&schedule.pieces) {
                assert_eq!(
                    (chunk.pieces.len(), chunk.after, piece.tasks.start),
                    (1, 0, next)
                );
                next = piece.tasks.end;
            }
            assert_eq!(next, 1000);
        }
    }

    #[test]
    fn small_steps_of_a_wave_are_taken_whole_and_together() {
        let schedule = share(&[(4, 160_000), (3, 3_000), (1, 1_000), (2, 2_000)], 2);
        let last = schedule.chunks.last().expect("a chunk");
        let piece = |step: usize, tasks: Range<usize>| Piece {
            step,
            tasks,
            images: ONE,
        };
        let wanted = [piece(1, 0..3), piece(2, 0..1), piece(3, 0..2)];
        assert_eq!(schedule.pieces[last.pieces.clone()], wanted);
    }
}
