use proptest::prelude::*;

use super::*;
use crate::codegen::{detect_machine, jit, machines};
use crate::kernels::testing::{
    Operands, check, check_around, elements, epilogue, extreme_value, machine, margins, operands,
    places,
};
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

/// The kernel, unless there is nothing to compute.
fn kernel(case: &Case) -> Option<KernelSpec> {
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
    if result.contains(&0) {
        return None;
    }
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
    let tuning = Tuning::default();
    Some(configure(conv, input, output, epilogue, machine, &tuning))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn conv_matches_the_reference(case in cases()) {
        let Some(spec) = kernel(&case) else {
            return Ok(());
        };
        check(&case.machine, &[spec], case.batch, case.seed, case.exact)?;
    }

    #[test]
    fn values_stay_in_their_windows(
        case in cases(),
        elements in elements(),
        value in extreme_value(),
    ) {
        let Some(spec) = kernel(&case) else {
            return Ok(());
        };
        let places = places(&elements, &spec.inputs()[0], case.batch);
        check_around(&case.machine, &[spec], case.batch, case.seed, (&places, value), 3e-5)?;
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
