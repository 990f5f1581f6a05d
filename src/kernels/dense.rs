//! Dense layers.

use super::{DenseSpec, Epilogue, KernelSpec};
use crate::plan::{Machine, View};

/// The kernel for a dense layer. `input` is a vector, or a map without halo whose channels fill their blocks; `output` is a vector.
pub fn configure(
    input: View,
    output: View,
    bias: bool,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> KernelSpec {
    debug_assert!(input.halo.is_zero() && output.halo.is_zero());
    debug_assert_eq!(output.height * output.width, 1);
    debug_assert!(
        input.height * input.width == 1 || input.channels.is_multiple_of(input.block),
        "surplus lanes among the inputs"
    );
    KernelSpec::Dense(DenseSpec {
        family: machine.family,
        input,
        output,
        bias,
        epilogue,
    })
}

impl DenseSpec {
    /// Inputs of each feature.
    pub fn n_inputs(&self) -> usize {
        self.input.channels * self.input.height * self.input.width
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{check, epilogue, machine, operands};
    use super::*;
    use crate::graph::{Margins, Shape};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn dense_matches_the_reference(
            machine in machine(),
            channels in 1..90usize,
            map in proptest::option::of([1..5usize, 1..5usize]),
            features in 1..100usize,
            [plain_input, plain_output, bias, exact] in any::<[bool; 4]>(),
            operands in operands(),
            batch in prop_oneof![1..4usize, 1..40usize],
            seed in any::<u64>(),
        ) {
            let family = machine.family.channel_block();
            let block = |plain: bool| if plain { 1 } else { family };
            let [height, width] = map.unwrap_or([1, 1]);
            let channels = match map {
                Some(_) if !plain_input => channels.next_multiple_of(family),
                _ => channels,
            };
            let shape = Shape::chw(channels as u64, height as u64, width as u64);
            let input = View::dense(&shape, block(plain_input), Margins::default());
            let shape = Shape::features(features as u64);
            let output = View::dense(&shape, block(plain_output), Margins::default());
            let epilogue = operands.map(|operands| epilogue(&output, &operands));
            let spec = configure(input, output, bias, epilogue, &machine);
            check(&machine, &[spec], batch, seed, exact)?;
        }
    }
}
