//! A strip of register tiles of a convolution: the same scheme as the narrow tile's, see [`crate::codegen::clif`].
//!
//! `fn(input, weight, output, count, bias, table)` computes `count` tiles side by side. `input` is the first pixel that the first tap of the first result
//! reads, `weight` the unit's weights, `output` the first result, `bias` the unit's biases if there are any, `table` pointers that the function moves along: to
//! the weights that are wanted next, then to the epilogue's elements for the first result.

use super::assembler::{Assembler, Vector, Word};
use super::epilogue::{self, Operand, is_wide};
use super::lanes::RowOfTaps;
use super::step::Step;
use super::totals::Totals;
use crate::codegen::CodegenError;
use crate::kernels::{Chain, ConvSpec, Epilogue, NEAR_CACHE, WeightType};
use crate::plan::View;

/// Steps (one input channel of one tap) that are written out before there is a loop.
const UNROLLED_STEPS: usize = 24;

/// Bytes of a unit's weights that leave room for the next unit's in the second-level cache. Larger units come anew from further for each tile.
const FAR_CACHE: usize = 448 << 10;

/// Floats that weights of such large units are asked for ahead of their use: 4 KiB.
const PREFETCH_FLOATS: i64 = 1024;

/// Lines that a core has on their way at most, about.
const MOST_REQUESTS: usize = 24;

/// Steps over which a tile of one tap asks for more lines than that.
const REQUEST_STEPS: usize = 32;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Where the epilogue's pointers begin in the table.
pub const FIRST_OPERAND: usize = 1;

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

/// A line that is wanted when the sums are done.
enum Request {
    ToRead(Word, i64),
    ToWrite(Word, i64),
}

impl Request {
    fn emit(&self, a: &mut Assembler) {
        match self {
            Request::ToRead(base, floats) => a.prefetch(base, *floats),
            Request::ToWrite(base, floats) => a.prefetch_to_write(base, *floats),
        }
    }
}

/// Where the next step reads.
struct Cursor {
    input: Word,
    weight: Word,
    /// Floats that `weight` stands behind.
    weight_offset: usize,
    /// What to ask for next.
    ahead: Word,
    /// What chains of sums join.
    totals: Option<Totals>,
}

