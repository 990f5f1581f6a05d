//! The orders in which kernels want their parameters.

use std::ops::Range;

use half::bf16;

use super::winograd::{MOST_WEIGHTS, Scheme, Transforms};
use super::{
    ConvSpec, DenseSpec, Epilogue, KernelSpec, TransposedTaps, WeightType, WinogradSpec, pairs,
};
use crate::plan::View;

/// How a parameter is laid out for a kernel. Evaluating it is a pure function of the parameter's values in row-major order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// A vector of `len`, with zeros up to `padded`.
    Vector {
        /// Values.
        len: usize,
        /// Values and zeros.
        padded: usize,
    },
    /// The weight of a convolution.
    Conv(ConvPacking),
    /// The weight of a convolution, transformed.
    Winograd(WinogradPacking),
    /// The weight of a dense layer.
    Dense(DensePacking),
}

/// `[K / unit][C of a group / chunk][R][S][chunk][unit]` of a weight `[K, C of a group, R, S]`, or `[C, K of a group, R, S]` if it is transposed.
/// The last chunk may have fewer channels. The last unit may be narrower, a multiple of `granule`; its surplus outputs get zeros. What a kernel reads lies in the order of its loops: one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct ConvPacking {
    pub out_channels: usize,
    pub group_inputs: usize,
    pub group_outputs: usize,
    /// Taps in use.
    pub kernel: [usize; 2],
    pub unit: usize,
    pub granule: usize,
    pub chunk: usize,
    pub transposed: Option<TransposedTaps>,
    /// Whether each unit's weights are scaled for products of pairs, and what [those](pairs::HEAD) need besides stands before them.
    pub pairs: bool,
}

/// `[features / unit][inputs][unit]` of a weight `[features, channels * pixels]`; the inputs stand in the order of a map's memory,
/// `[channels / block][pixels][block]`. Surplus features get zeros. Two weights of 16 bits share a float, the first in its lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct DensePacking {
    pub features: usize,
    pub unit: usize,
    pub channels: usize,
    pub pixels: usize,
    pub block: usize,
    pub weights: WeightType,
}

/// `[groups][K of a group / task][points][task / unit][C of a group][unit]` of a weight `[K, C of a group, taps, taps]`, for all points whose weights differ; a group's last task and unit may
/// be narrower, multiples of `granule`. What a task reads lies in the order of its loops: one stream. Behind the points of a task its weights stand as they are, if `direct` says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct WinogradPacking {
    pub groups: usize,
    /// Of a group.
    pub out_channels: usize,
    /// Of a group.
    pub in_channels: usize,
    /// Along each axis.
    pub scheme: Scheme,
    /// Output channels of a task.
    pub task: usize,
    pub unit: usize,
    pub granule: usize,
    /// For tiles that are computed directly; the number of output channels is that of each task.
    pub direct: Option<ConvPacking>,
}

impl Packing {
    /// Values of the parameter, unpacked.
    pub fn len(&self) -> usize {
        match self {
            Packing::Vector { len, .. } => *len,
            Packing::Conv(packing) => {
                let [kh, kw] = packing
                    .transposed
                    .map_or(packing.kernel, |taps| taps.kernel);
                packing.out_channels * packing.group_inputs * kh * kw
            }
            Packing::Winograd(packing) => {
                packing.groups * packing.filters() * packing.scheme.taps.pow(2)
            }
            Packing::Dense(packing) => packing.features * packing.channels * packing.pixels,
        }
    }

    /// Whether the parameter has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Floats of the packed form.
    pub fn packed_len(&self) -> usize {
        match self {
            Packing::Vector { padded, .. } => *padded,
            Packing::Conv(packing) => {
                packing.out_channels.next_multiple_of(packing.granule) * packing.rows()
            }
            Packing::Winograd(packing) => packing.groups * packing.group_len(),
            Packing::Dense(packing) => {
                let features = packing.features.next_multiple_of(packing.unit);
                packing.weights.floats(features) * packing.channels * packing.pixels
            }
        }
    }

