//! Convolution by Winograd's minimal filtering algorithms (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015).
//!
//! The result is cut into *tiles* of `m` by `m` pixels. A tile's input, `n = m + r - 1` pixels squared for `r` by `r` taps, is transformed into as many *points*
//! (`B^T d B`); each point is a matrix product over channels, of tiles by weights that were transformed when they were packed (`G g G^T`); the products' points
//! are transformed into the tile's results (`A^T p A`). `F(m, r)` takes `n^2` multiplications where a direct convolution takes `(m r)^2`: 2.25 times fewer for
//! `F(2, 3)`, 4 times for `F(4, 3)`, 2.8 times for `F(2, 5)`. The price is rounding: transforms add numbers of different size. Where that would let a value reach results whose
//! windows do not contain it, a tile is computed directly: see [`guard`].

use std::collections::BTreeSet;

use super::conv::Sharing;
use super::{ConvSpec, Lattice, Schedule, Strip, TaskCount};
use crate::graph::Margins;
use crate::plan::View;

/// Floats that keep the points apart in scratch memory: at a distance of a power of two they would compete for one set of the cache.
const POINT_GAP: usize = 16;

/// Convolution of 3 by 3 or 5 by 5 taps, stride 1 or 2, one group or several that fill blocks of channels. Operands: input, transformed weight, bias if any, the epilogue's, scratch memory, output.
///
/// A task computes a block of tiles for some units of output channels of a group: it transforms the block's input of that group (unless the task before it in the
/// same call had the same), multiplies point by point, and transforms the products into results. All in between stays in scratch memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WinogradSpec {
    /// What it computes.
    pub conv: ConvSpec,
    /// Rows and columns of a tile of results: one of [`all_tiles`].
    pub tile: usize,
    /// How it is cut.
    pub cut: WinogradCut,
}

/// How the products are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WinogradCut {
    /// Vectors of output channels of a register tile: a unit.
    pub vectors: usize,
    /// The same for the last unit.
    pub last_vectors: usize,
    /// Tiles of results, side by side, of a register tile.
    pub width: usize,
    /// Tiles of results of a task, a multiple of `width`.
    pub tiles_per_task: usize,
    /// Units of output channels of a task.
    pub units_per_task: usize,
}

impl WinogradSpec {
    /// The algorithm along each axis.
    pub fn scheme(&self) -> Scheme {
        scheme(&self.conv, self.tile)
    }

    /// Points of a side of a tile.
    pub fn side(&self) -> usize {
        self.scheme().points()
    }

    /// Points of a tile.
    pub fn points(&self) -> usize {
        self.side().pow(2)
    }

    /// Points of a side whose weights differ.
    pub fn weight_side(&self) -> usize {
        self.scheme().weights()
    }

    /// Tiles by row and by column.
    pub fn grid(&self) -> [usize; 2] {
        grid(&self.conv.output, self.tile)
    }

    /// Tiles of an image.
    pub fn tiles_per_image(&self) -> usize {
        let [rows, columns] = self.grid();
        rows * columns
    }

    /// Output channels of a unit.
    pub fn unit(&self) -> usize {
        self.cut.vectors * self.conv.family.lanes()
    }

    /// What the width of the last unit is a multiple of: narrow tiles have one width only.
    pub fn granule(&self) -> usize {
        match self.conv.family.is_assembled() {
            true => self.conv.family.lanes(),
            false => self.unit(),
        }
    }

    /// Units of a group's output channels, the last perhaps narrower.
    pub fn n_units(&self) -> usize {
        self.conv.group_outputs().div_ceil(self.unit())
    }

    /// Tasks that share the transformed input of a block of tiles.
    pub fn tasks_per_input(&self) -> usize {
        self.n_units().div_ceil(self.cut.units_per_task)
    }

    /// Blocks of input channels of a group.
    pub fn input_blocks(&self) -> usize {
        self.conv.group_inputs().div_ceil(self.conv.input.block)
    }

    /// Blocks of output channels of a group.
    pub fn output_blocks(&self) -> usize {
        self.conv.group_outputs().div_ceil(self.conv.output.block)
    }

    /// Tasks count units of output channels fastest, then groups, then blocks of tiles (over all images).
    pub fn task_count(&self) -> TaskCount {
        TaskCount::Groups {
            parts_per_image: self.tiles_per_image(),
            parts_per_group: self.cut.tiles_per_task,
            tasks_per_group: self.conv.groups * self.tasks_per_input(),
        }
    }

