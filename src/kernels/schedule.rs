//! How a convolution is cut: a row of results into tiles that fit the registers, rows into tasks, and the order of the tasks.
//!
//! Code generation, the number of tasks and the benchmark all ask here, so that there is one truth.

use super::{ConvSpec, LANEWISE_TAPS, Sharing, pairs};

/// Floating-point operations below which a task is not worth its start (decoding its number, addresses, halo): some microseconds.
const FLOPS_PER_TASK: usize = 1 << 17;

/// Bytes that we count on finding again in a core's second-level cache (half of the 1 MiB of Zen 4; 2 MiB on Sapphire Rapids).
const CACHE: usize = 512 << 10;

/// Bytes that we count on finding again in a core's first-level cache.
pub const NEAR_CACHE: usize = 24 << 10;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Sets of a first-level cache, and lines that we count on finding again in each (of the 8 of Zen 4, 12 of Sapphire Rapids).
const SETS: usize = 64;
const WAYS: usize = 6;

/// From the start of a multiply-add to its result. Two can start a cycle, so that twice as many must be under way.
const MULTIPLY_ADD_CYCLES: usize = 4;

/// What a call of an assembled strip costs beside its tiles.
const CALL_CYCLES: usize = 40;

/// Vectors of output channels of a tile, at most.
pub const MAX_VECTORS: usize = 8;

/// Adjacent tiles of one width in a row of results: `count` of them, the first at column `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Strip {
    /// First column.
    pub start: usize,
    /// Columns of a tile.
    pub width: usize,
    /// Tiles.
    pub count: usize,
    /// Rows of a tile: more than one where the width alone leaves registers unused.
    pub rows: usize,
}

/// How a convolution is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Schedule {
    /// Vectors of output channels of a tile.
    pub vectors: usize,
    /// The same for the last group of channels, where fewer are left.
    pub last_vectors: usize,
    /// The columns of a row; an unused strip has no tiles.
    pub strips: [Strip; 2],
    /// Rows of a task; the last one of a map may have fewer.
    pub rows_per_task: usize,
    /// Tasks that cover the rows of a map.
    pub row_groups: usize,
    /// Output channels of a task: at least a tile's, at least a block.
    pub channels_per_task: usize,
    /// Tasks that cover the output channels.
    pub channel_groups: usize,
    /// Whether tasks count groups of output channels fastest (images, row groups, channel groups), so that input rows stay near while all weights pass,
    /// or slowest (channel groups, images, row groups), so that a group's weights stay near while all input passes.
    pub channels_fastest: bool,
}

impl Schedule {
    /// Tasks of one image.
    pub fn tasks_per_image(&self) -> usize {
        self.row_groups * self.channel_groups
    }
}

