//! Walking a tensor: what the kernels that compute it plane by plane have in common.

use cranelift::codegen::ir::Value;

use super::emitter::{Emitter, LANES};
use super::halo::zero_halo;
use crate::kernels::{n_strips, rows_per_task};
use crate::plan::View;

/// What one task computes: rows `first..last` of one block of channels of one image.
#[derive(Clone, Copy)]
pub struct Strip {
    /// The image.
    pub image: Value,
    /// The block of channels.
    pub block: Value,
    /// First row.
    pub first: Value,
    /// One past the last row.
    pub last: Value,
}

/// For every task of this call, each a strip of `output`: writes its part of the halo, then does `body`.
pub fn for_strips(
    e: &mut Emitter,
    output: &View,
    pointer: Value,
    body: impl FnOnce(&mut Emitter, Strip),
) {
    e.for_tasks(|e, task| {
        let (plane, strip) = e.div_rem(task, n_strips(output));
        let (image, block) = e.div_rem(plane, output.n_blocks());
        let rows = rows_per_task(output);
        let first = e.mul_const(strip, rows as i64);
        let mut last = e.add_const(first, rows as i64);
        if !output.height.is_multiple_of(rows) {
            let height = e.int(output.height as i64);
            last = e.min_int(last, height);
        }
        let start = plane_start(e, output, pointer, image, block);
        zero_halo(e, output, start, first, last);
        let strip = Strip {
            image,
            block,
            first,
            last,
        };
        body(e, strip);
    });
}

/// The first float of a plane, halo included.
pub fn plane_start(
    e: &mut Emitter,
    view: &View,
    pointer: Value,
    image: Value,
    block: Value,
) -> Value {
    let pointer = e.advance(pointer, image, view.image_stride);
    e.advance(pointer, block, view.plane_stride())
}

/// The first pixel inside the halo of a plane.
pub fn plane_origin(
    e: &mut Emitter,
    view: &View,
    pointer: Value,
    image: Value,
    block: Value,
) -> Value {
    let start = plane_start(e, view, pointer, image, block);
    e.offset(start, view.origin() as i64)
}

/// For `count` columns, `step` at a time: `body` gets the first column and how many it is to do, `step` of them or, once at the end, the rest.
pub fn for_columns(
    e: &mut Emitter,
    count: usize,
    step: usize,
    mut body: impl FnMut(&mut Emitter, Value, usize),
) {
    let whole = count / step * step;
    if whole > 0 {
        let start = e.int(0);
        if whole == step {
            body(e, start, step);
        } else {
            let end = e.int(whole as i64);
            e.for_range(start, end, step as i64, |e, column| body(e, column, step));
        }
    }
    if count > whole {
        let column = e.int(whole as i64);
        body(e, column, count - whole);
    }
}

/// Whether the channels of a block make vectors; otherwise the block is 1, and vectors lie along rows or there are none.
pub fn has_vectors(view: &View) -> bool {
    debug_assert!(view.block == 1 || view.block.is_multiple_of(LANES));
    view.block.is_multiple_of(LANES)
}
