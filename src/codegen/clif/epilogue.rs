//! What happens to a sum before it is stored: its operands' addresses, and the function.

use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::{Emitter, LANES};
use super::operand::Operand;
use super::scalar::emit_scalar_fn;
use crate::kernels::Epilogue;

/// An epilogue and where its operands are.
#[derive(Clone)]
pub struct Operands<'s> {
    epilogue: Option<&'s Epilogue>,
    operands: Vec<Operand<'s>>,
    pointers: Vec<Value>,
}

impl<'s> Operands<'s> {
    /// Loads the pointers: they are the kernel's operands from `first` on.
    pub fn load(e: &mut Emitter, epilogue: Option<&'s Epilogue>, first: usize) -> Operands<'s> {
        let views = epilogue.map_or(&[][..], |epilogue| &epilogue.operands);
        Operands {
            epilogue,
            operands: views.iter().map(Operand::new).collect(),
            pointers: (first..first + views.len())
                .map(|index| e.operand(index))
                .collect(),
        }
    }

    /// Of no epilogue.
    pub fn none() -> Operands<'s> {
        Operands {
            epilogue: None,
            operands: Vec::new(),
            pointers: Vec::new(),
        }
    }

    /// So many blocks of channels further.
    pub fn blocks_further(&self, e: &mut Emitter, blocks: Value) -> Operands<'s> {
        self.moved(e, |e, operand, pointer| {
            e.advance(pointer, blocks, operand.block_stride())
        })
    }

    /// The pointers.
    pub fn pointers(&self) -> &[Value] {
        &self.pointers
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pointers.len()
    }

    /// All pointers moved, each by its own way.
    fn moved(
        &self,
        e: &mut Emitter,
        way: impl Fn(&mut Emitter, &Operand, Value) -> Value,
    ) -> Operands<'s> {
        let pointers = self
            .operands
            .iter()
            .zip(&self.pointers)
            .map(|(operand, &pointer)| way(e, operand, pointer))
            .collect();
        Operands {
            epilogue: self.epilogue,
            operands: self.operands.clone(),
            pointers,
        }
    }

    /// At the first pixel of a block of channels of an image.
    pub fn at_block(&self, e: &mut Emitter, image: Value, block: Value) -> Operands<'s> {
        self.moved(e, |e, operand, pointer| {
            operand.block(e, pointer, image, block)
        })
    }

    /// `floats` further along the channels: within a block, or within a vector.
    pub fn at_channel(&self, e: &mut Emitter, floats: Value) -> Operands<'s> {
        self.moved(e, |e, operand, pointer| {
            if operand.by_lane() {
                e.advance(pointer, floats, 1)
            } else {
                pointer
            }
        })
    }

    /// That many rows and columns further.
    pub fn at_pixel(&self, e: &mut Emitter, row: Value, column: Value) -> Operands<'s> {
        self.moved(e, |e, operand, pointer| {
            let pointer = e.advance(pointer, row, operand.row_stride());
            e.advance(pointer, column, operand.pixel_stride())
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
        self.apply_with(e, result, |e, operand, pointer| {
            let place = row * operand.row_stride() + column * operand.pixel_stride();
            if !operand.by_lane() {
                e.load_splat(pointer, place as i64)
            } else {
                e.load4(pointer, (place + operand.channel(channel)) as i64)
            }
        })
    }

    /// The function of the first `lanes` results of a vector; no operand is read beyond them.
    pub fn apply_to_lanes(&self, e: &mut Emitter, result: Value, lanes: usize) -> Value {
        debug_assert!(lanes < LANES);
        self.apply_with(e, result, |e, operand, pointer| {
            if !operand.by_lane() {
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
        load: impl Fn(&mut Emitter, &Operand, Value) -> Value,
    ) -> Value {
        let Some(epilogue) = self.epilogue else {
            return result;
        };
        let mut args = vec![result];
        for (operand, &pointer) in self.operands.iter().zip(&self.pointers) {
            args.push(load(e, operand, pointer));
        }
        emit_scalar_fn(e, &epilogue.function, &args)
    }
}
