//! Transposed convolution as ordinary ones: the results whose row and column have the same remainder modulo the stride (a *phase*) all use the same
//! taps, at places that are a constant step apart.

use super::schedule::gcd;
use super::{ConvSpec, Epilogue, Lattice, Schedule, TransposedTaps};
use crate::graph::{ConvTranspose, Margins, Shape};
use crate::plan::{Machine, View};

/// One axis of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    /// Results: how many, `stride` apart.
    size: usize,
    /// Taps in use.
    taps: usize,
    /// The tap of the whole kernel that is the phase's first, and the step down from it to the next.
    first: usize,
    step: usize,
    /// What the first tap of the first result reads, and the step up to what the next tap reads.
    origin: isize,
    dilation: usize,
}

impl Phase {
    /// Result `y` gets `weight[r] * input[i]` wherever `y = i * stride + r * dilation - pad`. With `y = offset + q * stride` and `g` the common divisor of
    /// stride and dilation, the `r` that have an `i` are `stride / g` apart, and a step of `r` down is a step of `dilation / g` of `i` up.
    fn new(attrs: &ConvTranspose, axis: usize, offset: usize, n_outputs: usize) -> Phase {
        let (stride, dilation) = (attrs.stride[axis], attrs.dilation[axis]);
        let pad = [attrs.pad.top, attrs.pad.left][axis];
        let common = gcd(stride, dilation);
        let step = stride / common;
        let meets = |tap: &usize| {
            (offset + pad) as isize % stride as isize == (tap * dilation % stride) as isize
        };
        let size = n_outputs.saturating_sub(offset).div_ceil(stride);
        match (0..attrs.kernel[axis]).find(meets) {
            None => Phase {
                size,
                taps: 0,
                first: 0,
                step,
                origin: 0,
                dilation: 1,
            },
            Some(lowest) => {
                let taps = (attrs.kernel[axis] - lowest).div_ceil(step);
                let first = lowest + (taps - 1) * step;
                let origin = ((offset + pad) as isize - (first * dilation) as isize)
                    .div_euclid(stride as isize);
                Phase {
                    size,
                    taps,
                    first,
                    step,
                    origin,
                    dilation: dilation / common,
                }
            }
        }
    }

    /// What the phase reads before and after `n_inputs` rows (or columns).
    fn outside(&self, n_inputs: usize) -> (usize, usize) {
        if self.taps == 0 || self.size == 0 {
            return (0, 0);
        }
        let last = self.origin + (self.size - 1 + (self.taps - 1) * self.dilation) as isize;
        let before = (-self.origin).max(0);
        let after = (last + 1 - n_inputs as isize).max(0);
        (before as usize, after as usize)
    }
}

