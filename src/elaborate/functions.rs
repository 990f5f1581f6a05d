//! Functions of the language compiled to [`ScalarFn`]s.
//!
//! In the body of a function every number is a real one: `1 / 2` is a half. Typed parameters are constants, so conditions on
//! them are decided here and leave no trace.

use super::arguments::{FormalDefault, formals, match_arguments, missing_arguments};
use super::bind::Bound;
use super::expand::{Expander, Frame, Tensor};
use super::operators;
use super::program::{DeclarationId, Entity};
use super::value::{Callee, Kind, Value, convert};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{
    CompareOp, Op, ScalarBinary, ScalarBuilder, ScalarFn, ScalarId, ScalarOp, ScalarUnary, Shape,
};
use crate::limits;
use crate::source::{FileId, Span};
use crate::syntax::ast::{BinaryOp, Call, Declaration, Expr, ExprKind, UnaryOp};

/// Functions of the machine, with their number of arguments. They are meant where a function's body names them, whatever
/// the prelude declares.
pub(super) const INTRINSICS: &[(&str, usize)] = &[
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
        let Some(function) = self.compiled(id, bound.values, call.span) else {
            return Tensor::Unknown;
        };
        let none = Shape::new([]);
        self.push_checked(Op::Map(function), inputs, &none, name, call.span, |_| {
            call.callee.span
        })
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
        self.to_scalar(operand, builder, expr.span)
    }

    fn to_scalar(
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
        if builder.n_ops() > limits::FUNCTION_OPS {
            let message = format!(
                "a function of more than {} operations",
                limits::FUNCTION_OPS
            );
            self.halt(codes::LIMIT_VALUE, message, expr.span);
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
                        let id = self.to_scalar(other, builder, operand.span)?;
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
                    let a = self.to_scalar(a_operand, builder, a.span)?;
                    let b = self.to_scalar(b_operand, builder, b.span)?;
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
        let fault = super::eval::undefined_name(self.program, names.file, name, span, known);
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
                let a = self.to_scalar(a_operand, builder, a.span)?;
                let b = self.to_scalar(b_operand, builder, b.span)?;
                let compare = comparison(*op).unwrap_or(CompareOp::Eq);
                Ok(Condition::Compare(compare, a, b))
            }
            _ => match self.operand(expr, builder, names)? {
                Operand::Constant(Value::Bool(value)) => Ok(Condition::Known(value)),
                _ => self.fail_function(codes::TYPE, "a condition is wanted", expr.span),
            },
        }
    }

    fn call_operand(
        &mut self,
        call: &'p Call,
        builder: &mut ScalarBuilder,
        names: &Environment<'p>,
    ) -> Compiled<Operand> {
        let name = call.callee.name.as_str();
        if let Some((_, n_wanted)) = INTRINSICS.iter().find(|(known, _)| *known == name) {
            return self.intrinsic(call, *n_wanted, builder, names);
        }
        let id = match self.program.lookup(names.file, name) {
            Some(Entity::Declared(id)) => id,
            Some(Entity::Layer(_)) => {
                let message = format!("`{name}` is a layer, not a function of numbers");
                return self.fail_function(codes::TYPE, message, call.callee.span);
            }
            None => {
                self.named_operand(name, call.callee.span, names)?;
                let message = format!("`{name}` cannot be called");
                return self.fail_function(codes::TYPE, message, call.callee.span);
            }
        };
        let info = self.program.info(id);
        if info.damaged || info.recursive {
            return Err(Failed);
        }
        let Declaration::Fn(function) = self.program.declaration(id) else {
            let message = format!("`{name}` is no function");
            return self.fail_function(codes::TYPE, message, call.callee.span);
        };
        let inner = self.bind_operands(id, call, builder, names)?;
        self.call_depth += 1;
        if self.call_depth > limits::CALL_DEPTH {
            let message = format!("functions are nested more than {} deep", limits::CALL_DEPTH);
            self.halt(codes::LIMIT_NESTING, message, call.span);
            return Err(Failed);
        }
        let result = self.operand(&function.body, builder, &inner);
        self.call_depth -= 1;
        result
    }

    /// The parameters of a function called from a function: all tensors are arguments here.
    fn bind_operands(
        &mut self,
        id: DeclarationId,
        call: &'p Call,
        builder: &mut ScalarBuilder,
        names: &Environment<'p>,
    ) -> Compiled<Environment<'p>> {
        let mut formals = formals(self.program, Callee::Declared(id));
        for formal in &mut formals {
            formal.arriving = false;
        }
        let callee = &call.callee;
        let matched = match_arguments(&callee.name, &formals, |_| false, false, &call.arguments);
        let is_good = matched.faults.is_empty();
        for fault in matched.faults {
            self.report(fault);
        }
        let given = |index: usize| matched.by_formal.get(index).is_some_and(Option::is_some);
        if let Some(fault) = missing_arguments(&callee.name, callee.span, &formals, given) {
            self.report(fault);
            return Err(Failed);
        }
        if !is_good {
            return Err(Failed);
        }
        let file = self.program.info(id).file;
        let mut inner = Environment {
            file,
            names: Vec::new(),
        };
        for (formal, argument) in formals.iter().zip(&matched.by_formal) {
            let operand = match (argument, &formal.default) {
                (Some(argument), _) => {
                    let operand = self.operand(&argument.value, builder, names)?;
                    self.operand_as(operand, &formal.kind, argument.span)?
                }
                (None, FormalDefault::Expr(default)) => {
                    let mut frame = Frame::new(file, Tensor::Nothing, None);
                    for (name, operand) in &inner.names {
                        if !matches!(operand, Operand::Scalar(_)) {
                            frame.define(name, as_value(operand));
                        }
                    }
                    match self.eval_as(default, &formal.kind, &mut frame) {
                        Value::Unknown => return Err(Failed),
                        value => constant_operand(value),
                    }
                }
                (None, _) => return Err(Failed),
            };
            inner.names.push((formal.name, operand));
        }
        Ok(inner)
    }

    /// An argument of a typed parameter must be a constant of that type.
    fn operand_as(&mut self, operand: Operand, kind: &Kind, span: Span) -> Compiled<Operand> {
        if *kind == Kind::Tensor {
            return Ok(operand);
        }
        let value = match &operand {
            Operand::Scalar(_) => {
                let message = format!("a constant ({kind}) is wanted, not a tensor");
                return self.fail_function(codes::TYPE, message, span);
            }
            // Whole numbers are ints where an int is wanted.
            Operand::Number(x) if x.fract() == 0.0 && x.abs() < 1e15 => Value::Int(*x as i64),
            other => as_value(other),
        };
        match convert(&value, kind) {
            Some(value) => Ok(constant_operand(value)),
            None => {
                let message = format!("{kind} is wanted, not {}", value.type_name());
                self.fail_function(codes::TYPE, message, span)
            }
        }
    }

    fn intrinsic(
        &mut self,
        call: &'p Call,
        n_wanted: usize,
        builder: &mut ScalarBuilder,
        names: &Environment<'p>,
    ) -> Compiled<Operand> {
        let name = call.callee.name.as_str();
        if let Some(argument) = call.arguments.iter().find_map(|a| a.name.as_ref()) {
            let message = format!("`{name}` takes no named arguments");
            return self.fail_function(codes::UNKNOWN_ARGUMENT, message, argument.span);
        }
        if call.arguments.len() != n_wanted {
            let code = match call.arguments.len() < n_wanted {
                true => codes::MISSING_ARGUMENT,
                false => codes::TOO_MANY_ARGUMENTS,
            };
            let plural = if n_wanted == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {n_wanted} argument{plural}");
            return self.fail_function(code, message, call.span);
        }
        let mut operands = Vec::with_capacity(n_wanted);
        for argument in &call.arguments {
            let operand = self.operand(&argument.value, builder, names)?;
            operands.push((operand, argument.span));
        }
        if let [(Operand::Number(x), _)] = operands[..]
            && let Some(value) = fold_unary(name, x)
        {
            return Ok(Operand::Number(value));
        }
        let mut ids = Vec::with_capacity(n_wanted);
        for (operand, span) in operands {
            ids.push(self.to_scalar(operand, builder, span)?);
        }
        let op = match (name, &ids[..]) {
            ("min", [a, b]) => ScalarOp::Binary(ScalarBinary::Min, *a, *b),
            ("max", [a, b]) => ScalarOp::Binary(ScalarBinary::Max, *a, *b),
            ("pow", [a, b]) => ScalarOp::Binary(ScalarBinary::Pow, *a, *b),
            ("abs", [x]) => ScalarOp::Unary(ScalarUnary::Abs, *x),
            ("sqrt", [x]) => ScalarOp::Unary(ScalarUnary::Sqrt, *x),
            ("exp", [x]) => ScalarOp::Unary(ScalarUnary::Exp, *x),
            ("log", [x]) => ScalarOp::Unary(ScalarUnary::Log, *x),
            ("tanh", [x]) => ScalarOp::Unary(ScalarUnary::Tanh, *x),
            ("erf", [x]) => ScalarOp::Unary(ScalarUnary::Erf, *x),
            ("floor", [x]) => ScalarOp::Unary(ScalarUnary::Floor, *x),
            _ => return Err(Failed),
        };
        Ok(Operand::Scalar(builder.push(op)))
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

fn fold_unary(name: &str, x: f64) -> Option<f64> {
    let value = match name {
        "abs" => x.abs(),
        "sqrt" => x.sqrt(),
        "exp" => x.exp(),
        "log" => x.ln(),
        "tanh" => x.tanh(),
        "floor" => x.floor(),
        _ => return None,
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
