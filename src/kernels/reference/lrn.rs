//! Local response normalisation (Krizhevsky 2012, section 3.3).

use super::{Memory, Values, scatter};
use crate::kernels::LrnSpec;

pub(super) fn lrn<M: Memory + ?Sized>(spec: &LrnSpec, memory: &mut M, image: usize) {
    let number = |bits: u32| f64::from(f32::from_bits(bits));
    let (alpha, beta, k) = (number(spec.alpha), number(spec.beta), number(spec.k));
    let input = Values::gather(memory, 0, &spec.input, image);
    scatter(memory, 1, &spec.output, image, |c, i, j| {
        let begin = c.saturating_sub(spec.size / 2);
        let end = (c + (spec.size - 1) / 2 + 1).min(spec.input.channels);
        let squares: f64 = (begin..end).map(|c| input.inside(c, i, j).powi(2)).sum();
        input.inside(c, i, j) / (k + alpha / spec.size as f64 * squares).powf(beta)
    });
}
