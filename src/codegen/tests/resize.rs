//! Resize.

use proptest::prelude::*;

use super::{Random, Tolerance, block, check, run, tensor, view};
use crate::graph::ResizeMode;
use crate::kernels::{KernelSpec, ResizeSpec};

fn spec() -> impl Strategy<Value = ResizeSpec> {
    let mode = prop_oneof![
        Just(ResizeMode::Nearest),
        Just(ResizeMode::Bilinear {
            align_corners: false
        }),
        Just(ResizeMode::Bilinear {
            align_corners: true
        }),
    ];
    let sizes = proptest::array::uniform4(1usize..14);
    (mode, sizes, 1usize..20, block()).prop_flat_map(|(mode, [h, w, oh, ow], channels, block)| {
        let input = view(channels, h, w, block);
        let output = view(channels, oh, ow, block);
        (input, output).prop_map(move |(input, output)| ResizeSpec {
            mode,
            input,
            output,
        })
    })
}

proptest! {
    #[test]
    fn resized_maps_match_the_reference(spec in spec(), run in run()) {
        let mut random = Random::new(run.seed);
        // Positive, so that nothing cancels and errors stay relative.
        let input = tensor(&spec.input, run.batch, || random.fraction() + 5.0);
        let tolerance = match spec.mode {
            ResizeMode::Nearest => Tolerance::Exact,
            ResizeMode::Bilinear { .. } => Tolerance::Relative(1e-6),
        };
        check(&KernelSpec::Resize(spec.clone()), &[input], &run, tolerance);
        let input = tensor(&spec.input, run.batch, || random.now_and_then_none());
        check(&KernelSpec::Resize(spec), &[input], &run, tolerance);
    }
}
