//! What happens to a sum before it is stored: its operands' addresses, and the function.

use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::{Emitter, LANES};
use super::scalar::emit_scalar_fn;
use crate::kernels::Epilogue;
use crate::plan::View;

/// A tensor that is walked in step with the result: along a dimension where it has one element for all, it stays where it is.
#[derive(Clone, Copy)]
struct Walk {
    view: View,
    /// One channel for all of the result's, so that a load fills all lanes with one float.
    one_channel: bool,
    one_row: bool,
    one_column: bool,
}

impl Walk {
    fn new(view: &View) -> Walk {
        Walk {
            view: *view,
            one_channel: view.channels == 1,
            one_row: view.height == 1,
            one_column: view.width == 1,
        }
    }

    fn row_stride(&self) -> usize {
        if self.one_row {
            0
        } else {
            self.view.row_stride()
        }
    }

    fn column_stride(&self) -> usize {
        if self.one_column {
            0
        } else {
            self.view.pixel_stride()
        }
    }
}

/// An epilogue and where its operands are.
#[derive(Clone)]
pub struct Operands<'s> {
    epilogue: Option<&'s Epilogue>,
    walks: Vec<Walk>,
    pointers: Vec<Value>,
}

impl<'s> Operands<'s> {
    /// Loads the pointers: they are the kernel's operands from `first` on.
    pub fn load(e: &mut Emitter, epilogue: Option<&'s Epilogue>, first: usize) -> Operands<'s> {
        let views = epilogue.map_or(&[][..], |epilogue| &epilogue.operands);
        Operands {
            epilogue,
            walks: views.iter().map(Walk::new).collect(),
            pointers: (first..first + views.len())
                .map(|index| e.operand(index))
                .collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pointers.len()
    }

    /// All pointers moved, each by its own way.
    fn moved(
        &self,
        e: &mut Emitter,
        way: impl Fn(&mut Emitter, &Walk, Value) -> Value,
    ) -> Operands<'s> {
        let pointers = self
            .walks
            .iter()
            .zip(&self.pointers)
            .map(|(walk, &pointer)| way(e, walk, pointer))
            .collect();
        Operands {
            epilogue: self.epilogue,
            walks: self.walks.clone(),
            pointers,
        }
    }

    /// At the first pixel of a block of channels of an image.
    pub fn at_block(&self, e: &mut Emitter, image: Value, block: Value) -> Operands<'s> {
        self.moved(e, |e, walk, pointer| {
            let pointer = match walk.view.image_stride {
                0 => pointer,
                stride => e.advance(pointer, image, stride),
            };
            let pointer = e.offset(pointer, walk.view.origin() as i64);
            if walk.one_channel {
                pointer
            } else {
                e.advance(pointer, block, walk.view.plane_stride())
            }
        })
    }

    /// `floats` further along the channels: within a block, or within a vector.
    pub fn at_channel(&self, e: &mut Emitter, floats: Value) -> Operands<'s> {
        self.moved(e, |e, walk, pointer| {
            if walk.one_channel {
                pointer
            } else {
                e.advance(pointer, floats, 1)
            }
        })
    }

    /// That many rows and columns further.
    pub fn at_pixel(&self, e: &mut Emitter, row: Value, column: Value) -> Operands<'s> {
        self.moved(e, |e, walk, pointer| {
            let pointer = match walk.row_stride() {
                0 => pointer,
                stride => e.advance(pointer, row, stride),
            };
            match walk.column_stride() {
                0 => pointer,
                stride => e.advance(pointer, column, stride),
            }
        })
    }

    /// The function of a vector of results that is `row` rows, `column` columns and `channel` channels further.
    pub fn apply(
        &self,
        e: &mut Emitter,
        result: Value,
        [row, column]: [usize; 2],
        channel: usize,
    ) -> Value {
        self.apply_with(e, result, |e, walk, pointer| {
            let place = row * walk.row_stride() + column * walk.column_stride();
            if walk.one_channel {
                e.load_splat(pointer, place as i64)
            } else {
                e.load4(pointer, (place + channel) as i64)
            }
        })
    }

    /// The function of the first `lanes` results of a vector; no operand is read beyond them.
    pub fn apply_to_lanes(&self, e: &mut Emitter, result: Value, lanes: usize) -> Value {
        debug_assert!(lanes < LANES);
        self.apply_with(e, result, |e, walk, pointer| {
            if walk.one_channel {
                return e.load_splat(pointer, 0);
            }
            let first = e.load_splat(pointer, 0);
            (1..lanes).fold(first, |vector, lane| {
                let value = e.load(types::F32, pointer, lane as i64);
                e.builder().ins().insertlane(vector, value, lane as u8)
            })
        })
    }

    fn apply_with(
        &self,
        e: &mut Emitter,
        result: Value,
        load: impl Fn(&mut Emitter, &Walk, Value) -> Value,
    ) -> Value {
        let Some(epilogue) = self.epilogue else {
            return result;
        };
        let mut args = vec![result];
        for (walk, &pointer) in self.walks.iter().zip(&self.pointers) {
            args.push(load(e, walk, pointer));
        }
        emit_scalar_fn(e, &epilogue.function, &args)
    }
}
