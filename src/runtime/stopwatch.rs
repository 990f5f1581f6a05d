//! How long each step of a run takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sees every call of a kernel.
pub(super) trait Observer: Sync {
    /// Makes the call, which is a part of the step with this index.
    fn observe(&self, step: usize, call: impl FnOnce());
}

/// Looks the other way.
pub(super) struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _step: usize, call: impl FnOnce()) {
        call();
    }
}

/// Notes when each step's first call began and its last one ended, on whatever thread.
pub(super) struct Stopwatch {
    start: Instant,
    /// Nanoseconds since `start`.
    steps: Vec<(AtomicU64, AtomicU64)>,
}

impl Stopwatch {
    pub fn new(n_steps: usize) -> Stopwatch {
        let idle = || (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Stopwatch {
            start: Instant::now(),
            steps: std::iter::repeat_with(idle).take(n_steps).collect(),
        }
    }

    /// The time of each step, zero for one without tasks.
    pub fn times(self) -> Vec<Duration> {
        let nanoseconds = self.steps.into_iter().map(|(begin, end)| {
            let (begin, end) = (begin.into_inner(), end.into_inner());
            end.saturating_sub(begin)
        });
        nanoseconds.map(Duration::from_nanos).collect()
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

impl Observer for Stopwatch {
    fn observe(&self, step: usize, call: impl FnOnce()) {
        let (begin, end) = &self.steps[step];
        begin.fetch_min(self.now(), Ordering::Relaxed);
        call();
        end.fetch_max(self.now(), Ordering::Relaxed);
    }
}
