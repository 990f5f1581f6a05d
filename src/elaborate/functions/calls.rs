//! What the body of a function calls: the machine's functions, and other functions, which are inlined.

use super::{Compiled, Environment, Failed, INTRINSICS, Operand, as_value, constant_operand};
use crate::diagnostic::codes;
use crate::elaborate::arguments::{FormalDefault, formals, match_arguments, missing_arguments};
use crate::elaborate::expand::{Expander, Frame, Tensor};
use crate::elaborate::program::{DeclarationId, Entity};
use crate::elaborate::value::{Callee, Kind, Value, convert};
use crate::graph::{ScalarBinary, ScalarBuilder, ScalarOp, ScalarUnary};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Call, Declaration};

impl<'p> Expander<'p> {
    pub(super) fn call_operand(
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
            outermost: names.outermost,
            last_step: names.last_step,
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
            ids.push(self.scalar_of(operand, builder, span)?);
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
