//! Products of pairs, see [`crate::kernels::pairs`]: the sums of `x0 x1`, and a tile's steps.

use super::assembler::{Arithmetic, Assembler, Vector, Word};
use super::step::Step;
use crate::codegen::CodegenError;
use crate::kernels::ConvSpec;
use crate::kernels::pairs::{BLOCK, HEAD, LARGEST, Pair, SMALLEST, pair};

/// Pixels that are summed side by side: each waits for its last addition.
const SIDE_BY_SIDE: usize = 4;

/// All bits of a float but its sign.
const SIZE: u32 = 0x7FFF_FFFF;

/// `fn(input, sums)`: for each pixel of a row of results, the sum of `x0 x1` with the signs of the pairs; NaN where the inputs' sizes do not allow for it.
pub fn pair_sums(spec: &ConvSpec) -> Result<Vec<u8>, CodegenError> {
    let (mut a, [input, sums]) = Assembler::start(spec.family);
    let signs = (0..BLOCK / 2).flat_map(|index| [pair(index).sign(), 0.0]);
    let signs = a.lanes_of(signs.map(f32::to_bits).collect());
    let size = a.lanes_of(vec![SIZE; BLOCK]);
    let [least, largest] = [SMALLEST, LARGEST].map(|size| a.splat(size));
    let width = spec.lattice.size[1];
    let step = (spec.stride[1] * spec.input.pixel_stride()) as i64;
    let n_blocks = spec.input.channels / BLOCK;
    let pixels = |a: &mut Assembler, n: usize| {
        let state: Vec<[Vector; 2]> = (0..n).map(|_| [a.zero(), a.zero()]).collect();
        let block = a.word();
        a.copy_word(&block, &input);
        let add_block = |a: &mut Assembler, is_first: bool| {
            for (pixel, [sum, most]) in state.iter().enumerate() {
                let place = pixel as i64 * step;
                let x = a.load(&block, place);
                let other = a.load_swapped(&block, place);
                a.compute_into(&other, Arithmetic::Mul, &other, &signs);
                // The second of two blocks has the opposite signs.
                match is_first {
                    true => a.fma(sum, &x, &other),
                    false => a.fnma(sum, &x, &other),
                }
                a.compute_into(&x, Arithmetic::And, &x, &size);
                a.compute_into(most, Arithmetic::MaxUnsigned, most, &x);
            }
            a.advance(&block, spec.input.plane_stride() as i64);
        };
        a.repeat(n_blocks / 2, |a| {
            add_block(a, true);
            add_block(a, false);
        });
        a.repeat(n_blocks % 2, |a| add_block(a, true));
        drop(block);
        for (pixel, [sum, most]) in state.iter().enumerate() {
            a.add_even_lanes(sum);
            a.store_first_if_within([sum, most, &least, &largest], &sums, pixel as i64);
        }
        a.advance(&input, n as i64 * step);
        a.advance(&sums, n as i64);
    };
    a.repeat(width / SIDE_BY_SIDE, |a| pixels(a, SIDE_BY_SIDE));
    a.repeat(width % SIDE_BY_SIDE, |a| pixels(a, 1));
    drop((input, sums));
    a.finish()
}

/// What surrounds the steps of a tile of pairs.
pub struct PairTile<'t> {
    pub spec: &'t ConvSpec,
    /// What stands before a unit's weights, and they.
    pub weight: &'t Word,
    /// The unit's biases, if there are any.
    pub bias: Option<&'t Word>,
    /// Vectors of output channels.
    pub vectors: usize,
}

