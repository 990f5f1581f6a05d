//! One step of a tile: the products of one input a pixel with the weights of some vectors of outputs.

use super::assembler::{Assembler, Vector, Word};

/// Where a tile's steps read. Offsets are in floats.
pub struct Step<'t> {
    /// Inputs of the first pixel.
    pub input: &'t Word,
    /// The inputs of each pixel, from the first.
    pub places: &'t [i64],
    /// Weights.
    pub weight: &'t Word,
    /// Vectors of outputs.
    pub vectors: usize,
}

impl Step<'_> {
    /// Adds the products of the inputs `input` further with the weights `weight` further to the sums, which stand by pixel, then vector.
    pub fn add_products(&self, a: &mut Assembler, sums: &[Vector], input: i64, weight: i64) {
        let lanes = a.lanes();
        let weight = |v: usize| weight + (v * lanes) as i64;
        let pixels = self.places.iter().map(|place| place + input);
        if self.places.len() == 1 {
            // Each weight has one use: it need not have a register.
            let x = a.load_splat(self.input, input + self.places[0]);
            for (v, sum) in sums.iter().enumerate() {
                a.fma_memory(sum, &x, self.weight, weight(v));
            }
        } else if self.vectors == 1 && a.can_broadcast() {
            let w = a.load(self.weight, weight(0));
            for (sum, pixel) in sums.iter().zip(pixels) {
                a.fma_broadcast(sum, &w, self.input, pixel);
            }
        } else {
            let weights: Vec<Vector> = (0..self.vectors)
                .map(|v| a.load(self.weight, weight(v)))
                .collect();
            for (sums, pixel) in sums.chunks(self.vectors).zip(pixels) {
                let x = a.load_splat(self.input, pixel);
                for (sum, w) in sums.iter().zip(&weights) {
                    a.fma(sum, &x, w);
                }
            }
        }
    }
}