/// Largest number that divides both.
pub fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl ConvSpec {
    /// Sets of sums that take turns, where a tile alone has too few sums to keep the multiply-add units busy.
    pub fn n_chains(&self, sums: usize) -> usize {
        if sums >= 2 * MULTIPLY_ADD_CYCLES || self.family.is_assembled() {
            1
        } else {
            let most = self.family.accumulators(self.schedule.vectors);
            (most / sums.max(1)).max(1)
        }
    }

    /// Inputs that each result sums over.
    pub(super) fn steps(&self) -> usize {
        self.group_inputs() * self.kernel[0] * self.kernel[1]
    }

    /// Weights that a tile with lanewise inputs keeps in registers.
    fn row_weights(&self) -> usize {
        self.kernel[1].min(LANEWISE_TAPS)
    }

    /// Inputs that a tile of `rows` by `columns` pixels loads each step, in sixteenths.
    fn inputs_per_step(&self, [rows, columns]: [usize; 2]) -> usize {
        let taps = self.row_weights().max(1);
        if !(self.sharing().is_lanewise() && self.family.is_assembled()) {
            return 16 * rows * columns;
        }
        let reach = (columns - 1) * self.stride[1] + (taps - 1) * self.dilation[1] + 1;
        16 * rows * reach.min(columns * taps) / taps
    }

    /// Pixels that a tile of so many vectors can have at most.
    fn tile_pixels(&self, vectors: usize) -> usize {
        if self.pairs {
            return self.pair_pixels(vectors);
        }
        let weights = match self.sharing() {
            // A row of taps, and a permutation.
            Sharing::Lanes if self.family.is_assembled() => self.row_weights(),
            Sharing::Permuted => self.row_weights() + 1,
            // One weight a channel, whatever the pixels.
            Sharing::Lanes => 1,
            _ => vectors,
        };
        let fit = self.family.accumulators(weights) / vectors;
        match self.sharing() {
            // Four inserts a pixel and step: more pixels would only be more code.
            Sharing::Gather => fit / 2,
            _ => fit,
        }
    }

    /// Rows that a tile can have at most, so that what it reads in one column fits the few sets of a first-level cache that rows at a power of two's
    /// distance share: a column of 28 rows, 2 KiB from one to the next, ran at half the speed.
    fn tile_rows(&self) -> usize {
        let lines = (self.input.row_stride() * size_of::<f32>() / LINE).max(1);
        let room = SETS / gcd(SETS, lines) * WAYS;
        let reach = self.dilation[0] * self.kernel[0].saturating_sub(1);
        let most = match self.pairs {
            true => self.pair_rows(),
            false => self.lattice.size[0].max(1),
        };
        (room.saturating_sub(reach) / self.stride[0]).clamp(1, most)
    }

    /// How many vectors of output channels a tile may have.
    fn tile_vectors(&self) -> Vec<usize> {
        let lanes = self.family.lanes();
        if !self.family.is_assembled() {
            return match self.sharing() {
                // With two, a weight's load serves five pixels and an input's two vectors.
                Sharing::Block | Sharing::Lanes => vec![2.min(self.output.block / lanes)],
                Sharing::Vector | Sharing::Gather | Sharing::Permuted => vec![1],
            };
        }
        if self.pairs {
            return vec![pairs::VECTORS];
        }
        let all = self.output.channels.div_ceil(lanes);
        match self.sharing() {
            Sharing::Lanes | Sharing::Permuted => vec![1],
            _ if self.groups > 1 => {
                let of_group = self.group_outputs() / lanes;
                (1..=of_group.min(MAX_VECTORS))
                    .filter(|&vectors| of_group.is_multiple_of(vectors))
                    .collect()
            }
            _ => (1..=all.min(MAX_VECTORS)).collect(),
        }
    }

    /// The cut that costs least by [`tile_cost`].
    pub(super) fn choose_schedule(&self) -> Schedule {
        let all = self.output.channels.div_ceil(self.family.lanes());
        let mut best = (usize::MAX, 0, 0, [Strip::default(); 2]);
        for vectors in self.tile_vectors() {
            let last = match all % vectors {
                rest if rest > 0 && self.family.is_assembled() => rest,
                _ => vectors,
            };
            let (strips, cost) = split_row(self, vectors);
            let narrower = strips.map(|strip| strip_cost(self, last, &strip));
            let total =
                all.div_ceil(vectors).saturating_sub(1) * cost + narrower.iter().sum::<usize>();
            if total < best.0 {
                best = (total, vectors, last, strips);
            }
        }
        let (_, vectors, last_vectors, strips) = best;
        let height = self.lattice.size[0];
        let (channels_per_task, rows_per_task) = match self.pairs {
            true => (self.pair_channels(), self.pair_rows()),
            false => {
                let channels = (vectors * self.family.lanes()).max(self.output.block);
                (channels, self.rows_per_task(&strips, channels))
            }
        };
        let row_groups = height.div_ceil(rows_per_task);
        let channel_groups = self.output.channels.div_ceil(channels_per_task);
        Schedule {
            vectors,
            last_vectors,
            strips,
            rows_per_task,
            row_groups,
            channels_per_task,
            channel_groups,
            channels_fastest: self.channels_fastest(row_groups, channel_groups),
        }
    }

    fn rows_per_task(&self, strips: &[Strip], channels: usize) -> usize {
        let [height, width] = self.lattice.size;
        let used = strips.iter().filter(|strip| strip.count > 0);
        let tile_rows = used.map(|strip| strip.rows).max().unwrap_or(1);
        let taps = self.kernel[0] * self.kernel[1];
        let flops_per_row = 2 * width * channels * self.group_inputs() * taps;
        let wanted = FLOPS_PER_TASK
            .div_ceil(flops_per_row.max(1))
            .clamp(1, height.max(1));
        let even = height.div_ceil(height.div_ceil(wanted).max(1));
        even.next_multiple_of(tile_rows).max(1)
    }

    /// Compares what either order of tasks has to fetch from beyond the second-level cache.
    fn channels_fastest(&self, row_groups: usize, channel_groups: usize) -> bool {
        let float = size_of::<f32>();
        let taps = self.kernel[0] * self.kernel[1];
        let weights = self.output.channels * self.group_inputs() * taps * float;
        let input = self.input.n_blocks() * self.input.plane_stride() * float;
        let beyond = |passes: usize, bytes: usize| if bytes <= CACHE { 0 } else { passes * bytes };
        // Where all is near anyway, the weights of one group are what the first-level cache holds best.
        let input_passes = if self.groups == 1 { channel_groups } else { 1 };
        beyond(row_groups, weights) < beyond(input_passes, input)
    }
}

/// What a tile costs each step, in sixteenths of a cycle, of a machine that starts two multiply-adds and two loads a cycle and whose multiply-adds take
/// four: every x86-64 since Haswell, or better.
fn tile_cost(spec: &ConvSpec, vectors: usize, size: [usize; 2]) -> usize {
    let sums = size[0] * size[1] * vectors;
    if spec.pairs {
        // One multiply-add a cycle, and two loads; every input is one for each sum.
        let multiply = 16 * sums * pairs::CYCLES / pairs::BLOCK;
        let load = 8 * (sums + vectors);
        return multiply.max(16 * MULTIPLY_ADD_CYCLES).max(load) + load / 8 + 8;
    }
    let multiply = 8 * sums;
    let chains = match spec.family.is_assembled() {
        true => 1,
        false => spec.n_chains(sums),
    };
    let wait = 16 * MULTIPLY_ADD_CYCLES / chains;
    let load = spec.inputs_per_step(size) / 2 + 8 * vectors;
    // Weights that the first-level cache does not hold come at half a vector of 64 bytes a cycle.
    let taps = spec.kernel[0] * spec.kernel[1];
    let bytes = vectors * spec.family.lanes() * size_of::<f32>();
    let far = bytes * spec.group_inputs() * taps > NEAR_CACHE;
    let fetch = if far { 16 * bytes / 32 } else { 0 };
    // Loads do not hide entirely; bias, addresses, epilogue and store are half a cycle of each of some hundred steps.
    multiply.max(wait).max(load).max(fetch) + load / 4 + 8
}

