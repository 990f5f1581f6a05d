//! Functions of numbers: what an elementwise layer computes for each element, in a form that can be hashed, composed,
//! evaluated in f64 (the reference) and compiled.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Handle of an operation in a [`ScalarFn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScalarId(pub u32);

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is its own name
pub enum ScalarUnary {
    Neg,
    Abs,
    Sqrt,
    Floor,
    Exp,
    Log,
    Tanh,
    Erf,
}

/// Functions of two numbers. `Min` and `Max` answer NaN if either side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is its own name
pub enum ScalarBinary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Pow,
}

/// Comparisons, false where a side is NaN (except `Ne`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is its own name
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// One operation; handles point backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarOp {
    /// Argument with this index.
    Arg(u32),
    /// A constant, as the bits of an f32 (so that it hashes).
    Const(u32),
    /// Of one number.
    Unary(ScalarUnary, ScalarId),
    /// Of two numbers.
    Binary(ScalarBinary, ScalarId, ScalarId),
    /// `if a OP b then x else y`, by element.
    Select(CompareOp, ScalarId, ScalarId, ScalarId, ScalarId),
}

/// A function of `n_args` numbers. Cheap to clone. Equality and hash look at the operations, not at the name.
#[derive(Clone, Debug)]
pub struct ScalarFn {
    name: Arc<str>,
    n_args: usize,
    ops: Arc<[ScalarOp]>,
}

impl PartialEq for ScalarFn {
    fn eq(&self, other: &ScalarFn) -> bool {
        self.n_args == other.n_args && self.ops == other.ops
    }
}

impl Eq for ScalarFn {}

impl Hash for ScalarFn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.n_args.hash(state);
        self.ops.hash(state);
    }
}

impl ScalarFn {
    /// Starts a function of `n_args` arguments.
    pub fn build(n_args: usize) -> ScalarBuilder {
        let mut builder = ScalarBuilder {
            n_args,
            ops: Vec::new(),
            known: HashMap::new(),
        };
        for index in 0..n_args {
            builder.push(ScalarOp::Arg(index as u32));
        }
        builder
    }

    /// `a + b`
    pub fn add() -> ScalarFn {
        ScalarFn::binary("add", ScalarBinary::Add)
    }

    /// `a - b`
    pub fn subtract() -> ScalarFn {
        ScalarFn::binary("subtract", ScalarBinary::Sub)
    }

    /// `a * b`
    pub fn multiply() -> ScalarFn {
        ScalarFn::binary("multiply", ScalarBinary::Mul)
    }

    fn binary(name: &str, op: ScalarBinary) -> ScalarFn {
        let mut builder = ScalarFn::build(2);
        let (a, b) = (builder.arg(0), builder.arg(1));
        let result = builder.push(ScalarOp::Binary(op, a, b));
        builder.finish(name, result)
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of arguments.
    pub fn n_args(&self) -> usize {
        self.n_args
    }

    /// The operations in order; the first `n_args` are the arguments, the last is the result.
    pub fn ops(&self) -> &[ScalarOp] {
        &self.ops
    }

    /// This function with `inner` in place of argument `slot`. The arguments of the result are this function's other arguments around
    /// those of `inner`, in order: `0..slot`, inner's, `slot+1..`.
    pub fn compose(&self, slot: usize, inner: &ScalarFn) -> ScalarFn {
        let n_args = self.n_args - 1 + inner.n_args;
        let mut builder = ScalarFn::build(n_args);
        let inner_args: Vec<ScalarId> = (0..inner.n_args).map(|i| builder.arg(slot + i)).collect();
        let inner_result = builder.inline(inner, &inner_args);
        let args: Vec<ScalarId> = (0..self.n_args)
            .map(|i| match i.cmp(&slot) {
                std::cmp::Ordering::Less => builder.arg(i),
                std::cmp::Ordering::Equal => inner_result,
                std::cmp::Ordering::Greater => builder.arg(i - 1 + inner.n_args),
            })
            .collect();
        let result = builder.inline(self, &args);
        builder.finish(&format!("{}.{}", inner.name, self.name), result)
    }

    /// This function with its arguments renumbered: argument `i` becomes `to[i]` of `n_args`; two may become one.
    pub fn with_args(&self, n_args: usize, to: &[usize]) -> ScalarFn {
        let mut builder = ScalarFn::build(n_args);
        let args: Vec<ScalarId> = to.iter().map(|&i| builder.arg(i)).collect();
        let result = builder.inline(self, &args);
        builder.finish(&self.name, result)
    }

    /// The value for `args`, in f64: the reference for every compiled form.
    pub fn eval(&self, args: &[f64]) -> f64 {
        let mut values: Vec<f64> = Vec::with_capacity(self.ops.len());
        for op in self.ops.iter() {
            let at = |id: ScalarId| values[id.0 as usize];
            let value = match *op {
                ScalarOp::Arg(index) => args[index as usize],
                ScalarOp::Const(bits) => f64::from(f32::from_bits(bits)),
                ScalarOp::Unary(op, x) => eval_unary(op, at(x)),
                ScalarOp::Binary(op, a, b) => eval_binary(op, at(a), at(b)),
                ScalarOp::Select(op, a, b, x, y) => {
                    if eval_compare(op, at(a), at(b)) {
                        at(x)
                    } else {
                        at(y)
                    }
                }
            };
            values.push(value);
        }
        values.last().copied().unwrap_or(f64::NAN)
    }
}

/// Builds a [`ScalarFn`]; equal operations are made once.
pub struct ScalarBuilder {
    n_args: usize,
    ops: Vec<ScalarOp>,
    known: HashMap<ScalarOp, ScalarId>,
}

impl ScalarBuilder {
    /// Argument `index`.
    pub fn arg(&self, index: usize) -> ScalarId {
        debug_assert!(index < self.n_args);
        ScalarId(index as u32)
    }

