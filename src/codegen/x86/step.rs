//! One step of a tile: the products of one input a pixel with the weights of some vectors of outputs.

use super::assembler::{Assembler, Vector, Word};
use crate::kernels::WeightType;

/// Where a tile's steps read. Inputs are counted in floats, weights in weights.
pub struct Step<'t> {
    /// Inputs of the first pixel.
    pub input: &'t Word,
    /// The inputs of each pixel, from the first.
    pub places: &'t [i64],
    /// Weights.
    pub weight: &'t Word,
    /// Vectors of outputs.
    pub vectors: usize,
    /// How these are stored.
    pub weights: WeightType,
}

impl Step<'_> {
    fn load(&self, a: &mut Assembler, weight: i64) -> Vector {
        match self.weights {
            WeightType::F32 => a.load(self.weight, weight),
            WeightType::Bf16 => a.load_halves(self.weight, weight),
        }
    }

    /// Adds the products of the inputs `input` further with the weights number `weight` and on to the sums, which stand by pixel, then vector.
    pub fn add_products(&self, a: &mut Assembler, sums: &[Vector], input: i64, weight: i64) {
        let lanes = a.lanes();
        let weight = |v: usize| weight + (v * lanes) as i64;
        let pixels = self.places.iter().map(|place| place + input);
        if self.places.len() == 1 {
            let x = a.load_splat(self.input, input + self.places[0]);
            for (v, sum) in sums.iter().enumerate() {
                // Each weight has one use: it need not have a register.
                if self.weights == WeightType::F32 {
                    a.fma_memory(sum, &x, self.weight, weight(v));
                } else {
                    let w = self.load(a, weight(v));
                    a.fma(sum, &x, &w);
                }
            }
        } else if self.vectors == 1 && a.can_broadcast() {
            let w = self.load(a, weight(0));
            for (sum, pixel) in sums.iter().zip(pixels) {
                a.fma_broadcast(sum, &w, self.input, pixel);
            }
        } else {
            let weights: Vec<Vector> = (0..self.vectors).map(|v| self.load(a, weight(v))).collect();
            for (sums, pixel) in sums.chunks(self.vectors).zip(pixels) {
                let x = a.load_splat(self.input, pixel);
                for (sum, w) in sums.iter().zip(&weights) {
                    a.fma(sum, &x, w);
                }
            }
        }
    }
}
