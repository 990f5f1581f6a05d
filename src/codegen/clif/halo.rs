//! The zeros around a map.

use cranelift::codegen::ir::Value;
use cranelift::codegen::ir::condcodes::IntCC;

use super::emitter::Emitter;
use crate::plan::View;

/// Zeroes the halo that belongs to rows `first..last` of one plane of `view`: left and right of them, and all that lies above row 0 or below the last row
/// if they are among them. `plane` points to the plane's first float, halo included. Every task that writes rows calls this for them.
pub fn zero_halo(emitter: &mut Emitter, view: &View, plane: Value, first: Value, last: Value) {
    let halo = view.halo;
    if halo.is_zero() {
        return;
    }
    let row_stride = view.row_stride();
    if halo.top > 0 {
        let zero = emitter.int(0);
        let is_first = emitter.compare(IntCC::Equal, first, zero);
        emitter.when(is_first, |emitter| {
            emitter.fill(plane, halo.top * row_stride, 0.0)
        });
    }
    if halo.left + halo.right > 0 {
        emitter.for_range(first, last, 1, |emitter, row| {
            let row = emitter.add_const(row, halo.top as i64);
            let start = emitter.advance(plane, row, row_stride);
            emitter.fill(start, halo.left * view.block, 0.0);
            let right = emitter.offset(start, ((halo.left + view.width) * view.block) as i64);
            emitter.fill(right, halo.right * view.block, 0.0);
        });
    }
    if halo.bottom > 0 {
        let height = emitter.int(view.height as i64);
        let is_last = emitter.compare(IntCC::Equal, last, height);
        emitter.when(is_last, |emitter| {
            let below = emitter.offset(plane, ((halo.top + view.height) * row_stride) as i64);
            emitter.fill(below, halo.bottom * row_stride, 0.0);
        });
    }
}
