//! Softmax.

use proptest::prelude::*;

use super::{Random, Run, Tolerance, block, check, run, tensor, view};
use crate::graph::Margins;
use crate::kernels::{KernelSpec, SoftmaxSpec};
use crate::plan::View;

fn spec() -> impl Strategy<Value = SoftmaxSpec> {
    let size = prop_oneof![Just((1usize, 1usize)), (1usize..4, 1usize..7)];
    (1usize..70, size, block()).prop_flat_map(|(channels, (height, width), block)| {
        let input = view(channels, height, width, block);
        let output = view(channels, height, width, block);
        (input, output).prop_map(|(input, output)| SoftmaxSpec { input, output })
    })
}

fn check_softmax(spec: SoftmaxSpec, run: &Run, spread: f32) {
    let mut random = Random::new(run.seed);
    let input = tensor(&spec.input, run.batch, || random.fraction() * spread);
    // The difference from the largest is rounded, and what it is off by the probability is off by, relative to itself.
    let largest_difference = f64::from(8.0 * spread);
    let tolerance = 2e-6 + largest_difference * f64::from(f32::EPSILON) / 2.0;
    check(
        &KernelSpec::Softmax(spec),
        &[input],
        run,
        Tolerance::Relative(tolerance),
    );
}

/// What is no number stays in its pixel.
fn check_softmax_of_none(spec: SoftmaxSpec, run: &Run) {
    let mut random = Random::new(run.seed);
    let input = tensor(&spec.input, run.batch, || random.now_and_then_none());
    let tolerance = Tolerance::Relative(4e-6);
    check(&KernelSpec::Softmax(spec), &[input], run, tolerance);
}

proptest! {
    #[test]
    fn probabilities_match_the_reference(spec in spec(), run in run(), spread in 0.1f32..20.0) {
        check_softmax(spec.clone(), &run, spread);
        check_softmax_of_none(spec, &run);
    }
}

#[test]
fn long_rows_match_the_reference() {
    for (channels, block) in [(1000, 1), (1000, 8), (100_003, 1)] {
        let mut view = View {
            channels,
            height: 1,
            width: 1,
            block,
            halo: Margins::default(),
            image_stride: 0,
        };
        view.image_stride = view.n_blocks() * view.plane_stride();
        let run = Run {
            batch: 2,
            seed: 1,
            piece: 1,
        };
        let spec = SoftmaxSpec {
            input: view,
            output: view,
        };
        check_softmax(spec, &run, 1.0);
    }
}
