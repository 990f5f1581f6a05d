//! A strip of register tiles of a convolution: the same scheme as the narrow tile's, see [`crate::codegen::clif`].
//!
//! `fn(input, weight, output, count, bias, operands)` computes `count` tiles side by side. `input` is the first pixel that the first tap of the first result
//! reads, `weight` the unit's weights, `output` the first result, `bias` the unit's biases if there are any, `operands` a table of pointers to
//! the epilogue's elements for the first result, which the function moves along.

use super::assembler::{Assembler, Vector, Word};
use super::epilogue::{self, Operand, is_wide};
use super::lanes::RowOfTaps;
use super::step::Step;
use crate::codegen::CodegenError;
use crate::kernels::{ConvSpec, Epilogue, WeightType};

/// Steps (one input channel of one tap) that are written out before there is a loop.
const UNROLLED_STEPS: usize = 24;

/// A strip's tiles.
#[derive(Clone, Copy)]
pub struct ConvStrip<'s> {
    /// The convolution.
    pub spec: &'s ConvSpec,
    /// Rows and columns of a tile.
    pub size: [usize; 2],
    /// Vectors of output channels of a tile.
    pub vectors: usize,
}

/// A loop over taps.
struct Level {
    count: usize,
    /// From one to the next, floats of input.
    step: usize,
}

/// Where the next step reads.
struct Cursor {
    input: Word,
    weight: Word,
    /// Floats that `weight` stands behind.
    weight_offset: usize,
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

    /// All steps of a tile.
    fn accumulate(&self, a: &mut Assembler, cursor: &mut Cursor, sums: &[Vector]) {
        let spec = self.spec;
        let (n_chunks, rest) = self.chunks();
        let chunks = Level {
            count: n_chunks,
            step: spec.input.plane_stride(),
        };
        let [rows, columns] =
            [(0, spec.input.row_stride()), (1, spec.input.pixel_stride())].map(|(axis, stride)| {
                Level {
                    count: spec.kernel[axis],
                    step: spec.dilation[axis] * stride,
                }
            });
        if spec.sharing().is_lanewise() {
            return self.levels(a, &[&rows], spec.kernel[1] * spec.chunk(), cursor, 0, sums);
        }
        let whole = [&chunks, &rows, &columns];
        self.levels(a, &whole, spec.chunk(), cursor, 0, sums);
        if rest > 0 {
            let moved = self.moved_by(&whole, spec.chunk());
            a.advance(&cursor.input, (n_chunks * chunks.step) as i64 - moved);
            self.levels(a, &[&rows, &columns], rest, cursor, 0, sums);
        }
    }

    /// The loops `levels`, outermost first, around the steps of one tap. Inner ones are written out while there are few steps; `place` is what those have
    /// advanced already. A loop leaves the cursor behind its last round.
    fn levels(
        &self,
        a: &mut Assembler,
        levels: &[&Level],
        channels: usize,
        cursor: &mut Cursor,
        place: usize,
        sums: &[Vector],
    ) {
        let Some((level, inner)) = levels.split_first() else {
            return self.steps(a, channels, cursor, place, sums);
        };
        let steps = inner.iter().map(|level| level.count).product::<usize>() * channels;
        if level.count == 1 || steps * level.count <= UNROLLED_STEPS {
            for index in 0..level.count {
                self.levels(a, inner, channels, cursor, place + index * level.step, sums);
            }
            return;
        }
        let moved = self.moved_by(inner, channels);
        let rest = level.step as i64 - moved;
        self.settle(a, cursor);
        a.repeat(level.count, |a| {
            self.levels(a, inner, channels, cursor, place, sums);
            self.settle(a, cursor);
            a.advance(&cursor.input, rest);
        });
    }

    /// How far the loops `levels` move the cursor over the input.
    fn moved_by(&self, levels: &[&Level], channels: usize) -> i64 {
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

    /// The channels of a chunk at one tap; of a row of taps where each lane has inputs of its own.
    fn steps(
        &self,
        a: &mut Assembler,
        channels: usize,
        cursor: &mut Cursor,
        place: usize,
        sums: &[Vector],
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
        let step = Step {
            input: &cursor.input,
            places: &places,
            weight: &cursor.weight,
            vectors: self.vectors,
            weights: WeightType::F32,
        };
        for channel in 0..channels {
            step.add_products(
                a,
                sums,
                (place + channel) as i64,
                cursor.weight_offset as i64,
            );
            cursor.weight_offset += self.vectors * a.lanes();
        }
    }

    /// Applies the epilogue and stores.
    fn finish(&self, a: &mut Assembler, sums: &[Vector], output: &Word, table: &Word) {
        let ConvSpec {
            output: view,
            lattice,
            ..
        } = self.spec;
        let epilogue = self.epilogue();
        let operands = Operand::load(a, epilogue, table);
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
            let plane = channel / view.block * view.plane_stride() + channel % view.block;
            let place = plane + row * view.row_stride() + column * view.pixel_stride();
            a.store(sum, output, place as i64);
        }
    }
}

/// Assembles a strip.
pub fn conv_strip(strip: &ConvStrip) -> Result<Vec<u8>, CodegenError> {
    let spec = strip.spec;
    let (mut a, [input, weight, output, count, bias, table]) = Assembler::start(spec.family);
    let n_sums = strip.n_pixels() * strip.vectors;
    a.count_down(&count, |a| {
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
        };
        a.copy_word(&cursor.input, &input);
        a.copy_word(&cursor.weight, &weight);
        strip.accumulate(a, &mut cursor, &sums);
        drop(cursor);
        strip.finish(a, &sums, &output, &table);

        let columns = strip.size[1];
        let right = spec.stride[1] * columns * spec.input.pixel_stride();
        a.advance(&input, right as i64);
        let columns = columns * spec.lattice.step[1];
        a.advance(&output, (columns * spec.output.pixel_stride()) as i64);
        let epilogue = strip.epilogue();
        for (index, view) in epilogue.iter().flat_map(|e| &e.operands).enumerate() {
            a.advance_entry(&table, index, epilogue::step(view, [0, columns]) as i64);
        }
    });
    a.finish()
}
