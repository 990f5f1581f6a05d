//! Direct convolution: from attributes to a spec, and how a spec is cut into tiles and tasks.

use super::schedule::{MAX_VECTORS, gcd};
use super::{
    ConvSpec, DepthwiseSpec, Epilogue, KernelSpec, Lattice, Schedule, TileFamily, Tuning, pairs,
    winograd,
};
use crate::graph::{Conv, Margins, Shape};
use crate::plan::{Machine, View};

/// The kernel for a convolution. `input` has the family's block of channels or any other, and at least [`required_halo`]; `output` has the family's block.
pub fn configure(
    conv: &Conv,
    input: View,
    output: View,
    epilogue: Option<Epilogue>,
    machine: &Machine,
    tuning: &Tuning,
) -> KernelSpec {
    let is_depthwise = conv.groups == input.channels && conv.groups == conv.out_channels;
    if is_depthwise && conv.groups > 1 && input.block == machine.family.channel_block() {
        return KernelSpec::Depthwise(DepthwiseSpec {
            family: machine.family,
            input,
            output,
            kernel: conv.kernel,
            stride: conv.stride,
            dilation: conv.dilation,
            origin: [-(conv.pad.top as isize), -(conv.pad.left as isize)],
            bias: conv.bias,
            epilogue,
            precise: machine.precise,
        });
    }
    let spec = unscheduled(conv, input, output, epilogue, machine);
    let algorithm = choose(&spec, machine, tuning);
    with_algorithm(spec, algorithm, machine.batch)
}

/// The kernel that computes a convolution by one of its [`alternatives`], cut for so many images at a time.
pub fn with_algorithm(spec: ConvSpec, algorithm: Algorithm, batch: usize) -> KernelSpec {
    match algorithm {
        Algorithm::Direct => KernelSpec::Conv(spec.scheduled()),
        Algorithm::Pairs => {
            let spec = ConvSpec {
                pairs: true,
                ..spec
            };
            KernelSpec::Conv(spec.scheduled())
        }
        Algorithm::Winograd(tile) => KernelSpec::Winograd(winograd::configure(spec, tile, batch)),
    }
}

