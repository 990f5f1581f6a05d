//! Pooling. One task is a strip of one plane.
//!
//! Pixels whose windows lie inside the map take a path without bounds, with all taps written out if they are few; the others, and windows
//! of varying size, loop over a window that is clipped at run time.

use cranelift::codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift::codegen::ir::{InstBuilder, Type, Value, types};

use super::emitter::{Emitter, LANES};
use super::strip::{for_columns, for_strips, has_vectors, plane_origin};
use crate::graph::PoolKind;
use crate::kernels::{PoolSpec, PoolWindows};

/// Taps times vectors that are written out; a window with more of them loops.
const UNROLLED: usize = 36;

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &PoolSpec) {
    let (input, output) = (e.operand(0), e.operand(1));
    let ty = if has_vectors(&spec.output) {
        types::F32X4
    } else {
        types::F32
    };
    let pool = Pool { spec, ty };
    for_strips(e, &spec.output, output, |e, strip| {
        let from = plane_origin(e, &spec.input, input, strip.image, strip.block);
        let to = plane_origin(e, &spec.output, output, strip.image, strip.block);
        e.for_range(strip.first, strip.last, 1, |e, row| {
            let to = e.advance(to, row, spec.output.row_stride());
            pool.row(e, from, to, row);
        });
    });
}

/// A window along one axis: taps `first..last` (in steps of the dilation) lie inside the map.
#[derive(Clone, Copy)]
struct Taps {
    /// Index in the map of tap `first`.
    start: Value,
    /// Taps inside the map.
    count: Value,
    /// Taps that count for an average.
    counted: Value,
}

struct Pool<'a> {
    spec: &'a PoolSpec,
    ty: Type,
}

