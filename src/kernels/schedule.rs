//! How a convolution is cut: a row of results into tiles that fit the registers, rows into tasks, and the order of the tasks.
//!
//! Code generation, the number of tasks and the benchmark all ask here, so that there is one truth.

use super::{ConvSpec, Sharing};

/// Floating-point operations below which a task is not worth its start (decoding its number, addresses, halo): some microseconds.
const FLOPS_PER_TASK: usize = 1 << 17;

/// Bytes that we count on finding again in a core's second-level cache (half of the 1 MiB of Zen 4; 2 MiB on Sapphire Rapids).
const CACHE: usize = 512 << 10;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// The columns of a row; widths differ by one at most, and an unused strip has no tiles.
    pub strips: [Strip; 2],
    /// Rows of a task; the last one of a map may have fewer.
    pub rows_per_task: usize,
    /// Tasks that cover the rows of a map.
    pub row_groups: usize,
    /// Whether tasks count blocks of output channels fastest (images, row groups, blocks), so that input rows stay near while all weights pass,
    /// or slowest (blocks, images, row groups), so that a block's weights stay near while all input passes.
    pub blocks_fastest: bool,
}

/// Largest number that divides both.
pub fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl ConvSpec {
    /// Vectors of output channels in a tile.
    pub fn tile_vectors(&self) -> usize {
        self.unit() / self.family.lanes()
    }

    /// Pixels that a tile can have at most.
    fn tile_pixels(&self) -> usize {
        let fit = self.family.accumulators() / self.tile_vectors();
        match self.sharing() {
            // Four inserts a pixel and step: more pixels would only be more code.
            Sharing::Gather => fit / 2,
            _ => fit,
        }
    }

    /// See [`Schedule`].
    pub fn schedule(&self) -> Schedule {
        let [height, width] = self.lattice.size;
        let strips = split_row(width, height, self.tile_pixels());
        let tile_rows = strips
            .iter()
            .map(|strip| strip.rows)
            .max()
            .unwrap_or(1)
            .max(1);
        let taps = self.kernel[0] * self.kernel[1];
        let flops_per_row = 2 * width * self.output.block * self.group_inputs() * taps;
        let wanted = FLOPS_PER_TASK
            .div_ceil(flops_per_row.max(1))
            .clamp(1, height.max(1));
        let even = height.div_ceil(height.div_ceil(wanted).max(1));
        let rows_per_task = even.next_multiple_of(tile_rows).max(1);
        let row_groups = height.div_ceil(rows_per_task);
        Schedule {
            strips,
            rows_per_task,
            row_groups,
            blocks_fastest: self.blocks_fastest(row_groups),
        }
    }

    /// Compares what either order of tasks has to fetch from beyond the second-level cache.
    fn blocks_fastest(&self, row_groups: usize) -> bool {
        let float = size_of::<f32>();
        let taps = self.kernel[0] * self.kernel[1];
        let weights = self.output.channels * self.group_inputs() * taps * float;
        let input = self.input.n_blocks() * self.input.plane_stride() * float;
        let beyond = |passes: usize, bytes: usize| if bytes <= CACHE { 0 } else { passes * bytes };
        // Where all is near anyway, the weights of one block are what the first-level cache holds best.
        let input_passes = if self.groups == 1 {
            self.output.n_blocks()
        } else {
            1
        };
        beyond(row_groups, weights) < beyond(input_passes, input)
    }
}

/// Cuts a row into as few tiles as fit the registers, and these into widths as equal as can be: a narrow remainder would wait for its own sums
/// (a fused multiply-add takes four cycles, two start a cycle: eight sums must be under way) and load nearly a value for each multiplication.
/// 56 columns in tiles of six are six of 6 and four of 5; 7 are 4 and 3. What is so narrow that two rows fit takes two rows.
fn split_row(width: usize, height: usize, pixels: usize) -> [Strip; 2] {
    let tiles = width.div_ceil(pixels).max(1);
    let (narrow, n_wide) = (width / tiles, width % tiles);
    let strip = |start: usize, width: usize, count: usize| Strip {
        start,
        width,
        count: if width == 0 { 0 } else { count },
        rows: (pixels / width.max(1)).clamp(1, height.max(1)),
    };
    [
        strip(0, narrow + 1, n_wide),
        strip(n_wide * (narrow + 1), narrow, tiles - n_wide),
    ]
    .map(|strip| {
        if strip.count == 0 {
            Strip::default()
        } else {
            strip
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_evenly() {
        for pixels in [3, 6, 12] {
            for width in 1..200 {
                let strips = split_row(width, 9, pixels);
                let mut next = 0;
                for strip in strips.iter().filter(|strip| strip.count > 0) {
                    assert_eq!(strip.start, next);
                    assert!(strip.width * strip.rows <= pixels);
                    next += strip.width * strip.count;
                }
                assert_eq!(next, width);
            }
        }
    }

    #[test]
    fn narrow_maps_get_tall_tiles() {
        let [wide, narrow] = split_row(7, 7, 6);
        assert_eq!((wide.width, wide.rows, wide.count), (4, 1, 1));
        assert_eq!((narrow.width, narrow.rows, narrow.count), (3, 2, 1));
    }
}
