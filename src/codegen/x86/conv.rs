//! A strip of register tiles of a convolution: the same scheme as the narrow tile's, see [`crate::codegen::clif`].
//!
//! `fn(input, weight, output, count, bias, table)` computes `count` tiles side by side. `input` is the first pixel that the first tap of the first result
//! reads, `weight` the unit's weights, `output` the first result, `bias` the unit's biases if there are any, `table` pointers that the function moves along: to
//! the weights that are wanted next, then to the epilogue's elements for the first result, and to its pixel's sum where products are of pairs.

use super::assembler::{Arithmetic, Assembler, Vector, Word};
use super::epilogue::{self, Operand, is_wide};
use super::lanes::RowOfTaps;
use super::pairs::{PairTile, add_pair};
use super::requests::{LINE_FLOATS, Request};
use super::step::Step;
use super::totals::Totals;
use crate::codegen::CodegenError;
use crate::kernels::{Chain, ConvSpec, Epilogue, WeightType};
use crate::plan::View;

/// Steps (one input channel of one tap) that are written out before there is a loop.
const UNROLLED_STEPS: usize = 24;

/// Where the epilogue's pointers begin in the table.
pub const FIRST_OPERAND: usize = 1;

/// Where they end. The pointer to the pixels' sums of `x0 x1` stands there, if there are any.
pub fn end_of_operands(spec: &ConvSpec) -> usize {
    let operands = spec.epilogue.iter().flat_map(|e| &e.operands);
    FIRST_OPERAND + operands.count()
}

/// A strip's tiles.
#[derive(Clone, Copy)]
pub struct ConvStrip<'s> {
    /// The convolution.
    pub spec: &'s ConvSpec,
    /// Rows and columns of a tile.
    pub size: [usize; 2],
    /// Vectors of output channels of a tile.
    pub vectors: usize,
    /// Tiles that use a unit's weights before the next unit's are used.
    pub tiles_per_unit: usize,
}

/// A loop over taps or chunks of input channels.
#[derive(Clone, Copy)]
struct Level {
    count: usize,
    /// From one to the next, floats of input.
    step: usize,
    /// Whether a chain of sums ends with each.
    ends_chain: bool,
}

impl Level {
    fn new(count: usize, step: usize) -> Level {
        Level {
            count,
            step,
            ends_chain: false,
        }
    }

    fn ending_chains(self, ends_chain: bool) -> Level {
        Level { ends_chain, ..self }
    }
}

/// Loops around the steps of so many channels at one tap.
struct Nest {
    /// Its first chunk of input channels.
    chunk: usize,
    /// Outermost first.
    levels: Vec<Level>,
    channels: usize,
}

/// Where the next step reads.
pub(super) struct Cursor {
    input: Word,
    pub weight: Word,
    /// Floats that `weight` stands behind.
    pub weight_offset: usize,
    /// What to ask for next.
    pub ahead: Word,
    /// What chains of sums join.
    totals: Option<Totals>,
}

impl<'s> ConvStrip<'s> {
    fn n_pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Rows and columns of the tile's results.
    pub(super) fn pixels(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let [rows, columns] = self.size;
        (0..rows).flat_map(move |row| (0..columns).map(move |column| [row, column]))
    }

