//! Products of pairs: Winograd's way to the inner product (S. Winograd, *A New Algorithm for Inner Product*, 1968), for convolutions of one tap.
//!
//! Of two channels' inputs `x0`, `x1` and weights `w0`, `w1`,
//!
//! ```text
//! x0 w0 + x1 w1 = (w1 + x0) (w0 + x1) - x0 x1 - w0 w1
//! ```
//!
//! which takes one multiplication for a result instead of two: the sum of the products `x0 x1` is the same for all output channels, that of `w0 w1` for all
//! pixels. It takes two additions for that. Where a core adds vectors while it multiplies others ([`TileFamily::Zen4`]), both are
//! busy all the time if five of eight pairs are computed like this and three as ever: eleven cycles instead of sixteen.
//!
//! # Rounding
//!
//! The product is not that of input and weight any more, but of sums of both: it rounds like the larger of them. So the weights of each output channel
//! are scaled by a power of two to about 1, where batch-normalised inputs are (R. P. Brent, *Error analysis of algorithms for matrix multiplication and
//! triangular decomposition using Winograd's identity*, 1970). A tile one of whose pixels has a largest input out of [`SMALLEST`] to [`LARGEST`], or what is
//! no number, is computed as ever, from the same weights with their scales undone. And since `(w1 - x0) (w0 - x1)` gives the same with the opposite sign, every other pair takes that,
//! so that the sums of `x0 x1`, which are positive behind a ReLU, cancel instead of growing.
//!
//! Errors are small beside the product of the root mean squares of a pixel's inputs and a channel's weights. They need not be small beside each result, as those of a plain
//! sum are not where products cancel.

use super::{ConvSpec, TileFamily};

/// How the products of two adjacent channels are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Each by itself.
    Apart,
    /// `(w1 + x0) (w0 + x1)`
    Sums,
    /// `(w1 - x0) (w0 - x1)`, which is subtracted.
    Differences,
}

impl Pair {
    /// The factor of `x0 x1 + w0 w1` in what is computed.
    pub fn sign(self) -> f32 {
        match self {
            Pair::Apart => 0.0,
            Pair::Sums => 1.0,
            Pair::Differences => -1.0,
        }
    }
}

/// Channels of a block.
pub const BLOCK: usize = 16;

/// Channels of two blocks, after which pairs repeat.
pub const PERIOD: usize = 2 * BLOCK;

/// Cycles of a block's steps, for a sum of a tile: the multiply-adds, beside which additions do not show.
pub const CYCLES: usize = 11;

/// Pair number `index`, counted through all channels. Sums and differences take turns; in two blocks there are as many of these as of those.
pub fn pair(index: usize) -> Pair {
    let is_second = index % (PERIOD / 2) >= BLOCK / 2;
    match (index % (BLOCK / 2), is_second) {
        (1 | 3 | 5, _) => Pair::Apart,
        (0 | 4 | 7, false) | (2 | 6, true) => Pair::Sums,
        _ => Pair::Differences,
    }
}

/// Rows before a unit's weights: what undoes their scales, and minus their sums of `w0 w1`.
pub const HEAD: usize = 2;

/// The least that the largest input of a pixel may be.
pub const SMALLEST: f32 = 1.0 / 16.0;

/// The most that an input may be.
pub const LARGEST: f32 = 64.0;

/// Vectors of output channels of a tile. With one, half of the loads would be weights; with three, too few pixels have registers.
pub const VECTORS: usize = 2;

/// Registers that a step takes besides: two sums.
const SUMS: usize = 2;

/// Output channels of a task, at least: what its pixels' sums of `x0 x1` cost, a few cycles a block of inputs, is divided among so many.
const TASK_CHANNELS: usize = 128;

/// Pixels of a task, about: enough to use weights often, few enough to stay in the second-level cache.
const TASK_PIXELS: usize = 48;

/// Tasks that are wanted, so that threads can share them.
const WANTED_TASKS: usize = 8;

/// Columns of a map at most: the sums of a task's pixels stand on the stack, one row of so many, or some of fewer.
const MOST_COLUMNS: usize = 2048;

/// Slots of a block of a pixel's inputs, when `x0 x1` is summed, and of a pixel besides.
const BLOCK_SLOTS: usize = 4;
const PIXEL_SLOTS: usize = 16;

