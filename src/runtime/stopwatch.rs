//! How long each step of a run takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::schedule::Piece;

/// Sees every call of a kernel.
pub(super) trait Observer: Sync {
    /// Makes the call, which is for this piece.
    fn observe(&self, piece: &Piece, call: impl FnOnce());
}

/// Looks the other way.
pub(super) struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _piece: &Piece, call: impl FnOnce()) {
        call();
    }
}

/// Notes when each step's first call on images that the threads share began and its last one ended, and how long its other calls took.
pub(super) struct Stopwatch {
    start: Instant,
    n_threads: u64,
    steps: Vec<Times>,
}

/// Of one step, nanoseconds.
struct Times {
    /// Of calls on shared images, since the start.
    begin: AtomicU64,
    end: AtomicU64,
    /// All that threads spent on images of their own.
    own: AtomicU64,
}

impl Stopwatch {
    pub fn new(n_steps: usize, n_threads: usize) -> Stopwatch {
        let idle = || Times {
            begin: AtomicU64::new(u64::MAX),
            end: AtomicU64::new(0),
            own: AtomicU64::new(0),
        };
        Stopwatch {
            start: Instant::now(),
            n_threads: n_threads as u64,
            steps: std::iter::repeat_with(idle).take(n_steps).collect(),
        }
    }

    /// The time of each step, zero for one without tasks.
    pub fn times(self) -> Vec<Duration> {
        let nanoseconds = self.steps.into_iter().map(|times| {
            let (begin, end) = (times.begin.into_inner(), times.end.into_inner());
            end.saturating_sub(begin) + times.own.into_inner() / self.n_threads
        });
        nanoseconds.map(Duration::from_nanos).collect()
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

impl Observer for Stopwatch {
    fn observe(&self, piece: &Piece, call: impl FnOnce()) {
        let times = &self.steps[piece.step];
        let begin = self.now();
        call();
        let end = self.now();
        if piece.images.are_own {
            times.own.fetch_add(end - begin, Ordering::Relaxed);
        } else {
            times.begin.fetch_min(begin, Ordering::Relaxed);
            times.end.fetch_max(end, Ordering::Relaxed);
        }
    }
}
