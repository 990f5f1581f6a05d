//! Functions of the language compiled to [`ScalarFn`]s.
//!
//! In the body of a function every number is a real one: `1 / 2` is a half. Typed parameters are constants, so conditions on
//! them are decided here and leave no trace.

mod calls;

use crate::diagnostic::{Diagnostic, codes};
use crate::elaborate::arguments::formals;
use crate::elaborate::bind::Bound;
use crate::elaborate::expand::{Expander, Tensor};
use crate::elaborate::open::open_values;
use crate::elaborate::operators;
use crate::elaborate::program::DeclarationId;
use crate::elaborate::prove::open_value;
use crate::elaborate::value::{Callee, Kind, Value};
use crate::graph::{
    CompareOp, Op, ScalarBinary, ScalarBuilder, ScalarFn, ScalarId, ScalarOp, ScalarUnary,
};
use crate::limits;
use crate::source::{FileId, Span};
use crate::syntax::ast::{BinaryOp, Call, Declaration, Expr, ExprKind, Ident, UnaryOp};

/// Functions of the machine, with their number of arguments. They are meant where a function's body names them, whatever
/// the prelude declares.
pub(crate) const INTRINSICS: &[(&str, usize)] = &[
    ("min", 2),
    ("max", 2),
    ("pow", 2),
    ("abs", 1),
    ("sqrt", 1),
    ("exp", 1),
    ("log", 1),
    ("tanh", 1),
    ("erf", 1),
    ("floor", 1),
];

/// What a part of a function's body is.
#[derive(Clone, Debug)]
enum Operand {
    /// A constant that is no number: a condition's bool, a text.
    Constant(Value),
    /// A number that is known already.
    Number(f64),
    /// A number for each element.
    Scalar(ScalarId),
}

/// A condition, which becomes selects.
enum Condition {
    Known(bool),
    Compare(CompareOp, ScalarId, ScalarId),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

/// The names of one function's parameters while its body is compiled.
struct Environment<'p> {
    file: FileId,
    names: Vec<(&'p str, Operand)>,
    /// The name of the function that is compiled, whatever it calls.
    outermost: &'p Ident,
    /// The work at which it is too large.
    last_step: usize,
}

/// Compilation stops at the first fault, which was reported.
struct Failed;

type Compiled<T> = Result<T, Failed>;

impl<'p> Expander<'p> {
    /// Applies a function to the value that arrives and to the tensors among its arguments.
    pub fn apply_function(
        &mut self,
        id: DeclarationId,
        bound: Bound,
        call: &'p Call,
        name: String,
        arriving: Tensor,
    ) -> Tensor {
        let formals = formals(self.program, Callee::Declared(id));
        if !formals.iter().any(|formal| formal.arriving) {
            let message = format!(
                "`{}` takes no tensor and cannot be a step",
                call.callee.name
            );
            let fault = Diagnostic::new(codes::NOT_A_STEP, message, call.callee.span, "");
            let help = "a parameter without a type is a tensor: `fn f(x) = ...`";
            self.report(fault.with_help(help));
            return Tensor::Unknown;
        }
        let mut inputs = Vec::new();
        for (formal, tensor) in formals.iter().zip(&bound.tensors) {
            let tensor = match (formal.arriving, tensor) {
                (true, _) => self.wanted(arriving, call.span),
                (false, Some(tensor)) => *tensor,
                (false, None) => continue,
            };
            match tensor {
                Tensor::Node(node) => inputs.push(node),
                Tensor::Nothing | Tensor::Unknown => return Tensor::Unknown,
            }
        }
        let open = bound.values.iter().flatten().flat_map(open_values).next();
        if let Some(open) = open {
            let fault = open_value(open, call.span);
            self.report(fault);
            return Tensor::Unknown;
        }
        let Some(function) = self.compiled(id, bound.values, call.span) else {
            return Tensor::Unknown;
        };
        let place = call.callee.span;
        self.push_proved(Op::Map(function), inputs, name, call.span, place)
    }

    /// A function with values for its typed parameters; `None` is reported.
    pub fn compiled(
        &mut self,
        id: DeclarationId,
        values: Vec<Option<Value>>,
        span: Span,
    ) -> Option<ScalarFn> {
        let has_constants = formals(self.program, Callee::Declared(id))
            .iter()
            .any(|formal| formal.kind != Kind::Tensor);
        if let Some(function) = self.functions.get(&id)
            && !has_constants
        {
            return Some(function.clone());
        }
        let constants = self.function_constants(id, values)?;
        let Declaration::Fn(declaration) = self.program.declaration(id) else {
            return None;
        };
        let n_tensors = declaration.params.iter().filter(|p| p.ty.is_none()).count();
        let mut builder = ScalarFn::build(n_tensors);
        let mut environment = Environment {
            file: self.program.info(id).file,
            names: Vec::new(),
            outermost: &declaration.name,
            last_step: self.steps.saturating_add(limits::FUNCTION_STEPS),
        };
        let mut n_seen = 0;
        for (param, constant) in declaration.params.iter().zip(constants) {
            let operand = match constant {
                Some(value) => constant_operand(value),
                None => {
                    n_seen += 1;
                    Operand::Scalar(builder.arg(n_seen - 1))
                }
            };
            environment.names.push((&param.name.name, operand));
        }
        let outer = self.call_depth;
        let result = self.scalar(&declaration.body, &mut builder, &environment);
        self.call_depth = outer;
        let function = builder.finish(&declaration.name.name, result.ok()?);
        if !self.charge(function.ops().len() / 8, span) {
            return None;
        }
        if !has_constants {
            self.functions.insert(id, function.clone());
        }
        Some(function)
    }