    /// The epilogue that the strip applies itself; any other follows when its sums are stored.
    pub fn epilogue(&self) -> Option<&'s Epilogue> {
        let sums = self.n_pixels() * self.vectors;
        let n_free = self.spec.family.registers().saturating_sub(sums);
        let epilogue = self.spec.epilogue.as_ref();
        epilogue.filter(|epilogue| is_wide(epilogue, n_free))
    }

    /// Where the input of each pixel lies, from the first.
    fn places(&self) -> Vec<i64> {
        let ConvSpec { input, stride, .. } = self.spec;
        let place = |[row, column]: [usize; 2]| {
            row * stride[0] * input.row_stride() + column * stride[1] * input.pixel_stride()
        };
        self.pixels().map(|pixel| place(pixel) as i64).collect()
    }

    /// Where a channel of a chunk lies, from the first.
    fn place_of(&self, channel: usize) -> usize {
        let input = &self.spec.input;
        channel / input.block * input.plane_stride() + channel % input.block
    }

    /// From a chunk's inputs to the next one's.
    fn chunk_stride(&self) -> usize {
        let input = &self.spec.input;
        self.spec.chunk().div_ceil(input.block) * input.plane_stride()
    }

    /// Whole chunks of input channels, and the channels that are left.
    pub(super) fn chunks(&self) -> (usize, usize) {
        let (inputs, chunk) = (self.spec.group_inputs(), self.spec.chunk());
        (inputs / chunk, inputs % chunk)
    }

    /// The first chunks of input channels, as many as it returns, each step with its share of `requests`.
    fn begin(
        &self,
        a: &mut Assembler,
        cursor: &mut Cursor,
        requests: Vec<Request>,
        sums: &[Vector],
    ) -> usize {
        let chunk = self.spec.chunk();
        let n_chunks = self.request_chunks(requests.len());
        let steps = n_chunks * chunk;
        let mut left = requests.iter();
        for index in 0..n_chunks {
            let share = |a: &mut Assembler, channel: usize| {
                let after = steps - (index * chunk + channel);
                let share = left.len().div_ceil(after);
                left.by_ref()
                    .take(share)
                    .for_each(|request| request.emit(a));
            };
            let place = index * self.chunk_stride();
            self.steps(a, chunk, cursor, place, sums, share);
        }
        left.for_each(|request| request.emit(a));
        n_chunks
    }

    /// What covers the steps of a tile from chunk `first` on, in the order of the weights.
    fn nests(&self, first: usize) -> Vec<Nest> {
        let spec = self.spec;
        let ends_rows = spec.chain() == Chain::Row;
        let [rows, columns] = [(0, spec.input.row_stride()), (1, spec.input.pixel_stride())]
            .map(|(axis, stride)| Level::new(spec.kernel[axis], spec.dilation[axis] * stride));
        let rows = rows.ending_chains(ends_rows);
        if spec.sharing().is_lanewise() {
            return vec![Nest {
                chunk: 0,
                levels: vec![rows],
                channels: spec.kernel[1] * spec.chunk(),
            }];
        }
        let (n_chunks, rest) = self.chunks();
        let chunk = self.chunk_stride();
        let nest = |first: usize, outer: &[Level], channels: usize| Nest {
            chunk: first,
            levels: outer.iter().copied().chain([rows, columns]).collect(),
            channels,
        };
        let mut nests = Vec::new();
        match spec.chain() {
            Chain::Whole | Chain::Row => {
                let chunks = Level::new(n_chunks - first, chunk);
                nests.push(nest(first, &[chunks], self.spec.chunk()));
            }
            Chain::Chunks(size) => {
                let (n_chains, last) = (n_chunks / size, n_chunks % size);
                for (first, count, size) in [(0, n_chains, size), (n_chains * size, 1, last)] {
                    let chains = Level::new(count, size * chunk).ending_chains(true);
                    let outer = [chains, Level::new(size, chunk)];
                    if count * size > 0 {
                        nests.push(nest(first, &outer, spec.chunk()));
                    }
                }
            }
        }
        if rest > 0 {
            let last = Level::new(1, chunk).ending_chains(!ends_rows);
            nests.push(nest(n_chunks, &[last], rest));
        }
        nests
    }

    /// All steps of a tile.
    fn accumulate(
        &self,
        a: &mut Assembler,
        mut cursor: Cursor,
        requests: Vec<Request>,
        sums: &[Vector],
    ) {
        if let Some(totals) = &cursor.totals {
            totals.begin(a, sums);
        }
        let begun = self.begin(a, &mut cursor, requests, sums);
        let mut place = 0;
        for nest in self.nests(begun) {
            let start = (nest.chunk * self.chunk_stride()) as i64;
            a.advance(&cursor.input, start - place);
            self.levels(a, &nest.levels, nest.channels, &mut cursor, 0, sums);
            place = start + self.moved_by(&nest.levels, nest.channels);
        }
        if let Some(totals) = &cursor.totals {
            totals.end(a, sums);
        }
    }

    /// The loops `levels`, outermost first, around the steps of one tap. Inner ones are written out while there are few steps; `place` is what those have
    /// advanced already. A loop leaves the cursor behind its last round.
    fn levels(
        &self,
        a: &mut Assembler,
        levels: &[Level],
        channels: usize,
        cursor: &mut Cursor,
        place: usize,
        sums: &[Vector],
    ) {
        let Some((level, inner)) = levels.split_first() else {
            return self.steps(a, channels, cursor, place, sums, |_, _| {});
        };
        let steps = inner.iter().map(|level| level.count).product::<usize>() * channels;
        if level.count == 1 || steps * level.count <= UNROLLED_STEPS {
            for index in 0..level.count {
                self.levels(a, inner, channels, cursor, place + index * level.step, sums);
                end_chain(a, level, cursor, sums);
            }
            return;
        }
        let moved = self.moved_by(inner, channels);
        let rest = level.step as i64 - moved;
        self.settle(a, cursor);
        a.repeat(level.count, |a| {
            self.levels(a, inner, channels, cursor, place, sums);
            end_chain(a, level, cursor, sums);
            self.settle(a, cursor);
            a.advance(&cursor.input, rest);
        });
    }

    /// How far the loops `levels` move the cursor over the input.
    fn moved_by(&self, levels: &[Level], channels: usize) -> i64 {
        let Some((level, inner)) = levels.split_first() else {
            return 0;
        };
        let steps = inner.iter().map(|level| level.count).product::<usize>() * channels;
        if steps * level.count <= UNROLLED_STEPS {
            0
        } else if level.count == 1 {
            self.moved_by(inner, channels)
        } else {
            (level.count * level.step) as i64
        }
    }

    /// Lets the weights' pointer catch up.
    fn settle(&self, a: &mut Assembler, cursor: &mut Cursor) {
        a.advance(&cursor.weight, cursor.weight_offset as i64);
        cursor.weight_offset = 0;
    }

    /// The channels of a chunk at one tap, `before` each what else is to be done; of a row of taps where each lane has inputs of its own.
    fn steps(
        &self,
        a: &mut Assembler,
        channels: usize,
        cursor: &mut Cursor,
        place: usize,
        sums: &[Vector],
        mut before: impl FnMut(&mut Assembler, usize),
    ) {
        let places = self.places();
        if self.spec.sharing().is_lanewise() {
            let row = RowOfTaps {
                input: &cursor.input,
                places: &places,
                weight: &cursor.weight,
                taps: self.spec.kernel[1],
                step: (self.spec.dilation[1] * self.spec.input.pixel_stride()) as i64,
                group: self.spec.group_inputs(),
            };
            row.add_products(a, sums, place as i64, cursor.weight_offset as i64);
            cursor.weight_offset += channels * a.lanes();
            return;
        }
        let lanes = a.lanes();
        let lines = self.lines_ahead(channels);
        let step = Step {
            input: &cursor.input,
            places: &places,
            weight: &cursor.weight,
            vectors: self.vectors,
            weights: WeightType::F32,
        };
        for channel in 0..channels {
            before(a, channel);
            self.ask_for_weights(a, cursor, lines, channel, channels);
            let input = (place + self.place_of(channel)) as i64;
            let row = self.vectors * lanes;
            if !self.spec.pairs {
                step.add_products(a, sums, input, cursor.weight_offset as i64);
            } else if channel % 2 == 1 {
                let weight = cursor.weight_offset - row;
                add_pair(a, &step, channel / 2, sums, input - 1, weight as i64);
            }
            cursor.weight_offset += row;
        }
        a.advance(&cursor.ahead, (lines * LINE_FLOATS) as i64);
    }

    /// Applies the epilogue and stores.
    fn finish(&self, a: &mut Assembler, sums: &[Vector], output: &Word, table: &Word) {
        let ConvSpec {
            output: view,
            lattice,
            ..
        } = self.spec;
        let epilogue = self.epilogue();
        let operands = Operand::load(a, epilogue, table, FIRST_OPERAND);
        for (index, sum) in sums.iter().enumerate() {
            let (pixel, channel) = (index / self.vectors, index % self.vectors * a.lanes());
            let (row, column) = (pixel / self.size[1], pixel % self.size[1]);
            let [row, column] = [row * lattice.step[0], column * lattice.step[1]];
            if let Some(epilogue) = epilogue {
                epilogue::apply(
                    a,
                    &epilogue.function,
                    sum,
                    &operands,
                    [row, column],
                    channel,
                );
            }
            a.store(sum, output, place(view, [row, column], channel));
        }
    }
}

