use proptest::prelude::*;

use super::*;
use crate::codegen::{jit, machines};
use crate::graph::{Conv, Margins, Shape};
use crate::kernels::conv::{self, Algorithm};
use crate::kernels::testing::{
    Operands, check_scaled, epilogue, error, error_on, margins, operands,
};
use crate::kernels::{KernelSpec, Packing};
use crate::plan::{KernelId, Machine, View};

/// The machine that computes pairs, if this is one that can. It need not be one where that pays.
fn machine() -> Option<Machine> {
    let machines = machines().expect("the host is supported");
    let mut machines = machines.into_iter();
    let machine = machines.find(|machine| machine.family == TileFamily::Avx512);
    let Some(machine) = machine else {
        eprintln!("not run: products of pairs take a processor with AVX-512");
        return None;
    };
    Some(Machine {
        family: TileFamily::Zen4,
        ..machine
    })
}

#[derive(Clone, Debug)]
struct Case {
    channels: [usize; 2],
    size: [usize; 2],
    stride: [usize; 2],
    halos: [Margins; 2],
    operands: Option<Operands>,
    bias: bool,
    batch: usize,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    (
        [1..9usize, 17..400],
        prop_oneof![[1..15usize, 1..40], [1..4usize, 40..150]],
        [1..3usize, 1..3],
        [margins(), margins()],
        (operands(), any::<bool>()),
        (1..4usize, any::<u64>()),
    )
        .prop_map(
            |(channels, size, stride, halos, (operands, bias), (batch, seed))| Case {
                channels: [channels[0] * BLOCK, channels[1]],
                size,
                stride,
                halos,
                operands,
                bias,
                batch,
                seed,
            },
        )
}

