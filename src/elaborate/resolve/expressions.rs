//! Names in expressions.

use super::Resolver;
use crate::diagnostic::{Diagnostic, codes};
use crate::elaborate::arguments::{formals, match_arguments, no_value_name};
use crate::elaborate::functions::INTRINSICS;
use crate::elaborate::operators::FUNCTIONS;
use crate::elaborate::program::Entity;
use crate::elaborate::value::{Callee, Kind};
use crate::source::Span;
use crate::syntax::ast::{Call, Expr, ExprKind, Text, TextPart};

impl<'p> Resolver<'p> {
    /// An expression over constants. Its depth is bounded by the parser.
    pub(super) fn expr(&mut self, expr: &'p Expr) {
        match &expr.kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Size(..) => {}
            ExprKind::Text(text) => self.text(text),
            ExprKind::Name(name) => self.constant_name(name, expr.span),
            ExprKind::Field(base, _) => match &base.kind {
                ExprKind::Name(name) => {
                    let known =
                        self.read(name, base.span).is_some() || self.names_value(name, base.span);
                    if !known {
                        self.constant_name(name, base.span);
                    }
                }
                _ => self.expr(base),
            },
            ExprKind::Index(list, at) => {
                self.expr(list);
                self.expr(at);
            }
            ExprKind::Unary(_, operand) => self.expr(operand),
            ExprKind::Binary(_, a, b, _) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::If(condition, then, otherwise) => {
                self.expr(condition);
                self.expr(then);
                self.expr(otherwise);
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Call(call) => {
                let name = call.callee.name.as_str();
                if self.read(name, call.callee.span).is_some() {
                } else if FUNCTIONS.contains(&name) {
                    self.names_builtin(call.callee.span);
                } else {
                    match self.entity(name, call.callee.span) {
                        Some(entity) => self.match_call(entity, call, false),
                        None => self.undefined(name, call.callee.span),
                    }
                }
                self.arguments(call);
            }
        }
    }

    pub(super) fn text(&mut self, text: &'p Text) {
        for part in &text.parts {
            if let TextPart::Expr(expr) = part {
                self.expr(expr);
            }
        }
    }

    pub(super) fn is_value(&self, name: &str) -> bool {
        matches!(name, "in" | "it") || self.scopes.has_value(name)
    }

    fn constant_name(&mut self, name: &str, span: Span) {
        if self.read(name, span).is_some()
            || self.names_size(name, span)
            || self.entity(name, span).is_some()
        {
            return;
        }
        if self.is_value(name) {
            let message = format!("`{name}` is a tensor, not a constant");
            let fault = Diagnostic::new(codes::NOT_A_VALUE, message, span, "no constant");
            self.report(fault.with_help(format!(
                "its shape is a constant: `{name}.channels`, `{name}.height`, `{name}.width`"
            )));
        } else {
            self.undefined(name, span);
        }
    }

    /// The arguments of a call of constants.
    pub(super) fn arguments(&mut self, call: &'p Call) {
        for argument in &call.arguments {
            self.expr(&argument.value);
        }
    }

    /// The arguments of a step: some may be values. `entity` is `None` for a parameter of type `block`.
    pub(super) fn step_arguments(&mut self, entity: Option<Entity>, call: &'p Call) {
        let sorts = entity.map(|entity| self.argument_sorts(entity, call));
        for argument in &call.arguments {
            let among = |spans: &[Span]| spans.contains(&argument.span);
            let (is_tensor, is_constant) = match &sorts {
                Some((tensors, constants)) => (among(tensors), among(constants)),
                None => (false, false),
            };
            match &argument.value.kind {
                // One that belongs to no parameter was reported as such.
                ExprKind::Name(name) if !is_constant && self.is_value(name) => {
                    self.names_value(name, argument.value.span);
                }
                ExprKind::Name(_) => self.expr(&argument.value),
                _ if is_tensor => self.report(no_value_name(argument.value.span)),
                _ => self.expr(&argument.value),
            }
        }
    }

    /// Which arguments stand for tensors, and which for constants.
    fn argument_sorts(&self, entity: Entity, call: &'p Call) -> (Vec<Span>, Vec<Span>) {
        let callee = match entity {
            Entity::Layer(layer) => Callee::Layer(layer),
            Entity::Declared(id) => Callee::Declared(id),
        };
        let takes_values = matches!(callee, Callee::Layer(layer) if layer.takes_values);
        let formals = formals(self.program, callee);
        let arriving = |index: usize| formals.get(index).is_some_and(|formal| formal.arriving);
        let matched = match_arguments("", &formals, arriving, takes_values, &call.arguments);
        let mut tensors: Vec<Span> = matched.values.iter().map(|a| a.span).collect();
        let mut constants = Vec::new();
        for (formal, argument) in formals.iter().zip(matched.by_formal) {
            let sort = match formal.kind {
                Kind::Tensor => &mut tensors,
                _ => &mut constants,
            };
            sort.extend(argument.map(|argument| argument.span));
        }
        (tensors, constants)
    }

    /// The body of a function: its names are its parameters, its calls the machine's functions and other functions.
    pub(super) fn function_expr(&mut self, expr: &'p Expr) {
        match &expr.kind {
            ExprKind::Name(name) if self.read(name, expr.span).is_none() => {
                self.undefined(name, expr.span);
            }
            ExprKind::Unary(_, operand) => self.function_expr(operand),
            ExprKind::Binary(_, a, b, _) => {
                self.function_expr(a);
                self.function_expr(b);
            }
            ExprKind::If(condition, then, otherwise) => {
                self.function_expr(condition);
                self.function_expr(then);
                self.function_expr(otherwise);
            }
            ExprKind::Call(call) => {
                let name = call.callee.name.as_str();
                if INTRINSICS.iter().any(|(known, _)| *known == name) {
                    self.names_builtin(call.callee.span);
                } else if let Some(entity) = self.entity(name, call.callee.span) {
                    self.names_parameters(entity, call);
                } else {
                    self.undefined(name, call.callee.span);
                }
                for argument in &call.arguments {
                    self.function_expr(&argument.value);
                }
            }
            // What else cannot stand in a function is said when it is compiled.
            _ => {}
        }
    }
}
