//! Copies between layouts. One task is a strip of a group of planes of the output, see [`CopySpec::planes_per_task`].

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::{Emitter, LANES};
use super::halo::zero_halo;
use super::strip::{for_columns, plane_origin, plane_start};
use crate::kernels::{CopySpec, n_strips, rows_per_task};

/// How the box is moved.
enum Way {
    /// Blocks match: rows are copied as they are.
    Rows,
    /// Plain to blocked: four planes become four lanes.
    Blocking,
    /// Blocked to plain: four lanes become four planes.
    Unblocking,
    /// Anything else: number by number.
    Elements,
}

impl Way {
    fn of(spec: &CopySpec) -> Way {
        let (from, to) = (&spec.input, &spec.output);
        // Whole blocks of the output are written: what surplus lanes get does not matter.
        let whole_blocks = spec.target[0].is_multiple_of(to.block)
            && (spec.size[0].is_multiple_of(to.block)
                || spec.target[0] + spec.size[0] == to.channels);
        if from.block == to.block && spec.source[0].is_multiple_of(to.block) && whole_blocks {
            Way::Rows
        } else if from.block == 1 && to.block.is_multiple_of(LANES) && whole_blocks {
            Way::Blocking
        } else if spec.is_unblocking() {
            Way::Unblocking
        } else {
            Way::Elements
        }
    }
}

/// The part of one plane of the output that a task writes: `rows` are those of the box.
struct Part<'a> {
    spec: &'a CopySpec,
    input: Value,
    output: Value,
    image: Value,
    /// The first plane of the group.
    plane: Value,
    rows: (Value, Value),
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &CopySpec) {
    let spec = &spec.as_rows();
    let view = &spec.output;
    let (input, output) = (e.operand(0), e.operand(1));
    let group = spec.planes_per_task();
    let planes = spec.planes();
    e.for_tasks(|e, task| {
        let (rest, strip) = e.div_rem(task, n_strips(view));
        let (image, plane) = e.div_rem(rest, planes.len().div_ceil(group));
        let plane = e.mul_const(plane, group as i64);
        let plane = e.add_const(plane, planes.start as i64);
        let first = e.mul_const(strip, rows_per_task(view) as i64);
        let last = e.add_const(first, rows_per_task(view) as i64);
        let height = e.int(view.height as i64);
        let last = e.min_int(last, height);
        prepare(e, spec, output, image, plane, first, last);
        let (top, bottom) = (
            e.int(spec.target[1] as i64),
            e.int((spec.target[1] + spec.size[1]) as i64),
        );
        let part = Part {
            spec,
            input,
            output,
            image,
            plane,
            rows: (e.max_int(first, top), e.min_int(last, bottom)),
        };
        match Way::of(spec) {
            Way::Rows => part.in_box(e, Part::copy_rows),
            Way::Blocking => part.in_box(e, Part::block_rows),
            Way::Unblocking => part.unblock_rows(e),
            Way::Elements => part.copy_elements(e),
        }
    });
}

/// The halo's zeros, and what lies outside the box.
fn prepare(
    e: &mut Emitter,
    spec: &CopySpec,
    output: Value,
    image: Value,
    plane: Value,
    first: Value,
    last: Value,
) {
    let view = &spec.output;
    if !view.halo.is_zero() {
        let end = e.int(spec.planes().end as i64);
        let after = e.add_const(plane, spec.planes_per_task() as i64);
        let after = e.min_int(after, end);
        e.for_range(plane, after, 1, |e, plane| {
            let start = plane_start(e, view, output, image, plane);
            zero_halo(e, view, start, first, last);
        });
    }
    let is_all = spec.size == [view.channels, view.height, view.width];
    let Some(fill) = spec.fill.filter(|_| !is_all) else {
        return;
    };
    let origin = plane_origin(e, view, output, image, plane);
    e.for_range(first, last, 1, |e, row| {
        let row = e.advance(origin, row, view.row_stride());
        e.fill(row, view.width * view.block, f32::from_bits(fill));
    });
}