    /// Cuts the parameter along its first dimension into rows that are packed for themselves: the packed form of the whole is theirs, one after the other. Each has at most
    /// `floats` packed floats, or the fewest rows that can be. Nothing where the packed form of a row is not in one piece.
    pub fn cut(&self, floats: usize) -> Vec<(Range<usize>, Packing)> {
        match *self {
            Packing::Conv(all) if all.transposed.is_none() => {
                cut_rows(all.out_channels, all.unit, floats, |out_channels| {
                    Packing::Conv(ConvPacking {
                        out_channels,
                        ..all
                    })
                })
            }
            Packing::Winograd(all) if all.groups == 1 => {
                cut_rows(all.out_channels, all.task, floats, |out_channels| {
                    Packing::Winograd(WinogradPacking {
                        out_channels,
                        ..all
                    })
                })
            }
            // Groups follow each other whole.
            Packing::Winograd(all) => {
                let n_rows = all.groups * all.out_channels;
                cut_rows(n_rows, all.out_channels, floats, |n_rows| {
                    let groups = n_rows / all.out_channels.max(1);
                    Packing::Winograd(WinogradPacking { groups, ..all })
                })
            }
            Packing::Dense(all) => cut_rows(all.features, all.unit, floats, |features| {
                Packing::Dense(DensePacking { features, ..all })
            }),
            Packing::Vector { .. } | Packing::Conv(_) => Vec::new(),
        }
    }

    /// Packs a parameter. `values` has [`Packing::len`] floats in row-major order, `out` [`Packing::packed_len`].
    pub fn pack(&self, values: &[f32], out: &mut [f32]) {
        assert_eq!((values.len(), out.len()), (self.len(), self.packed_len()));
        match self {
            Packing::Vector { len, .. } => {
                out[..*len].copy_from_slice(values);
                out[*len..].fill(0.0);
            }
            Packing::Conv(packing) => packing.pack(values, out),
            Packing::Winograd(packing) => packing.pack(values, out),
            Packing::Dense(packing) => packing.pack(values, out),
        }
    }
}

impl Packing {
    /// Whether no number of a packed parameter is infinite or none: finite values can become so where they are summed or rounded.
    pub fn is_finite(&self, packed: &[f32]) -> bool {
        const EXPONENT: u32 = 0x7f80;
        let is_half = |half: u32| half & EXPONENT != EXPONENT;
        match self {
            Packing::Dense(packing) if packing.weights == WeightType::Bf16 => packed
                .iter()
                .map(|pair| pair.to_bits())
                .all(|pair| is_half(pair) && is_half(pair >> 16)),
            _ => packed.iter().all(|value| value.is_finite()),
        }
    }
}

/// Cuts after multiples of `step` rows; `packing` is that of so many.
fn cut_rows(
    n_rows: usize,
    step: usize,
    floats: usize,
    packing: impl Fn(usize) -> Packing,
) -> Vec<(Range<usize>, Packing)> {
    let of_step = packing(step).packed_len().max(1);
    let at_once = (floats / of_step).max(1) * step;
    (0..n_rows)
        .step_by(at_once.max(1))
        .map(|first| {
            let rows = first..(first + at_once).min(n_rows);
            let packing = packing(rows.len());
            (rows, packing)
        })
        .collect()
}

impl ConvPacking {
    /// Where weight `[k, c, r, s]` stands in the parameter, with `c` counted within its group.
    fn source(&self, k: usize, c: usize, r: usize, s: usize) -> usize {
        match self.transposed {
            None => ((k * self.group_inputs + c) * self.kernel[0] + r) * self.kernel[1] + s,
            Some(taps) => {
                let (group, k) = (k / self.group_outputs, k % self.group_outputs);
                let (r, s) = (
                    taps.first[0] - r * taps.step[0],
                    taps.first[1] - s * taps.step[1],
                );
                let c = group * self.group_inputs + c;
                ((c * self.group_outputs + k) * taps.kernel[0] + r) * taps.kernel[1] + s
            }
        }
    }

    /// Floats of an output channel.
    fn rows(&self) -> usize {
        pairs::head(self.pairs) + self.group_inputs * self.kernel[0] * self.kernel[1]
    }