/// The largest power of two that weights are scaled by: what undoes it is no denormal.
const MOST_POWER: i32 = 126;

impl ConvSpec {
    /// Whether it can be computed by products of pairs.
    pub fn can_pair(&self) -> bool {
        let is_plain = self.kernel == [1, 1] && self.groups == 1 && self.transposed.is_none();
        let is_blocked = self.input.block == BLOCK && self.input.channels.is_multiple_of(BLOCK);
        self.family == TileFamily::Zen4
            && self.lacks(self.family).is_none()
            && is_plain
            && is_blocked
            && self.origin == [0, 0]
            && !self.precise
            && self.output.channels > self.family.lanes()
            && self.lattice.is_full(&self.output)
            && self.lattice.size[1] <= MOST_COLUMNS
    }

    /// Pixels of a tile at most.
    pub(super) fn pair_pixels(&self, vectors: usize) -> usize {
        (self.family.registers() - 2 * vectors - SUMS) / vectors
    }

    /// Rows of a task.
    pub(super) fn pair_rows(&self) -> usize {
        let [height, width] = self.lattice.size;
        let wanted = TASK_PIXELS.div_ceil(width.max(1)).clamp(1, height.max(1));
        // Those that come out even are worth some more pixels.
        (wanted..=height.min(2 * wanted))
            .find(|&rows| height.is_multiple_of(rows))
            .unwrap_or(wanted)
    }

    /// Output channels of a task.
    pub(super) fn pair_channels(&self) -> usize {
        let unit = VECTORS * self.family.lanes();
        let row_groups = self.lattice.size[0].div_ceil(self.pair_rows());
        let n_units = self.output.channels.div_ceil(unit);
        let wanted = WANTED_TASKS.div_ceil(row_groups.max(1));
        let most = (self.output.channels / TASK_CHANNELS).max(1);
        n_units.div_ceil(wanted.min(most)) * unit
    }

    /// Slots of the sums of `x0 x1` for an image.
    pub(super) fn pair_slots(&self) -> f64 {
        let pixels = self.lattice.size[0] * self.lattice.size[1];
        let passes = self.output.channels.div_ceil(self.pair_channels());
        let of_pixel = self.input.n_blocks() * BLOCK_SLOTS + PIXEL_SLOTS;
        (passes * pixels * of_pixel) as f64
    }
}

/// Floats that stand before an output channel's weights, for pairs or not.
pub fn head(pairs: bool) -> usize {
    if pairs { HEAD } else { 0 }
}

/// The power of two that brings numbers of a size between 1 and 2, or near.
fn power_for(size: f64) -> i32 {
    // From its bits, which are the same on every machine.
    let exponent = (size.to_bits() >> 52) as i32 - 1023;
    (-exponent).clamp(-MOST_POWER, MOST_POWER)
}

fn power_of_two(power: i32) -> f32 {
    f32::from_bits(((power + 127) as u32) << 23)
}

/// Scales a unit's weights, `[channels][unit]`, and fills what stands before them.
pub fn scale(head: &mut [f32], weights: &mut [f32], unit: usize) {
    let (undone, products) = head.split_at_mut(unit);
    let n_channels = weights.len() / unit;
    for (lane, (undone, products)) in undone.iter_mut().zip(products).enumerate() {
        let column = |channel: usize| channel * unit + lane;
        let squares = (0..n_channels).map(|channel| f64::from(weights[column(channel)]).powi(2));
        let size = (squares.sum::<f64>() / n_channels as f64).sqrt();
        if size == 0.0 {
            // Nothing is left of what the sums round.
            (*undone, *products) = (0.0, 0.0);
            continue;
        }
        // What is no number stays as it is.
        let power = if size.is_finite() { power_for(size) } else { 0 };
        *undone = power_of_two(-power);
        for channel in 0..n_channels {
            weights[column(channel)] *= power_of_two(power);
        }
        let product = |index: usize| {
            let [w0, w1] = [2 * index, 2 * index + 1].map(|c| f64::from(weights[column(c)]));
            f64::from(pair(index).sign()) * w0 * w1
        };
        *products = -(0..n_channels / 2).map(product).sum::<f64>() as f32;
    }
}

#[cfg(test)]
mod tests;
