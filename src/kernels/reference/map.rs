//! Elementwise functions.

use super::{Memory, Values, scatter};
use crate::kernels::MapSpec;

pub(super) fn map<M: Memory + ?Sized>(spec: &MapSpec, memory: &mut M, image: usize) {
    let operands: Vec<Values> = spec
        .operands
        .iter()
        .enumerate()
        .map(|(index, view)| Values::gather(memory, index, view, image))
        .collect();
    scatter(memory, operands.len(), &spec.output, image, |c, i, j| {
        let args: Vec<f64> = operands.iter().map(|x| x.broadcast(c, i, j)).collect();
        spec.function.eval(&args)
    });
}