/// What a strip costs in all rows of a map.
fn strip_cost(spec: &ConvSpec, vectors: usize, strip: &Strip) -> usize {
    if strip.count == 0 {
        return 0;
    }
    let height = match spec.pairs {
        // Tasks begin anew.
        true => spec.pair_rows(),
        false => spec.lattice.size[0],
    };
    let (full, rest) = (height / strip.rows, height % strip.rows);
    let mut rows = full * tile_cost(spec, vectors, [strip.rows, strip.width]);
    if rest > 0 {
        rows += tile_cost(spec, vectors, [rest, strip.width]);
    }
    let calls = match spec.family.is_assembled() {
        true => height.div_ceil(strip.rows) * CALL_CYCLES * 16 / spec.steps().max(1),
        false => 0,
    };
    strip.count * rows + calls
}

/// Cuts a row into tiles of at most two widths, so that all of a map costs least; answers that cost too. A tile so narrow that further rows fit takes them:
/// 56 columns are ten tiles of 5 and three of 2 that are two rows high. A remainder of 1 or 3 would wait for its own sums.
fn split_row(spec: &ConvSpec, vectors: usize) -> ([Strip; 2], usize) {
    let [height, width] = spec.lattice.size;
    let pixels = spec.tile_pixels(vectors).max(1);
    let most_rows = spec.tile_rows();
    let strip = |start: usize, width: usize, count: usize| Strip {
        start,
        width,
        count,
        rows: (pixels / width).clamp(1, most_rows),
    };
    let mut best = [Strip::default(); 2];
    let mut least = usize::MAX;
    for wide in 1..=pixels.min(width.max(1)) {
        for narrow in 1..=wide {
            // More narrow ones than `wide` could be wide ones instead.
            for n_narrow in 0..wide {
                let Some(left) = width.checked_sub(n_narrow * narrow) else {
                    break;
                };
                if !left.is_multiple_of(wide) {
                    continue;
                }
                let strips = [strip(0, wide, left / wide), strip(left, narrow, n_narrow)];
                let total: usize = strips
                    .iter()
                    .map(|strip| strip_cost(spec, vectors, strip))
                    .sum();
                // Every shape of tile is code of its own: it must gain more than its share of the cache and of compile time.
                let shapes = strips.iter().filter(|strip| strip.count > 0);
                let n_shapes: usize = shapes
                    .map(|strip| 1 + usize::from(!height.is_multiple_of(strip.rows)))
                    .sum();
                let total = total + total / 64 * n_shapes;
                if total < least {
                    (best, least) = (strips, total);
                }
            }
        }
    }
    (best, least)
}

#[cfg(test)]
mod tests {
    use super::super::{Lattice, TileFamily};
    use super::*;
    use crate::graph::{Margins, Shape};
    use crate::plan::View;

    fn spec(channels: u64, height: u64, width: u64) -> ConvSpec {
        let view = View::dense(&Shape::chw(channels, height, width), 8, Margins::default());
        ConvSpec {
            family: TileFamily::Clif128,
            input: view,
            output: view,
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            origin: [0, 0],
            groups: 1,
            lattice: Lattice::full(&view),
            bias: false,
            epilogue: None,
            precise: false,
            pairs: false,
            transposed: None,
            schedule: Schedule::default(),
        }
        .scheduled()
    }

    #[test]
    fn strips_cover_a_row() {
        for channels in [4, 8] {
            for width in 1..120 {
                let spec = spec(channels, 9, width);
                let mut next = 0;
                for strip in spec.schedule.strips.iter().filter(|strip| strip.count > 0) {
                    assert_eq!(strip.start, next);
                    assert!(strip.width * strip.rows <= spec.tile_pixels(spec.schedule.vectors));
                    next += strip.width * strip.count;
                }
                assert_eq!(next, width as usize);
            }
        }
    }

    #[test]
    fn tiles_are_as_full_as_the_map_allows() {
        let strips = |size: u64| {
            spec(8, size, size)
                .schedule
                .strips
                .map(|strip| (strip.width, strip.rows, strip.count))
        };
        assert_eq!(strips(56), [(5, 1, 10), (2, 2, 3)]);
        // Columns of five rows, twice, and the four rows that are left.
        assert_eq!(strips(14), [(1, 5, 14), (1, 5, 0)]);
        // Two columns would wait for their own sums, five rows of one do not, nor do the two rows that are left of both.
        assert_eq!(strips(7), [(5, 1, 1), (1, 5, 2)]);
    }
}
