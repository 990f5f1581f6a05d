//! Resize of maps. One task is a strip of one plane.
//!
//! A coordinate between pixels is a quotient of whole numbers with one denominator for the whole axis: its whole part is the first pixel, its remainder the weight
//! of the second. Along a row both are carried from pixel to pixel by addition, exactly, without division. The nearest pixel is found in f32, as
//! [`nearest`](crate::graph::nearest) says.

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{InstBuilder, Type, Value, types};

use super::emitter::{Emitter, LANES};
use super::strip::{for_strips, has_vectors, plane_origin};
use crate::graph::ResizeMode;
use crate::kernels::ResizeSpec;

/// Coordinates along an axis: result `i` lies at `(start + i * step) / denominator` of the input.
struct Axis {
    start: i64,
    step: i64,
    denominator: i64,
    n_in: usize,
}

impl Axis {
    fn new(align_corners: bool, n_in: usize, n_out: usize) -> Axis {
        let (n, m) = (n_in as i64, n_out as i64);
        let (start, step, denominator) = match align_corners {
            true if m == 1 => (0, 0, 1),
            true => (0, n - 1, m - 1),
            // (i + 1/2) n / m - 1/2
            false => (n - m, 2 * n, 2 * m),
        };
        Axis {
            start,
            step,
            denominator,
            n_in,
        }
    }

    /// Whole part and remainder of the coordinate of `index`, held at 0.
    fn at(&self, e: &mut Emitter, index: Value) -> (Value, Value) {
        let numerator = e.mul_const(index, self.step);
        let numerator = e.add_const(numerator, self.start);
        let zero = e.int(0);
        let numerator = e.max_int(numerator, zero);
        e.div_rem(numerator, self.denominator as usize)
    }

    /// The index of the second pixel, which at the end of the map is the first once more, and also where the first is all: a pixel with the weight 0 is not
    /// read, since it could be infinite.
    fn second(&self, e: &mut Emitter, first: Value, remainder: Value) -> Value {
        let next = e.add_const(first, 1);
        let is_between = is_between(e, remainder);
        let next = e.builder().ins().select(is_between, next, first);
        let last = e.int(self.n_in as i64 - 1);
        e.min_int(next, last)
    }

    /// The weights of both pixels, in all lanes: halves where both are the same.
    fn weights(&self, e: &mut Emitter, ty: Type, remainder: Value) -> (Value, Value) {
        let is_between = is_between(e, remainder);
        let remainder = e.builder().ins().fcvt_from_sint(types::F32, remainder);
        let denominator = e.float(self.denominator as f32);
        let second = e.fdiv(remainder, denominator);
        let half = e.float(0.5);
        let second = e.builder().ins().select(is_between, second, half);
        let one = e.float(1.0);
        let first = e.fsub(one, second);
        (e.same_in_lanes(ty, first), e.same_in_lanes(ty, second))
    }
}

/// Whether a coordinate lies between two pixels.
fn is_between(e: &mut Emitter, remainder: Value) -> Value {
    let zero = e.int(0);
    e.compare(IntCC::NotEqual, remainder, zero)
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &ResizeSpec) {
    let (ty, step) = if has_vectors(&spec.output) {
        (types::F32X4, LANES)
    } else {
        (types::F32, 1)
    };
    match spec.mode {
        ResizeMode::Nearest => emit_nearest(e, spec, ty, step),
        ResizeMode::Bilinear { align_corners } => {
            emit_bilinear(e, spec, align_corners, ty, step);
        }
    }
}

/// The pixel nearest to that of `index`: see [`nearest`](crate::graph::nearest).
fn nearest(e: &mut Emitter, index: Value, n_in: usize, n_out: usize) -> Value {
    let index = e.builder().ins().fcvt_from_sint(types::F32, index);
    let ratio = e.float(n_in as f32 / n_out as f32);
    let place = e.fmul(index, ratio);
    let place = e.builder().ins().fcvt_to_sint_sat(types::I64, place);
    let last = e.int(n_in as i64 - 1);
    e.min_int(place, last)
}

