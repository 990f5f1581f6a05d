//! What happens to a sum before it is stored, in wide vectors: the functions that a few instructions compute. The others follow in narrow vectors, once the
//! sums are stored.

use super::assembler::{Arithmetic, Assembler, Vector, Word};
use crate::graph::{ScalarBinary, ScalarFn, ScalarId, ScalarOp, operands};
use crate::kernels::Epilogue;
use crate::plan::View;

/// Operands whose pointers have registers.
const MAX_OPERANDS: usize = 3;

/// Whether the tile applies the epilogue itself, with so many registers beside the sums.
pub fn is_wide(epilogue: &Epilogue, n_free: usize) -> bool {
    epilogue.operands.len() <= MAX_OPERANDS
        && registers(&epilogue.function).is_some_and(|needed| needed <= n_free)
}

/// Registers that the function takes beside its first argument's, or `None` if an operation has no wide form.
fn registers(function: &ScalarFn) -> Option<usize> {
    let ops = function.ops();
    if !matches!(ops.last(), Some(ScalarOp::Binary(..) | ScalarOp::Arg(0))) {
        return None;
    }
    let last_uses = last_uses(function);
    let (mut live, mut most) = (0usize, 0usize);
    for (index, op) in ops.iter().enumerate() {
        let is_first = matches!(op, ScalarOp::Arg(0));
        match op {
            ScalarOp::Arg(_) | ScalarOp::Const(_) => {}
            ScalarOp::Binary(op, a, b) => {
                arithmetic(*op, constant(function, *a), constant(function, *b))?;
            }
            ScalarOp::Unary(..) | ScalarOp::Select(..) => return None,
        }
        live += usize::from(!is_first);
        most = most.max(live);
        live -= (0..=index)
            .filter(|&value| last_uses[value] == index && !matches!(ops[value], ScalarOp::Arg(0)))
            .count();
    }
    Some(most)
}

/// The operation that uses each value last.
fn last_uses(function: &ScalarFn) -> Vec<usize> {
    let ops = function.ops();
    let mut last: Vec<usize> = (0..ops.len()).collect();
    for (index, op) in ops.iter().enumerate() {
        for operand in operands(op) {
            last[operand.0 as usize] = index;
        }
    }
    last
}

fn constant(function: &ScalarFn, id: ScalarId) -> Option<f32> {
    match function.ops()[id.0 as usize] {
        ScalarOp::Const(bits) => Some(f32::from_bits(bits)),
        _ => None,
    }
}

/// The instruction for `a OP b`, and whether the operands change places. The smaller and the larger answer their second operand where either is NaN, so the
/// first must be a number.
fn arithmetic(op: ScalarBinary, a: Option<f32>, b: Option<f32>) -> Option<(Arithmetic, bool)> {
    let is_number = |constant: Option<f32>| constant.is_some_and(|value| !value.is_nan());
    let ordered = |op| match (is_number(a), is_number(b)) {
        (true, _) => Some((op, false)),
        (_, true) => Some((op, true)),
        _ => None,
    };
    match op {
        ScalarBinary::Add => Some((Arithmetic::Add, false)),
        ScalarBinary::Sub => Some((Arithmetic::Sub, false)),
        ScalarBinary::Mul => Some((Arithmetic::Mul, false)),
        ScalarBinary::Div => Some((Arithmetic::Div, false)),
        ScalarBinary::Min => ordered(Arithmetic::Min),
        ScalarBinary::Max => ordered(Arithmetic::Max),
        ScalarBinary::Pow => None,
    }
}

/// Where an operand lies, seen from a tile's first result.
pub struct Operand<'s> {
    view: &'s View,
    pointer: Word,
}

impl<'s> Operand<'s> {
    /// The operands of an epilogue, their pointers loaded from the entries `first` and on of a table.
    pub fn load(
        a: &mut Assembler,
        epilogue: Option<&'s Epilogue>,
        table: &Word,
        first: usize,
    ) -> Vec<Operand<'s>> {
        let views = epilogue.map_or(&[][..], |epilogue| &epilogue.operands);
        let load = |(index, view)| {
            let pointer = a.word();
            a.load_word(&pointer, table, first + index);
            Operand { view, pointer }
        };
        views.iter().enumerate().map(load).collect()
    }

    /// Floats from the first element to that for the vector of results so many rows, columns and channels further.
    fn place(&self, pixel: [usize; 2], channel: usize) -> i64 {
        let view = self.view;
        let by_channel = match view.channels {
            1 => 0,
            _ => channel / view.block * view.plane_stride() + channel % view.block,
        };
        (step(view, pixel) + by_channel) as i64
    }

    /// Where those elements lie, if they are not the same for all pixels.
    pub fn line(&self, pixel: [usize; 2], channel: usize) -> Option<(Word, i64)> {
        let place = self.place(pixel, channel);
        (step(self.view, [1, 1]) > 0).then(|| (self.pointer.clone(), place))
    }

    /// The elements for the vector of results that begins `row` rows, `column` columns and `channel` channels further.
    fn vector(&self, a: &mut Assembler, pixel: [usize; 2], channel: usize) -> Vector {
        let place = self.place(pixel, channel);
        match self.view.channels {
            1 => a.load_splat(&self.pointer, place),
            _ => a.load(&self.pointer, place),
        }
    }
}

/// From the element of a result to that of the result so many rows and columns further.
pub fn step(view: &View, [rows, columns]: [usize; 2]) -> usize {
    let by_row = if view.height > 1 {
        view.row_stride()
    } else {
        0
    };
    let by_column = if view.width > 1 {
        view.pixel_stride()
    } else {
        0
    };
    rows * by_row + columns * by_column
}

/// Applies the function to a sum in its register, `place` rows and columns and `channel` channels from the tile's first result.
pub fn apply(
    a: &mut Assembler,
    function: &ScalarFn,
    sum: &Vector,
    arguments: &[Operand],
    place: [usize; 2],
    channel: usize,
) {
    let ops = function.ops();
    let last_uses = last_uses(function);
    let mut values: Vec<Option<Vector>> = vec![None; ops.len()];
    for (index, op) in ops.iter().enumerate() {
        let value = match *op {
            ScalarOp::Arg(0) => sum.clone(),
            ScalarOp::Arg(argument) => arguments[argument as usize - 1].vector(a, place, channel),
            ScalarOp::Const(bits) => a.splat(f32::from_bits(bits)),
            ScalarOp::Binary(op, x, y) => {
                let chosen = arithmetic(op, constant(function, x), constant(function, y));
                let (Some((op, is_swapped)), Some(x), Some(y)) =
                    (chosen, &values[x.0 as usize], &values[y.0 as usize])
                else {
                    unreachable!("`is_wide` let only such functions pass");
                };
                let [x, y] = if is_swapped { [y, x] } else { [x, y] };
                if index + 1 == ops.len() {
                    a.compute_into(sum, op, x, y);
                    sum.clone()
                } else {
                    a.compute(op, x, y)
                }
            }
            ScalarOp::Unary(..) | ScalarOp::Select(..) => {
                unreachable!("`is_wide` let only such functions pass")
            }
        };
        values[index] = Some(value);
        for (value, &last) in values.iter_mut().zip(&last_uses) {
            if last == index && index + 1 < ops.len() {
                *value = None;
            }
        }
    }
}
