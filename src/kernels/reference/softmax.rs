//! Softmax over the channels, shifted by the largest so that nothing overflows.

use super::{Memory, Values, scatter};
use crate::kernels::SoftmaxSpec;

pub(super) fn softmax<M: Memory + ?Sized>(spec: &SoftmaxSpec, memory: &mut M, image: usize) {
    let input = Values::gather(memory, 0, &spec.input, image);
    let (channels, width) = (spec.input.channels, spec.input.width);
    // Of each pixel: the largest and the sum.
    let pixels: Vec<(f64, f64)> = (0..spec.input.height * width)
        .map(|pixel| {
            let values = || (0..channels).map(|c| input.inside(c, pixel / width, pixel % width));
            let largest = values().fold(f64::NEG_INFINITY, f64::max);
            (largest, values().map(|x| (x - largest).exp()).sum())
        })
        .collect();
    scatter(memory, 1, &spec.output, image, |c, i, j| {
        let (largest, sum) = pixels[i * width + j];
        (input.inside(c, i, j) - largest).exp() / sum
    });
}