    /// A constant, rounded to f32.
    pub fn constant(&mut self, value: f64) -> ScalarId {
        self.push(ScalarOp::Const((value as f32).to_bits()))
    }

    /// Adds an operation (or answers the equal one that is there).
    pub fn push(&mut self, op: ScalarOp) -> ScalarId {
        if let Some(&id) = self.known.get(&op) {
            return id;
        }
        let id = ScalarId(self.ops.len() as u32);
        self.ops.push(op);
        self.known.insert(op, id);
        id
    }

    /// Number of operations so far.
    pub fn n_ops(&self) -> usize {
        self.ops.len()
    }

    /// Adds the operations of `function` applied to `args`, and answers its result.
    pub fn inline(&mut self, function: &ScalarFn, args: &[ScalarId]) -> ScalarId {
        let mut map: Vec<ScalarId> = Vec::with_capacity(function.ops.len());
        for op in function.ops.iter() {
            let at = |id: ScalarId| map[id.0 as usize];
            let id = match *op {
                ScalarOp::Arg(index) => args[index as usize],
                ScalarOp::Const(_) => self.push(*op),
                ScalarOp::Unary(op, x) => self.push(ScalarOp::Unary(op, at(x))),
                ScalarOp::Binary(op, a, b) => self.push(ScalarOp::Binary(op, at(a), at(b))),
                ScalarOp::Select(op, a, b, x, y) => {
                    self.push(ScalarOp::Select(op, at(a), at(b), at(x), at(y)))
                }
            };
            map.push(id);
        }
        map[function.ops.len() - 1]
    }

