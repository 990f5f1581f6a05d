//! Which tiles of Winograd's algorithm are computed directly, and how; see [`crate::kernels::winograd::guard`].

use cranelift::codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::{Channels, Kernel, Place};
use crate::codegen::clif::conv::{Pointers, Task, emit_units};
use crate::codegen::clif::emitter::{Emitter, LANES};
use crate::codegen::x86::input_squares;
use crate::kernels::ConvSpec;
use crate::kernels::winograd::guard::{MOST_RATIO, Parts};

impl Kernel<'_> {
    /// Notes whether the inputs of the task's tile `index`, the first of which is at `source`, suit.
    pub(super) fn judge(&self, e: &mut Emitter, place: &Place, index: Value, source: Value) {
        let spec = self.spec;
        let verdict = e.offset(self.scratch, spec.verdicts_start() as i64);
        let verdict = e.advance(verdict, index, 1);
        self.by_edge(e, place, 0, [spec.tile; 2], &mut |e, size| {
            let parts = spec.scheme().parts(size);
            let squares = match spec.conv.family.is_assembled() {
                true => self.squares(e, source, size),
                false => self.squares_narrow(e, source, &parts),
            };
            let suits = are_even(e, &squares, &parts);
            let suits = e.builder().ins().uextend(types::I32, suits);
            e.store(suits, verdict, 0);
        });
    }

    /// What was noted.
    pub(super) fn suits(&self, e: &mut Emitter, index: Value) -> Value {
        let verdict = e.offset(self.scratch, self.spec.verdicts_start() as i64);
        let verdict = e.advance(verdict, index, 1);
        let verdict = e.load(types::I32, verdict, 0);
        let no = e.builder().ins().iconst(types::I32, 0);
        e.compare(IntCC::NotEqual, verdict, no)
    }

    /// For each part a vector whose lanes add up to the sum of its inputs' squares.
    fn squares(&self, e: &mut Emitter, source: Value, size: [usize; 2]) -> Vec<Value> {
        let spec = self.spec;
        let squares = self.passing(e);
        let function = e.link(input_squares(spec, size), 2);
        e.call(function, &[source, squares]);
        let n_parts = spec.scheme().parts(size).sizes.len();
        let parts = (0..n_parts).map(|part| e.load4(squares, (part * LANES) as i64));
        parts.collect()
    }

    fn squares_narrow(&self, e: &mut Emitter, source: Value, parts: &Parts) -> Vec<Value> {
        let (view, inputs) = (&self.spec.conv.input, self.spec.conv.group_inputs());
        let n = self.spec.side();
        let add_vector = |e: &mut Emitter, source, sums: &mut [Value], lanes: Option<Value>| {
            for (pixel, &part) in parts.of_pixel.iter().enumerate() {
                let place = pixel / n * view.row_stride() + pixel % n * view.pixel_stride();
                let mut x = e.load4(source, place as i64);
                if let Some(lanes) = lanes {
                    x = e.builder().ins().band(x, lanes);
                }
                sums[part] = e.fma(x, x, sums[part]);
            }
        };
        let zeros: Vec<Value> = parts.sizes.iter().map(|_| e.splat(0.0)).collect();
        let (start, n_whole) = (e.int(0), inputs / view.block);
        let end = e.int(n_whole as i64);
        let mut sums = e.for_range_carrying(start, end, 1, &zeros, |e, block, sums| {
            let mut sums = sums.to_vec();
            let source = e.advance(source, block, view.plane_stride());
            for lane in (0..view.block).step_by(LANES) {
                let source = e.offset(source, lane as i64);
                add_vector(e, source, &mut sums, None);
            }
            sums
        });
        // What stands in lanes beyond the last channel is anybody's guess.
        let rest = inputs % view.block;
        for first in (0..rest).step_by(LANES) {
            let source = e.offset(source, (n_whole * view.plane_stride() + first) as i64);
            let bits = |lane: usize| if first + lane < rest { u8::MAX } else { 0 };
            let bytes = (0..LANES).flat_map(|lane| [bits(lane); 4]).collect();
            let lanes = e.constant(types::F32X4, bytes);
            add_vector(e, source, &mut sums, Some(lanes));
        }
        sums
    }

    /// The results of a tile by the definition of a convolution.
    pub(super) fn directly(&self, e: &mut Emitter, channels: &Channels, place: &Place) {
        let spec = self.spec;
        let ConvSpec {
            input,
            output,
            stride,
            ..
        } = &spec.conv;
        let direct = spec.direct(spec.tile);
        // Behind the weights of all points; addresses count from the first channel of all.
        let number = e.int(spec.weight_side().pow(2) as i64);
        let weight = self.weights(e, channels, number);
        let of_block = output.block * spec.conv.group_inputs() * spec.scheme().taps.pow(2);
        let before = e.mul_const(channels.first_block, (of_block * size_of::<f32>()) as i64);
        let [row, column] = place.first;
        let source = e.advance(self.input, row, stride[0] * input.row_stride());
        let target = e.advance(self.output, row, output.row_stride());
        let pointers = Pointers {
            input: e.advance(source, column, stride[1] * input.pixel_stride()),
            weight: e.sub(weight, before),
            bias: self.bias,
            operands: self.operands.at_pixel(e, row, column),
            output: e.advance(target, column, output.pixel_stride()),
        };
        let height = e.int(output.height as i64);
        let below = e.sub(height, row);
        let most = e.int(spec.tile as i64);
        let rows = [e.int(0), e.min_int(below, most)];
        let end = e.add(channels.first_block, channels.n_blocks);
        let with = |e: &mut Emitter, direct: &ConvSpec| {
            e.for_range(channels.first_block, end, 1, |e, block| {
                let task = Task {
                    image: place.image,
                    group: block,
                    block,
                    rows,
                    pair_sums: None,
                };
                emit_units(e, direct, &pointers, &task);
            });
        };
        let [_, rest] = self.rest();
        if rest == 0 {
            return with(e, &direct);
        }
        let last = e.int(spec.grid()[1] as i64 - 1);
        let is_last = e.compare(IntCC::Equal, place.index[1], last);
        let narrower = spec.direct(rest);
        e.either(is_last, |e| with(e, &narrower), |e| with(e, &direct));
    }
}

