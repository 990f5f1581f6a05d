//! Dense layers: a matrix times a vector.

use super::{Finish, Memory, Values, parameters, scatter};
use crate::kernels::DenseSpec;

pub(super) fn dense<M: Memory + ?Sized>(spec: &DenseSpec, memory: &mut M, image: usize) {
    let input = Values::gather(memory, 0, &spec.input, image);
    let mut vector = Vec::new();
    for c in 0..spec.input.channels {
        for i in 0..spec.input.height {
            for j in 0..spec.input.width {
                vector.push(input.inside(c, i, j));
            }
        }
    }
    let features = spec.output.channels;
    let mut weight = parameters(memory, 1, features * vector.len());
    for weight in &mut weight {
        *weight = f64::from(spec.weights.round(*weight as f32));
    }
    let first = 2 + usize::from(spec.bias);
    let bias = spec.bias.then(|| parameters(memory, 2, features));
    let finish = Finish::gather(spec.epilogue.as_ref(), memory, first, image);
    let output = finish.output(first);
    scatter(memory, output, &spec.output, image, |k, i, j| {
        let row = &weight[k * vector.len()..(k + 1) * vector.len()];
        let products: f64 = row.iter().zip(&vector).map(|(w, x)| w * x).sum();
        let bias = bias.as_ref().map_or(0.0, |bias| bias[k]);
        finish.apply(products + bias, k, i, j)
    });
}
