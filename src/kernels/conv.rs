//! Direct convolution: from attributes to a spec, and how a spec is cut into tiles and tasks.

use super::schedule::{MAX_VECTORS, gcd};
use super::{
    ConvSpec, DepthwiseSpec, Epilogue, KernelSpec, Lattice, Schedule, TileFamily, Tuning, winograd,
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
        transposed: None,
        schedule: Schedule::default(),
    }
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// By its definition.
    Direct,
    /// By [Winograd's](super::winograd) algorithm, in tiles of so many results squared.
    Winograd(usize),
}

impl Algorithm {
    /// Its name in plans and files: `direct`, `winograd4`.
    pub fn name(self) -> String {
        match self {
            Algorithm::Direct => "direct".into(),
            Algorithm::Winograd(tile) => format!("winograd{tile}"),
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Algorithm> {
        let winograd = winograd::all_tiles().map(Algorithm::Winograd);
        let mut all = winograd.chain([Algorithm::Direct]);
        all.find(|algorithm| algorithm.name() == name)
    }
}

/// The algorithms that compute a convolution, each with its cost in slots for an image of a batch (see [`winograd::cost`]); the cheapest first.
pub fn alternatives(spec: &ConvSpec, batch: usize) -> Vec<(Algorithm, f64)> {
    let mut all = vec![(Algorithm::Direct, winograd::cost::direct_slots(spec, batch))];
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
        Algorithm::Direct => 1,
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

    /// Input channels that are summed without a loop: side by side in memory wherever a group begins. Assembled tiles take the channels that are left when
    /// no whole chunk is; for the others chunks come out even.
    pub fn chunk(&self) -> usize {
        match self.sharing() {
            Sharing::Lanes => 1,
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
            transposed: None,
            schedule: Schedule::default(),
        }
        .scheduled()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Operands, check, epilogue, machine, margins, operands};
    use super::*;
    use crate::codegen::{detect_machine, jit, machines};
    use crate::plan::KernelId;

    /// Channels of a group, in and out, and groups: the ordinary, the aligned, those that share blocks, those that share vectors, those that permute them.
    fn channels() -> impl Strategy<Value = (usize, usize, usize)> {
        prop_oneof![
            (1..20usize, 1..20usize, Just(1usize)),
            (1..20usize, Just(8usize), 2..4usize),
            (1..9usize, Just(4usize), 2..6usize),
            (1..40usize, 1..90usize, Just(1usize)),
            (90..160usize, 1..20usize, Just(1usize)),
            (
                prop_oneof![Just(8usize), Just(16)],
                prop_oneof![Just(16usize), Just(48)],
                2..4usize
            ),
            (1..6usize, 1..7usize, 2..6usize),
            (
                prop_oneof![Just(2usize), Just(4), Just(8)],
                Just(0usize),
                2..12usize
            ),
            (Just(1usize), Just(1usize), 2..20usize),
        ]
    }

    #[derive(Clone, Debug)]
    struct Case {
        machine: Machine,
        conv: Conv,
        in_channels: usize,
        size: [usize; 2],
        plain_input: bool,
        spare: [Margins; 2],
        operands: Option<Operands>,
        batch: usize,
        seed: u64,
        exact: bool,
    }

    /// Any family of tiles, precise or not.
    fn any_machine() -> impl Strategy<Value = Machine> {
        (machine(), any::<bool>()).prop_map(|(machine, precise)| Machine { precise, ..machine })
    }

    fn cases() -> impl Strategy<Value = Case> {
        let conv = (
            channels(),
            [1..5usize, 1..5usize],
            [1..4usize, 1..4usize],
            margins(),
            [1..4usize, 1..4usize],
            any::<bool>(),
        );
        let rest = (
            [1..15usize, 1..28usize],
            any::<bool>(),
            [margins(), margins()],
            operands(),
            1..4usize,
        );
        let rest = (any_machine(), rest);
        (conv, rest, any::<u64>(), any::<bool>()).prop_map(|(conv, rest, seed, exact)| {
            let (machine, rest) = rest;
            let ((group_inputs, group_outputs, groups), kernel, stride, pad, dilation, bias) = conv;
            // 0: as many as in.
            let group_outputs = if group_outputs == 0 {
                group_inputs
            } else {
                group_outputs
            };
            let (size, plain_input, spare, operands, batch) = rest;
            let conv = Conv {
                out_channels: group_outputs * groups,
                kernel,
                stride,
                pad,
                dilation,
                groups,
                bias,
            };
            Case {
                machine,
                conv,
                in_channels: group_inputs * groups,
                size,
                plain_input,
                spare,
                operands,
                batch,
                seed,
                exact,
            }
        })
    }

    fn run(case: &Case) -> Result<(), TestCaseError> {
        let Case {
            conv, size, spare, ..
        } = case;
        let pads = [
            conv.pad.top + conv.pad.bottom,
            conv.pad.left + conv.pad.right,
        ];
        let reach = [0, 1].map(|axis| conv.dilation[axis] * (conv.kernel[axis] - 1) + 1);
        let result = [0, 1].map(|axis| {
            let room = (size[axis] + pads[axis]).checked_sub(reach[axis]);
            room.map_or(0, |room| room / conv.stride[axis] + 1)
        });
        prop_assume!(!result.contains(&0));
        let shape = Shape::chw(case.in_channels as u64, size[0] as u64, size[1] as u64);
        let block = if case.plain_input {
            1
        } else {
            case.machine.family.channel_block()
        };
        let required = required_halo(conv, &shape, block, &case.machine, &Tuning::default());
        let halo = Margins {
            top: required.top + spare[0].top,
            left: required.left + spare[0].left,
            bottom: required.bottom + spare[0].bottom,
            right: required.right + spare[0].right,
        };
        let machine = &case.machine;
        let mut input = View::dense(&shape, block, halo);
        let block = machine.family.channel_block();
        input.image_stride += case.seed as usize % 2 * 24;
        let shape = Shape::chw(conv.out_channels as u64, result[0] as u64, result[1] as u64);
        let mut output = View::dense(&shape, block, spare[1]);
        output.image_stride += case.seed as usize % 3 * 16;
        let epilogue = case
            .operands
            .as_ref()
            .map(|operands| epilogue(&output, operands));
        let spec = configure(conv, input, output, epilogue, machine, &Tuning::default());
        check(machine, &[spec], case.batch, case.seed, case.exact)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn conv_matches_the_reference(case in cases()) {
            run(&case)?;
        }
    }

    #[test]
    fn an_infinity_stays_in_its_group() {
        let machines = machines().expect("the host is supported");
        let cases = machines
            .iter()
            .flat_map(|machine| [1, 2, 4, 8].map(|group| (machine, group)));
        for (machine, group) in cases {
            let conv = Conv {
                out_channels: 48,
                kernel: [3, 3],
                stride: [1, 1],
                pad: Margins::symmetric([1, 1]),
                dilation: [1, 1],
                groups: 48 / group,
                bias: false,
            };
            let shape = Shape::chw(48, 5, 5);
            let block = machine.family.channel_block();
            let tuning = Tuning::default();
            let halo = required_halo(&conv, &shape, block, machine, &tuning);
            let input = View::dense(&shape, block, halo);
            let output = View::dense(&shape, block, Margins::default());
            let spec = configure(&conv, input, output, None, machine, &tuning);
            let code = jit::compile(std::slice::from_ref(&spec), machine).expect("it compiles");
            let mut x = vec![1.0f32; input.image_stride];
            x[input.offset(19, 2, 2)] = f32::INFINITY;
            let packing = &spec.packings()[0];
            let mut weight = vec![0.0; packing.packed_len()];
            packing.pack(&vec![1.0; packing.len()], &mut weight);
            let mut y = vec![f32::NAN; output.image_stride];
            let operands = [&mut x, &mut weight, &mut y].map(|operand| operand.as_mut_ptr());
            // SAFETY: the operands are the kernel's, as large as their views and packing say.
            unsafe { code.function(KernelId(0))(operands.as_ptr(), 0, spec.n_tasks(1), 1) };
            for channel in 0..48 {
                let is_infinite = y[output.offset(channel, 2, 2)] == f32::INFINITY;
                assert_eq!(is_infinite, channel / group == 19 / group, "{spec:?}");
                assert_eq!(is_infinite, !y[output.offset(channel, 2, 2)].is_finite());
            }
        }
    }

    #[test]
    fn halo_ends_where_the_stride_ends() {
        let mut conv = Conv {
            out_channels: 1,
            kernel: [3, 3],
            stride: [2, 2],
            pad: Margins::symmetric([1, 1]),
            dilation: [1, 1],
            groups: 1,
            bias: false,
        };
        let machine = detect_machine().unwrap();
        let tuning = Tuning::default();
        let required_halo =
            |conv: &Conv, shape: &Shape| required_halo(conv, shape, 1, &machine, &tuning);
        let halo = required_halo(&conv, &Shape::chw(1, 8, 7));
        assert_eq!((halo.top, halo.bottom, halo.right), (1, 0, 1));
        conv.kernel = [1, 1];
        assert_eq!(required_halo(&conv, &Shape::chw(1, 7, 7)).bottom, 1);
        assert_eq!(required_halo(&conv, &Shape::chw(1, 8, 8)).bottom, 0);
    }
}
