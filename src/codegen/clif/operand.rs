//! Operands of elementwise functions: where the element lies that belongs to an element of the result.

use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::{Emitter, LANES};
use crate::plan::View;

/// An operand beside the result that it is broadcast to: along a dimension where it has size 1 its element stays the same.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    view: &'a View,
}

impl<'a> Operand<'a> {
    /// The operand `view`.
    pub fn new(view: &'a View) -> Operand<'a> {
        Operand { view }
    }

    /// Whether its lanes are the result's; otherwise it has one channel, which all lanes take.
    pub fn by_lane(&self) -> bool {
        self.view.channels > 1
    }

    /// Floats from a pixel's element of one block of channels to that of the next.
    pub fn block_stride(&self) -> usize {
        if self.by_lane() {
            self.view.plane_stride()
        } else {
            0
        }
    }

    /// Floats from a pixel's element of a block's first channel to that of the channel so many further.
    pub fn channel(&self, channel: usize) -> usize {
        let (block, lane) = (channel / self.view.block, channel % self.view.block);
        block * self.view.plane_stride() + lane
    }

    /// Floats from the element of a pixel to that of the pixel below.
    pub fn row_stride(&self) -> usize {
        if self.view.height > 1 {
            self.view.row_stride()
        } else {
            0
        }
    }

    /// Floats from the element of a pixel to that of its right neighbour.
    pub fn pixel_stride(&self) -> usize {
        if self.view.width > 1 {
            self.view.pixel_stride()
        } else {
            0
        }
    }

    /// The element for the first pixel of a block of channels of an image.
    pub fn block(&self, e: &mut Emitter, pointer: Value, image: Value, block: Value) -> Value {
        let mut place = e.advance(pointer, image, self.view.image_stride);
        if self.by_lane() {
            place = e.advance(place, block, self.view.plane_stride());
        }
        e.offset(place, self.view.origin() as i64)
    }

    /// The element for the first pixel of a row of the result.
    pub fn row(
        &self,
        e: &mut Emitter,
        pointer: Value,
        image: Value,
        block: Value,
        row: Value,
    ) -> Value {
        let place = self.block(e, pointer, image, block);
        e.advance(place, row, self.row_stride())
    }

    /// The element for the pixel `column` of a row.
    pub fn pixel(&self, e: &mut Emitter, row: Value, column: Value) -> Value {
        e.advance(row, column, self.pixel_stride())
    }

    /// Four channels from `lane` on of the pixel `index` to the right of the one at `place`.
    pub fn load_lanes(&self, e: &mut Emitter, place: Value, index: usize, lane: usize) -> Value {
        let pixel = index * self.pixel_stride();
        if self.by_lane() {
            e.load4(place, (pixel + lane) as i64)
        } else {
            e.load_splat(place, pixel as i64)
        }
    }

    /// The first channels of `count` pixels from `place` on, at most four, as a vector.
    pub fn load_pixels(&self, e: &mut Emitter, place: Value, count: usize) -> Value {
        load_pixels(e, place, self.pixel_stride(), count)
    }
}

/// `count` floats, at most four, `stride` apart, as a vector; the lanes beyond repeat the first.
pub fn load_pixels(e: &mut Emitter, place: Value, stride: usize, count: usize) -> Value {
    if stride == 1 && count == LANES {
        return e.load4(place, 0);
    }
    let mut vector = e.load_splat(place, 0);
    if stride > 0 {
        for lane in 1..count {
            let value = e.load(types::F32, place, (lane * stride) as i64);
            vector = e.builder().ins().insertlane(vector, value, lane as u8);
        }
    }
    vector
}

/// Stores the first `count` lanes of a vector side by side.
pub fn store_pixels(e: &mut Emitter, vector: Value, place: Value, count: usize) {
    if count == LANES {
        e.store(vector, place, 0);
        return;
    }
    for lane in 0..count {
        let value = e.builder().ins().extractlane(vector, lane as u8);
        e.store(value, place, lane as i64);
    }
}
