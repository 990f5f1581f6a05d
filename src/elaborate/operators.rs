//! Operators and functions on values: pure, with an error text where there is no result.

use std::rc::Rc;

use super::open::pointwise;
use super::value::Value;
use crate::diagnostic::{Code, codes};
use crate::limits;
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// Why there is no result: a code, a message.
pub(super) type Fault = (Code, String);

/// Functions that expressions may call.
pub(crate) const FUNCTIONS: &[&str] = &[
    "len", "min", "max", "abs", "sum", "floor", "ceil", "round", "int", "float",
];

fn types(op: &str, wanted: &str, values: &[&Value]) -> Fault {
    let found: Vec<String> = values.iter().map(|value| value.type_name()).collect();
    (
        codes::TYPE,
        format!("{op} takes {wanted}, not {}", found.join(" and ")),
    )
}

fn overflow(text: String) -> Fault {
    (codes::ARITHMETIC, format!("`{text}` does not fit 64 bits"))
}

/// `-x`, `not x`
pub(super) fn unary(op: UnaryOp, value: &Value) -> Result<Value, Fault> {
    let operation = |values: &[Value]| unary(op, &values[0]);
    if let Some(result) = pointwise(&[value], 1, &operation) {
        return result;
    }
    match (op, value) {
        (_, Value::Unknown) => Ok(Value::Unknown),
        (UnaryOp::Neg, Value::Int(x)) => x
            .checked_neg()
            .map(Value::Int)
            .ok_or_else(|| overflow(format!("-({x})"))),
        (UnaryOp::Neg, Value::Float(x)) => Ok(Value::Float(-x)),
        (UnaryOp::Not, Value::Bool(x)) => Ok(Value::Bool(!x)),
        (UnaryOp::Neg, other) => Err(types("`-`", "a number", &[other])),
        (UnaryOp::Not, other) => Err(types("`not`", "a bool", &[other])),
    }
}

/// What residues a division looks at.
fn modulus(op: BinaryOp, divisor: &Value) -> Result<u64, Fault> {
    match (op, divisor) {
        (BinaryOp::Div | BinaryOp::Rem, Value::Int(x)) => Ok(x.unsigned_abs()),
        (BinaryOp::Div | BinaryOp::Rem, Value::Open(open)) => Err((
            codes::UNDECIDED,
            format!("nothing is told of a division by `{}`", open.form()),
        )),
        _ => Ok(1),
    }
}

/// `ceil(a / b)` as it is written: of two ints, the exact quotient rounded up.
pub(super) fn ceil_division(a: &Value, b: &Value) -> Result<Value, Fault> {
    let operation = |values: &[Value]| ceil_division(&values[0], &values[1]);
    if a.is_unknown() || b.is_unknown() {
        return Ok(Value::Unknown);
    }
    if let Some(result) = pointwise(&[a, b], modulus(BinaryOp::Div, b)?, &operation) {
        return result;
    }
    let quotient = binary(BinaryOp::Div, a, b)?;
    match (&quotient, a, b) {
        (Value::Int(_), Value::Int(x), Value::Int(y)) => {
            let is_exact = x.checked_rem(*y) == Some(0);
            binary(BinaryOp::Add, &quotient, &Value::Int(i64::from(!is_exact)))
        }
        _ => call("ceil", &[quotient]),
    }
}