impl Pool<'_> {
    fn row(&self, e: &mut Emitter, from: Value, to: Value, row: Value) {
        let width = self.spec.output.width;
        let (first, last) = self.inner(1);
        let (top, bottom) = self.inner(0);
        if first == last || top == bottom || self.n_unrolled() > UNROLLED {
            self.clipped_columns(e, from, to, row, 0..width);
            return;
        }
        if (top, bottom) == (0, self.spec.output.height) {
            self.inner_row(e, from, to, row, first..last);
            return;
        }
        let (top, bottom) = (e.int(top as i64), e.int(bottom as i64));
        let not_above = e.compare(IntCC::SignedGreaterThanOrEqual, row, top);
        let not_below = e.compare(IntCC::SignedLessThan, row, bottom);
        let inside = e.builder().ins().band(not_above, not_below);
        e.either(
            inside,
            |e| self.inner_row(e, from, to, row, first..last),
            |e| self.clipped_columns(e, from, to, row, 0..width),
        );
    }

    /// A row whose windows lie inside the map by row; those of `columns` also by column.
    fn inner_row(
        &self,
        e: &mut Emitter,
        from: Value,
        to: Value,
        row: Value,
        columns: std::ops::Range<usize>,
    ) {
        self.clipped_columns(e, from, to, row, 0..columns.start);
        self.clipped_columns(e, from, to, row, columns.end..self.spec.output.width);
        let PoolWindows::Sliding { stride, pad, .. } = self.spec.windows else {
            unreachable!("adaptive windows have no inner pixels");
        };
        let view = &self.spec.input;
        let from = e.advance(from, row, stride[0] * view.row_stride());
        let skipped = columns.start * stride[1] * view.block;
        let corner = pad[0] * view.row_stride() + pad[1] * view.block;
        let from = e.offset(from, skipped as i64 - corner as i64);
        let to = e.offset(to, (columns.start * self.spec.output.block) as i64);
        for_columns(e, columns.len(), 1, |e, column, _| {
            let from = e.advance(from, column, stride[1] * view.block);
            let to = e.advance(to, column, self.spec.output.block);
            for lane in self.lanes() {
                let value = self.unrolled_window(e, from, lane);
                e.store(value, to, lane as i64);
            }
        });
    }

    /// A window inside the map, all taps written out.
    fn unrolled_window(&self, e: &mut Emitter, from: Value, lane: usize) -> Value {
        let PoolWindows::Sliding {
            kernel, dilation, ..
        } = self.spec.windows
        else {
            unreachable!("adaptive windows are not written out");
        };
        let view = &self.spec.input;
        let taps: Vec<Value> = (0..kernel[0])
            .flat_map(|r| (0..kernel[1]).map(move |s| (r, s)))
            .map(|(r, s)| {
                let pixel = r * dilation[0] * view.row_stride() + s * dilation[1] * view.block;
                e.load(self.ty, from, (pixel + lane) as i64)
            })
            .collect();
        match self.spec.kind {
            PoolKind::Average { .. } => {
                let sum = tree(e, &taps, |e, a, b| e.fadd(a, b));
                let count = self.splat(e, taps.len() as f32);
                e.fdiv(sum, count)
            }
            PoolKind::Max if self.ty == types::F32 => {
                tree(e, &taps, |e, a, b| e.builder().ins().fmax(a, b))
            }
            PoolKind::Max => {
                // A maximum of one instruction loses the NaN of one side. Comparing two taps with each other finds NaN in either: half a
                // comparison a tap, instead of one for each maximum.
                let masks: Vec<Value> = taps
                    .chunks(2)
                    .map(|pair| e.fcompare(FloatCC::Unordered, pair[0], pair[pair.len() - 1]))
                    .collect();
                let mask = tree(e, &masks, |e, a, b| e.builder().ins().bor(a, b));
                let largest = tree(e, &taps, |e, a, b| e.max_or_second(a, b));
                // All bits set are a NaN.
                let mask = e.cast(self.ty, mask);
                e.builder().ins().bor(largest, mask)
            }
        }
    }

    /// Pixels `columns` of a row whose windows may lie outside the map in part.
    fn clipped_columns(
        &self,
        e: &mut Emitter,
        from: Value,
        to: Value,
        row: Value,
        columns: std::ops::Range<usize>,
    ) {
        if columns.is_empty() {
            return;
        }
        let view = &self.spec.input;
        let rows = self.taps(e, 0, row);
        let from = e.advance(from, rows.start, view.row_stride());
        let (start, end) = (e.int(columns.start as i64), e.int(columns.end as i64));
        e.for_range(start, end, 1, |e, column| {
            let taps = self.taps(e, 1, column);
            let from = e.advance(from, taps.start, view.block);
            let to = e.advance(to, column, self.spec.output.block);
            let counted = e.builder().ins().imul(rows.counted, taps.counted);
            let sums = self.window(e, from, rows.count, taps.count);
            for (value, lane) in sums.into_iter().zip(self.lanes()) {
                let value = match self.spec.kind {
                    PoolKind::Max => value,
                    PoolKind::Average { .. } => {
                        let count = e.builder().ins().fcvt_from_sint(types::F32, counted);
                        let count = e.same_in_lanes(self.ty, count);
                        e.fdiv(value, count)
                    }
                };
                e.store(value, to, lane as i64);
            }
        });
    }

    /// Sum or maximum of `rows` x `columns` pixels from `from` on, for each of [`Pool::lanes`].
    fn window(&self, e: &mut Emitter, from: Value, rows: Value, columns: Value) -> Vec<Value> {
        let (dilation, view) = (self.dilation(), &self.spec.input);
        let n_lanes = self.lanes().count();
        let neutral = match self.spec.kind {
            PoolKind::Max => f32::NEG_INFINITY,
            PoolKind::Average { .. } => 0.0,
        };
        let neutral = self.splat(e, neutral);
        let zero = e.int(0);
        // Row by row, since many short chains of sums round less than a long one.
        let totals = vec![neutral; n_lanes];
        e.for_range_carrying(zero, rows, 1, &totals, |e, r, totals| {
            let from = e.advance(from, r, dilation[0] * view.row_stride());
            let one = e.int(1);
            let paired = e.sub(columns, one);
            // Two chains for each vector, so that a wide window does not wait for each addition.
            let chains = vec![neutral; 2 * n_lanes];
            let chains = e.for_range_carrying(zero, paired, 2, &chains, |e, s, chains| {
                let from = e.advance(from, s, dilation[1] * view.block);
                let next = dilation[1] * view.block;
                let taps = [0, next]
                    .into_iter()
                    .flat_map(|tap| self.lanes().map(move |l| tap + l));
                self.join_all(e, from, chains, taps)
            });
            // An odd last column.
            let odd = e.builder().ins().band(columns, one);
            let last = e.sub(columns, odd);
            let (even, odd) = chains.split_at(n_lanes);
            let even = e.for_range_carrying(last, columns, 1, even, |e, s, chains| {
                let from = e.advance(from, s, dilation[1] * view.block);
                self.join_all(e, from, chains, self.lanes())
            });
            (0..n_lanes)
                .map(|index| {
                    let row = self.join(e, even[index], odd[index]);
                    self.join(e, totals[index], row)
                })
                .collect()
        })
    }

    /// Each of `chains` joined with the tap at its offset from `from`.
    fn join_all(
        &self,
        e: &mut Emitter,
        from: Value,
        chains: &[Value],
        offsets: impl Iterator<Item = usize>,
    ) -> Vec<Value> {
        chains
            .iter()
            .zip(offsets)
            .map(|(chain, offset)| {
                let tap = e.load(self.ty, from, offset as i64);
                self.join(e, *chain, tap)
            })
            .collect()
    }

    fn join(&self, e: &mut Emitter, a: Value, b: Value) -> Value {
        match self.spec.kind {
            PoolKind::Average { .. } => e.fadd(a, b),
            PoolKind::Max if self.ty == types::F32 => e.builder().ins().fmax(a, b),
            PoolKind::Max => {
                let larger = e.max_or_second(a, b);
                super::math::unless_nan(e, a, larger)
            }
        }
    }

    /// The window of `index` along an axis, clipped to the map.
    fn taps(&self, e: &mut Emitter, axis: usize, index: Value) -> Taps {
        let (n_in, n_out) = self.sizes(axis);
        let PoolWindows::Sliding {
            kernel,
            stride,
            dilation,
            pad,
            pad_end,
        } = self.spec.windows
        else {
            let begin = e.mul_const(index, n_in as i64);
            let (start, _) = e.div_rem(begin, n_out);
            let end = e.add_const(begin, (n_in + n_out - 1) as i64);
            let (end, _) = e.div_rem(end, n_out);
            let count = e.sub(end, start);
            return Taps {
                start,
                count,
                counted: count,
            };
        };
        let dilation = dilation[axis];
        let begin = e.mul_const(index, stride[axis] as i64);
        let begin = e.add_const(begin, -(pad[axis] as i64));
        let zero = e.int(0);
        let taps_below = |e: &mut Emitter, limit: usize| {
            // Taps t with begin + t * dilation < limit: ceil((limit - begin) / dilation), which is positive once it is clamped.
            let limit = e.int((limit + dilation - 1) as i64);
            let span = e.sub(limit, begin);
            let span = e.max_int(span, zero);
            let (taps, _) = e.div_rem(span, dilation);
            let all = e.int(kernel[axis] as i64);
            e.min_int(taps, all)
        };
        let last = taps_below(e, n_in);
        let first = taps_below(e, 0);
        let last = e.max_int(last, first);
        let skipped = e.mul_const(first, dilation as i64);
        let start = e.add(begin, skipped);
        let count = e.sub(last, first);
        let counted = match self.spec.kind {
            PoolKind::Average {
                count_include_pad: true,
            } => taps_below(e, n_in + pad_end[axis]),
            _ => count,
        };
        Taps {
            start,
            count,
            counted,
        }
    }

    /// The pixels `first..last` along an axis whose windows lie inside the map.
    fn inner(&self, axis: usize) -> (usize, usize) {
        let PoolWindows::Sliding {
            kernel,
            stride,
            dilation,
            pad,
            ..
        } = self.spec.windows
        else {
            return (0, 0);
        };
        let (n_in, n_out) = self.sizes(axis);
        let span = (kernel[axis] - 1) * dilation[axis] + 1;
        let first = pad[axis].div_ceil(stride[axis]).min(n_out);
        // The last window begins at last * stride - pad and ends at the map's end or before.
        let last = (n_in + pad[axis])
            .checked_sub(span)
            .map_or(0, |room| room / stride[axis] + 1)
            .min(n_out);
        (first, last.max(first))
    }

    fn sizes(&self, axis: usize) -> (usize, usize) {
        let (input, output) = (&self.spec.input, &self.spec.output);
        [(input.height, output.height), (input.width, output.width)][axis]
    }

    fn dilation(&self) -> [usize; 2] {
        match self.spec.windows {
            PoolWindows::Sliding { dilation, .. } => dilation,
            PoolWindows::Adaptive => [1, 1],
        }
    }

    fn n_unrolled(&self) -> usize {
        match self.spec.windows {
            PoolWindows::Sliding { kernel, .. } => kernel[0] * kernel[1] * self.lanes().count(),
            PoolWindows::Adaptive => usize::MAX,
        }
    }

    /// Where the vectors (or the one number) of a pixel begin.
    fn lanes(&self) -> impl Iterator<Item = usize> + use<> {
        let step = if self.ty == types::F32 { 1 } else { LANES };
        (0..self.spec.output.block).step_by(step)
    }

    fn splat(&self, e: &mut Emitter, value: f32) -> Value {
        if self.ty == types::F32 {
            e.float(value)
        } else {
            e.splat(value)
        }
    }
}

/// Joins values pairwise, so that no chain is longer than the logarithm of their number.
fn tree(
    e: &mut Emitter,
    values: &[Value],
    mut join: impl FnMut(&mut Emitter, Value, Value) -> Value + Copy,
) -> Value {
    match values {
        [value] => *value,
        _ => {
            let (left, right) = values.split_at(values.len() / 2);
            let left = tree(e, left, join);
            let right = tree(e, right, join);
            join(e, left, right)
        }
    }
}
