//! What a strip asks for before it needs it: the weights that come next, and the lines that a tile's results will touch.

use super::assembler::{Assembler, Word};
use super::conv::{ConvStrip, Cursor, FIRST_OPERAND, place};
use super::epilogue::Operand;
use crate::kernels::{Chain, ConvSpec, NEAR_CACHE};

/// Bytes of a unit's weights that leave room for the next unit's in the second-level cache. Larger units come anew from further for each tile.
const FAR_CACHE: usize = 448 << 10;

/// Floats that weights of such large units are asked for ahead of their use: 4 KiB.
const PREFETCH_FLOATS: i64 = 1024;

/// Lines that a core has on their way at most, about.
const MOST_REQUESTS: usize = 24;

/// Steps over which a tile of one tap asks for more lines than that.
const REQUEST_STEPS: usize = 32;

/// Bytes of a cache line, and its floats.
const LINE: usize = 64;
pub const LINE_FLOATS: usize = LINE / size_of::<f32>();

/// How weights come near before they are used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefetch {
    /// The hardware does it.
    Nothing,
    /// While a unit's tiles pass, the next unit's weights are asked for, bit by bit: memory works all the time and not only when a unit begins.
    NextUnit,
    /// A unit is asked for shortly before each use.
    ThisUnit,
}

/// A line that is wanted when the sums are done.
pub enum Request {
    ToRead(Word, i64),
    ToWrite(Word, i64),
}

impl Request {
    /// Asks for it.
    pub fn emit(&self, a: &mut Assembler) {
        match self {
            Request::ToRead(base, floats) => a.prefetch(base, *floats),
            Request::ToWrite(base, floats) => a.prefetch_to_write(base, *floats),
        }
    }
}

impl ConvStrip<'_> {
    /// What the tile will read and write when its sums are done: asked for before, it is near by then.
    pub(super) fn requests(&self, a: &mut Assembler, output: &Word, table: &Word) -> Vec<Request> {
        let ConvSpec {
            output: view,
            lattice,
            ..
        } = self.spec;
        let operands = Operand::load(a, self.epilogue(), table, FIRST_OPERAND);
        let mut requests = Vec::new();
        for [row, column] in self.pixels() {
            let pixel = [row * lattice.step[0], column * lattice.step[1]];
            for v in 0..self.vectors {
                let channel = v * a.lanes();
                let lines = operands.iter().filter_map(|o| o.line(pixel, channel));
                requests.extend(lines.map(|(base, floats)| Request::ToRead(base, floats)));
                requests.push(Request::ToWrite(
                    output.clone(),
                    place(view, pixel, channel),
                ));
            }
        }
        requests
    }

    fn prefetch(&self) -> Prefetch {
        let taps = self.spec.kernel[0] * self.spec.kernel[1];
        let unit = self.vectors * self.spec.family.lanes();
        let bytes = unit * self.spec.group_inputs() * taps * size_of::<f32>();
        if bytes <= NEAR_CACHE {
            Prefetch::Nothing
        } else if bytes <= FAR_CACHE {
            Prefetch::NextUnit
        } else {
            Prefetch::ThisUnit
        }
    }

    /// Chunks of input channels over which a tile asks for so many lines: many at once would hold up what its steps load. Few do not, and with several taps a
    /// tile has so many steps that it does not show: then all requests come before the first step.
    pub(super) fn request_chunks(&self, n_requests: usize) -> usize {
        match (self.spec.kernel, self.spec.chain()) {
            ([1, 1], Chain::Whole)
                if n_requests > MOST_REQUESTS && !self.spec.sharing().is_lanewise() =>
            {
                self.chunks().0.min(REQUEST_STEPS / self.spec.chunk())
            }
            _ => 0,
        }
    }

    /// A tile's share of the next unit: so many lines each round of as many channels at one tap.
    pub(super) fn lines_ahead(&self, channels: usize) -> usize {
        let bytes = channels * self.vectors * self.spec.family.lanes() * size_of::<f32>();
        match self.prefetch() {
            Prefetch::NextUnit => bytes.div_ceil(LINE * self.tiles_per_unit),
            _ => 0,
        }
    }

    /// What channel number `channel` of `channels` asks for: its share of `lines` of the next unit, or its own unit's weights.
    pub(super) fn ask_for_weights(
        &self,
        a: &mut Assembler,
        cursor: &Cursor,
        lines: usize,
        channel: usize,
        channels: usize,
    ) {
        for line in lines * channel / channels..lines * (channel + 1) / channels {
            a.prefetch_far(&cursor.ahead, (line * LINE_FLOATS) as i64);
        }
        if self.prefetch() == Prefetch::ThisUnit {
            for v in 0..self.vectors {
                let weight = cursor.weight_offset + v * a.lanes();
                a.prefetch(&cursor.weight, weight as i64 + PREFETCH_FLOATS);
            }
        }
    }
}