impl PairTile<'_> {
    /// Floats before the weights.
    pub fn head(&self, a: &Assembler) -> usize {
        HEAD * self.vectors * a.lanes()
    }

    /// A row of a unit's weights, or of what stands before them.
    fn row(&self, a: &mut Assembler, base: &Word, row: usize) -> Vec<Vector> {
        let lanes = a.lanes();
        let place = |v: usize| ((row * self.vectors + v) * lanes) as i64;
        (0..self.vectors).map(|v| a.load(base, place(v))).collect()
    }

    /// What the sums begin with; `pair_sums` has those of the pixels, `places` further.
    pub fn begin(&self, a: &mut Assembler, sums: &[Vector], pair_sums: &Word, places: &[i64]) {
        let products = self.row(a, self.weight, 1);
        for (sums, &place) in sums.chunks(self.vectors).zip(places) {
            for (sum, products) in sums.iter().zip(&products) {
                a.compute_broadcast_into(sum, Arithmetic::Sub, products, pair_sums, place);
            }
        }
    }

    /// Undoes the weights' scales and adds the bias.
    pub fn end(&self, a: &mut Assembler, sums: &[Vector]) {
        let undone = self.row(a, self.weight, 0);
        for (index, sum) in sums.iter().enumerate() {
            a.compute_into(sum, Arithmetic::Mul, sum, &undone[index % self.vectors]);
        }
        drop(undone);
        self.add_bias(a, sums);
    }

    fn add_bias(&self, a: &mut Assembler, sums: &[Vector]) {
        let Some(bias) = self.bias else { return };
        let bias = self.row(a, bias, 0);
        for (index, sum) in sums.iter().enumerate() {
            a.compute_into(sum, Arithmetic::Add, sum, &bias[index % self.vectors]);
        }
    }

    /// All of a tile whose inputs do not suit: with the weights as they were, as a convolution defines it. In little code, since it is seldom met.
    /// `input` and `weight` are moved.
    pub fn sum_apart(
        &self,
        a: &mut Assembler,
        sums: &[Vector],
        input: &Word,
        weight: &Word,
        places: &[i64],
    ) {
        sums.iter().for_each(|sum| a.clear(sum));
        self.add_bias(a, sums);
        let undone = self.row(a, self.weight, 0);
        a.advance(weight, self.head(a) as i64);
        a.repeat(self.spec.input.channels / BLOCK, |a| {
            a.repeat(BLOCK, |a| {
                let weights = self.row(a, weight, 0);
                for (weight, undone) in weights.iter().zip(&undone) {
                    a.compute_into(weight, Arithmetic::Mul, weight, undone);
                }
                for (sums, &place) in sums.chunks(self.vectors).zip(places) {
                    for (sum, weight) in sums.iter().zip(&weights) {
                        a.fma_broadcast(sum, weight, input, place);
                    }
                }
                a.advance(input, 1);
                a.advance(weight, (self.vectors * a.lanes()) as i64);
            });
            a.advance(input, (self.spec.input.plane_stride() - BLOCK) as i64);
        });
    }
}

/// Adds what pair number `index` of two blocks contributes to the sums: that of the channels `input` and one further, with the weights from `weight` on.
pub fn add_pair(
    a: &mut Assembler,
    step: &Step,
    index: usize,
    sums: &[Vector],
    input: i64,
    weight: i64,
) {
    let lanes = a.lanes();
    let load = |a: &mut Assembler, row: usize| -> Vec<Vector> {
        let place = |v: usize| weight + ((row * step.vectors + v) * lanes) as i64;
        (0..step.vectors)
            .map(|v| a.load(step.weight, place(v)))
            .collect()
    };
    let [w0, w1] = [load(a, 0), load(a, 1)];
    let (op, is_negative) = match pair(index) {
        Pair::Apart => {
            for (sums, place) in sums.chunks(step.vectors).zip(step.places) {
                for (weights, channel) in [(&w0, 0), (&w1, 1)] {
                    for (sum, w) in sums.iter().zip(weights) {
                        a.fma_broadcast(sum, w, step.input, input + place + channel);
                    }
                }
            }
            return;
        }
        Pair::Sums => (Arithmetic::Add, false),
        Pair::Differences => (Arithmetic::Sub, true),
    };
    for (sums, place) in sums.chunks(step.vectors).zip(step.places) {
        let place = input + place;
        for (sum, (w0, w1)) in sums.iter().zip(w0.iter().zip(&w1)) {
            let first = a.compute_broadcast(op, w1, step.input, place);
            let second = a.compute_broadcast(op, w0, step.input, place + 1);
            match is_negative {
                true => a.fnma(sum, &first, &second),
                false => a.fma(sum, &first, &second),
            }
        }
    }
}