impl<'s> ConvStrip<'s> {
    fn n_pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Rows and columns of the tile's results.
    fn pixels(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
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

    /// Whole chunks of input channels, and the channels that are left.
    fn chunks(&self) -> (usize, usize) {
        let (inputs, chunk) = (self.spec.group_inputs(), self.spec.chunk());
        (inputs / chunk, inputs % chunk)
    }

    /// What the tile will read and write when its sums are done: asked for before, it is near by then.
    fn requests(&self, a: &mut Assembler, output: &Word, table: &Word) -> Vec<Request> {
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

    /// The first chunks of input channels, as many as it returns, each step with its share of `requests`: many at once would hold up what the steps load.
    /// Few do not, and with several taps a tile has so many steps that it does not show: then all requests come before the first step.
    fn begin(
        &self,
        a: &mut Assembler,
        cursor: &mut Cursor,
        requests: Vec<Request>,
        sums: &[Vector],
    ) -> usize {
        let chunk = self.spec.chunk();
        let n_chunks = match (self.spec.kernel, self.spec.chain()) {
            ([1, 1], Chain::Whole)
                if requests.len() > MOST_REQUESTS && !self.spec.sharing().is_lanewise() =>
            {
                self.chunks().0.min(REQUEST_STEPS / chunk)
            }
            _ => 0,
        };
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
            let place = index * self.spec.input.plane_stride();
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
        let chunk = spec.input.plane_stride();
        let nest = |first: usize, outer: &[Level], channels: usize| Nest {
            chunk: first,
            levels: outer.iter().copied().chain([rows, columns]).collect(),
            channels,
        };
        let mut nests = Vec::new();
        match spec.chain() {
            Chain::Whole | Chain::Row => {
                let chunks = Level::new(n_chunks - first, chunk);
                nests.push(nest(first, &[chunks], spec.chunk()));
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
        cursor: &mut Cursor,
        requests: Vec<Request>,
        sums: &[Vector],
    ) {
        if let Some(totals) = &cursor.totals {
            totals.begin(a, sums);
        }
        let begun = self.begin(a, cursor, requests, sums);
        let mut place = 0;
        for nest in self.nests(begun) {
            let start = (nest.chunk * self.spec.input.plane_stride()) as i64;
            a.advance(&cursor.input, start - place);
            self.levels(a, &nest.levels, nest.channels, cursor, 0, sums);
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
        let prefetch = self.prefetch();
        // A tile asks for its share of the next unit: as many lines of each round of steps.
        let bytes = channels * self.vectors * lanes * size_of::<f32>();
        let lines = match prefetch {
            Prefetch::NextUnit => bytes.div_ceil(LINE * self.tiles_per_unit),
            _ => 0,
        };
        let step = Step {
            input: &cursor.input,
            places: &places,
            weight: &cursor.weight,
            vectors: self.vectors,
            weights: WeightType::F32,
        };
        for channel in 0..channels {
            before(a, channel);
            for line in lines * channel / channels..lines * (channel + 1) / channels {
                a.prefetch_far(&cursor.ahead, (line * LINE / size_of::<f32>()) as i64);
            }
            if prefetch == Prefetch::ThisUnit {
                for v in 0..self.vectors {
                    let weight = cursor.weight_offset + v * lanes;
                    a.prefetch(&cursor.weight, weight as i64 + PREFETCH_FLOATS);
                }
            }
            step.add_products(
                a,
                sums,
                (place + channel) as i64,
                cursor.weight_offset as i64,
            );
            cursor.weight_offset += self.vectors * lanes;
        }
        a.advance(&cursor.ahead, (lines * LINE / size_of::<f32>()) as i64);
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
fn place(view: &View, [row, column]: [usize; 2], channel: usize) -> i64 {
    let plane = channel / view.block * view.plane_stride() + channel % view.block;
    (plane + row * view.row_stride() + column * view.pixel_stride()) as i64
}

/// Assembles a strip.
pub fn conv_strip(strip: &ConvStrip) -> Result<Vec<u8>, CodegenError> {
    let spec = strip.spec;
    let (mut a, [input, weight, output, count, bias, table]) = Assembler::start(spec.family);
    let n_sums = strip.n_pixels() * strip.vectors;
    let ahead = a.word();
    a.load_word(&ahead, &table, 0);
    a.count_down(&count, |a| {
        let requests = strip.requests(a, &output, &table);
        let first: Vec<Vector> = (0..strip.vectors)
            .map(|v| match spec.bias {
                true => a.load(&bias, (v * a.lanes()) as i64),
                false => a.zero(),
            })
            .collect();
        let mut sums = first.clone();
        for index in strip.vectors..n_sums {
            sums.push(match spec.bias {
                true => a.copy(&first[index % strip.vectors]),
                false => a.zero(),
            });
        }
        let mut cursor = Cursor {
            input: a.word(),
            weight: a.word(),
            weight_offset: 0,
            ahead: ahead.clone(),
            totals: Totals::of(spec, &table),
        };
        a.copy_word(&cursor.input, &input);
        a.copy_word(&cursor.weight, &weight);
        strip.accumulate(a, &mut cursor, requests, &sums);
        drop(cursor);
        strip.finish(a, &sums, &output, &table);

        let columns = strip.size[1];
        let right = spec.stride[1] * columns * spec.input.pixel_stride();
        a.advance(&input, right as i64);
        let columns = columns * spec.lattice.step[1];
        a.advance(&output, (columns * spec.output.pixel_stride()) as i64);
        let epilogue = strip.epilogue();
        for (index, view) in epilogue.iter().flat_map(|e| &e.operands).enumerate() {
            a.advance_entry(
                &table,
                FIRST_OPERAND + index,
                epilogue::step(view, [0, columns]) as i64,
            );
        }
    });
    a.store_word(&ahead, &table, 0);
    a.finish()
}