    /// The product of one point: a convolution of one tap over a row of as many pixels as a task has tiles.
    pub fn product(&self) -> ConvSpec {
        let ConvSpec { input, output, .. } = &self.conv;
        let view = |view: &View, channels: usize| View {
            channels,
            height: 1,
            width: self.cut.tiles_per_task,
            halo: Margins::default(),
            image_stride: 0,
            ..*view
        };
        let (input, output) = (
            view(input, self.conv.group_inputs()),
            view(output, self.conv.group_outputs()),
        );
        let strip = Strip {
            start: 0,
            width: self.cut.width,
            count: self.cut.tiles_per_task / self.cut.width,
            rows: 1,
        };
        ConvSpec {
            family: self.conv.family,
            input,
            output,
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            origin: [0, 0],
            groups: 1,
            lattice: Lattice::full(&output),
            bias: false,
            epilogue: None,
            precise: false,
            pairs: false,
            transposed: None,
            schedule: Schedule {
                vectors: self.cut.vectors,
                last_vectors: self.cut.last_vectors,
                strips: [strip, Strip::default()],
                ..Schedule::default()
            },
        }
    }

    /// Floats from one point of the transformed input to the next in scratch memory.
    pub fn input_stride(&self) -> usize {
        self.input_blocks() * self.conv.input.block * self.cut.tiles_per_task + POINT_GAP
    }

    /// Blocks of output channels that a task has at most.
    pub fn blocks_per_task(&self) -> usize {
        let channels = self.cut.units_per_task * self.unit();
        channels.div_ceil(self.conv.output.block)
    }

    /// Floats from one point of the products to the next in scratch memory.
    pub fn product_stride(&self) -> usize {
        self.blocks_per_task() * self.conv.output.block * self.cut.tiles_per_task + POINT_GAP
    }

    /// Where the products begin in scratch memory; the transformed input comes first.
    pub fn products_start(&self) -> usize {
        self.points() * self.input_stride()
    }

    /// Where a tile's points lie between the passes over columns and rows.
    pub fn passing_start(&self) -> usize {
        self.products_start() + self.points() * self.product_stride()
    }

    /// Where it is noted for each tile of a task whether its inputs suit: see [`guard`].
    pub fn verdicts_start(&self) -> usize {
        self.passing_start() + self.points() * self.conv.output.block
    }

    /// Floats of scratch memory.
    pub fn scratch_size(&self) -> usize {
        let n_verdicts = match self.is_guarded() {
            true => self.cut.tiles_per_task,
            false => 0,
        };
        self.verdicts_start() + n_verdicts
    }
}

/// Tiles of `m` by `m` results that cover a map, by row and by column.
fn grid(output: &View, m: usize) -> [usize; 2] {
    [output.height.div_ceil(m), output.width.div_ceil(m)]
}

/// The algorithm along each axis, with tiles of `m` by `m` results.
fn scheme(conv: &ConvSpec, m: usize) -> Scheme {
    Scheme {
        results: m,
        taps: conv.kernel[0],
        stride: conv.stride[0],
    }
}

/// The tiles by which the algorithm computes a convolution, if at all.
pub fn tiles(conv: &ConvSpec) -> impl Iterator<Item = usize> {
    let is_possible = applies(conv);
    let schemes = SCHEMES
        .into_iter()
        .filter(move |scheme| is_possible && *scheme == self::scheme(conv, scheme.results));
    schemes.map(|scheme| scheme.results)
}

/// All sizes of tiles that there are transforms for.
pub fn all_tiles() -> impl Iterator<Item = usize> {
    let tiles: BTreeSet<usize> = SCHEMES.iter().map(|scheme| scheme.results).collect();
    tiles.into_iter()
}

fn applies(conv: &ConvSpec) -> bool {
    let block = conv.family.channel_block();
    let groups_fill_blocks = conv.groups == 1
        || [conv.group_inputs(), conv.group_outputs()]
            .iter()
            .all(|channels| channels.is_multiple_of(block));
    conv.kernel[0] == conv.kernel[1]
        && conv.stride[0] == conv.stride[1]
        && conv.dilation == [1, 1]
        && groups_fill_blocks
        && conv.lattice.is_full(&conv.output)
        && [conv.input.block, conv.output.block] == [block; 2]
        && conv.group_inputs() >= block
}

/// The kernel with tiles of `m`, cut as costs least for so many images at a time.
pub fn configure(conv: ConvSpec, m: usize, batch: usize) -> WinogradSpec {
    debug_assert!(matches!(conv.sharing(), Sharing::Block | Sharing::Vector));
    WinogradSpec {
        cut: cost::choose_cut(&conv, m, batch).0,
        tile: m,
        conv,
    }
}

/// What it costs, and the cut that costs least.
pub mod cost;
pub mod guard;
mod transforms;

pub use transforms::{MOST_WEIGHTS, Matrix, SCHEMES, Scheme, Transforms};

#[cfg(test)]
mod tests;