/// What the kernel computes, before it is decided how.
pub(super) fn unscheduled(
    conv: &Conv,
    input: View,
    output: View,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> ConvSpec {
    ConvSpec {
        family: machine.family,
        input,
        output,
        kernel: conv.kernel,
        stride: conv.stride,
        dilation: conv.dilation,
        origin: [-(conv.pad.top as isize), -(conv.pad.left as isize)],
        groups: conv.groups,
        lattice: Lattice::full(&output),
        bias: conv.bias,
        epilogue,
        precise: machine.precise,
        pairs: false,
        transposed: None,
        schedule: Schedule::default(),
    }
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// By its definition.
    Direct,
    /// By [products of pairs](super::pairs) of channels.
    Pairs,
    /// By [Winograd's](super::winograd) algorithm, in tiles of so many results squared.
    Winograd(usize),
}

impl Algorithm {
    /// Its name in plans and files: `direct`, `winograd4`.
    pub fn name(self) -> String {
        match self {
            Algorithm::Direct => "direct".into(),
            Algorithm::Pairs => "pairs".into(),
            Algorithm::Winograd(tile) => format!("winograd{tile}"),
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Algorithm> {
        let winograd = winograd::all_tiles().map(Algorithm::Winograd);
        let mut all = winograd.chain([Algorithm::Direct, Algorithm::Pairs]);
        all.find(|algorithm| algorithm.name() == name)
    }
}

impl KernelSpec {
    /// How it computes a convolution, if it is one that there can be a choice for.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            KernelSpec::Conv(spec) if spec.pairs => Some(Algorithm::Pairs),
            KernelSpec::Conv(_) => Some(Algorithm::Direct),
            KernelSpec::Winograd(spec) => Some(Algorithm::Winograd(spec.tile)),
            _ => None,
        }
    }
}

/// The algorithms that compute a convolution, each with its cost in slots for an image of a batch (see [`winograd::cost`]); the cheapest first.
pub fn alternatives(spec: &ConvSpec, batch: usize) -> Vec<(Algorithm, f64)> {
    let mut all = vec![(Algorithm::Direct, winograd::cost::direct_slots(spec, batch))];
    if spec.can_pair() {
        all.push((Algorithm::Pairs, winograd::cost::pairs_slots(spec, batch)));
    }
    all.extend(winograd::tiles(spec).map(|tile| {
        let slots = winograd::cost::choose_cut(spec, tile, batch).1;
        (Algorithm::Winograd(tile), slots)
    }));
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    all
}

/// The fastest algorithm where all are measured, which is for one image at a time, else the one that the model has for the cheapest.
fn choose(spec: &ConvSpec, machine: &Machine, tuning: &Tuning) -> Algorithm {
    if machine.precise {
        return Algorithm::Direct;
    }
    let all = alternatives(spec, machine.batch)
        .into_iter()
        .map(|(algorithm, _)| algorithm);
    let all: Vec<Algorithm> = all.collect();
    let times = tuning.times(spec, &all).filter(|_| machine.batch == 1);
    let times = times.into_iter().flatten();
    let fastest = times.min_by_key(|(_, time)| *time);
    fastest.map_or(all[0], |(algorithm, _)| algorithm)
}

/// A convolution as far as the choice of its algorithm is concerned: without halos and epilogue. Its input lies in blocks of `block` channels.
pub fn in_outline(conv: &Conv, input: &Shape, block: usize, machine: &Machine) -> ConvSpec {
    let (before, after) = (
        [conv.pad.top, conv.pad.left],
        [conv.pad.bottom, conv.pad.right],
    );
    let size = [input.height() as usize, input.width() as usize];
    let reach = [0, 1].map(|axis| conv.dilation[axis] * (conv.kernel[axis] - 1));
    let results = [0, 1].map(|axis| {
        (before[axis] + size[axis] + after[axis] - reach[axis] - 1) / conv.stride[axis] + 1
    });
    let shape = Shape::chw(
        conv.out_channels as u64,
        results[0] as u64,
        results[1] as u64,
    );
    let output = View::dense(&shape, machine.family.channel_block(), Margins::default());
    let view = View::dense(input, block, Margins::default());
    unscheduled(conv, view, output, None, machine)
}

/// What the kernel of a convolution touches outside the map of its input, which lies in blocks of `block` channels: see [`halo`].
pub fn required_halo(
    conv: &Conv,
    input: &Shape,
    block: usize,
    machine: &Machine,
    tuning: &Tuning,
) -> Margins {
    let spec = in_outline(conv, input, block, machine);
    halo(&spec, choose(&spec, machine, tuning))
}

/// What an algorithm touches outside the map of a convolution's input. Below and to the right this can be less than the padding: a stride may end before it,
/// or more than the map needs is never there; or more, where tiles do not come out even.
pub fn halo(spec: &ConvSpec, algorithm: Algorithm) -> Margins {
    let before = spec.origin.map(isize::unsigned_abs);
    let size = [spec.input.height, spec.input.width];
    let results = [spec.output.height, spec.output.width];
    let tile = match algorithm {
        Algorithm::Direct | Algorithm::Pairs => 1,
        Algorithm::Winograd(tile) => tile,
    };
    let beyond = [0, 1].map(|axis| {
        let computed = results[axis].next_multiple_of(tile);
        let reach = spec.dilation[axis] * (spec.kernel[axis] - 1);
        let last = (computed - 1) * spec.stride[axis] + reach;
        (last + 1).saturating_sub(before[axis] + size[axis])
    });
    Margins {
        top: before[0],
        left: before[1],
        bottom: beyond[0],
        right: beyond[1],
    }
}

/// Whose input the lanes of a tile's vectors take: decided by how groups lie across the output's blocks of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// All lanes of a block read the same channels: each input value is broadcast once for all vectors of the block.
    Block,
    /// A block holds several groups, but a vector only one: tiles are one vector wide, and no weight is a padding zero.
    Vector,
    /// Even a vector holds several groups: each lane picks its own channel. Slow, but nothing is multiplied that is not meant to be, so that an
    /// infinity stays in its group.
    Gather,
    /// Output lane `i` reads input lane `i` and nothing else: depthwise.
    Lanes,
    /// A vector holds several groups, with as many channels in as out: a vector of input is permuted so that each lane gets one of its own group's channels
    /// after the other. Only assembled tiles.
    Permuted,
}

impl Sharing {
    /// Whether lanes of input stay with the lanes of output, alone or in their group.
    pub fn is_lanewise(self) -> bool {
        matches!(self, Sharing::Lanes | Sharing::Permuted)
    }
}

/// Taps of a row whose weights a tile with lanewise inputs keeps in registers, at most.
pub const LANEWISE_TAPS: usize = 7;

