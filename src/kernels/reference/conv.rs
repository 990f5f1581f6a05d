//! Convolution: the sum of its definition, tap by tap.

use super::{Finish, Memory, Values, parameters, scatter};
use crate::kernels::{ConvSpec, DepthwiseSpec};

pub(super) fn conv<M: Memory + ?Sized>(spec: &ConvSpec, memory: &mut M, image: usize) {
    let (n_inputs, n_outputs) = (spec.input.channels, spec.output.channels);
    let (group_inputs, group_outputs) = (n_inputs / spec.groups, n_outputs / spec.groups);
    // All of the node's weight: a phase of a transposed convolution picks its taps from the whole kernel.
    let [kh, kw] = spec.transposed.map_or(spec.kernel, |taps| taps.kernel);
    let weight = parameters(memory, 1, n_outputs * group_inputs * kh * kw);
    let tap = |k: usize, c: usize, r: usize, s: usize| match spec.transposed {
        // weight[k, c in its group, r, s]
        None => weight[((k * group_inputs + c % group_inputs) * kh + r) * kw + s],
        // weight[c, k in its group, first - r * step, ...]
        Some(taps) => {
            let (r, s) = (
                taps.first[0] - r * taps.step[0],
                taps.first[1] - s * taps.step[1],
            );
            weight[((c * group_outputs + k % group_outputs) * kh + r) * kw + s]
        }
    };
    let input = Values::gather(memory, 0, &spec.input, image);
    let first = 2 + usize::from(spec.bias);
    let bias = spec.bias.then(|| parameters(memory, 2, n_outputs));
    let finish = Finish::gather(spec.epilogue.as_ref(), memory, first, image);
    let point = |k: usize, i: usize, j: usize| {
        let mut sum = bias.as_ref().map_or(0.0, |bias| bias[k]);
        let group = k / group_outputs;
        for c in group * group_inputs..(group + 1) * group_inputs {
            for r in 0..spec.kernel[0] {
                for s in 0..spec.kernel[1] {
                    let row = spec.origin[0] + (i * spec.stride[0] + r * spec.dilation[0]) as isize;
                    let column =
                        spec.origin[1] + (j * spec.stride[1] + s * spec.dilation[1]) as isize;
                    sum += tap(k, c, r, s) * input.at(c, row, column);
                }
            }
        }
        sum
    };
    let output = finish.output(first);
    if spec.lattice.is_full(&spec.output) {
        scatter(memory, output, &spec.output, image, |k, i, j| {
            finish.apply(point(k, i, j), k, i, j)
        });
        return;
    }
    assert!(
        spec.output.halo.is_zero(),
        "no phase of several can write the halo"
    );
    for k in 0..spec.output.n_blocks() * spec.output.block {
        for i in 0..spec.lattice.size[0] {
            for j in 0..spec.lattice.size[1] {
                let row = spec.lattice.offset[0] + i * spec.lattice.step[0];
                let column = spec.lattice.offset[1] + j * spec.lattice.step[1];
                let value = if k < n_outputs {
                    finish.apply(point(k, i, j), k, row, column)
                } else {
                    f64::NAN
                };
                let index = image * spec.output.image_stride + spec.output.offset(k, row, column);
                memory.write(output, index, value);
            }
        }
    }
}

pub(super) fn depthwise<M: Memory + ?Sized>(spec: &DepthwiseSpec, memory: &mut M, image: usize) {
    let channels = spec.output.channels;
    let [kh, kw] = spec.kernel;
    let weight = parameters(memory, 1, channels * kh * kw);
    let input = Values::gather(memory, 0, &spec.input, image);
    let first = 2 + usize::from(spec.bias);
    let bias = spec.bias.then(|| parameters(memory, 2, channels));
    let finish = Finish::gather(spec.epilogue.as_ref(), memory, first, image);
    let output = finish.output(first);
    scatter(memory, output, &spec.output, image, |k, i, j| {
        let mut sum = bias.as_ref().map_or(0.0, |bias| bias[k]);
        for r in 0..kh {
            for s in 0..kw {
                let row = spec.origin[0] + (i * spec.stride[0] + r * spec.dilation[0]) as isize;
                let column = spec.origin[1] + (j * spec.stride[1] + s * spec.dilation[1]) as isize;
                sum += weight[(k * kh + r) * kw + s] * input.at(k, row, column);
            }
        }
        finish.apply(sum, k, i, j)
    });
}
