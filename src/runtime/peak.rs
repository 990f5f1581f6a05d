//! What the machine can do at best, against which kernels are measured: multiply-adds in the widest vectors it has, and reading from memory.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use super::{AlignedBuffer, RunError};

/// Independent sums: enough to cover the latency of a multiply-add, and they leave registers for its factors.
const SUMS: usize = 12;
/// Multiply-adds of each sum in a turn: about half a millisecond.
const ROUNDS: usize = 1 << 17;
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
/// assert!(gauge.gflops() > 0.0 && gauge.gbytes() > 0.0);
/// # Ok::<(), netc::runtime::RunError>(())
/// ```
pub struct Gauge {
    n_threads: usize,
    vectors: Vectors,
    memory: AlignedBuffer,
    part: usize,
    gflops: Vec<f64>,
    gbytes: Vec<f64>,
}

impl Gauge {
    /// Of so many threads together.
    pub fn new(n_threads: usize) -> Result<Gauge, RunError> {
        let mut memory = AlignedBuffer::zeroed(FLOATS)?;
        // Pages that nobody wrote are all the same one.
        memory.fill(1.0);
        Ok(Gauge {
            n_threads,
            vectors: vectors::widest().unwrap_or(SEPARATE),
            memory,
            part: 0,
            gflops: Vec::new(),
            gbytes: Vec::new(),
        })
    }

    /// Measures once, which takes some milliseconds.
    pub fn turn(&mut self) {
        let multiply_add = self.vectors.multiply_add;
        let flops = (2 * ROUNDS * SUMS * self.vectors.lanes) as f64;
        self.gflops
            .push(together(self.n_threads, flops, |_| multiply_add(ROUNDS)));
        let part = &self.memory[self.part * (FLOATS / PARTS)..][..FLOATS / PARTS];
        let share = FLOATS / PARTS / self.n_threads;
        let bytes = (share * size_of::<f32>()) as f64;
        self.gbytes.push(together(self.n_threads, bytes, |thread| {
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
        self.n_threads
    }

    /// Floats of a vector.
    pub fn lanes(&self) -> usize {
        self.vectors.lanes
    }

    /// Billions of floating-point operations a second, a multiply-add counted as two: the median of the turns.
    pub fn gflops(&self) -> f64 {
        median(&self.gflops)
    }

    /// Billions of bytes read from memory a second: the median of the turns.
    pub fn gbytes(&self) -> f64 {
        median(&self.gbytes)
    }
}

/// The value in the middle; of an even number of values, the upper one. 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Does `work` on each thread at the same time; the sum of the rates, in billions a second, when one thread's is `amount`.
fn together(n_threads: usize, amount: f64, work: impl Fn(usize) + Sync) -> f64 {
    let begin = Barrier::new(n_threads);
    let rate = |thread: usize| {
        begin.wait();
        let start = Instant::now();
        work(thread);
        amount * 1e-9 / start.elapsed().as_secs_f64()
    };
    let rate = &rate;
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..n_threads)
            .map(|thread| scope.spawn(move || rate(thread)))
            .collect();
        let own = rate(0);
        others
            .into_iter()
            .fold(own, |sum, other| sum + other.join().unwrap_or(0.0))
    })
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

/// The widest vectors that the machine multiplies and adds in.
struct Vectors {
    lanes: usize,
    /// Does so many rounds of [`SUMS`] multiply-adds of whole vectors.
    multiply_add: fn(usize),
}

/// Rounds of multiply-adds for one kind of vectors.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! multiply_adds {
    ($name:ident, $feature:literal, $set:path, $multiply_add:expr) => {
        #[target_feature(enable = $feature)]
        fn $name(rounds: usize) {
            let (factor, term) = ($set(black_box(0.5)), $set(black_box(1.0)));
            let mut sums: [_; SUMS] = std::array::from_fn(|index| $set(index as f32));
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = $multiply_add(*sum, factor, term);
                }
            }
            black_box(sums);
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use std::arch::x86_64::*;

    use super::{SUMS, Vectors, black_box};

    multiply_adds!(wide, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);
    multiply_adds!(middle, "avx,fma", _mm256_set1_ps, _mm256_fmadd_ps);
    multiply_adds!(narrow, "fma", _mm_set1_ps, _mm_fmadd_ps);

    pub fn widest() -> Option<Vectors> {
        let has_fma = is_x86_feature_detected!("fma");
        let (lanes, multiply_add): (usize, fn(usize)) = if is_x86_feature_detected!("avx512f") {
            // SAFETY: the machine has AVX-512.
            (16, |rounds| unsafe { wide(rounds) })
        } else if has_fma && is_x86_feature_detected!("avx") {
            // SAFETY: the machine has AVX and fused multiply-add.
            (8, |rounds| unsafe { middle(rounds) })
        } else if has_fma {
            // SAFETY: the machine has fused multiply-add.
            (4, |rounds| unsafe { narrow(rounds) })
        } else {
            return None;
        };
        Some(Vectors {
            lanes,
            multiply_add,
        })
    }
}

#[cfg(target_arch = "aarch64")]
mod vectors {
    use std::arch::aarch64::*;

    use super::{SUMS, Vectors, black_box};

    multiply_adds!(narrow, "neon", vdupq_n_f32, |sum, factor, term| {
        vfmaq_f32(term, sum, factor)
    });

    pub fn widest() -> Option<Vectors> {
        Some(Vectors {
            lanes: 4,
            // SAFETY: every aarch64 machine that we build for has NEON.
            multiply_add: |rounds| unsafe { narrow(rounds) },
        })
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod vectors {
    pub fn widest() -> Option<super::Vectors> {
        None
    }
}

/// Multiplications and additions one after the other, for a machine that does not fuse them.
const SEPARATE: Vectors = Vectors {
    lanes: 4,
    multiply_add: |rounds| {
        let (factor, term) = (black_box(0.5f32), black_box(1.0));
        let mut sums: [[f32; 4]; SUMS] = std::array::from_fn(|index| [index as f32; 4]);
        for _ in 0..rounds {
            for sum in sums.as_flattened_mut() {
                *sum = *sum * factor + term;
            }
        }
        black_box(sums);
    },
};

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
        let (one, three) = (together(1, 1.0, nap), together(3, 1.0, nap));
        assert!(one > 0.0 && three > 1.5 * one, "{one} {three}");
    }

    #[test]
    fn fused_multiply_adds_are_real_work() {
        for vectors in [Some(SEPARATE), vectors::widest()].into_iter().flatten() {
            let seconds = |rounds| {
                let start = Instant::now();
                (vectors.multiply_add)(rounds);
                start.elapsed().as_secs_f64()
            };
            seconds(ROUNDS);
            // What a compiler sees through takes no longer for a thousand times the work.
            assert!(seconds(100 * ROUNDS) > 5.0 * seconds(ROUNDS / 10));
        }
    }
}
