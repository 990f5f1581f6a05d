//! How the steps of a plan are shared out among threads.

use crate::plan::{KernelId, Operand, Plan};

/// Cost (see `KernelSpec::cost`) from which a step is worth more than one thread: waking and meeting takes about a microsecond.
const PARALLEL_COST: u64 = 100_000;

/// Cost below which a chunk is not worth handing out alone.
const CHUNK_COST: u64 = 20_000;

/// Chunks a thread: several, so that a thread that is held up gets fewer.
const CHUNKS_A_THREAD: usize = 8;

/// One step of a run.
pub(super) struct Turn {
    /// What runs.
    pub kernel: KernelId,
    /// All of its tasks.
    pub n_tasks: usize,
    /// Tasks that a thread takes at once. All of them: the first thread does the step alone.
    pub chunk: usize,
    /// Whether all threads must be done with what came before, and with this before what follows.
    pub is_shared: bool,
    /// Whether the last operand but one is the thread's own memory.
    pub needs_scratch: bool,
}

/// The turns of a plan for a batch on so many threads.
pub(super) fn schedule(plan: &Plan, batch: usize, n_threads: usize) -> Vec<Turn> {
    plan.steps
        .iter()
        .map(|step| {
            let spec = &plan.kernels[step.kernel.0 as usize];
            let n_tasks = spec.n_tasks(batch);
            let cost = spec.cost().saturating_mul(batch as u64);
            let is_shared = n_threads > 1 && n_tasks > 1 && cost >= PARALLEL_COST;
            let chunk = if is_shared {
                let by_count = n_tasks / (n_threads * CHUNKS_A_THREAD);
                let by_cost = (CHUNK_COST * n_tasks as u64 / cost) as usize;
                by_count.max(by_cost).clamp(1, n_tasks.div_ceil(n_threads))
            } else {
                n_tasks
            };
            Turn {
                kernel: step.kernel,
                n_tasks,
                chunk,
                is_shared,
                needs_scratch: step.operands.iter().rev().nth(1) == Some(&Operand::Scratch),
            }
        })
        .collect()
}
