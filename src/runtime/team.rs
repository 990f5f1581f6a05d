//! A team of threads that stays awake through one inference.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::RunError;
use super::schedule::{Chunk, Schedule};

/// Rounds of waiting before the thread offers its core to others: some 30 microseconds, as long as a chunk takes.
const SPINS: usize = 2_000;

/// Threads that run the same function side by side, once an inference. Between inferences they sleep.
pub(super) struct Team {
    /// The caller's own thread is the team's first.
    others: Option<ThreadPool>,
    n_threads: usize,
    /// Rounds of waiting before a thread offers its core to others.
    spins: usize,
}

impl Team {
    /// Of at least one thread.
    pub fn new(n_threads: usize) -> Result<Team, RunError> {
        let n_threads = n_threads.max(1);
        let others = match n_threads {
            1 => None,
            _ => Some(
                ThreadPoolBuilder::new()
                    .num_threads(n_threads - 1)
                    .thread_name(|index| format!("netc-{}", index + 1))
                    .build()
                    .map_err(|error| RunError::Threads(error.to_string()))?,
            ),
        };
        // Where threads share cores, one that spins keeps those away that it waits for. Asking takes a while: not in every run.
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Team {
            others,
            n_threads,
            spins: if n_threads > n_cores { 0 } else { SPINS },
        })
    }

    /// How many.
    pub fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// Does the work of a schedule: every thread gets its index and calls back for chunks. `&mut`: two runs mixed on the same threads would wait for each
    /// other for ever.
    pub fn run(&mut self, schedule: &Schedule, work: impl Fn(usize, &Progress) + Sync) {
        let progress = Progress::new(schedule, self.spins);
        self.side_by_side(|thread| work(thread, &progress));
    }

    /// Every thread does this at the same time, with its index. `&mut` as for [`Team::run`].
    pub fn side_by_side(&mut self, work: impl Fn(usize) + Sync) {
        match &self.others {
            None => work(0),
            Some(others) => others.in_place_scope(|scope| {
                scope.spawn_broadcast(|_, context| work(context.index() + 1));
                work(0);
            }),
        }
    }
}

/// A number in a cache line of its own, or threads that use its neighbours would wait for each other.
#[repr(align(128))]
struct Counter(AtomicUsize);

/// How far the threads of one run have come with its schedule.
pub(super) struct Progress<'a> {
    schedule: &'a Schedule,
    spins: usize,
    n_taken: Counter,
    n_done: Counter,
}

/// What `n_done` becomes when a thread panics, which a compiled kernel never does: nobody's turn comes any more.
const GIVEN_UP: usize = usize::MAX / 2;

impl<'a> Progress<'a> {
    fn new(schedule: &'a Schedule, spins: usize) -> Progress<'a> {
        let counter = || Counter(AtomicUsize::new(0));
        Progress {
            schedule,
            spins,
            n_taken: counter(),
            n_done: counter(),
        }
    }

    /// Takes chunks until none is left. What was done in the chunks that one waits for is visible to it.
    pub fn work(&self, mut work: impl FnMut(&Chunk)) {
        let _guard = GiveUpOnPanic(self);
        while let Some(chunk) = self.take() {
            work(chunk);
            self.n_done.0.fetch_add(1, Ordering::Release);
        }
    }

    /// The next chunk, when its turn has come. Nobody takes a chunk before its turn, so if as many are done as it waits for, it is those; and a thread that
    /// the system puts to sleep while it waits holds nothing that others wait for.
    fn take(&self) -> Option<&'a Chunk> {
        let mut rounds = 0;
        loop {
            let index = self.n_taken.0.load(Ordering::Relaxed);
            let chunk = self.schedule.chunks.get(index)?;
            // A thread adds to the count after its work: whoever reads this count or a later one sees the work.
            let n_done = self.n_done.0.load(Ordering::Acquire);
            if n_done >= GIVEN_UP {
                return None;
            }
            if n_done >= chunk.after {
                let (taken, order) = (&self.n_taken.0, Ordering::Relaxed);
                let is_mine = taken.compare_exchange(index, index + 1, order, order);
                if is_mine.is_ok() {
                    return Some(chunk);
                }
                continue;
            }
            rounds += 1;
            if rounds < self.spins {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Lets the other threads go when one panics.
struct GiveUpOnPanic<'a>(&'a Progress<'a>);

impl Drop for GiveUpOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.n_done.0.store(GIVEN_UP, Ordering::Release);
        }
    }
}
