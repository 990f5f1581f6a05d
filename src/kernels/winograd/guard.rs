//! What keeps a value out of the results whose windows do not contain it.
//!
//! A point mixes all inputs of a tile, and the transform of the products removes what a result has no part in only as far as rounding allows: an input of 1e20 leaves
//! errors of 1e12 in results whose windows do not contain it, an infinity leaves NaN. Tiles of two results a side are free of that: an input that only one of
//! the two reads shares no point with the other ([`Scheme::spreads`]). For all other tiles, the rule is:
//!
//! **A tile is computed directly if one of its inputs is infinite or NaN, or if the mean of the inputs' squares is somewhere in the tile more than [`MOST_RATIO`] times what it is in
//! the quietest window.**
//!
//! [`Parts`] make that precise: the tile's pixels are divided into *cells*, of which each window contains one, and parts of what is left. The mean of the squares over a
//! part's pixels and all channels of the group is compared with that of each cell. The rule has no scale of its own and depends on the tile's inputs alone, so that neither
//! the rest of a batch nor the number of threads matters. A square that overflows counts as infinite, so inputs above 1.8e19 are computed directly; squares of inputs below 1e-19 vanish.
//!
//! Maps of ordinary pictures vary less than that nearly everywhere: on twelve photographs and drawings, the rule met 0.06% (F(4, 3)) to 0.5% (F(4, 3) of stride 2) of the tiles of three trained networks, and
//! 0.2% to 0.9% of networks with random weights and no biases.

use super::{Scheme, Transforms, WinogradSpec};
use crate::kernels::{ConvSpec, Schedule, Strip};

/// The most that a part's mean square may be of the quietest cell's: inputs 8 times as large. Of tiles that just pass, the largest error is some 1e-5 of the
/// largest result, about three times that of an even tile; 16 would double it, 4 would meet tiles of ordinary maps often.
pub const MOST_RATIO: f32 = 64.0;

/// Parts of what is in no cell, at least: a large value shows more in a small part.
const FEWEST_OTHERS: usize = 3;

/// How the pixels of a tile's input are divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The part of each pixel, by rows. Cells come first.
    pub of_pixel: Vec<usize>,
    /// Pixels of each part.
    pub sizes: Vec<usize>,
    /// How many are cells.
    pub n_cells: usize,
}

impl Scheme {
    /// Whether an input shares a point with a result whose window does not contain it.
    pub fn spreads(self) -> bool {
        let Transforms { output, input, .. } = Transforms::of(self);
        let meet = |result: usize, place: usize| {
            let points = output[result].iter().zip(&input);
            points.into_iter().any(|(a, b)| a * b[place] != 0.0)
        };
        let results = (0..self.results).map(|result| (result, result * self.stride));
        let mut all = results.flat_map(|(result, first)| {
            let window = first..first + self.taps;
            let outside = (0..self.points()).filter(move |place| !window.contains(place));
            outside.map(move |place| (result, place))
        });
        all.any(|(result, place)| meet(result, place))
    }

    /// The cells along one axis of a tile with so many results: what the windows of two neighbours have in common, each pixel in one cell only.
    fn cells(self, results: usize) -> Vec<std::ops::Range<usize>> {
        let mut end = 0;
        let firsts = (0..results).step_by(2);
        let cells = firsts.map(|first| {
            let last = (first + 1).min(results - 1);
            let start = (last * self.stride).max(end);
            end = first * self.stride + self.taps;
            start..end
        });
        cells.collect()
    }

    /// Parts of a tile, whatever its size: a multiple of four.
    fn n_parts(self) -> usize {
        let n_cells = self.results.div_ceil(2).pow(2);
        (n_cells + FEWEST_OTHERS).next_multiple_of(4)
    }

    /// The parts of a tile whose first `size` rows and columns of results exist.
    pub fn parts(self, size: [usize; 2]) -> Parts {
        let [rows, columns] = size.map(|results| self.cells(results));
        let n_cells = rows.len() * columns.len();
        let mut sizes = vec![0; self.n_parts()];
        let n_others = sizes.len() - n_cells;
        let mut others = (0..n_others).cycle().map(|other| n_cells + other);
        let n = self.points();
        let pixels = (0..n * n).map(|pixel| {
            let in_cell = |cells: &[std::ops::Range<usize>], place: usize| {
                cells.iter().position(|cell| cell.contains(&place))
            };
            let cell = in_cell(&rows, pixel / n).zip(in_cell(&columns, pixel % n));
            let cell = cell.map(|(row, column)| row * columns.len() + column);
            let part = cell.or_else(|| others.next()).unwrap_or(0);
            sizes[part] += 1;
            part
        });
        Parts {
            of_pixel: pixels.collect(),
            sizes,
            n_cells,
        }
    }
}

impl WinogradSpec {
    /// Whether its tiles are checked, and computed directly if need be.
    pub fn is_guarded(&self) -> bool {
        self.scheme().spreads()
    }

    /// The direct computation of some tiles with so many columns of results, of a block of output channels at a time: rows of the map from the first, and its first columns.
    pub fn direct(&self, columns: usize) -> ConvSpec {
        let vectors = self.conv.output.block / self.conv.family.lanes();
        let strip = Strip {
            start: 0,
            width: columns,
            count: 1,
            rows: 1,
        };
        ConvSpec {
            schedule: Schedule {
                vectors,
                last_vectors: vectors,
                strips: [strip, Strip::default()],
                rows_per_task: self.tile,
                row_groups: 1,
                channels_per_task: self.conv.output.block,
                channel_groups: self.conv.output.n_blocks(),
                channels_fastest: true,
            },
            ..self.conv.clone()
        }
    }

    /// Floats of packed weights for each pair of an input and an output channel: at the points, and as they are if tiles may be computed directly.
    pub fn floats_per_filter(&self) -> usize {
        let taps = match self.is_guarded() {
            true => self.scheme().taps.pow(2),
            false => 0,
        };
        self.weight_side().pow(2) + taps
    }
}
