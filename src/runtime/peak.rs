//! What the machine can do at best, against which kernels are measured: multiply-adds, and reading from memory.

mod multiply_adds;

use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::Instant;

pub use multiply_adds::MultiplyAdds;

use super::team::Team;
use super::{AlignedBuffer, RunError};

/// Floats that reading goes through turn by turn, 256 MiB: no cache holds them until their next turn.
const FLOATS: usize = 1 << 26;
/// Parts of them, one a turn.
const PARTS: usize = 4;

/// Measures the machine in short turns, between which whatever is compared with it takes its own: the speed of a shared machine changes from one moment to
/// the next.
///
/// ```
/// let mut gauge = netc::runtime::Gauge::new(1)?;
/// gauge.turn();
/// gauge.turn();
/// assert!(gauge.usual().gflops <= gauge.best().gflops);
/// # Ok::<(), netc::runtime::RunError>(())
/// ```
pub struct Gauge {
    team: Team,
    multiply_adds: MultiplyAdds,
    memory: AlignedBuffer,
    part: usize,
    gflops: Vec<f64>,
    gbytes: Vec<f64>,
}

/// What the machine can do.
#[derive(Clone, Copy, Debug)]
pub struct Peak {
    /// Billions of floating-point operations a second, a multiply-add counted as two.
    pub gflops: f64,
    /// Billions of bytes read from memory a second.
    pub gbytes: f64,
}

impl Gauge {
    /// Of so many threads together, and the widest vectors there are.
    pub fn new(n_threads: usize) -> Result<Gauge, RunError> {
        let mut memory = AlignedBuffer::zeroed(FLOATS)?;
        // Pages that nobody wrote are all the same one.
        memory.fill(1.0);
        Ok(Gauge {
            team: Team::new(n_threads)?,
            multiply_adds: MultiplyAdds::new(n_threads, usize::MAX)?,
            memory,
            part: 0,
            gflops: Vec::new(),
            gbytes: Vec::new(),
        })
    }

    /// Measures once, which takes some milliseconds.
    pub fn turn(&mut self) {
        self.gflops.push(self.multiply_adds.gflops());
        let part = &self.memory[self.part * (FLOATS / PARTS)..][..FLOATS / PARTS];
        let share = FLOATS / PARTS / self.team.n_threads();
        let bytes = (share * size_of::<f32>()) as f64;
        self.gbytes.push(together(&mut self.team, bytes, |thread| {
            read(&part[thread * share..][..share]);
        }));
        self.part = (self.part + 1) % PARTS;
    }

    /// Forgets the turns so far.
    pub fn restart(&mut self) {
        self.gflops.clear();
        self.gbytes.clear();
    }

    /// How many threads are measured together.
    pub fn n_threads(&self) -> usize {
        self.team.n_threads()
    }

    /// Floats of a vector.
    pub fn lanes(&self) -> usize {
        self.multiply_adds.lanes()
    }

    /// The medians of the turns.
    pub fn usual(&self) -> Peak {
        Peak {
            gflops: median(&self.gflops),
            gbytes: median(&self.gbytes),
        }
    }

    /// The greatest rates of the turns.
    pub fn best(&self) -> Peak {
        let greatest = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
        Peak {
            gflops: greatest(&self.gflops),
            gbytes: greatest(&self.gbytes),
        }
    }
}

/// The value in the middle; of an even number of values, the upper one. 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Does `work` on each thread of a team at the same time; the sum of the rates, in billions a second, when one thread's is `amount`.
fn together(team: &mut Team, amount: f64, work: impl Fn(usize) + Sync) -> f64 {
    let begin = Barrier::new(team.n_threads());
    let sum = Mutex::new(0.0);
    team.side_by_side(|thread| {
        begin.wait();
        let start = Instant::now();
        work(thread);
        let rate = amount * 1e-9 / start.elapsed().as_secs_f64();
        if let Ok(mut sum) = sum.lock() {
            *sum += rate;
        }
    });
    sum.into_inner().unwrap_or(0.0)
}

/// Touches every value. Memory bounds it, so the vectors that every machine has will do.
fn read(values: &[f32]) {
    let mut sums = [0.0f32; 32];
    for chunk in values.as_chunks::<32>().0 {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    black_box(sums);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn rates_of_threads_add_up() {
        let nap = |_| std::thread::sleep(std::time::Duration::from_millis(20));
        let rate = |n_threads| together(&mut Team::new(n_threads).expect("threads"), 1.0, nap);
        let (one, three) = (rate(1), rate(3));
        assert!(one > 0.0 && three > 1.5 * one, "{one} {three}");
    }
}
