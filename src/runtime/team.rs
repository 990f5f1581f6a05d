//! A team of threads that stays awake through one inference.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::RunError;

/// Rounds of waiting before the thread offers its core to others: some 100 microseconds, longer than most steps.
const SPINS: usize = 20_000;

/// Threads that run the same function side by side, once an inference. Between inferences they sleep.
pub(super) struct Team {
    pool: Option<ThreadPool>,
    n_threads: usize,
}

impl Team {
    /// Of at least one thread. A team of one is the caller's own thread.
    pub fn new(n_threads: usize) -> Result<Team, RunError> {
        let n_threads = n_threads.max(1);
        let pool = match n_threads {
            1 => None,
            _ => Some(
                ThreadPoolBuilder::new()
                    .num_threads(n_threads)
                    .thread_name(|index| format!("netc-{index}"))
                    .build()
                    .map_err(|error| RunError::Threads(error.to_string()))?,
            ),
        };
        Ok(Team { pool, n_threads })
    }

    /// How many.
    pub fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// Runs `work` on every thread, with its index. `&mut`: two teams' work mixed on the same threads would wait for each other for ever.
    pub fn run(&mut self, work: impl Fn(usize) + Sync) {
        match &self.pool {
            None => work(0),
            Some(pool) => {
                pool.broadcast(|context| work(context.index()));
            }
        }
    }
}

/// Where the threads of one run meet.
pub(super) struct Meeting {
    n_threads: usize,
    /// Rounds of waiting before a thread offers its core to others.
    spins: usize,
    arrived: AtomicUsize,
}

impl Meeting {
    pub fn new(n_threads: usize) -> Meeting {
        // Where threads share cores, one that spins keeps those away that it waits for.
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        Meeting {
            n_threads,
            spins: if n_threads > n_cores { 0 } else { SPINS },
            arrived: AtomicUsize::new(0),
        }
    }

    /// Waits until every thread has called this for the `round`-th time (counted from 1). What each did before is visible to all afterwards.
    pub fn wait(&self, round: usize) {
        let everyone = round * self.n_threads;
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0;
        while self.arrived.load(Ordering::Acquire) < everyone {
            spins += 1;
            if spins < self.spins {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Lets everyone pass from now on: a thread panicked and will not come.
    pub fn give_up(&self) {
        self.arrived.store(usize::MAX / 2, Ordering::Release);
    }
}
