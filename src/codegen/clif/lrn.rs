//! Local response normalisation. One task is a strip of one plane.

use std::collections::HashMap;

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::{Emitter, LANES};
use super::math;
use super::operand::{load_pixels, store_pixels};
use super::strip::{Strip, for_columns, for_strips, has_vectors, plane_origin};
use crate::kernels::LrnSpec;

/// Channels of a window that are written out.
const UNROLLED: usize = 32;

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &LrnSpec) {
    let (input, output) = (e.operand(0), e.operand(1));
    for_strips(e, &spec.output, output, |e, strip| {
        let to = plane_origin(e, &spec.output, output, strip.image, strip.block);
        if !has_vectors(&spec.output) {
            emit_by_channel(e, spec, input, to, strip, 1);
        } else if spec.size > UNROLLED {
            emit_by_channel(e, spec, input, to, strip, spec.output.block);
        } else {
            Windows::new(e, spec, input, strip).emit(e, to, strip);
        }
    });
}

/// `x / (k + alpha / size * squares)^beta`
fn normalise(e: &mut Emitter, spec: &LrnSpec, x: Value, squares: Value) -> Value {
    let [alpha, beta, k] = [spec.alpha, spec.beta, spec.k].map(f32::from_bits);
    let factor = e.splat((f64::from(alpha) / spec.size as f64) as f32);
    let k = e.splat(k);
    let base = e.fma(squares, factor, k);
    let divisor = if beta == 0.75 {
        let root = e.builder().ins().sqrt(base);
        let fourth = e.builder().ins().sqrt(root);
        e.fmul(root, fourth)
    } else {
        math::pow_constant(e, base, beta)
    };
    e.fdiv(x, divisor)
}

/// Blocks of channels: the squares of a pixel's block and of its neighbours stay in registers, and each sum takes them at every shift.
struct Windows<'a> {
    spec: &'a LrnSpec,
    /// Chunks of four channels that the windows of a block reach, counted from the block's first.
    chunks: std::ops::Range<isize>,
    /// For each neighbouring block that is reached, the first pixel inside the halo of its plane.
    planes: HashMap<isize, Value>,
    /// For each chunk that may hold other lanes than those of channels, which of them do.
    masks: HashMap<isize, Value>,
}

