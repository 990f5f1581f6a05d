//! A row of taps of a tile whose lanes have inputs of their own, or of their narrow group: depthwise and grouped convolution.
//!
//! The weights of the row stay in registers, and an input that is loaded (and permuted) once serves all pixels of the tile that it is under some tap of: a
//! row of 28 pixels under three taps takes 30 loads for 84 multiply-adds.

use std::collections::BTreeMap;

use super::assembler::{Assembler, Vector, Word};
use crate::kernels::LANEWISE_TAPS;

/// Where a row of taps reads. Offsets are in floats.
pub struct RowOfTaps<'t> {
    /// Inputs of the first pixel under the first tap.
    pub input: &'t Word,
    /// The inputs of each pixel, from the first.
    pub places: &'t [i64],
    /// Weights, by tap, then channel of a group.
    pub weight: &'t Word,
    /// Taps.
    pub taps: usize,
    /// From a tap's input to the next one's.
    pub step: i64,
    /// Channels of a group, which divides the lanes.
    pub group: usize,
}

impl RowOfTaps<'_> {
    /// Adds the products of the inputs `input` further with the weights `weight` further to the sums, one a pixel.
    pub fn add_products(&self, a: &mut Assembler, sums: &[Vector], input: i64, weight: i64) {
        let lanes = a.lanes();
        let all: Vec<usize> = (0..self.taps).collect();
        for taps in all.chunks(LANEWISE_TAPS) {
            let uses = self.uses(taps);
            for member in 0..self.group {
                let place = |tap: &usize| ((tap * self.group + member) * lanes) as i64;
                let weights: Vec<Vector> = taps
                    .iter()
                    .map(|tap| a.load(self.weight, weight + place(tap)))
                    .collect();
                let spread = (self.group > 1).then(|| a.spread(self.group, member));
                for (place, uses) in &uses {
                    let place = place + input;
                    let x = match (&spread, &uses[..]) {
                        (None, &[(pixel, tap)]) => {
                            a.fma_memory(&sums[pixel], &weights[tap], self.input, place);
                            continue;
                        }
                        (None, _) => a.load(self.input, place),
                        (Some(spread), _) => a.load_spread(spread, self.input, place),
                    };
                    for &(pixel, tap) in uses {
                        a.fma(&sums[pixel], &x, &weights[tap]);
                    }
                }
            }
        }
    }

    /// All inputs under some of the taps, in the order of memory, which is faster than one that gives every sum its turn before the first has its next.
    /// With each come the pixels that it is for, and the taps, counted from the first of these.
    fn uses(&self, taps: &[usize]) -> BTreeMap<i64, Vec<(usize, usize)>> {
        let mut uses: BTreeMap<i64, Vec<(usize, usize)>> = BTreeMap::new();
        for (pixel, place) in self.places.iter().enumerate() {
            for (index, &tap) in taps.iter().enumerate() {
                let place = place + tap as i64 * self.step;
                uses.entry(place).or_default().push((pixel, index));
            }
        }
        uses
    }
}