impl ConvSpec {
    /// Input channels that an output channel sums over.
    pub fn group_inputs(&self) -> usize {
        self.input.channels / self.groups
    }

    /// Output channels of a group.
    pub fn group_outputs(&self) -> usize {
        self.output.channels / self.groups
    }

    /// See [`Sharing`].
    pub fn sharing(&self) -> Sharing {
        let lanes = self.family.lanes();
        let (group_inputs, group_outputs) = (self.group_inputs(), self.group_outputs());
        if self.groups > 1
            && (group_inputs, group_outputs) == (1, 1)
            && self.input.block == self.output.block
        {
            Sharing::Lanes
        } else if self.is_permuted() {
            Sharing::Permuted
        } else if self.groups == 1 && self.output.channels <= lanes {
            // The second vector of the only block would be all surplus.
            Sharing::Vector
        } else if self.groups == 1 || group_outputs.is_multiple_of(self.output.block) {
            Sharing::Block
        } else if group_outputs.is_multiple_of(lanes) {
            Sharing::Vector
        } else {
            Sharing::Gather
        }
    }

    fn is_permuted(&self) -> bool {
        let (lanes, group) = (self.family.lanes(), self.group_inputs());
        self.groups > 1
            && self.family.is_assembled()
            && group == self.group_outputs()
            && (2..lanes).contains(&group)
            && lanes.is_multiple_of(group)
            && (self.input.block, self.output.block) == (lanes, lanes)
    }

    /// Output channels that are computed together: a *unit*, which weights are packed by. The last unit may be [narrower](Schedule::last_vectors).
    pub fn unit(&self) -> usize {
        self.schedule.vectors * self.family.lanes()
    }

    /// Input channels that are summed without a loop: side by side in memory wherever a group begins, or two blocks of [pairs](super::pairs). Assembled tiles take the channels that are left when
    /// no whole chunk is; for the others chunks come out even.
    pub fn chunk(&self) -> usize {
        match self.sharing() {
            Sharing::Lanes => 1,
            _ if self.pairs => pairs::PERIOD,
            _ if self.family.is_assembled() => self.input.block.min(self.group_inputs()),
            _ => gcd(self.group_inputs(), self.input.block),
        }
    }

    /// The same with the widest tiles of its family that can compute it, cut as costs least.
    pub fn scheduled(mut self) -> ConvSpec {
        if self.lacks(self.family).is_some() {
            self.family = TileFamily::Clif128;
        }
        self.schedule = self.choose_schedule();
        self
    }

    /// Why tiles of a family cannot compute it. Assembled ones need all lanes of a vector to read the same channels, or each its own; groups that begin at
    /// blocks; and what a tile reaches near enough for an immediate offset.
    pub fn lacks(&self, family: TileFamily) -> Option<&'static str> {
        if !family.is_assembled() {
            return None;
        }
        let widest = ConvSpec {
            family,
            ..self.clone()
        };
        let reach = (MAX_VECTORS + 1) * self.input.plane_stride().max(self.output.plane_stride());
        let is_aligned = self.groups == 1 || self.group_inputs().is_multiple_of(self.input.block);
        match widest.sharing() {
            _ if self.output.block != family.lanes() => Some("its result has narrower blocks"),
            _ if self.kernel.contains(&0) => Some("it sums over nothing"),
            _ if i32::try_from(reach * size_of::<f32>()).is_err() => {
                Some("its planes are too large")
            }
            Sharing::Gather => Some("its groups neither fill vectors nor divide them"),
            Sharing::Lanes if self.input.block != family.lanes() => {
                Some("its input has narrower blocks")
            }
            Sharing::Block | Sharing::Vector if !is_aligned => {
                Some("groups begin within a block of channels")
            }
            _ => None,
        }
    }
}

impl DepthwiseSpec {
    /// The same as a convolution with a group a channel.
    pub fn as_conv(&self) -> ConvSpec {
        ConvSpec {
            family: self.family,
            input: self.input,
            output: self.output,
            kernel: self.kernel,
            stride: self.stride,
            dilation: self.dilation,
            origin: self.origin,
            groups: self.output.channels,
            lattice: Lattice::full(&self.output),
            bias: self.bias,
            epilogue: self.epilogue.clone(),
            precise: self.precise,
            pairs: false,
            transposed: None,
            schedule: Schedule::default(),
        }
        .scheduled()
    }
}

#[cfg(test)]
mod tests;