    /// A function that calls others twice over grows without bound, so nothing after it is expanded.
    fn too_large(&mut self, function: &Ident) {
        let message = format!("the function `{}` is too large", function.name);
        self.halt(codes::LIMIT_VALUE, message, function.span);
    }

    fn fail_function<T>(
        &mut self,
        code: crate::diagnostic::Code,
        message: impl Into<String>,
        span: Span,
    ) -> Compiled<T> {
        self.fail(code, message, span);
        Err(Failed)
    }

    /// A part of the body that must be a number for each element.
    fn scalar(
        &mut self,
        expr: &'p Expr,
        builder: &mut ScalarBuilder,
        names: &Environment<'p>,
    ) -> Compiled<ScalarId> {
        let operand = self.operand(expr, builder, names)?;
        self.scalar_of(operand, builder, expr.span)
    }

    fn scalar_of(
        &mut self,
        operand: Operand,
        builder: &mut ScalarBuilder,
        span: Span,
    ) -> Compiled<ScalarId> {
        match operand {
            Operand::Scalar(id) => Ok(id),
            Operand::Number(value) => Ok(builder.constant(value)),
            Operand::Constant(value) => {
                let message = format!("a number is wanted, not {}", value.type_name());
                self.fail_function(codes::TYPE, message, span)
            }
        }
    }

    /// Recurses along the expression, whose depth the parser bounds, and into functions, whose depth is counted.
    fn operand(
        &mut self,
        expr: &'p Expr,
        builder: &mut ScalarBuilder,
        names: &Environment<'p>,
    ) -> Compiled<Operand> {
        if !self.charge(1, expr.span) {
            return Err(Failed);
        }
        if builder.n_ops() > limits::FUNCTION_OPS || self.steps > names.last_step {
            self.too_large(names.outermost);
            return Err(Failed);
        }
        match &expr.kind {
            ExprKind::Int(value) => Ok(Operand::Number(*value as f64)),
            ExprKind::Float(value) => Ok(Operand::Number(*value)),
            ExprKind::Bool(value) => Ok(Operand::Constant(Value::Bool(*value))),
            ExprKind::Name(name) => self.named_operand(name, expr.span, names),
            ExprKind::Unary(UnaryOp::Neg, operand) => {
                match self.operand(operand, builder, names)? {
                    Operand::Number(value) => Ok(Operand::Number(-value)),
                    other => {
                        let id = self.scalar_of(other, builder, operand.span)?;
                        Ok(Operand::Scalar(
                            builder.push(ScalarOp::Unary(ScalarUnary::Neg, id)),
                        ))
                    }
                }
            }
            ExprKind::Binary(op, a, b, op_span) => match arithmetic(*op) {
                Some(binary) => {
                    let a_operand = self.operand(a, builder, names)?;
                    let b_operand = self.operand(b, builder, names)?;
                    if let (Operand::Number(x), Operand::Number(y)) = (&a_operand, &b_operand)
                        && let Some(value) = fold(binary, *x, *y)
                    {
                        return Ok(Operand::Number(value));
                    }
                    let a = self.scalar_of(a_operand, builder, a.span)?;
                    let b = self.scalar_of(b_operand, builder, b.span)?;
                    Ok(Operand::Scalar(
                        builder.push(ScalarOp::Binary(binary, a, b)),
                    ))
                }
                None if *op == BinaryOp::Rem => {
                    let message = "`%` is not among the operators of functions";
                    self.fail_function(codes::TYPE, message, *op_span)
                }
                None => {
                    let message = "a number is wanted, not a condition";
                    self.fail_function(codes::TYPE, message, expr.span)
                }
            },
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.condition(condition, builder, names)?;
                if let Condition::Known(value) = condition {
                    let arm = if value { then } else { otherwise };
                    return self.operand(arm, builder, names);
                }
                let then = self.scalar(then, builder, names)?;
                let otherwise = self.scalar(otherwise, builder, names)?;
                Ok(Operand::Scalar(select(
                    &condition, then, otherwise, builder,
                )))
            }
            ExprKind::Call(call) => self.call_operand(call, builder, names),
            _ => {
                let message =
                    "this cannot stand in a function: its body is an expression over numbers";
                self.fail_function(codes::TYPE, message, expr.span)
            }
        }
    }

    fn named_operand(
        &mut self,
        name: &str,
        span: Span,
        names: &Environment<'p>,
    ) -> Compiled<Operand> {
        if let Some((_, operand)) = names.names.iter().rev().find(|(known, _)| *known == name) {
            return Ok(operand.clone());
        }
        let known = names.names.iter().map(|(name, _)| *name);
        let fault =
            crate::elaborate::eval::undefined_name(self.program, names.file, name, span, known);
        self.report(fault);
        Err(Failed)
    }

