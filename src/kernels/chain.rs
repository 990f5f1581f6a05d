//! How many products a precise convolution sums one after the other.
//!
//! Each addition to a sum rounds it, so that the error of one long chain of `n` products grows with the root of `n`: of the 147 products of a 7x7 layer of three
//! channels it is some eight times that of the result's own rounding, of 2,304 products 30 times. Chains of `m` products that then join one
//! another leave the root of `m + n / m`.

use super::ConvSpec;

/// Products of a chain, about. Joining costs as much as three of them.
const PRODUCTS: usize = 64;

/// Chains up to this length are not cut.
const MOST_PRODUCTS: usize = 96;

/// Where a chain of sums ends and joins the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Nowhere: all products are one chain.
    Whole,
    /// After so many [chunks](ConvSpec::chunk) of input channels, at all taps; what is left of the chunks is a chain too.
    Chunks(usize),
    /// After each row of taps of each chunk of input channels.
    Row,
}

impl ConvSpec {
    /// Where its chains of sums end.
    pub fn chain(&self) -> Chain {
        if !self.precise || self.steps() <= MOST_PRODUCTS {
            return Chain::Whole;
        }
        match self.chunk() * self.kernel[0] * self.kernel[1] {
            products if products > MOST_PRODUCTS => Chain::Row,
            products => Chain::Chunks((PRODUCTS / products).max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::error;
    use super::super::{KernelSpec, Tuning, conv};
    use super::*;
    use crate::codegen::machines;
    use crate::graph::{Conv, Margins, Shape};
    use crate::plan::{Machine, View};

    /// A convolution of `channels` of a small map, which is plain where it has few of them.
    fn spec(channels: usize, kernel: usize, machine: &Machine) -> ConvSpec {
        let conv = Conv {
            out_channels: 32,
            kernel: [kernel, kernel],
            stride: [1, 1],
            pad: Margins::default(),
            dilation: [1, 1],
            groups: 1,
            bias: true,
        };
        let size = kernel as u64 + 5;
        let block = match channels {
            0..4 => 1,
            _ => machine.family.channel_block(),
        };
        let input = Shape::chw(channels as u64, size, size);
        let input = View::dense(&input, block, Margins::default());
        let output = View::dense(
            &Shape::chw(32, 6, 6),
            machine.family.channel_block(),
            Margins::default(),
        );
        match conv::configure(&conv, input, output, None, machine, &Tuning::default()) {
            KernelSpec::Conv(spec) => spec,
            other => unreachable!("{other:?} is not what precise machines compute"),
        }
    }

    #[test]
    fn short_chains_round_less_than_a_long_one() {
        for machine in machines().expect("the host is supported") {
            let machine = Machine {
                precise: true,
                ..machine
            };
            for (channels, kernel) in [(3, 7), (256, 3), (1024, 1), (250, 2), (40, 5)] {
                let precise = spec(channels, kernel, &machine);
                assert_ne!(precise.chain(), Chain::Whole);
                let whole = ConvSpec {
                    precise: false,
                    ..precise.clone()
                };
                let [precise, whole] =
                    [precise, whole].map(|spec| error(&machine, &KernelSpec::Conv(spec), 1));
                assert!(
                    precise < 0.6 * whole,
                    "{channels} channels, {kernel}x{kernel} on {machine:?}: {precise:.1e}, else {whole:.1e}"
                );
            }
        }
    }

    #[test]
    fn few_products_are_one_chain() {
        let precise = Machine {
            precise: true,
            ..machines().expect("the host is supported")[0]
        };
        assert_eq!(spec(64, 1, &precise).chain(), Chain::Whole);
        assert_eq!(spec(128, 1, &precise).chain(), Chain::Chunks(8));
        assert_eq!(spec(64, 3, &precise).chain(), Chain::Chunks(1));
        assert_eq!(spec(64, 5, &precise).chain(), Chain::Row);
    }
}