/// What follows each round of a loop: the end of a chain of sums, perhaps.
fn end_chain(a: &mut Assembler, level: &Level, cursor: &Cursor, sums: &[Vector]) {
    if let Some(totals) = cursor.totals.as_ref().filter(|_| level.ends_chain) {
        totals.join(a, sums);
    }
}

/// Floats from a tile's first result to the one so many rows, columns and channels further.
pub(super) fn place(view: &View, [row, column]: [usize; 2], channel: usize) -> i64 {
    let plane = channel / view.block * view.plane_stride() + channel % view.block;
    (plane + row * view.row_stride() + column * view.pixel_stride()) as i64
}

/// The function's arguments, and what to ask for next.
struct Pointers {
    input: Word,
    weight: Word,
    output: Word,
    bias: Option<Word>,
    table: Word,
    ahead: Word,
}

impl ConvStrip<'_> {
    /// A tile's sums as its convolution defines them.
    fn sum(&self, a: &mut Assembler, at: &Pointers, requests: Vec<Request>) -> Vec<Vector> {
        let first: Vec<Vector> = (0..self.vectors)
            .map(|v| match &at.bias {
                Some(bias) => a.load(bias, (v * a.lanes()) as i64),
                None => a.zero(),
            })
            .collect();
        let mut sums = first.clone();
        for index in self.vectors..self.n_pixels() * self.vectors {
            sums.push(match at.bias {
                Some(_) => a.copy(&first[index % self.vectors]),
                None => a.zero(),
            });
        }
        drop(first);
        let cursor = self.cursor(a, at);
        self.accumulate(a, cursor, requests, &sums);
        sums
    }

    /// The same by [products of pairs](crate::kernels::pairs), if the inputs' sizes allow for it.
    fn sum_pairs(&self, a: &mut Assembler, at: &Pointers, requests: Vec<Request>) -> Vec<Vector> {
        let n_sums = self.n_pixels() * self.vectors;
        let sums: Vec<Vector> = (0..n_sums).map(|_| a.vector()).collect();
        let tile = PairTile {
            spec: self.spec,
            weight: &at.weight,
            bias: at.bias.as_ref(),
            vectors: self.vectors,
        };
        let pair_sums = a.word();
        a.load_word(&pair_sums, &at.table, end_of_operands(self.spec));
        let width = self.spec.lattice.size[1];
        let places = self.pixels().map(|[row, column]| row * width + column);
        let places: Vec<i64> = places.map(|place| place as i64).collect();
        let all = a.load_splat(&pair_sums, places[0]);
        for &place in &places[1..] {
            a.compute_broadcast_into(&all, Arithmetic::Add, &all, &pair_sums, place);
        }
        let apart = |a: &mut Assembler| {
            let cursor = self.cursor(a, at);
            tile.sum_apart(a, &sums, &cursor.input, &cursor.weight, &self.places());
        };
        let in_pairs = |a: &mut Assembler| {
            tile.begin(a, &sums, &pair_sums, &places);
            // Its register is wanted.
            drop(pair_sums);
            let cursor = Cursor {
                weight_offset: tile.head(a),
                ..self.cursor(a, at)
            };
            self.accumulate(a, cursor, requests, &sums);
            tile.end(a, &sums);
        };
        a.if_nan(all, apart, in_pairs);
        sums
    }

    fn cursor(&self, a: &mut Assembler, at: &Pointers) -> Cursor {
        let cursor = Cursor {
            input: a.word(),
            weight: a.word(),
            weight_offset: 0,
            ahead: at.ahead.clone(),
            totals: Totals::of(self.spec, &at.table),
        };
        a.copy_word(&cursor.input, &at.input);
        a.copy_word(&cursor.weight, &at.weight);
        cursor
    }
}