    fn pack(&self, values: &[f32], mut out: &mut [f32]) {
        let [kh, kw] = self.kernel;
        let padded = self.out_channels.next_multiple_of(self.granule);
        for first in (0..padded).step_by(self.unit) {
            let unit = self.unit.min(padded - first);
            let (this, rest) = out.split_at_mut(unit * self.rows());
            out = rest;
            let (head, weights) = this.split_at_mut(unit * pairs::head(self.pairs));
            let mut this = weights.chunks_exact_mut(unit);
            for chunk in (0..self.group_inputs).step_by(self.chunk.max(1)) {
                let chunk = chunk..(chunk + self.chunk).min(self.group_inputs);
                for (r, s) in (0..kh).flat_map(|r| (0..kw).map(move |s| (r, s))) {
                    for (c, lanes) in chunk.clone().zip(&mut this) {
                        for (k, lane) in (first..).zip(lanes) {
                            *lane = match k < self.out_channels {
                                true => values[self.source(k, c, r, s)],
                                false => 0.0,
                            };
                        }
                    }
                }
            }
            if self.pairs {
                pairs::scale(head, weights, unit);
            }
        }
    }
}

impl WinogradPacking {
    fn n_points(&self) -> usize {
        self.scheme.weights().pow(2)
    }

    /// Filters of a group: pairs of channels.
    fn filters(&self) -> usize {
        self.out_channels * self.in_channels
    }

    /// Floats of a group's packed weights.
    fn group_len(&self) -> usize {
        let padded = self.out_channels.next_multiple_of(self.granule);
        let direct = self.direct.map_or(0, |direct| direct.rows());
        padded * (self.in_channels * self.n_points() + direct)
    }

    fn pack(&self, values: &[f32], out: &mut [f32]) {
        let values = values.chunks_exact(self.filters() * self.scheme.taps.pow(2));
        let groups = values.zip(out.chunks_exact_mut(self.group_len()));
        groups.for_each(|(values, out)| self.pack_group(values, out));
    }

    fn pack_group(&self, values: &[f32], mut out: &mut [f32]) {
        let transforms = Transforms::of(self.scheme);
        let (n_points, n_taps) = (self.n_points(), self.scheme.taps.pow(2));
        let mut points = [0.0; MOST_WEIGHTS * MOST_WEIGHTS];
        let padded = self.out_channels.next_multiple_of(self.granule);
        for task in (0..padded).step_by(self.task) {
            let end = (task + self.task).min(padded);
            let of_point = (end - task) * self.in_channels;
            let (this, rest) = out.split_at_mut(n_points * of_point);
            out = rest;
            for first in (task..end).step_by(self.unit) {
                let unit = self.unit.min(end - first);
                for c in 0..self.in_channels {
                    let place = (first - task) * self.in_channels + c * unit;
                    for lane in 0..unit {
                        if first + lane < self.out_channels {
                            let filter = ((first + lane) * self.in_channels + c) * n_taps;
                            transforms.weights(&values[filter..filter + n_taps], &mut points);
                        } else {
                            points.fill(0.0);
                        }
                        for (point, &value) in points[..n_points].iter().enumerate() {
                            this[point * of_point + place + lane] = value;
                        }
                    }
                }
            }
            if let Some(direct) = self.direct {
                let (this, rest) = out.split_at_mut((end - task) * direct.rows());
                out = rest;
                let out_channels = end.min(self.out_channels) - task;
                let of_channel = self.in_channels * n_taps;
                let values = &values[task * of_channel..][..out_channels * of_channel];
                let direct = ConvPacking {
                    out_channels,
                    ..direct
                };
                direct.pack(values, this);
            }
        }
    }
}

impl DensePacking {
    fn pack(&self, values: &[f32], out: &mut [f32]) {
        let n_inputs = self.channels * self.pixels;
        let floats = self.weights.floats(self.unit);
        let units = out.chunks_exact_mut(n_inputs * floats);
        for (index, out) in units.enumerate() {
            let first = index * self.unit;
            for (place, lanes) in out.chunks_exact_mut(floats).enumerate() {
                let input = self.source(place);
                let value = |k: usize| match k < self.features {
                    true => values[k * n_inputs + input],
                    false => 0.0,
                };
                match self.weights {
                    WeightType::F32 => {
                        for (k, lane) in (first..).zip(lanes) {
                            *lane = value(k);
                        }
                    }
                    WeightType::Bf16 => {
                        let bits = |k: usize| u32::from(bf16::from_f32(value(k)).to_bits());
                        for (k, pair) in (first..).step_by(2).zip(lanes) {
                            *pair = f32::from_bits(bits(k) | bits(k + 1) << 16);
                        }
                    }
                }
            }
        }
    }

