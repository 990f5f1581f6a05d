use proptest::prelude::*;

use super::*;
use crate::graph::{Conv, Shape};
use crate::kernels::testing::{
    check, check_around, elements, epilogue, extreme_value, machine, margins, operands, places,
};
use crate::kernels::{KernelSpec, TileFamily, WeightType, conv};
use crate::plan::Machine;

/// `A^T [(G g) * (B^T d)]` is the correlation of `d` with `g` for any numbers: checked for all unit vectors, which is all there is to a bilinear form.
#[test]
fn transforms_are_the_convolution() {
    for scheme in SCHEMES {
        let Transforms {
            output,
            weight,
            input,
        } = Transforms::of(scheme);
        let (n, last) = (scheme.points(), scheme.weights() - 1);
        assert_eq!((output.len(), input.len()), (scheme.results, n));
        let cases = (0..scheme.taps).flat_map(|tap| (0..n).map(move |place| (tap, place)));
        for (tap, place) in cases {
            for (result, row) in output.iter().enumerate() {
                let points = (0..n).map(|p| row[p] * weight[p.min(last)][tap] * input[p][place]);
                let is_met = result * scheme.stride + tap == place;
                let expected = f64::from(is_met);
                assert!((points.sum::<f64>() - expected).abs() < 1e-12, "{scheme:?}");
            }
        }
    }
}