    /// The function whose value is `result`; operations that it does not need are left out.
    pub fn finish(self, name: &str, result: ScalarId) -> ScalarFn {
        let mut needed = vec![false; self.ops.len()];
        needed[result.0 as usize] = true;
        for index in (0..self.ops.len()).rev() {
            if needed[index] {
                for operand in operands(&self.ops[index]) {
                    needed[operand.0 as usize] = true;
                }
            }
        }
        let mut map = vec![ScalarId(0); self.ops.len()];
        let mut ops = Vec::new();
        for (index, op) in self.ops.iter().enumerate() {
            if index >= self.n_args && !needed[index] {
                continue;
            }
            map[index] = ScalarId(ops.len() as u32);
            let at = |id: ScalarId| map[id.0 as usize];
            ops.push(match *op {
                ScalarOp::Arg(_) | ScalarOp::Const(_) => *op,
                ScalarOp::Unary(op, x) => ScalarOp::Unary(op, at(x)),
                ScalarOp::Binary(op, a, b) => ScalarOp::Binary(op, at(a), at(b)),
                ScalarOp::Select(op, a, b, x, y) => {
                    ScalarOp::Select(op, at(a), at(b), at(x), at(y))
                }
            });
        }
        // The result must be last: where it is an argument (or shared), `x + (-0.0)` is `x` for every `x`.
        let result = map[result.0 as usize];
        if result.0 as usize != ops.len() - 1 {
            let zero = ScalarId(ops.len() as u32);
            ops.push(ScalarOp::Const((-0.0f32).to_bits()));
            ops.push(ScalarOp::Binary(ScalarBinary::Add, result, zero));
        }
        ScalarFn {
            name: name.into(),
            n_args: self.n_args,
            ops: ops.into(),
        }
    }
}

/// The operands of an operation.
pub fn operands(op: &ScalarOp) -> Vec<ScalarId> {
    match *op {
        ScalarOp::Arg(_) | ScalarOp::Const(_) => Vec::new(),
        ScalarOp::Unary(_, x) => vec![x],
        ScalarOp::Binary(_, a, b) => vec![a, b],
        ScalarOp::Select(_, a, b, x, y) => vec![a, b, x, y],
    }
}

fn eval_unary(op: ScalarUnary, x: f64) -> f64 {
    match op {
        ScalarUnary::Neg => -x,
        ScalarUnary::Abs => x.abs(),
        ScalarUnary::Sqrt => x.sqrt(),
        ScalarUnary::Floor => x.floor(),
        ScalarUnary::Exp => x.exp(),
        ScalarUnary::Log => x.ln(),
        ScalarUnary::Tanh => x.tanh(),
        ScalarUnary::Erf => erf(x),
    }
}

fn eval_binary(op: ScalarBinary, a: f64, b: f64) -> f64 {
    let either_nan = a.is_nan() || b.is_nan();
    match op {
        ScalarBinary::Add => a + b,
        ScalarBinary::Sub => a - b,
        ScalarBinary::Mul => a * b,
        ScalarBinary::Div => a / b,
        ScalarBinary::Min if either_nan => f64::NAN,
        ScalarBinary::Max if either_nan => f64::NAN,
        ScalarBinary::Min => a.min(b),
        ScalarBinary::Max => a.max(b),
        ScalarBinary::Pow => a.powf(b),
    }
}

fn eval_compare(op: CompareOp, a: f64, b: f64) -> bool {
    match op {
        CompareOp::Eq => a == b,
        CompareOp::Ne => a != b,
        CompareOp::Lt => a < b,
        CompareOp::Le => a <= b,
        CompareOp::Gt => a > b,
        CompareOp::Ge => a >= b,
    }
}

/// The error function to f64 accuracy: its Maclaurin series below 2 (where its terms stay below 11),
/// the continued fraction of erfc beyond (Abramowitz and Stegun 7.1.5, 7.1.14).
fn erf(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude.is_nan() {
        return x;
    }
    let value = if magnitude < 2.0 {
        let (mut term, mut sum, mut n) = (magnitude, magnitude, 0.0);
        while term.abs() > 1e-18 * sum {
            n += 1.0;
            term *= -magnitude * magnitude / n;
            sum += term / (2.0 * n + 1.0);
            if n > 200.0 {
                break;
            }
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        let fraction = (1..=60)
            .rev()
            .fold(magnitude, |tail, k| magnitude + f64::from(k) / 2.0 / tail);
        1.0 - (-magnitude * magnitude).exp() / (fraction * std::f64::consts::PI.sqrt())
    };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compose_places_arguments_in_order() {
        // (a - b) with b := (c * d) is a - c*d
        let function = ScalarFn::subtract().compose(1, &ScalarFn::multiply());
        assert_eq!(function.n_args(), 3);
        assert_eq!(function.eval(&[10.0, 2.0, 3.0]), 4.0);
    }

    #[test]
    fn result_is_last_even_if_it_is_an_argument() {
        let builder = ScalarFn::build(2);
        let first = builder.arg(0);
        let function = builder.finish("first", first);
        assert_eq!(function.eval(&[7.0, 9.0]), 7.0);
    }

    #[test]
    fn erf_matches_known_values() {
        for (x, y) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.9, 0.999_958_902_121_901),
            (3.5, 0.999_999_256_901_627_7),
        ] {
            assert!((erf(x) - y).abs() < 1e-14, "erf({x}) = {}", erf(x));
            assert_eq!(erf(-x), -erf(x));
        }
    }
}