/// All binary operators. `and` and `or` look at both sides here.
pub(super) fn binary(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Fault> {
    use BinaryOp as B;
    if a.is_unknown() || b.is_unknown() {
        return Ok(Value::Unknown);
    }
    let operation = |values: &[Value]| binary(op, &values[0], &values[1]);
    if let Some(result) = pointwise(&[a, b], modulus(op, b)?, &operation) {
        return result;
    }
    match (op, a, b) {
        (B::And, Value::Bool(x), Value::Bool(y)) => Ok(Value::Bool(*x && *y)),
        (B::Or, Value::Bool(x), Value::Bool(y)) => Ok(Value::Bool(*x || *y)),
        (B::Eq | B::Ne, _, _) => equality(op, a, b),
        (B::Lt | B::Le | B::Gt | B::Ge, _, _) => comparison(op, a, b),
        (_, Value::Int(x), Value::Int(y)) => integer(op, *x, *y),
        (_, Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            let (Some(x), Some(y)) = (number(a), number(b)) else {
                return Ok(Value::Unknown);
            };
            real(op, x, y)
        }
        (B::Add, Value::List(x), Value::List(y)) => {
            if x.len().saturating_add(y.len()) > limits::LIST_ELEMENTS {
                return Err(too_long());
            }
            Ok(Value::List(x.iter().chain(y.iter()).cloned().collect()))
        }
        (B::Add, Value::Text(x), Value::Text(y)) => {
            if x.len().saturating_add(y.len()) > limits::TEXT_BYTES {
                return Err(text_too_long());
            }
            Ok(Value::Text(format!("{x}{y}").into()))
        }
        (B::Add, _, _) => Err(types("`+`", "two numbers, lists or texts", &[a, b])),
        _ => Err(types(&format!("`{}`", op.symbol()), "two numbers", &[a, b])),
    }
}

/// The fault of a list above its limit.
pub(super) fn too_long() -> Fault {
    (
        codes::LIMIT_VALUE,
        format!("a list of more than {} elements", limits::LIST_ELEMENTS),
    )
}

/// The fault of a text above its limit.
pub(super) fn text_too_long() -> Fault {
    (
        codes::LIMIT_VALUE,
        format!("a text of more than {} bytes", limits::TEXT_BYTES),
    )
}

fn integer(op: BinaryOp, x: i64, y: i64) -> Result<Value, Fault> {
    if y == 0 && matches!(op, BinaryOp::Div | BinaryOp::Rem) {
        return Err((codes::ARITHMETIC, "division by zero".into()));
    }
    let result = match op {
        BinaryOp::Add => x.checked_add(y),
        BinaryOp::Sub => x.checked_sub(y),
        BinaryOp::Mul => x.checked_mul(y),
        BinaryOp::Div => floor_division(x, y),
        // What is left of the floor: its sign is the divisor's, and it fits wherever the quotient does.
        _ => floor_division(x, y).and_then(|quotient| x.checked_sub(quotient.checked_mul(y)?)),
    };
    result
        .map(Value::Int)
        .ok_or_else(|| overflow(format!("{x} {} {y}", op.symbol())))
}

fn floor_division(x: i64, y: i64) -> Option<i64> {
    let quotient = x.checked_div(y)?;
    let inexact = x.checked_rem(y)? != 0;
    Some(if inexact && ((x < 0) != (y < 0)) {
        quotient - 1
    } else {
        quotient
    })
}

/// Floats follow IEEE 754 but for results that are no numbers, which are errors here: nobody means them.
fn real(op: BinaryOp, x: f64, y: f64) -> Result<Value, Fault> {
    let result = match op {
        BinaryOp::Add => x + y,
        BinaryOp::Sub => x - y,
        BinaryOp::Mul => x * y,
        _ if y == 0.0 => return Err((codes::ARITHMETIC, "division by zero".into())),
        BinaryOp::Div => x / y,
        _ => x - (x / y).floor() * y,
    };
    if result.is_finite() {
        Ok(Value::Float(result))
    } else {
        Err((
            codes::ARITHMETIC,
            format!("`{x:?} {} {y:?}` is not finite", op.symbol()),
        ))
    }
}

fn equality(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Fault> {
    let comparable = matches!(
        (a, b),
        (
            Value::Int(_) | Value::Float(_),
            Value::Int(_) | Value::Float(_)
        ) | (Value::Bool(_), Value::Bool(_))
            | (Value::Text(_), Value::Text(_))
            | (Value::Size(_), Value::Size(_))
            | (Value::List(_), Value::List(_))
            | (Value::Block(_), Value::Block(_))
    );
    if !comparable {
        return Err(types(
            &format!("`{}`", op.symbol()),
            "two values of one type",
            &[a, b],
        ));
    }
    Ok(Value::Bool((a == b) == (op == BinaryOp::Eq)))
}

fn comparison(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Fault> {
    let ordering = match (a, b) {
        (Value::Int(x), Value::Int(y)) => Some(x.cmp(y)),
        (Value::Text(x), Value::Text(y)) => Some(x.cmp(y)),
        _ => match (number(a), number(b)) {
            (Some(x), Some(y)) => x.partial_cmp(&y),
            _ => {
                return Err(types(&format!("`{}`", op.symbol()), "two numbers", &[a, b]));
            }
        },
    };
    Ok(Value::Bool(ordering.is_some_and(|ordering| match op {
        BinaryOp::Lt => ordering.is_lt(),
        BinaryOp::Le => ordering.is_le(),
        BinaryOp::Gt => ordering.is_gt(),
        _ => ordering.is_ge(),
    })))
}

/// An int or float as a float.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(x) => Some(*x as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

/// A call of one of [`FUNCTIONS`].
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, Fault> {
    if arguments.iter().any(Value::is_unknown) {
        return Ok(Value::Unknown);
    }
    let quoted = format!("`{name}`");
    let all: Vec<&Value> = arguments.iter().collect();
    // The length of a list does not depend on what is in it.
    if name != "len"
        && let Some(result) = pointwise(&all, 1, &|values| call(name, values))
    {
        return result;
    }
    match (name, arguments) {
        ("len", [Value::List(items)]) => Ok(Value::Int(items.len() as i64)),
        ("len", [Value::Text(text)]) => Ok(Value::Int(text.chars().count() as i64)),
        ("len", [_]) => Err(types(&quoted, "a list or text", &all)),
        ("min" | "max", [Value::List(items)]) => extreme(name, items),
        ("min" | "max", [_, _, ..]) => extreme(name, arguments),
        ("sum", [Value::List(items)]) => {
            items
                .iter()
                .try_fold(Value::Int(0), |sum, item| match item {
                    Value::Unknown => Ok(Value::Unknown),
                    Value::Int(_) | Value::Float(_) => binary(BinaryOp::Add, &sum, item),
                    other => Err(types(&quoted, "a list of numbers", &[other])),
                })
        }
        ("sum", [_]) => Err(types(&quoted, "a list of numbers", &all)),
        ("abs", [Value::Int(x)]) => x
            .checked_abs()
            .map(Value::Int)
            .ok_or_else(|| overflow(format!("abs({x})"))),
        ("abs", [Value::Float(x)]) => Ok(Value::Float(x.abs())),
        ("floor" | "ceil" | "round" | "int", [Value::Int(x)]) => Ok(Value::Int(*x)),
        ("floor", [Value::Float(x)]) => to_int(x.floor()),
        ("ceil", [Value::Float(x)]) => to_int(x.ceil()),
        ("round", [Value::Float(x)]) => to_int(x.round()),
        ("int", [Value::Float(x)]) => to_int(x.trunc()),
        ("float", [value @ (Value::Int(_) | Value::Float(_))]) => {
            Ok(number(value).map_or(Value::Unknown, Value::Float))
        }
        ("abs" | "floor" | "ceil" | "round" | "int" | "float", [_]) => {
            Err(types(&quoted, "a number", &all))
        }
        _ => Err((
            if arguments.is_empty() {
                codes::MISSING_ARGUMENT
            } else {
                codes::TOO_MANY_ARGUMENTS
            },
            match name {
                "min" | "max" => format!("`{name}` takes two numbers, or a list"),
                _ => format!("`{name}` takes one argument, not {}", arguments.len()),
            },
        )),
    }
}

fn extreme(name: &str, items: &[Value]) -> Result<Value, Fault> {
    let mut best: Option<&Value> = None;
    for item in items {
        if item.is_unknown() {
            return Ok(Value::Unknown);
        }
        if number(item).is_none() {
            return Err(types(&format!("`{name}`"), "numbers", &[item]));
        }
        let op = if name == "min" {
            BinaryOp::Lt
        } else {
            BinaryOp::Gt
        };
        let better = match best {
            None => true,
            Some(best) => binary(op, item, best)? == Value::Bool(true),
        };
        if better {
            best = Some(item);
        }
    }
    // `min(1, 2.5)` is a float: int with float gives float.
    let any_float = items.iter().any(|item| matches!(item, Value::Float(_)));
    match best {
        Some(Value::Int(x)) if any_float => Ok(Value::Float(*x as f64)),
        Some(value) => Ok(value.clone()),
        None => Err((codes::ARITHMETIC, format!("`{name}` of an empty list"))),
    }
}

fn to_int(x: f64) -> Result<Value, Fault> {
    // 2^63 is the first float that does not fit; -2^63 does.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x) {
        Ok(Value::Int(x as i64))
    } else {
        Err(overflow(format!("{x:?}")))
    }
}

/// `xs[i]`
pub(super) fn index(list: &Value, at: &Value) -> Result<Value, Fault> {
    match (list, at) {
        (Value::Unknown, _) | (_, Value::Unknown) => Ok(Value::Unknown),
        (Value::List(items), Value::Int(at)) => element(items, *at),
        (Value::List(_), Value::Open(_)) => {
            let operation = |values: &[Value]| index(&values[0], &values[1]);
            pointwise(&[list, at], 1, &operation).unwrap_or(Ok(Value::Unknown))
        }
        (Value::List(_), other) => Err(types("an index", "an int", &[other])),
        (other, _) => Err(types("`[]`", "a list", &[other])),
    }
}

fn element(items: &Rc<[Value]>, at: i64) -> Result<Value, Fault> {
    let length = items.len() as i64;
    let position = if at < 0 {
        at.checked_add(length)
    } else {
        Some(at)
    };
    position
        .and_then(|position| usize::try_from(position).ok())
        .and_then(|position| items.get(position))
        .cloned()
        .ok_or_else(|| (codes::INDEX, format!("index {at} of a list of {length}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_is_rounded_down() {
        for (x, y, quotient, rest) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
        ] {
            let (x, y) = (Value::Int(x), Value::Int(y));
            assert_eq!(binary(BinaryOp::Div, &x, &y), Ok(Value::Int(quotient)));
            assert_eq!(binary(BinaryOp::Rem, &x, &y), Ok(Value::Int(rest)));
        }
    }

    #[test]
    fn what_has_no_result_is_an_error() {
        let (least, minus_one) = (Value::Int(i64::MIN), Value::Int(-1));
        for op in [BinaryOp::Div, BinaryOp::Rem, BinaryOp::Mul, BinaryOp::Add] {
            assert!(binary(op, &least, &minus_one).is_err(), "{op:?}");
        }
        assert!(unary(UnaryOp::Neg, &least).is_err());
        assert!(call("abs", &[least]).is_err());
        assert!(call("int", &[Value::Float(1e19)]).is_err());
        assert!(binary(BinaryOp::Div, &Value::Float(1.0), &Value::Int(0)).is_err());
    }

    #[test]
    fn elements_count_from_both_ends() {
        let list = Value::List(vec![Value::Int(4), Value::Int(5)].into());
        assert_eq!(index(&list, &Value::Int(-1)), Ok(Value::Int(5)));
        assert_eq!(index(&list, &Value::Int(0)), Ok(Value::Int(4)));
        for at in [2, -3, i64::MIN, i64::MAX] {
            assert!(index(&list, &Value::Int(at)).is_err());
        }
    }
}