/// A convolution that the algorithm applies to, whatever it costs.
fn spec(
    machine: &Machine,
    scheme: Scheme,
    groups: usize,
    channels: [usize; 2],
    size: [usize; 2],
    bias: bool,
) -> ConvSpec {
    let conv = Conv {
        out_channels: channels[1],
        kernel: [scheme.taps; 2],
        stride: [scheme.stride; 2],
        pad: Margins::symmetric([scheme.taps / 2; 2]),
        dilation: [1, 1],
        groups,
        bias,
    };
    let block = machine.family.channel_block();
    let shape = |channels: usize| Shape::chw(channels as u64, size[0] as u64, size[1] as u64);
    let mut spec = conv::in_outline(&conv, &shape(channels[0]), block, machine);
    let halo = conv::halo(&spec, conv::Algorithm::Winograd(scheme.results));
    spec.input = View::dense(&shape(channels[0]), block, halo);
    spec
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn winograd_matches_the_reference(
        machine in machine(),
        scheme in proptest::sample::select(&SCHEMES[..]),
        in_channels in 1..50usize,
        out_channels in 1..100usize,
        groups in 1..4usize,
        size in [1..20usize, 1..20usize],
        bias in any::<bool>(),
        halo in margins(),
        operands in operands(),
        batch in 1..4usize,
        units_per_task in 1..4usize,
        seed in any::<u64>(),
    ) {
        // Several groups fill blocks.
        let block = machine.family.channel_block();
        let channels = [in_channels, out_channels].map(|channels| match groups {
            1 => channels,
            _ => groups * channels.next_multiple_of(block),
        });
        let mut conv = spec(&machine, scheme, groups, channels, size, bias);
        conv.output = View { halo, ..conv.output };
        conv.output.image_stride = conv.output.size() + seed as usize % 3 * 16;
        conv.epilogue = operands.map(|operands| epilogue(&conv.output, &operands));
        let mut winograd = configure(conv, scheme.results, batch);
        winograd.cut.units_per_task = units_per_task;
        // Halves and quarters are exact, sixths are not.
        let exact = scheme.results == 2 && scheme.taps == 3 && seed % 2 == 0;
        check(&machine, &[KernelSpec::Winograd(winograd)], batch, seed, exact)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Results depend on what their windows contain and on nothing else, whatever stands beside.
    #[test]
    fn values_stay_in_their_windows(
        machine in machine(),
        scheme in proptest::sample::select(&SCHEMES[..]),
        in_channels in 8..50usize,
        out_channels in 1..40usize,
        groups in 1..3usize,
        size in [3..20usize, 3..20usize],
        bias in any::<bool>(),
        halo in margins(),
        operands in operands(),
        batch in 1..3usize,
        elements in elements(),
        value in extreme_value(),
        seed in any::<u64>(),
    ) {
        let block = machine.family.channel_block();
        let channels = [in_channels, out_channels].map(|channels| match groups {
            1 => channels,
            _ => groups * channels.next_multiple_of(block),
        });
        let mut conv = spec(&machine, scheme, groups, channels, size, bias);
        conv.output = View { halo, ..conv.output };
        conv.output.image_stride = conv.output.size();
        conv.epilogue = operands.map(|operands| epilogue(&conv.output, &operands));
        let places = places(&elements, &conv.input, batch);
        let winograd = KernelSpec::Winograd(configure(conv, scheme.results, batch));
        check_around(&machine, &[winograd], batch, seed, (&places, value), 3e-5)?;
    }
}

/// Tiles of two results a side need no guard, all others do.
#[test]
fn small_tiles_spread_nothing() {
    for scheme in SCHEMES {
        assert_eq!(scheme.spreads(), scheme.results > 2, "{scheme:?}");
    }
}

/// For each tile of one image, whether it was computed by the algorithm.
fn verdicts(machine: &Machine, winograd: &WinogradSpec, input: &mut [f32]) -> Vec<bool> {
    let spec = KernelSpec::Winograd(winograd.clone());
    let code = crate::codegen::jit::compile(std::slice::from_ref(&spec), machine).unwrap();
    let function = code.function(crate::plan::KernelId(0));
    let mut weight = vec![1.0; spec.packings()[0].packed_len()];
    let mut results = vec![0.0; spec.output().size()];
    let mut scratch = vec![f32::NAN; spec.scratch_size()];
    let mut pointers = [
        weight.as_mut_ptr(),
        scratch.as_mut_ptr(),
        results.as_mut_ptr(),
    ]
    .to_vec();
    pointers.insert(0, input.as_mut_ptr());
    let mut verdicts = Vec::new();
    let n_tasks = spec.n_tasks(1);
    for begin in (0..n_tasks).step_by(winograd.tasks_per_input()) {
        // SAFETY: the operands are in the spec's order and as large as it says.
        unsafe { function(pointers.as_ptr(), begin, begin + 1, 1) };
        let count = winograd
            .cut
            .tiles_per_task
            .min(winograd.tiles_per_image() - verdicts.len());
        let noted = &scratch[winograd.verdicts_start()..][..count];
        verdicts.extend(noted.iter().map(|verdict| verdict.to_bits() == 1));
    }
    verdicts
}

/// Only the tiles that a large value is in are computed directly: none of a map that varies as maps do.
#[test]
fn few_tiles_are_computed_directly() {
    for machine in crate::codegen::machines().unwrap() {
        for scheme in SCHEMES.into_iter().filter(|scheme| scheme.spreads()) {
            let conv = spec(&machine, scheme, 1, [20, 17], [21, 26], false);
            let view = conv.input;
            let winograd = configure(conv, scheme.results, 1);
            // Channels of the last block that there are none of hold anything.
            let mut input = vec![f32::NAN; view.size()];
            for place in (0..20).flat_map(|c| view_pixels(&view, c)) {
                input[place] = 0.0;
            }
            for (c, y, x) in (0..20).flat_map(|c| (0..546).map(move |i| (c, i / 26, i % 26))) {
                let wave = (0.3 * y as f32 + 0.2 * x as f32 + c as f32).sin();
                input[view.offset(c, y, x)] = (wave * (1.0 + y as f32 / 10.0)).max(0.0);
            }
            let verdicts_of = |input: &mut [f32]| verdicts(&machine, &winograd, input);
            assert!(
                verdicts_of(&mut input).iter().all(|&suits| suits),
                "{scheme:?}"
            );
            let [row, column] = [9, 13];
            let [_, columns] = winograd.grid();
            let is_within = |tile: usize, at: usize| {
                let first = tile * scheme.results * scheme.stride;
                (first..first + scheme.points()).contains(&(at + scheme.taps / 2))
            };
            for value in [1e4, 1e30, f32::INFINITY, f32::NAN] {
                let mut input = input.clone();
                input[view.offset(18, row, column)] = value;
                for (tile, suits) in verdicts_of(&mut input).into_iter().enumerate() {
                    let is_met =
                        is_within(tile / columns, row) && is_within(tile % columns, column);
                    assert_eq!(suits, !is_met, "{scheme:?} {value} {tile}");
                }
            }
        }
    }
}

/// The places of a channel's pixels, those of the halo too.
fn view_pixels(view: &View, channel: usize) -> impl Iterator<Item = usize> + use<> {
    let plane = channel / view.block * view.plane_stride() + channel % view.block;
    (plane..plane + view.plane_stride()).step_by(view.block)
}

/// Each window of results that exist contains a cell, and parts are what a vector's lanes can hold.
#[test]
fn windows_contain_cells() {
    for scheme in SCHEMES {
        let sizes = (1..=scheme.results).flat_map(|h| (1..=scheme.results).map(move |w| [h, w]));
        for size in sizes {
            let parts = scheme.parts(size);
            let n = scheme.points();
            let results = (0..size[0]).flat_map(|i| (0..size[1]).map(move |j| [i, j]));
            for [row, column] in results.map(|at| at.map(|index| index * scheme.stride)) {
                let is_inside = |pixel: usize| {
                    (row..row + scheme.taps).contains(&(pixel / n))
                        && (column..column + scheme.taps).contains(&(pixel % n))
                };
                let has = |cell: &usize| {
                    let mut pixels = (0..n * n).filter(|&pixel| parts.of_pixel[pixel] == *cell);
                    parts.sizes[*cell] > 0 && pixels.all(is_inside)
                };
                assert!(
                    (0..parts.n_cells).any(|cell| has(&cell)),
                    "{scheme:?} {size:?}"
                );
            }
            assert_eq!(parts.sizes.iter().sum::<usize>(), n * n);
            assert!(parts.sizes.len().is_multiple_of(4) && parts.sizes.len() <= 12);
        }
    }
}

/// Rounding to f32 in between may not show where everything is a whole number: weights are multiples of 24 squared, which the transform divides by.
#[test]
fn large_tiles_are_exact_on_whole_numbers() {
    use crate::codegen::machines;
    for machine in machines().unwrap() {
        let conv = spec(&machine, SCHEMES[1], 1, [3, 17], [9, 10], false);
        let block = machine.family.channel_block();
        let view = conv.input;
        let winograd = configure(conv, 4, 1);
        let spec = KernelSpec::Winograd(winograd);
        let code = crate::codegen::jit::compile(std::slice::from_ref(&spec), &machine).unwrap();
        let mut input = vec![0.0; view.size()];
        let mut weight = vec![0.0; 17 * 3 * 9];
        let mut next = 1u32;
        let mut random = || {
            next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (next >> 16) as f32 % 3.0 - 1.0
        };
        for (c, y, x) in (0..3).flat_map(|c| (0..90).map(move |i| (c, i / 10, i % 10))) {
            input[view.offset(c, y, x)] = random();
        }
        weight.iter_mut().for_each(|w| *w = 576.0 * random());
        let packing = &spec.packings()[0];
        let mut packed = vec![f32::NAN; packing.packed_len()];
        packing.pack(&weight, &mut packed);
        let output = spec.output();
        let mut results = vec![f32::NAN; output.size()];
        let mut scratch = vec![f32::NAN; spec.scratch_size()];
        let pointers =
            [&mut input, &mut packed, &mut scratch, &mut results].map(|x| x.as_mut_ptr());
        let function = code.function(crate::plan::KernelId(0));
        // SAFETY: the operands are in the spec's order and as large as it says.
        unsafe { function(pointers.as_ptr(), 0, spec.n_tasks(1), 1) };
        for (k, y, x) in (0..17).flat_map(|k| (0..90).map(move |i| (k, i / 10, i % 10))) {
            let mut sum = 0.0;
            for (c, tap) in (0..3).flat_map(|c| (0..9).map(move |tap| (c, tap))) {
                let (row, column) = ((y + tap / 3) as isize - 1, (x + tap % 3) as isize - 1);
                if (0..9).contains(&row) && (0..10).contains(&column) {
                    let place = view.offset(c, row as usize, column as usize);
                    sum += weight[(k * 3 + c) * 9 + tap] * input[place];
                }
            }
            assert_eq!(
                results[output.offset(k, y, x)],
                sum,
                "{k} {y} {x} block {block}"
            );
        }
    }
}

/// Weights that come from memory for few tiles are better few; for many images they are read once.
#[test]
fn batches_take_larger_tiles() {
    let machine = Machine {
        family: TileFamily::Avx512,
        has_fma: true,
        precise: false,
        dense_weights: WeightType::F32,
        batch: 1,
    };
    let spec = spec(&machine, SCHEMES[0], 1, [512, 512], [7, 7], false);
    let chosen = |batch| conv::alternatives(&spec, batch)[0].0;
    assert_eq!(chosen(1), conv::Algorithm::Winograd(2));
    assert_eq!(chosen(8), conv::Algorithm::Winograd(4));
}