    /// Which input, in row-major order, stands at a place in memory.
    fn source(&self, place: usize) -> usize {
        if self.pixels == 1 {
            return place;
        }
        let (lane, pixel) = (place % self.block, place / self.block % self.pixels);
        let channel = place / (self.block * self.pixels) * self.block + lane;
        channel * self.pixels + pixel
    }
}

impl ConvSpec {
    fn packing(&self) -> ConvPacking {
        ConvPacking {
            out_channels: self.output.channels,
            group_inputs: self.group_inputs(),
            group_outputs: self.group_outputs(),
            kernel: self.kernel,
            unit: self.unit(),
            granule: match self.family.is_assembled() {
                true => self.family.lanes(),
                false => self.unit(),
            },
            chunk: self.chunk(),
            transposed: self.transposed,
            pairs: self.pairs,
        }
    }
}

impl WinogradSpec {
    fn packing(&self) -> Packing {
        Packing::Winograd(WinogradPacking {
            groups: self.conv.groups,
            out_channels: self.conv.group_outputs(),
            in_channels: self.conv.group_inputs(),
            scheme: self.scheme(),
            task: self.cut.units_per_task * self.unit(),
            unit: self.unit(),
            granule: self.granule(),
            direct: self.is_guarded().then(|| self.direct(self.tile).packing()),
        })
    }
}

impl DenseSpec {
    fn packing(&self) -> Packing {
        Packing::Dense(DensePacking {
            features: self.output.channels,
            unit: self.unit(),
            channels: self.input.channels,
            pixels: self.input.height * self.input.width,
            block: self.input.block,
            weights: self.weights,
        })
    }
}

impl KernelSpec {
    /// How the kernel's parameters are packed, in the order of its operands: weight, bias if any, those operands of an epilogue (or of a map) that are
    /// parameters.
    pub fn packings(&self) -> Vec<Packing> {
        let (weight, bias, operands) = match self {
            KernelSpec::Conv(spec) => {
                let weight = Packing::Conv(spec.packing());
                (Some(weight), spec.bias, operands(&spec.epilogue))
            }
            KernelSpec::Winograd(spec) => {
                let epilogue = operands(&spec.conv.epilogue);
                (Some(spec.packing()), spec.conv.bias, epilogue)
            }
            KernelSpec::Depthwise(spec) => {
                let weight = Packing::Conv(spec.as_conv().packing());
                (Some(weight), spec.bias, operands(&spec.epilogue))
            }
            KernelSpec::Dense(spec) => (Some(spec.packing()), spec.bias, operands(&spec.epilogue)),
            KernelSpec::Map(spec) => (None, false, &spec.operands[..]),
            _ => (None, false, &[][..]),
        };
        let bias = bias.then(|| vector(self.output().channels, self.bias_multiple()));
        let is_param = |view: &&View| view.image_stride == 0;
        let params = operands.iter().filter(is_param);
        weight
            .into_iter()
            .chain(bias)
            .chain(params.map(|view| vector(view.channels, view.block)))
            .collect()
    }

    /// The number of floats that a bias is padded to a multiple of.
    fn bias_multiple(&self) -> usize {
        match self {
            KernelSpec::Dense(spec) => spec.unit(),
            _ => self.output().block,
        }
    }
}

fn operands(epilogue: &Option<Epilogue>) -> &[View] {
    epilogue.as_ref().map_or(&[], |epilogue| &epilogue.operands)
}

fn vector(len: usize, multiple: usize) -> Packing {
    Packing::Vector {
        len,
        padded: len.next_multiple_of(multiple),
    }
}

#[cfg(test)]
mod tests;