impl Part<'_> {
    /// `body` if the plane has channels of the box, and all of its lanes are (or are surplus).
    fn in_box(&self, e: &mut Emitter, body: impl FnOnce(&Self, &mut Emitter)) {
        let spec = self.spec;
        let block = spec.output.block;
        let start = spec.target[0] / block;
        let end = (spec.target[0] + spec.size[0]).div_ceil(block);
        if spec.planes() == (start..end) {
            body(self, e);
            return;
        }
        let (start, end) = (e.int(start as i64), e.int(end as i64));
        let not_before = e.compare(IntCC::SignedGreaterThanOrEqual, self.plane, start);
        let not_after = e.compare(IntCC::SignedLessThan, self.plane, end);
        let inside = e.builder().ins().band(not_before, not_after);
        e.when(inside, |e| body(self, e));
    }

    /// For every row of the box: the first pixel of it in the planes of the input and of the output that begin at `from` and `to`.
    fn for_rows(
        &self,
        e: &mut Emitter,
        from: &[Value],
        to: &[Value],
        body: impl FnOnce(&mut Emitter, &[Value], &[Value]),
    ) {
        let (input, output) = (&self.spec.input, &self.spec.output);
        let ([_, i, j], [_, source_row, source_column]) = (self.spec.target, self.spec.source);
        e.for_range(self.rows.0, self.rows.1, 1, |e, row| {
            let source = e.add_const(row, source_row as i64 - i as i64);
            let from: Vec<Value> = from
                .iter()
                .map(|from| {
                    let from = e.advance(*from, source, input.row_stride());
                    e.offset(from, (source_column * input.block) as i64)
                })
                .collect();
            let to: Vec<Value> = to
                .iter()
                .map(|to| {
                    let to = e.advance(*to, row, output.row_stride());
                    e.offset(to, (j * output.block) as i64)
                })
                .collect();
            body(e, &from, &to);
        });
    }

    /// The plane of the input that holds a channel, at the channel's lane of the first pixel inside the halo.
    fn channel(&self, e: &mut Emitter, channel: Value) -> Value {
        let (block, lane) = e.div_rem(channel, self.spec.input.block);
        let origin = plane_origin(e, &self.spec.input, self.input, self.image, block);
        e.advance(origin, lane, 1)
    }

    /// The first pixel inside the halo of a plane of the output.
    fn target(&self, e: &mut Emitter, plane: Value) -> Value {
        plane_origin(e, &self.spec.output, self.output, self.image, plane)
    }

    fn copy_rows(&self, e: &mut Emitter) {
        let block = self.spec.output.block;
        let shift =
            self.spec.source[0] as i64 / block as i64 - self.spec.target[0] as i64 / block as i64;
        let source = e.add_const(self.plane, shift);
        let from = plane_origin(e, &self.spec.input, self.input, self.image, source);
        let to = self.target(e, self.plane);
        let count = self.spec.size[2] * block;
        self.for_rows(e, &[from], &[to], |e, from, to| {
            for_columns(e, count, 4 * LANES, |e, index, count| {
                let (from, to) = (e.advance(from[0], index, 1), e.advance(to[0], index, 1));
                let whole = count / LANES * LANES;
                for offset in (0..whole).step_by(LANES) {
                    let value = e.load4(from, offset as i64);
                    e.store(value, to, offset as i64);
                }
                for offset in whole..count {
                    let value = e.load(types::F32, from, offset as i64);
                    e.store(value, to, offset as i64);
                }
            });
        });
    }

    fn block_rows(&self, e: &mut Emitter) {
        let (spec, block) = (self.spec, self.spec.output.block);
        let first = e.add_const(self.plane, -((spec.target[0] / block) as i64));
        let first = e.mul_const(first, block as i64);
        let last = e.int(spec.size[0] as i64 - 1);
        // Lanes that are surplus in every plane are left alone; others repeat the last channel.
        let lanes = spec.size[0].min(block).div_ceil(LANES) * LANES;
        let planes: Vec<Value> = (0..lanes)
            .map(|lane| {
                let channel = e.add_const(first, lane as i64);
                let channel = e.min_int(channel, last);
                let channel = e.add_const(channel, spec.source[0] as i64);
                self.channel(e, channel)
            })
            .collect();
        let to = self.target(e, self.plane);
        self.for_rows(e, &planes, &[to], |e, from, to| {
            for_columns(e, spec.size[2], LANES, |e, column, count| {
                let to = e.advance(to[0], column, block);
                for (index, planes) in from.chunks(LANES).enumerate() {
                    let lane = index * LANES;
                    let planes = [0, 1, 2, 3].map(|plane| e.advance(planes[plane], column, 1));
                    if count == LANES {
                        let rows = planes.map(|plane| e.load4(plane, 0));
                        let pixels = transpose(e, rows);
                        for (pixel, value) in pixels.into_iter().enumerate() {
                            e.store(value, to, (pixel * block + lane) as i64);
                        }
                        continue;
                    }
                    for pixel in 0..count {
                        for (index, plane) in planes.iter().enumerate() {
                            let value = e.load(types::F32, *plane, pixel as i64);
                            e.store(value, to, (pixel * block + lane + index) as i64);
                        }
                    }
                }
            });
        });
    }

    fn unblock_rows(&self, e: &mut Emitter) {
        let (spec, block) = (self.spec, self.spec.input.block);
        let channel = e.add_const(self.plane, spec.source[0] as i64 - spec.target[0] as i64);
        let from = self.channel(e, channel);
        let last = e.int((spec.target[0] + spec.size[0]) as i64 - 1);
        // Planes beyond the box become its last one, whose own lane is stored after theirs.
        let planes: Vec<Value> = (0..LANES)
            .map(|lane| {
                let plane = e.add_const(self.plane, lane as i64);
                let plane = e.min_int(plane, last);
                self.target(e, plane)
            })
            .collect();
        self.for_rows(e, &[from], &planes, |e, from, to| {
            for_columns(e, spec.size[2], LANES, |e, column, count| {
                let from = e.advance(from[0], column, block);
                let planes: Vec<Value> = to.iter().map(|to| e.advance(*to, column, 1)).collect();
                if count == LANES {
                    let pixels = [0, 1, 2, 3].map(|pixel| e.load4(from, (pixel * block) as i64));
                    let rows = transpose(e, pixels);
                    for (plane, row) in planes.iter().zip(rows).rev() {
                        e.store(row, *plane, 0);
                    }
                    return;
                }
                for pixel in 0..count {
                    for (lane, plane) in planes.iter().enumerate().rev() {
                        let value = e.load(types::F32, from, (pixel * block + lane) as i64);
                        e.store(value, *plane, pixel as i64);
                    }
                }
            });
        });
    }

    fn copy_elements(&self, e: &mut Emitter) {
        let (spec, block) = (self.spec, self.spec.output.block);
        let first = e.mul_const(self.plane, block as i64);
        let first = e.add_const(first, -(spec.target[0] as i64));
        let target = self.target(e, self.plane);
        e.for_count(block, |e, lane| {
            let index = e.add(first, lane);
            let count = e.int(spec.size[0] as i64);
            // Unsigned: what lies before the box is large.
            let inside = e.compare(IntCC::UnsignedLessThan, index, count);
            e.when(inside, |e| {
                let channel = e.add_const(index, spec.source[0] as i64);
                let from = self.channel(e, channel);
                let to = e.advance(target, lane, 1);
                self.for_rows(e, &[from], &[to], |e, from, to| {
                    for_columns(e, spec.size[2], 1, |e, column, _| {
                        let from = e.advance(from[0], column, spec.input.block);
                        let to = e.advance(to[0], column, block);
                        let value = e.load(types::F32, from, 0);
                        e.store(value, to, 0);
                    });
                });
            });
        });
    }
}

/// Four vectors of four as a matrix, rows for columns.
fn transpose(e: &mut Emitter, [a, b, c, d]: [Value; 4]) -> [Value; 4] {
    let low = [0, 4, 1, 5];
    let high = [2, 6, 3, 7];
    let (ab_low, ab_high) = (e.shuffle(a, b, low), e.shuffle(a, b, high));
    let (cd_low, cd_high) = (e.shuffle(c, d, low), e.shuffle(c, d, high));
    let (first, second) = ([0, 1, 4, 5], [2, 3, 6, 7]);
    [
        e.shuffle(ab_low, cd_low, first),
        e.shuffle(ab_low, cd_low, second),
        e.shuffle(ab_high, cd_high, first),
        e.shuffle(ab_high, cd_high, second),
    ]
}