impl<'a> Windows<'a> {
    fn new(e: &mut Emitter, spec: &'a LrnSpec, input: Value, strip: Strip) -> Windows<'a> {
        let view = &spec.input;
        let chunks_per_block = (view.block / LANES) as isize;
        let below = (spec.size / 2).div_ceil(LANES) as isize;
        let above = ((spec.size - 1) / 2).div_ceil(LANES) as isize;
        let chunks = -below..chunks_per_block + above;
        let (zero, end) = (e.int(0), e.int(view.n_blocks() as i64 - 1));
        let (mut planes, mut masks) = (HashMap::new(), HashMap::new());
        for chunk in chunks.clone() {
            let neighbour = chunk.div_euclid(chunks_per_block);
            let block = e.add_const(strip.block, neighbour as i64);
            planes.entry(neighbour).or_insert_with(|| {
                // A neighbour that does not exist is masked out, but something has to be read.
                let inside = e.max_int(block, zero);
                let inside = e.min_int(inside, end);
                plane_origin(e, view, input, strip.image, inside)
            });
            if neighbour != 0 || !view.channels.is_multiple_of(view.block) {
                let first = e.mul_const(strip.block, view.block as i64);
                let first = e.add_const(first, chunk as i64 * LANES as i64);
                masks.insert(chunk, channel_mask(e, first, view.channels));
            }
        }
        Windows {
            spec,
            chunks,
            planes,
            masks,
        }
    }

    fn emit(&self, e: &mut Emitter, to: Value, strip: Strip) {
        let (input, output) = (&self.spec.input, &self.spec.output);
        // In the order of their numbers, so that the same spec gives the same code.
        let mut neighbours: Vec<isize> = self.planes.keys().copied().collect();
        neighbours.sort_unstable();
        e.for_range(strip.first, strip.last, 1, |e, row| {
            let to = e.advance(to, row, output.row_stride());
            let rows: Vec<Value> = neighbours
                .iter()
                .map(|neighbour| e.advance(self.planes[neighbour], row, input.row_stride()))
                .collect();
            for_columns(e, input.width, 1, |e, column, _| {
                let pixels: HashMap<isize, Value> = neighbours
                    .iter()
                    .zip(&rows)
                    .map(|(neighbour, row)| (*neighbour, e.advance(*row, column, input.block)))
                    .collect();
                let to = e.advance(to, column, output.block);
                self.pixel(e, &pixels, to);
            });
        });
    }

    fn pixel(&self, e: &mut Emitter, pixels: &HashMap<isize, Value>, to: Value) {
        let chunks_per_block = (self.spec.input.block / LANES) as isize;
        let mut values = HashMap::new();
        let mut squares = HashMap::new();
        for chunk in self.chunks.clone() {
            let place = pixels[&chunk.div_euclid(chunks_per_block)];
            let lane = chunk.rem_euclid(chunks_per_block) as usize * LANES;
            let value = e.load4(place, lane as i64);
            let mut square = e.fmul(value, value);
            if let Some(mask) = self.masks.get(&chunk) {
                let mask = e.cast(types::F32X4, *mask);
                square = e.builder().ins().band(square, mask);
            }
            values.insert(chunk, value);
            // Of every lane from which four squares are taken: here those that lie in one chunk.
            squares.insert(chunk * LANES as isize, square);
        }
        for chunk in 0..chunks_per_block {
            let first = chunk * LANES as isize - (self.spec.size / 2) as isize;
            let mut sum = None;
            for lane in first..first + self.spec.size as isize {
                let shifted = self.shifted(e, &mut squares, lane);
                sum = Some(match sum {
                    None => shifted,
                    Some(sum) => e.fadd(sum, shifted),
                });
            }
            let sum = sum.unwrap_or_else(|| e.splat(0.0));
            let value = normalise(e, self.spec, values[&chunk], sum);
            e.store(value, to, chunk as i64 * LANES as i64);
        }
    }

    /// The squares of four channels from any lane on.
    fn shifted(&self, e: &mut Emitter, squares: &mut HashMap<isize, Value>, lane: isize) -> Value {
        if let Some(known) = squares.get(&lane) {
            return *known;
        }
        let shift = lane.rem_euclid(LANES as isize);
        let (low, high) = (squares[&(lane - shift)], squares[&(lane - shift + 4)]);
        let pick = [0, 1, 2, 3].map(|index| index + shift as u8);
        let value = e.shuffle(low, high, pick);
        squares.insert(lane, value);
        value
    }
}

/// Which of the four channels from `first` on exist.
fn channel_mask(e: &mut Emitter, first: Value, channels: usize) -> Value {
    let bytes: Vec<u8> = (0..LANES as u32).flat_map(u32::to_le_bytes).collect();
    let steps = e.constant(types::I32X4, bytes);
    let first = e.builder().ins().ireduce(types::I32, first);
    let first = e.builder().ins().splat(types::I32X4, first);
    let channel = e.builder().ins().iadd(first, steps);
    let count = e.builder().ins().iconst(types::I32, channels as i64);
    let count = e.builder().ins().splat(types::I32X4, count);
    // Unsigned: the channels below 0 are large.
    e.builder()
        .ins()
        .icmp(IntCC::UnsignedLessThan, channel, count)
}

/// Any block and size: channel by channel, `block` of them in each pixel; vectors lie along the row in plain order, otherwise there are none.
fn emit_by_channel(
    e: &mut Emitter,
    spec: &LrnSpec,
    input: Value,
    to: Value,
    strip: Strip,
    block: usize,
) {
    let view = &spec.input;
    let zero = e.int(0);
    let image = plane_origin(e, view, input, strip.image, zero);
    let step = if block == 1 { LANES } else { 1 };
    e.for_count(block, |e, lane| {
        let first = e.mul_const(strip.block, block as i64);
        let channel = e.add(first, lane);
        let end = e.int(view.channels as i64);
        let exists = e.compare(IntCC::SignedLessThan, channel, end);
        e.when(exists, |e| {
            let low = e.add_const(channel, -((spec.size / 2) as i64));
            let low = e.max_int(low, zero);
            let high = e.add_const(channel, (spec.size - 1) as i64 / 2 + 1);
            let high = e.min_int(high, end);
            e.for_range(strip.first, strip.last, 1, |e, row| {
                let to = e.advance(to, row, spec.output.row_stride());
                let to = e.advance(to, lane, 1);
                let from = e.advance(image, row, view.row_stride());
                for_columns(e, view.width, step, |e, column, count| {
                    let from = e.advance(from, column, block);
                    let to = e.advance(to, column, block);
                    let at = |e: &mut Emitter, channel: Value| {
                        let (plane, lane) = e.div_rem(channel, block);
                        let place = e.advance(from, plane, view.plane_stride());
                        let place = e.advance(place, lane, 1);
                        load_pixels(e, place, 1, count)
                    };
                    let sum = e.splat(0.0);
                    let sums = e.for_range_carrying(low, high, 1, &[sum], |e, channel, sums| {
                        let value = at(e, channel);
                        let square = e.fmul(value, value);
                        vec![e.fadd(sums[0], square)]
                    });
                    let value = at(e, channel);
                    let value = normalise(e, spec, value, sums[0]);
                    store_pixels(e, value, to, count);
                });
            });
        });
    });
}
