//! Local response normalisation.

use proptest::prelude::*;

use super::{Random, Tolerance, block, check, run, tensor, view};
use crate::kernels::{KernelSpec, LrnSpec};

fn spec() -> impl Strategy<Value = LrnSpec> {
    let size = prop_oneof![4 => 1usize..8, 1 => 8usize..20, 1 => 33usize..40];
    let beta = prop_oneof![2 => Just(0.75f32), 1 => Just(0.5), 1 => Just(1.0), 1 => Just(0.6)];
    let numbers = (size, 0.001f32..2.0, beta, 0.5f32..3.0);
    (numbers, 1usize..40, 1usize..4, 1usize..7, block()).prop_flat_map(
        |((size, alpha, beta, k), channels, height, width, block)| {
            let input = view(channels, height, width, block);
            let output = view(channels, height, width, block);
            (input, output).prop_map(move |(input, output)| LrnSpec {
                size,
                alpha: alpha.to_bits(),
                beta: beta.to_bits(),
                k: k.to_bits(),
                input,
                output,
            })
        },
    )
}

proptest! {
    #[test]
    fn normalised_channels_match_the_reference(spec in spec(), run in run()) {
        let mut random = Random::new(run.seed);
        let input = tensor(&spec.input, run.batch, || random.fraction());
        check(&KernelSpec::Lrn(spec.clone()), &[input], &run, Tolerance::Relative(2e-6));
        let input = tensor(&spec.input, run.batch, || random.now_and_then_none());
        check(&KernelSpec::Lrn(spec), &[input], &run, Tolerance::Relative(2e-6));
    }
}