/// Assembles a strip.
pub fn conv_strip(strip: &ConvStrip) -> Result<Vec<u8>, CodegenError> {
    let spec = strip.spec;
    let (mut a, [input, weight, output, count, bias, table]) = Assembler::start(spec.family);
    let at = Pointers {
        input,
        weight,
        output,
        bias: spec.bias.then_some(bias),
        table,
        ahead: a.word(),
    };
    a.load_word(&at.ahead, &at.table, 0);
    a.count_down(&count, |a| {
        let requests = strip.requests(a, &at.output, &at.table);
        let sums = match spec.pairs {
            true => strip.sum_pairs(a, &at, requests),
            false => strip.sum(a, &at, requests),
        };
        strip.finish(a, &sums, &at.output, &at.table);

        let columns = strip.size[1];
        let right = spec.stride[1] * columns * spec.input.pixel_stride();
        a.advance(&at.input, right as i64);
        let on_lattice = columns * spec.lattice.step[1];
        a.advance(&at.output, (on_lattice * spec.output.pixel_stride()) as i64);
        let epilogue = strip.epilogue();
        for (index, view) in epilogue.iter().flat_map(|e| &e.operands).enumerate() {
            let step = epilogue::step(view, [0, on_lattice]);
            a.advance_entry(&at.table, FIRST_OPERAND + index, step as i64);
        }
        if spec.pairs {
            a.advance_entry(&at.table, end_of_operands(spec), columns as i64);
        }
    });
    a.store_word(&at.ahead, &at.table, 0);
    drop((at, count));
    a.finish()
}
