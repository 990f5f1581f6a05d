//! As many multiply-adds as fit.

use std::hint::black_box;

use super::together;
use crate::runtime::RunError;
use crate::runtime::team::Team;

/// Independent sums: enough to cover the latency of a multiply-add, and they leave registers for its factors.
const SUMS: usize = 12;
/// Multiply-adds of each sum in a turn: about half a millisecond.
const ROUNDS: usize = 1 << 17;

/// Multiply-adds of vectors that never leave the registers.
pub struct MultiplyAdds {
    team: Team,
    vectors: Vectors,
}

impl MultiplyAdds {
    /// On so many threads together, in the widest vectors that the machine has, of at most `max_lanes` floats.
    pub fn new(n_threads: usize, max_lanes: usize) -> Result<MultiplyAdds, RunError> {
        let kinds = vectors::kinds().into_iter();
        let fitting = kinds.filter(|kind| kind.lanes <= max_lanes);
        let vectors = fitting.max_by_key(|kind| kind.lanes).unwrap_or(SEPARATE);
        let team = Team::new(n_threads)?;
        Ok(MultiplyAdds { team, vectors })
    }

    /// Floats of a vector.
    pub fn lanes(&self) -> usize {
        self.vectors.lanes
    }

    /// Measures for about half a millisecond: billions of floating-point operations a second, two for a multiply-add.
    pub fn gflops(&mut self) -> f64 {
        let Vectors {
            lanes,
            multiply_add,
        } = self.vectors;
        let flops = (2 * ROUNDS * SUMS * lanes) as f64;
        together(&mut self.team, flops, |_| multiply_add(ROUNDS))
    }
}

/// A kind of vectors.
#[derive(Clone, Copy)]
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
    use crate::codegen::machines;
    use crate::kernels::TileFamily;

    multiply_adds!(wide, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);
    multiply_adds!(middle, "avx,fma", _mm256_set1_ps, _mm256_fmadd_ps);
    multiply_adds!(narrow, "fma", _mm_set1_ps, _mm_fmadd_ps);

    /// Those that the machine has.
    pub fn kinds() -> Vec<Vectors> {
        let mut kinds = Vec::new();
        let mut add = |lanes: usize, multiply_add: fn(usize)| {
            kinds.push(Vectors {
                lanes,
                multiply_add,
            });
        };
        // What kernels may use, and no more: they are measured against this.
        let machines = machines().unwrap_or_default();
        let runs = |family| machines.iter().any(|machine| machine.family == family);
        if machines.iter().any(|machine| machine.has_fma) {
            // SAFETY: the machine has fused multiply-add.
            add(4, |rounds| unsafe { narrow(rounds) });
        }
        if runs(TileFamily::Avx2) {
            // SAFETY: these tiles need AVX2 and fused multiply-add.
            add(8, |rounds| unsafe { middle(rounds) });
        }
        if runs(TileFamily::Avx512) {
            // SAFETY: these tiles need AVX-512.
            add(16, |rounds| unsafe { wide(rounds) });
        }
        kinds
    }
}

#[cfg(target_arch = "aarch64")]
mod vectors {
    use std::arch::aarch64::*;

    use super::{SUMS, Vectors, black_box};

    multiply_adds!(narrow, "neon", vdupq_n_f32, |sum, factor, term| {
        vfmaq_f32(term, sum, factor)
    });

    pub fn kinds() -> Vec<Vectors> {
        vec![Vectors {
            lanes: 4,
            // SAFETY: every aarch64 machine that we build for has NEON.
            multiply_add: |rounds| unsafe { narrow(rounds) },
        }]
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod vectors {
    pub fn kinds() -> Vec<super::Vectors> {
        Vec::new()
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
    fn vectors_are_as_wide_as_asked() {
        let of = |max_lanes| MultiplyAdds::new(1, max_lanes).expect("one thread");
        assert_eq!(of(4).lanes(), 4);
        let widest = of(usize::MAX);
        assert!(
            vectors::kinds()
                .iter()
                .all(|kind| kind.lanes <= widest.lanes())
        );
    }

    /// Vectors that are said to be there are: others would end the process.
    #[test]
    fn every_kind_of_vector_runs() {
        for vectors in vectors::kinds().into_iter().chain([SEPARATE]) {
            (vectors.multiply_add)(ROUNDS);
        }
    }
}
