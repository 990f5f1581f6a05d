//! Softmax over the channels, shifted by the largest so that nothing overflows.

use super::{Memory, Values, scatter};
use crate::kernels::SoftmaxSpec;

pub(super) fn softmax<M: Memory + ?Sized>(spec: &SoftmaxSpec, memory: &mut M, image: usize) {
    let input = Values::gather(memory, 0, &spec.input, image);
    let channels = spec.input.channels;
    scatter(memory, 1, &spec.output, image, |c, i, j| {
        let largest = (0..channels)
            .map(|c| input.inside(c, i, j))
            .fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = (0..channels)
            .map(|c| (input.inside(c, i, j) - largest).exp())
            .sum();
        (input.inside(c, i, j) - largest).exp() / sum
    });
}