/// The kernels for a transposed convolution: together they write every pixel of `output`, which has no halo.
pub fn configure(
    attrs: &ConvTranspose,
    input: View,
    output: View,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> Vec<ConvSpec> {
    debug_assert!(output.halo.is_zero());
    let mut specs = Vec::new();
    for row in 0..attrs.stride[0].min(output.height) {
        for column in 0..attrs.stride[1].min(output.width) {
            let rows = Phase::new(attrs, 0, row, output.height);
            let columns = Phase::new(attrs, 1, column, output.width);
            let phase = [rows, columns];
            // A sum over no rows is a sum over nothing: one form for all of these.
            let is_empty = phase.iter().any(|axis| axis.taps == 0);
            let spec = ConvSpec {
                family: machine.family,
                input,
                output,
                kernel: phase.map(|axis| if is_empty { 0 } else { axis.taps }),
                stride: [1, 1],
                dilation: phase.map(|axis| if is_empty { 1 } else { axis.dilation }),
                origin: phase.map(|axis| if is_empty { 0 } else { axis.origin }),
                groups: attrs.groups,
                lattice: Lattice {
                    offset: [row, column],
                    step: attrs.stride,
                    size: phase.map(|axis| axis.size),
                },
                bias: attrs.bias,
                epilogue: epilogue.clone(),
                precise: machine.precise,
                pairs: false,
                transposed: Some(TransposedTaps {
                    kernel: attrs.kernel,
                    first: phase.map(|axis| if is_empty { 0 } else { axis.first }),
                    step: phase.map(|axis| axis.step),
                }),
                schedule: Schedule::default(),
            };
            specs.push(spec.scheduled());
        }
    }
    specs
}

/// What the taps of all phases touch outside the map.
pub fn required_halo(attrs: &ConvTranspose, input: &Shape) -> Margins {
    let n_inputs = [input.height() as usize, input.width() as usize];
    let pads = [
        attrs.pad.top + attrs.pad.bottom,
        attrs.pad.left + attrs.pad.right,
    ];
    let [(top, bottom), (left, right)] = [0, 1].map(|axis| {
        let reach = attrs.dilation[axis] * (attrs.kernel[axis] - 1);
        let n_outputs =
            (n_inputs[axis] - 1) * attrs.stride[axis] + reach + attrs.output_pad[axis] + 1
                - pads[axis];
        (0..attrs.stride[axis].min(n_outputs))
            .map(|offset| Phase::new(attrs, axis, offset, n_outputs).outside(n_inputs[axis]))
            .fold((0, 0), |(a, b), (before, after)| {
                (a.max(before), b.max(after))
            })
    });
    Margins {
        top,
        left,
        bottom,
        right,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::KernelSpec;
    use super::super::testing::{check, epilogue, machine, margins, operands};
    use super::*;

    fn attributes() -> impl Strategy<Value = (ConvTranspose, usize, [usize; 2])> {
        let channels = (1..10usize, 1..10usize, 1..4usize);
        let pair = |most: usize| [1..most, 1..most];
        let attributes = (
            channels,
            pair(5),
            pair(5),
            margins(),
            pair(4),
            any::<bool>(),
        );
        (attributes, pair(9), [0..3usize, 0..3usize]).prop_filter_map(
            "there must be a result",
            |((channels, kernel, stride, pad, dilation, bias), size, output_pad)| {
                let (group_inputs, group_outputs, groups) = channels;
                let pads = [pad.top + pad.bottom, pad.left + pad.right];
                let enough = |axis: usize| {
                    let full =
                        (size[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1);
                    full + output_pad[axis] + 1 > pads[axis]
                };
                let attrs = ConvTranspose {
                    out_channels: group_outputs * groups,
                    kernel,
                    stride,
                    pad,
                    output_pad,
                    dilation,
                    groups,
                    bias,
                };
                (enough(0) && enough(1)).then_some((attrs, group_inputs * groups, size))
            },
        )
    }

    fn output_shape(attrs: &ConvTranspose, size: [usize; 2]) -> Shape {
        let pads = [
            attrs.pad.top + attrs.pad.bottom,
            attrs.pad.left + attrs.pad.right,
        ];
        let [height, width] = [0, 1].map(|axis| {
            let reach = attrs.dilation[axis] * (attrs.kernel[axis] - 1);
            let full = (size[axis] - 1) * attrs.stride[axis] + reach + 1;
            (full + attrs.output_pad[axis] - pads[axis]) as u64
        });
        Shape::chw(attrs.out_channels as u64, height, width)
    }

    fn views(attrs: &ConvTranspose, channels: usize, size: [usize; 2], block: usize) -> [View; 2] {
        let shape = Shape::chw(channels as u64, size[0] as u64, size[1] as u64);
        let halo = required_halo(attrs, &shape);
        let output = View::dense(&output_shape(attrs, size), block, Margins::default());
        [View::dense(&shape, block, halo), output]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn conv_transpose_phases_match_the_reference(
            machine in machine(),
            (attrs, channels, size) in attributes(),
            operands in operands(),
            batch in 1..3usize,
            seed in any::<u64>(),
            exact in any::<bool>(),
        ) {
            let [input, output] = views(&attrs, channels, size, machine.family.channel_block());
            let epilogue = operands.map(|operands| epilogue(&output, &operands));
            let specs: Vec<KernelSpec> = configure(&attrs, input, output, epilogue, &machine)
                .into_iter()
                .map(KernelSpec::Conv)
                .collect();
            check(&machine, &specs, batch, seed, exact)?;
        }
    }
}