    fn condition(
        &mut self,
        expr: &'p Expr,
        builder: &mut ScalarBuilder,
        names: &Environment<'p>,
    ) -> Compiled<Condition> {
        match &expr.kind {
            ExprKind::Unary(UnaryOp::Not, inner) => {
                Ok(match self.condition(inner, builder, names)? {
                    Condition::Known(value) => Condition::Known(!value),
                    other => Condition::Not(Box::new(other)),
                })
            }
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), a, b, _) => {
                let a = self.condition(a, builder, names)?;
                let b = self.condition(b, builder, names)?;
                let is_and = *op == BinaryOp::And;
                Ok(match (a, b) {
                    (Condition::Known(known), other) | (other, Condition::Known(known)) => {
                        match known == is_and {
                            true => other,
                            false => Condition::Known(known),
                        }
                    }
                    (a, b) if is_and => Condition::And(Box::new(a), Box::new(b)),
                    (a, b) => Condition::Or(Box::new(a), Box::new(b)),
                })
            }
            ExprKind::Binary(op, a, b, op_span) if comparison(*op).is_some() => {
                let a_operand = self.operand(a, builder, names)?;
                let b_operand = self.operand(b, builder, names)?;
                let known = match (&a_operand, &b_operand) {
                    (Operand::Scalar(_), _) | (_, Operand::Scalar(_)) => None,
                    (a, b) => Some((as_value(a), as_value(b))),
                };
                if let Some((a, b)) = known {
                    return match operators::binary(*op, &a, &b) {
                        Ok(Value::Bool(value)) => Ok(Condition::Known(value)),
                        Ok(_) => Err(Failed),
                        Err((code, message)) => self.fail_function(code, message, *op_span),
                    };
                }
                let a = self.scalar_of(a_operand, builder, a.span)?;
                let b = self.scalar_of(b_operand, builder, b.span)?;
                let compare = comparison(*op).unwrap_or(CompareOp::Eq);
                Ok(Condition::Compare(compare, a, b))
            }
            _ => match self.operand(expr, builder, names)? {
                Operand::Constant(Value::Bool(value)) => Ok(Condition::Known(value)),
                _ => self.fail_function(codes::TYPE, "a condition is wanted", expr.span),
            },
        }
    }
}

fn constant_operand(value: Value) -> Operand {
    match operators::number(&value) {
        Some(number) => Operand::Number(number),
        None => Operand::Constant(value),
    }
}

fn as_value(operand: &Operand) -> Value {
    match operand {
        Operand::Constant(value) => value.clone(),
        Operand::Number(value) => Value::Float(*value),
        Operand::Scalar(_) => Value::Unknown,
    }
}

fn arithmetic(op: BinaryOp) -> Option<ScalarBinary> {
    match op {
        BinaryOp::Add => Some(ScalarBinary::Add),
        BinaryOp::Sub => Some(ScalarBinary::Sub),
        BinaryOp::Mul => Some(ScalarBinary::Mul),
        BinaryOp::Div => Some(ScalarBinary::Div),
        _ => None,
    }
}

fn comparison(op: BinaryOp) -> Option<CompareOp> {
    match op {
        BinaryOp::Eq => Some(CompareOp::Eq),
        BinaryOp::Ne => Some(CompareOp::Ne),
        BinaryOp::Lt => Some(CompareOp::Lt),
        BinaryOp::Le => Some(CompareOp::Le),
        BinaryOp::Gt => Some(CompareOp::Gt),
        BinaryOp::Ge => Some(CompareOp::Ge),
        _ => None,
    }
}

/// Arithmetic on constants, where it has a finite result (otherwise the machine computes what IEEE 754 says).
fn fold(op: ScalarBinary, x: f64, y: f64) -> Option<f64> {
    let value = match op {
        ScalarBinary::Add => x + y,
        ScalarBinary::Sub => x - y,
        ScalarBinary::Mul => x * y,
        ScalarBinary::Div => x / y,
        ScalarBinary::Min | ScalarBinary::Max | ScalarBinary::Pow => return None,
    };
    value.is_finite().then_some(value)
}

/// Recurses along the condition, which is no deeper than its expression.
fn select(
    condition: &Condition,
    then: ScalarId,
    otherwise: ScalarId,
    builder: &mut ScalarBuilder,
) -> ScalarId {
    match condition {
        Condition::Known(true) => then,
        Condition::Known(false) => otherwise,
        Condition::Compare(op, a, b) => {
            builder.push(ScalarOp::Select(*op, *a, *b, then, otherwise))
        }
        Condition::Not(inner) => select(inner, otherwise, then, builder),
        Condition::And(a, b) => {
            let inner = select(b, then, otherwise, builder);
            select(a, inner, otherwise, builder)
        }
        Condition::Or(a, b) => {
            let inner = select(b, then, otherwise, builder);
            select(a, then, inner, builder)
        }
    }
}