fn spec(case: &Case, machine: &Machine, algorithm: Algorithm) -> KernelSpec {
    let [height, width] = case.size;
    let input = Shape::chw(case.channels[0] as u64, height as u64, width as u64);
    let results = [0, 1].map(|axis| (case.size[axis] - 1) / case.stride[axis] + 1);
    let output = Shape::chw(
        case.channels[1] as u64,
        results[0] as u64,
        results[1] as u64,
    );
    let view = |shape: &Shape, halo| {
        let mut view = View::dense(shape, BLOCK, halo);
        view.image_stride += case.seed as usize % 3 * 16;
        view
    };
    let (input, output) = (view(&input, case.halos[0]), view(&output, case.halos[1]));
    let conv = Conv {
        out_channels: case.channels[1],
        kernel: [1, 1],
        stride: case.stride,
        pad: Margins::default(),
        dilation: [1, 1],
        groups: 1,
        bias: case.bias,
    };
    let operands = case.operands.as_ref();
    let epilogue = operands.map(|operands| epilogue(&output, operands));
    let spec = conv::unscheduled(&conv, input, output, epilogue, machine);
    assert!(spec.can_pair(), "{spec:?}");
    conv::with_algorithm(spec, algorithm, 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Inputs of every size, also of those that pairs are no good for.
    #[test]
    fn pairs_match_the_reference(case in cases(), exact in any::<bool>(), power in -10..13i32) {
        if let Some(machine) = machine() {
            let spec = spec(&case, &machine, Algorithm::Pairs);
            check_scaled(&machine, &[spec], case.batch, case.seed, exact, (power as f32).exp2())?;
        }
    }
}

/// Of so many channels, on a map of some tiles.
fn large(channels: usize, seed: u64) -> Case {
    Case {
        channels: [channels, 64],
        size: [9, 13],
        stride: [1, 1],
        halos: [Margins::default(); 2],
        operands: None,
        bias: true,
        batch: 1,
        seed,
    }
}

#[test]
fn pairs_round_about_as_products_do() {
    let Some(machine) = machine() else { return };
    for channels in [64, 512, 2048] {
        let [direct, pairs] = [Algorithm::Direct, Algorithm::Pairs]
            .map(|algorithm| error(&machine, &spec(&large(channels, 3), &machine, algorithm), 3));
        assert!(
            pairs < 4.0 * direct,
            "{channels} channels: {pairs:.1e}, directly {direct:.1e}"
        );
    }
}

/// Runs a convolution of equal weights on inputs that are `value` at one pixel and one elsewhere; answers the results there and at another pixel.
fn at_one_pixel(machine: &Machine, weight: f32, value: f32) -> [f32; 2] {
    let case = Case {
        bias: false,
        ..large(64, 0)
    };
    let spec = spec(&case, machine, Algorithm::Pairs);
    let KernelSpec::Conv(conv) = &spec else {
        unreachable!("pairs are a kind of convolution")
    };
    let (input, output) = (conv.input, conv.output);
    let code = jit::compile(std::slice::from_ref(&spec), machine).expect("it compiles");
    let mut x = vec![1.0f32; input.image_stride];
    for channel in 0..64 {
        x[input.offset(channel, 4, 6)] = value;
    }
    let packing = &spec.packings()[0];
    let weights = vec![weight; packing.len()];
    let mut weight = vec![0.0; packing.packed_len()];
    packing.pack(&weights, &mut weight);
    let mut y = vec![f32::NAN; output.image_stride];
    let operands = [&mut x, &mut weight, &mut y].map(|operand| operand.as_mut_ptr());
    // SAFETY: the operands are the kernel's, as large as their views and packing say.
    unsafe { code.function(KernelId(0))(operands.as_ptr(), 0, spec.n_tasks(1), 1) };
    [(4, 6), (0, 0)].map(|(row, column)| y[output.offset(17, row, column)])
}

#[test]
fn what_is_no_number_stays_at_its_pixel() {
    let Some(machine) = machine() else { return };
    for value in [0.0, 1.0 / 1024.0, 3.0, -5.0, 4096.0, f32::INFINITY] {
        assert_eq!(at_one_pixel(&machine, 1.0, value), [64.0 * value, 64.0]);
    }
    let [here, elsewhere] = at_one_pixel(&machine, 1.0, f32::NAN);
    assert!(here.is_nan());
    assert_eq!(elsewhere, 64.0);
}

#[test]
fn inputs_of_any_size_are_as_exact_as_ever() {
    let Some(machine) = machine() else { return };
    // Scaled weights would overflow, or lose digits of denormals.
    for power in [-60, 60] {
        let (weight, value) = (power_of_two(-power), power_of_two(2 * power));
        let [here, _] = at_one_pixel(&machine, weight, value);
        assert_eq!(here, 64.0 * power_of_two(power));
    }
}

#[test]
fn channels_of_zeros_stay_zero() {
    let Some(machine) = machine() else { return };
    for value in [0.0, 3.7, 49.9, 1e30] {
        assert_eq!(at_one_pixel(&machine, 0.0, value), [0.0, 0.0]);
    }
    assert!(at_one_pixel(&machine, 0.0, f32::INFINITY)[0].is_nan());
}

/// Behind a ReLU all inputs are positive; such products do not cancel.
#[test]
fn positive_inputs_near_the_limits_round_little() {
    let Some(machine) = machine() else { return };
    let case = Case {
        bias: false,
        ..large(2048, 0)
    };
    let spec = spec(&case, &machine, Algorithm::Pairs);
    for size in [1.05 * SMALLEST, 1.0, 0.95 * LARGEST] {
        let error = error_on(&machine, &spec, 5, |x| size * (1.0 - 0.02 * x.abs()));
        assert!(error < 3e-6, "inputs of {size}: {error:.1e}");
    }
}

#[test]
fn pairs_are_balanced_and_take_as_long_as_is_said() {
    let all: Vec<Pair> = (0..PERIOD / 2).map(pair).collect();
    assert_eq!(all.iter().map(|pair| pair.sign()).sum::<f32>(), 0.0);
    for block in all.chunks(BLOCK / 2) {
        let n_apart = block.iter().filter(|pair| **pair == Pair::Apart).count();
        assert_eq!(BLOCK / 2 + n_apart, CYCLES);
        // Two additions each.
        assert!(2 * (BLOCK / 2 - n_apart) <= CYCLES);
    }
    let others = all.iter().cycle().filter(|pair| **pair != Pair::Apart);
    let others: Vec<Pair> = others.take(2 * PERIOD).copied().collect();
    assert!(others.windows(2).all(|two| two[0] != two[1]));
}

#[test]
fn weights_of_any_size_are_packed_about_one() {
    let packing = |out_channels: usize| {
        Packing::Conv(crate::kernels::ConvPacking {
            out_channels,
            group_inputs: PERIOD,
            group_outputs: out_channels,
            kernel: [1, 1],
            unit: 32,
            granule: 16,
            chunk: BLOCK,
            transposed: None,
            pairs: true,
        })
    };
    for (value, scale) in [
        (1.0, 1.0),
        (0.01, 128.0),
        (-3e5, 1.0 / 262_144.0),
        (1e-42, power_of_two(MOST_POWER)),
        (f32::INFINITY, 1.0),
    ] {
        let values = vec![value; 3 * PERIOD];
        let mut out = vec![f32::NAN; packing(3).packed_len()];
        packing(3).pack(&values, &mut out);
        let (head, weights) = out.split_at(HEAD * 16);
        let scaled: f32 = value * scale;
        assert_eq!(head[0], 1.0 / scale);
        assert_eq!((weights[0], weights[16], weights[3]), (scaled, scaled, 0.0));
        // Of equal weights the sums and the differences cancel.
        assert!(head[16] == 0.0 || !scaled.is_finite(), "{}", head[16]);
    }
}
