//! Transposed convolution as one convolution for each phase of its stride.

use super::{ConvSpec, Epilogue, Lattice, TransposedTaps};
use crate::graph::{ConvTranspose, Margins, Shape};
use crate::plan::{Machine, View};

/// Along one axis: the pixels `offset, offset + stride, ...` of the result, which see the same taps.
#[derive(Clone, Copy)]
struct Phase {
    offset: usize,
    size: usize,
    n_taps: usize,
    first: usize,
    tap_step: usize,
    dilation: usize,
    origin: isize,
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn phases(conv: &ConvTranspose, axis: usize, n_out: usize) -> Vec<Phase> {
    let (stride, dilation) = (conv.stride[axis], conv.dilation[axis]);
    let pad = [conv.pad.top, conv.pad.left][axis];
    let tap_step = stride / gcd(stride, dilation);
    (0..stride.min(n_out))
        .map(|offset| {
            // Result pixel `offset` sees tap `r` if `offset + pad - r * dilation` is a multiple of the stride.
            let at = |r: usize| (offset + pad) as isize - (r * dilation) as isize;
            let first = (0..conv.kernel[axis])
                .rev()
                .find(|r| at(*r).rem_euclid(stride as isize) == 0);
            Phase {
                offset,
                size: (n_out - offset).div_ceil(stride),
                n_taps: first.map_or(0, |first| first / tap_step + 1),
                first: first.unwrap_or(0),
                tap_step,
                dilation: tap_step * dilation / stride,
                origin: first.map_or(0, |first| at(first).div_euclid(stride as isize)),
            }
        })
        .collect()
}

/// The kernels that compute `conv` from `input` to `output`, which has no halo. The input's halo is at least [`required_halo`].
pub fn configure(
    conv: &ConvTranspose,
    input: View,
    output: View,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> Vec<ConvSpec> {
    let mut specs = Vec::new();
    for row in phases(conv, 0, output.height) {
        for column in phases(conv, 1, output.width) {
            specs.push(ConvSpec {
                family: machine.family,
                input,
                output,
                kernel: [row.n_taps, column.n_taps],
                stride: [1, 1],
                dilation: [row.dilation, column.dilation],
                origin: [row.origin, column.origin],
                groups: conv.groups,
                lattice: Lattice {
                    offset: [row.offset, column.offset],
                    step: conv.stride,
                    size: [row.size, column.size],
                },
                bias: conv.bias,
                epilogue: epilogue.clone(),
                transposed: Some(TransposedTaps {
                    kernel: conv.kernel,
                    first: [row.first, column.first],
                    step: [row.tap_step, column.tap_step],
                }),
            });
        }
    }
    specs
}

/// The zeros that the kernels read around their input.
pub fn required_halo(conv: &ConvTranspose, input: &Shape) -> Margins {
    let n_out = |axis: usize, size: u64, pads: usize| {
        ((size as usize - 1) * conv.stride[axis]
            + conv.dilation[axis] * (conv.kernel[axis] - 1)
            + conv.output_pad[axis]
            + 1)
        .saturating_sub(pads)
    };
    let reach = |axis: usize, size: u64, pads: usize| {
        let (mut before, mut after) = (0, 0);
        for phase in phases(conv, axis, n_out(axis, size, pads)) {
            if phase.n_taps > 0 {
                let last =
                    phase.origin + (phase.size - 1 + (phase.n_taps - 1) * phase.dilation) as isize;
                before = before.max(-phase.origin);
                after = after.max(last + 1 - size as isize);
            }
        }
        (before as usize, after.max(0) as usize)
    };
    let (top, bottom) = reach(0, input.height(), conv.pad.top + conv.pad.bottom);
    let (left, right) = reach(1, input.width(), conv.pad.left + conv.pad.right);
    Margins {
        top,
        left,
        bottom,
        right,
    }
}