fn emit_nearest(e: &mut Emitter, spec: &ResizeSpec, ty: Type, step: usize) {
    let (from, to) = (&spec.input, &spec.output);
    let (input, output) = (e.operand(0), e.operand(1));
    for_strips(e, to, output, |e, strip| {
        let source = plane_origin(e, from, input, strip.image, strip.block);
        let target = plane_origin(e, to, output, strip.image, strip.block);
        e.for_range(strip.first, strip.last, 1, |e, row| {
            let target = e.advance(target, row, to.row_stride());
            let nearest_row = nearest(e, row, from.height, to.height);
            let source = e.advance(source, nearest_row, from.row_stride());
            e.for_count(to.width, |e, column| {
                let pixel = nearest(e, column, from.width, to.width);
                let place = e.advance(source, pixel, from.block);
                let target = e.advance(target, column, to.block);
                for lane in (0..to.block).step_by(step) {
                    let value = e.load(ty, place, lane as i64);
                    e.store(value, target, lane as i64);
                }
            });
        });
    });
}

fn emit_bilinear(e: &mut Emitter, spec: &ResizeSpec, align_corners: bool, ty: Type, step: usize) {
    let (from, to) = (&spec.input, &spec.output);
    let rows = Axis::new(align_corners, from.height, to.height);
    let columns = Axis::new(align_corners, from.width, to.width);
    let (input, output) = (e.operand(0), e.operand(1));
    for_strips(e, to, output, |e, strip| {
        let source = plane_origin(e, from, input, strip.image, strip.block);
        let target = plane_origin(e, to, output, strip.image, strip.block);
        e.for_range(strip.first, strip.last, 1, |e, row| {
            let target = e.advance(target, row, to.row_stride());
            let (first, remainder) = rows.at(e, row);
            let upper = e.advance(source, first, from.row_stride());
            let second = rows.second(e, first, remainder);
            let lower = e.advance(source, second, from.row_stride());
            let (top, bottom) = rows.weights(e, ty, remainder);
            for_coordinates(e, &columns, to.width, |e, column, first, remainder| {
                let second = columns.second(e, first, remainder);
                let (left, right) = columns.weights(e, ty, remainder);
                let places = [
                    (upper, first),
                    (upper, second),
                    (lower, first),
                    (lower, second),
                ]
                .map(|(row, pixel)| e.advance(row, pixel, from.block));
                let target = e.advance(target, column, to.block);
                for lane in (0..to.block).step_by(step) {
                    let [a, b, c, d] = places.map(|place| e.load(ty, place, lane as i64));
                    let above = weigh(e, [a, b], [left, right]);
                    let below = weigh(e, [c, d], [left, right]);
                    let value = weigh(e, [above, below], [top, bottom]);
                    e.store(value, target, lane as i64);
                }
            });
        });
    });
}

fn weigh(e: &mut Emitter, [a, b]: [Value; 2], [wa, wb]: [Value; 2]) -> Value {
    let a = e.fmul(a, wa);
    let b = e.fmul(b, wb);
    e.fadd(a, b)
}

/// For each of `count` pixels of a row: its column, and whole part and remainder of its coordinate, held at 0.
fn for_coordinates(
    e: &mut Emitter,
    axis: &Axis,
    count: usize,
    body: impl FnOnce(&mut Emitter, Value, Value, Value),
) {
    let denominator = axis.denominator;
    let whole = e.int(axis.start.div_euclid(denominator));
    let remainder = e.int(axis.start.rem_euclid(denominator));
    let (start, end) = (e.int(0), e.int(count as i64));
    e.for_range_carrying(start, end, 1, &[whole, remainder], |e, column, carried| {
        let [whole, remainder] = *carried else {
            unreachable!("two values are carried");
        };
        let zero = e.int(0);
        // Coordinates before the first pixel are its own.
        let before = e.compare(IntCC::SignedLessThan, whole, zero);
        let held = e.builder().ins().select(before, zero, remainder);
        let pixel = e.max_int(whole, zero);
        body(e, column, pixel, held);
        let whole = e.add_const(whole, axis.step / denominator);
        let remainder = e.add_const(remainder, axis.step % denominator);
        let limit = e.int(denominator);
        let full = e.compare(IntCC::SignedGreaterThanOrEqual, remainder, limit);
        let (wrapped, next) = (e.sub(remainder, limit), e.add_const(whole, 1));
        vec![
            e.builder().ins().select(full, next, whole),
            e.builder().ins().select(full, wrapped, remainder),
        ]
    });
}
