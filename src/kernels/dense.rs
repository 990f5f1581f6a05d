//! Dense layers.

use half::bf16;

use super::{DenseSpec, Epilogue, KernelSpec, TileFamily};
use crate::plan::{Machine, View};

/// How the weights of dense layers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightType {
    /// As they are.
    #[default]
    F32,
    /// Rounded to the upper 16 bits, to the nearest, of two the even one: half the bytes to read, and eight bits of precision. Sums are in f32.
    Bf16,
}

impl WeightType {
    /// All of them.
    pub const ALL: [WeightType; 2] = [WeightType::F32, WeightType::Bf16];

    /// Its name in options and plans.
    pub fn name(self) -> &'static str {
        match self {
            WeightType::F32 => "f32",
            WeightType::Bf16 => "bf16",
        }
    }

    /// Floats of memory for so many weights, an even number.
    pub fn floats(self, weights: usize) -> usize {
        match self {
            WeightType::F32 => weights,
            WeightType::Bf16 => weights / 2,
        }
    }

    /// What a weight becomes.
    pub fn round(self, weight: f32) -> f32 {
        match self {
            WeightType::F32 => weight,
            WeightType::Bf16 => bf16::from_f32(weight).to_f32(),
        }
    }
}

/// Images of a tile, at most.
const MAX_IMAGES: usize = 4;

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
    // What a tile's images reach must lie near enough for an immediate offset.
    let is_near = i32::try_from(MAX_IMAGES * input.image_stride * size_of::<f32>()).is_ok();
    KernelSpec::Dense(DenseSpec {
        family: if is_near {
            machine.family
        } else {
            TileFamily::Clif128
        },
        input,
        output,
        bias,
        weights: machine.dense_weights,
        epilogue,
    })
}

impl DenseSpec {
    /// Inputs of each feature.
    pub fn n_inputs(&self) -> usize {
        self.input.channels * self.input.height * self.input.width
    }

    /// Features of one task, which weights are packed by.
    pub fn unit(&self) -> usize {
        let most = match self.family {
            TileFamily::Clif128 => 32,
            // What tiles of four images have registers for.
            TileFamily::Avx2 => 24,
            TileFamily::Avx512 | TileFamily::Zen4 => 64,
        };
        // A layer of few features is padded to whole blocks and no further.
        most.min(
            self.output
                .channels
                .next_multiple_of(self.family.channel_block()),
        )
    }

    /// Floats from one input's weights to the next's.
    pub fn weight_stride(&self) -> usize {
        self.weights.floats(self.unit())
    }

    /// Images by vectors of features of the tiles, the largest first; what is left of a batch falls to the next. The last has one image.
    pub fn tiles(&self) -> Vec<[usize; 2]> {
        let all = self.unit() / self.family.lanes();
        let most: &[[usize; 2]] = match self.family {
            // Eight sums, which is what keeps two multiply-add units busy, and one load of a weight for four uses.
            TileFamily::Clif128 => &[[MAX_IMAGES, 2], [1, 8]],
            // No more than four images: with a power of two of inputs, they share one set of a first-level cache, of eight ways. All of a unit, so that weights
            // are one stream.
            TileFamily::Avx2 => &[[MAX_IMAGES, 3], [2, 3], [1, 3]],
            TileFamily::Avx512 | TileFamily::Zen4 => &[[MAX_IMAGES, 4], [2, 4], [1, 4]],
        };
        let divisor = |most: usize| {
            let mut vectors = (1..=most.min(all)).rev();
            vectors.find(|&vectors| all.is_multiple_of(vectors))
        };
        most.iter()
            .map(|&[images, vectors]| [images, divisor(vectors).unwrap_or(1)])
            .collect()
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
            dense_weights in proptest::sample::select(&WeightType::ALL[..]),
        ) {
            let machine = Machine { dense_weights, ..machine };
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
