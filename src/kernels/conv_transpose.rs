//! Transposed convolution as ordinary ones: the results whose row and column have the same remainder modulo the stride (a *phase*) all use the same
//! taps, at places that are a constant step apart.
//!
//! Each phase that has a tap takes a kernel of its own, so there are no more kernels than taps, whatever the stride. Results that no tap meets are sums over nothing:
//! one kernel writes the whole map as if all were, before the others write theirs.

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
    /// stride and dilation, the `r` that have an `i` are `stride / g` apart, and a step of `r` down is a step of `dilation / g` of `i` up. `lowest` is the first of them.
    fn new(
        attrs: &ConvTranspose,
        axis: usize,
        offset: usize,
        lowest: usize,
        n_outputs: usize,
    ) -> Phase {
        let (stride, dilation) = (attrs.stride[axis], attrs.dilation[axis]);
        let pad = pads(attrs)[axis];
        let common = gcd(stride, dilation);
        let step = stride / common;
        let taps = (attrs.kernel[axis] - lowest).div_ceil(step);
        let first = lowest + (taps - 1) * step;
        let origin =
            ((offset + pad) as isize - (first * dilation) as isize).div_euclid(stride as isize);
        Phase {
            size: (n_outputs - offset).div_ceil(stride),
            taps,
            first,
            step,
            origin,
            dilation: dilation / common,
        }
    }

    /// What the phase reads before and after `n_inputs` rows (or columns).
    fn outside(&self, n_inputs: usize) -> (usize, usize) {
        let last = self.origin + (self.size - 1 + (self.taps - 1) * self.dilation) as isize;
        let before = (-self.origin).max(0);
        let after = (last + 1 - n_inputs as isize).max(0);
        (before as usize, after as usize)
    }
}

/// What is cut off above and to the left.
fn pads(attrs: &ConvTranspose) -> [usize; 2] {
    [attrs.pad.top, attrs.pad.left]
}

/// The phases of one axis that have a tap and a result, each with its first result, in the order of these.
fn phases(attrs: &ConvTranspose, axis: usize, n_outputs: usize) -> Vec<(usize, Phase)> {
    let (stride, dilation) = (attrs.stride[axis], attrs.dilation[axis]);
    // Taps of one phase are so far apart: each of the first ones begins another.
    let step = stride / gcd(stride, dilation);
    let cut = pads(attrs)[axis] % stride;
    let mut phases: Vec<(usize, Phase)> = (0..attrs.kernel[axis].min(step))
        .map(|tap| ((tap * dilation % stride + stride - cut) % stride, tap))
        .filter(|(offset, _)| *offset < n_outputs)
        .map(|(offset, tap)| (offset, Phase::new(attrs, axis, offset, tap, n_outputs)))
        .collect();
    phases.sort_by_key(|(offset, _)| *offset);
    phases
}

/// The kernels for a transposed convolution, in the order in which they are to run: together they write every pixel of `output`, which has no halo.
pub fn configure(
    attrs: &ConvTranspose,
    input: View,
    output: View,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> Vec<ConvSpec> {
    debug_assert!(output.halo.is_zero());
    // A sum over nothing, for every pixel.
    let empty = ConvSpec {
        family: machine.family,
        input,
        output,
        kernel: [0, 0],
        stride: [1, 1],
        dilation: [1, 1],
        origin: [0, 0],
        groups: attrs.groups,
        lattice: Lattice::full(&output),
        bias: attrs.bias,
        epilogue,
        precise: machine.precise,
        pairs: false,
        transposed: Some(TransposedTaps {
            kernel: attrs.kernel,
            first: [0, 0],
            step: [1, 1],
        }),
        schedule: Schedule::default(),
    };
    let size = [output.height, output.width];
    let [rows, columns] = [0, 1].map(|axis| phases(attrs, axis, size[axis]));
    let n_phases = [rows.len(), columns.len()];
    let is_filled = n_phases == [0, 1].map(|axis| attrs.stride[axis].min(size[axis]));
    let mut specs = Vec::new();
    if !is_filled {
        specs.push(empty.clone().scheduled());
    }
    for (row, rows) in &rows {
        for (column, columns) in &columns {
            let phase = [rows, columns];
            let spec = ConvSpec {
                kernel: phase.map(|axis| axis.taps),
                dilation: phase.map(|axis| axis.dilation),
                origin: phase.map(|axis| axis.origin),
                lattice: Lattice {
                    offset: [*row, *column],
                    step: attrs.stride,
                    size: phase.map(|axis| axis.size),
                },
                transposed: Some(TransposedTaps {
                    kernel: attrs.kernel,
                    first: phase.map(|axis| axis.first),
                    step: phase.map(|axis| axis.step),
                }),
                ..empty.clone()
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
        phases(attrs, axis, n_outputs)
            .iter()
            .map(|(_, phase)| phase.outside(n_inputs[axis]))
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

    use super::super::testing::{
        check, check_around, elements, epilogue, extreme_value, machine, margins, operands, places,
    };
    use super::super::{KernelSpec, TileFamily, WeightType};
    use super::*;

    fn attributes() -> impl Strategy<Value = (ConvTranspose, usize, [usize; 2])> {
        let channels = (1..10usize, 1..10usize, 1..4usize);
        let pair = |most: usize| [1..most, 1..most];
        let attributes = (
            channels,
            pair(5),
            // More than the kernel too: then some results meet no tap.
            pair(9),
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

        #[test]
        fn values_stay_in_their_windows(
            machine in machine(),
            (attrs, channels, size) in attributes(),
            batch in 1..3usize,
            seed in any::<u64>(),
            elements in elements(),
            value in extreme_value(),
        ) {
            let [input, output] = views(&attrs, channels, size, machine.family.channel_block());
            let specs = configure(&attrs, input, output, None, &machine).into_iter();
            let specs: Vec<KernelSpec> = specs.map(KernelSpec::Conv).collect();
            let places = places(&elements, &input, batch);
            check_around(&machine, &specs, batch, seed, (&places, value), 1e-5)?;
        }
    }

    #[test]
    fn there_are_no_more_kernels_than_taps_and_one() {
        let mut attrs = ConvTranspose {
            out_channels: 4,
            kernel: [4, 4],
            stride: [2000, 100_000],
            pad: Margins::symmetric([1, 1]),
            output_pad: [0, 0],
            dilation: [1, 1],
            groups: 1,
            bias: true,
        };
        let count = |attrs: &ConvTranspose| {
            let [input, output] = views(attrs, 3, [5, 1], 4);
            let machine = Machine {
                family: TileFamily::Clif128,
                has_fma: true,
                precise: false,
                dense_weights: WeightType::F32,
                batch: 1,
            };
            configure(attrs, input, output, None, &machine).len()
        };
        assert_eq!(count(&attrs), 1 + 4 * 2);
        // Every result has a tap.
        attrs.stride = [2, 4];
        assert_eq!(count(&attrs), 2 * 2);
        // Taps of even places only.
        (attrs.stride, attrs.dilation) = ([2, 4], [2, 2]);
        assert_eq!(count(&attrs), 1 + 2);
    }
}