/// Whether the sums of squares, as the lanes of `squares`, are finite and no part's mean is more than [`MOST_RATIO`] times that of any cell.
fn are_even(e: &mut Emitter, squares: &[Value], parts: &Parts) -> Value {
    let means: Vec<Value> = squares
        .chunks_exact(LANES)
        .zip(parts.sizes.chunks_exact(LANES))
        .map(|(squares, sizes)| {
            let sums = sum_lanes(e, [squares[0], squares[1], squares[2], squares[3]]);
            let parts = sizes.iter().map(|&size| 1.0 / size.max(1) as f32);
            let parts = parts.flat_map(f32::to_le_bytes).collect();
            let parts = e.constant(types::F32X4, parts);
            e.fmul(sums, parts)
        })
        .collect();
    let n_whole = parts.n_cells / LANES;
    let mut cells = means[..n_whole].to_vec();
    let rest = parts.n_cells % LANES;
    if rest > 0 {
        let pick = std::array::from_fn(|lane| lane.min(rest - 1) as u8);
        cells.push(e.shuffle(means[n_whole], means[n_whole], pick));
    }
    let least = across(e, &cells, Emitter::min_or_second);
    let most = across(e, &means, Emitter::max_or_second);
    // A NaN is in this sum for certain.
    let all = across(e, &means, Emitter::fadd);
    let ratio = e.splat(MOST_RATIO);
    let allowed = e.fmul(least, ratio);
    let largest = e.float(f32::MAX);
    let first = |e: &mut Emitter, vector| e.builder().ins().extractlane(vector, 0);
    let [most, allowed, all] = [most, allowed, all].map(|vector| first(e, vector));
    let is_even = e.fcompare(FloatCC::LessThanOrEqual, most, allowed);
    let is_finite = e.fcompare(FloatCC::LessThanOrEqual, all, largest);
    e.builder().ins().band(is_even, is_finite)
}

/// The sums of the lanes of four vectors, in the lanes of one.
fn sum_lanes(e: &mut Emitter, [a, b, c, d]: [Value; 4]) -> Value {
    let mut add = |a, b, picks: [[u8; LANES]; 2]| {
        let [x, y] = picks.map(|pick| e.shuffle(a, b, pick));
        e.fadd(x, y)
    };
    let halves = [[0, 1, 4, 5], [2, 3, 6, 7]];
    let [ab, cd] = [add(a, b, halves), add(c, d, halves)];
    add(ab, cd, [[0, 2, 4, 6], [1, 3, 5, 7]])
}

/// Arithmetic on two vectors.
type Op<'e> = fn(&mut Emitter<'e>, Value, Value) -> Value;

/// Combines all lanes of some vectors, into all lanes of one.
fn across<'e>(e: &mut Emitter<'e>, vectors: &[Value], op: Op<'e>) -> Value {
    let all = fold(e, vectors, op);
    [[2, 3, 0, 1], [1, 0, 3, 2]]
        .into_iter()
        .fold(all, |all, pick| {
            let other = e.shuffle(all, all, pick);
            op(e, all, other)
        })
}

fn fold<'e>(e: &mut Emitter<'e>, vectors: &[Value], op: Op<'e>) -> Value {
    vectors[1..]
        .iter()
        .fold(vectors[0], |all, &vector| op(e, all, vector))
}
