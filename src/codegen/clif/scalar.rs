//! [`ScalarFn`]s on vectors of four floats.

use cranelift::codegen::ir::condcodes::FloatCC;
use cranelift::codegen::ir::{InstBuilder, Value};

use super::emitter::Emitter;
use super::math;
use crate::graph::{CompareOp, ScalarBinary, ScalarFn, ScalarId, ScalarOp, ScalarUnary};

/// Emits `function` of `args`, which are `F32X4`, lane by lane. Accuracies are those of [`math`]; the rest is rounded as IEEE 754 says.
pub fn emit_scalar_fn(e: &mut Emitter, function: &ScalarFn, args: &[Value]) -> Value {
    let ops = function.ops();
    let constant = |id: ScalarId| match ops[id.0 as usize] {
        ScalarOp::Const(bits) => Some(f32::from_bits(bits)),
        _ => None,
    };
    let mut values: Vec<Value> = Vec::with_capacity(ops.len());
    for op in ops {
        let at = |id: ScalarId| values[id.0 as usize];
        let value = match *op {
            ScalarOp::Arg(index) => args[index as usize],
            ScalarOp::Const(bits) => e.splat(f32::from_bits(bits)),
            ScalarOp::Unary(op, x) => emit_unary(e, op, at(x)),
            ScalarOp::Binary(op, a, b) => {
                emit_binary(e, op, (at(a), constant(a)), (at(b), constant(b)))
            }
            ScalarOp::Select(op, a, b, x, y) => {
                let mask = e.fcompare(condition(op), at(a), at(b));
                e.pick(mask, at(x), at(y))
            }
        };
        values.push(value);
    }
    values[ops.len() - 1]
}

fn emit_unary(e: &mut Emitter, op: ScalarUnary, x: Value) -> Value {
    match op {
        ScalarUnary::Neg => e.builder().ins().fneg(x),
        ScalarUnary::Abs => e.builder().ins().fabs(x),
        ScalarUnary::Sqrt => e.builder().ins().sqrt(x),
        ScalarUnary::Floor => e.builder().ins().floor(x),
        ScalarUnary::Exp => math::exp(e, x),
        ScalarUnary::Log => math::log(e, x),
        ScalarUnary::Tanh => math::tanh(e, x),
        ScalarUnary::Erf => math::erf(e, x),
    }
}

/// Of two operands, each with its value if it is a constant.
fn emit_binary(
    e: &mut Emitter,
    op: ScalarBinary,
    (a, a_constant): (Value, Option<f32>),
    (b, b_constant): (Value, Option<f32>),
) -> Value {
    let is_number = |constant: Option<f32>| constant.is_some_and(|value| !value.is_nan());
    match op {
        ScalarBinary::Add => e.fadd(a, b),
        ScalarBinary::Sub => e.fsub(a, b),
        ScalarBinary::Mul => e.fmul(a, b),
        ScalarBinary::Div => e.fdiv(a, b),
        // With a number on one side a single instruction propagates the other side's NaN.
        ScalarBinary::Min if is_number(a_constant) => e.min_or_second(a, b),
        ScalarBinary::Min if is_number(b_constant) => e.min_or_second(b, a),
        ScalarBinary::Max if is_number(a_constant) => e.max_or_second(a, b),
        ScalarBinary::Max if is_number(b_constant) => e.max_or_second(b, a),
        ScalarBinary::Min => {
            let smaller = e.min_or_second(a, b);
            math::unless_nan(e, a, smaller)
        }
        ScalarBinary::Max => {
            let larger = e.max_or_second(a, b);
            math::unless_nan(e, a, larger)
        }
        ScalarBinary::Pow => match b_constant {
            Some(exponent) => math::pow_constant(e, a, exponent),
            None => math::pow(e, a, b),
        },
    }
}

fn condition(op: CompareOp) -> FloatCC {
    match op {
        CompareOp::Eq => FloatCC::Equal,
        CompareOp::Ne => FloatCC::NotEqual,
        CompareOp::Lt => FloatCC::LessThan,
        CompareOp::Le => FloatCC::LessThanOrEqual,
        CompareOp::Gt => FloatCC::GreaterThan,
        CompareOp::Ge => FloatCC::GreaterThanOrEqual,
    }
}
