//! The values of arguments.

use std::rc::Rc;

use super::arguments::{
    Formal, formals, layer_formals, match_arguments, missing_arguments, no_value_name,
};
use super::attributes::{Attributes, out_of_range};
use super::expand::{Expander, Frame, Tensor};
use super::layers::Layer;
use super::program::Entity;
use super::value::{Applied, Callee, Kind, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::ast::{Argument, Call, ExprKind};

/// The arguments of a call, with values.
pub(super) struct Bound {
    /// By parameter; `None`: not given.
    pub values: Vec<Option<Value>>,
    /// Where each was given, if in this call.
    pub spans: Vec<Option<Span>>,
    /// Tensors, by parameter.
    pub tensors: Vec<Option<Tensor>>,
    /// Arguments of layers that take values.
    pub operands: Vec<Tensor>,
}

impl<'p> Expander<'p> {
    /// Fixes some parameters; `None` is reported.
    pub fn partially_apply(
        &mut self,
        base: &Applied,
        call: &'p Call,
        frame: &mut Frame<'p>,
    ) -> Option<Applied> {
        let formals = formals(self.program, base.callee);
        let bound = self.bind(base, &formals, call, false, frame)?;
        let tensor = bound.tensors.iter().any(Option::is_some) || !bound.operands.is_empty();
        if tensor {
            let message = format!("`{}` as a value cannot hold a tensor", base.name);
            let fault = Diagnostic::new(codes::TYPE, message, call.span, "a tensor is given here");
            self.report(fault.with_help("write the step where the tensor is known"));
            return None;
        }
        Some(Applied {
            callee: base.callee,
            name: base.name.clone(),
            fixed: bound.values,
        })
    }

    /// The values of all arguments, those of `applied` included; `None` if anything is wrong or unknown. `all`: no required
    /// parameter may be left without one.
    pub fn bind(
        &mut self,
        applied: &Applied,
        formals: &[Formal<'p>],
        call: &'p Call,
        all: bool,
        frame: &mut Frame<'p>,
    ) -> Option<Bound> {
        let takes_values = matches!(applied.callee, Callee::Layer(layer) if layer.takes_values);
        let taken = |index: usize| {
            applied.fixed.get(index).is_some_and(Option::is_some)
                || formals.get(index).is_some_and(|formal| formal.arriving)
        };
        let matched = match_arguments(&applied.name, formals, taken, takes_values, &call.arguments);
        let mut is_good = matched.faults.is_empty();
        // A misspelt name explains the parameter that then lacks its value.
        if all && is_good {
            let given = |index: usize| {
                taken(index) || matched.by_formal.get(index).is_some_and(Option::is_some)
            };
            let span = call.callee.span;
            if let Some(fault) = missing_arguments(&applied.name, span, formals, given) {
                is_good = false;
                self.report(fault);
            }
        }
        for fault in matched.faults {
            self.report(fault);
        }
        let mut bound = Bound {
            values: applied.fixed.clone(),
            spans: vec![None; formals.len()],
            tensors: vec![None; formals.len()],
            operands: Vec::new(),
        };
        for (index, (formal, argument)) in formals.iter().zip(matched.by_formal).enumerate() {
            let Some(argument) = argument else { continue };
            if let Some(slot) = bound.spans.get_mut(index) {
                *slot = Some(argument.span);
            }
            if formal.kind == Kind::Tensor {
                let tensor = self.tensor_argument(argument, frame);
                if let Some(slot) = bound.tensors.get_mut(index) {
                    *slot = Some(tensor);
                }
                continue;
            }
            let value = self.argument_value(formal, argument, frame);
            is_good &= !value.is_unknown();
            if let Some(slot) = bound.values.get_mut(index) {
                *slot = Some(value);
            }
        }
        for argument in matched.values {
            let tensor = self.tensor_argument(argument, frame);
            bound.operands.push(tensor);
        }
        is_good.then_some(bound)
    }

    fn argument_value(
        &mut self,
        formal: &Formal<'p>,
        argument: &'p Argument,
        frame: &mut Frame<'p>,
    ) -> Value {
        let raw = self.eval(&argument.value, frame);
        if let Value::Text(text) = &raw
            && formal.kind == Kind::WindowPad
            && &**text != "same"
        {
            let message = format!("`{}` is a number, or \"same\"", formal.name);
            let span = argument.value.span;
            self.report(Diagnostic::new(
                codes::ATTRIBUTE_VALUE,
                message,
                span,
                "unknown",
            ));
            return Value::Unknown;
        }
        if super::value::convert(&raw, &formal.kind).is_none() {
            let message = format!(
                "`{}` must be {}, not {}",
                formal.name,
                formal.kind,
                raw.type_name()
            );
            let label = format!("this is {raw}");
            self.report(Diagnostic::new(
                codes::TYPE,
                message,
                argument.value.span,
                label,
            ));
            return Value::Unknown;
        }
        let value = self.as_kind(&raw, &formal.kind, argument.value.span);
        if let Some((code, message)) = out_of_range(formal.name, &value, formal.range) {
            let label = format!("this is {raw}");
            self.report(Diagnostic::new(code, message, argument.value.span, label));
            return Value::Unknown;
        }
        if let Some(fault) = self.net_as_block(&value, argument.value.span) {
            self.report(fault);
            return Value::Unknown;
        }
        value
    }

    /// The fault of a net that is given where a block is wanted.
    fn net_as_block(&self, value: &Value, span: Span) -> Option<Diagnostic> {
        let Value::Block(applied) = value else {
            return None;
        };
        let Callee::Declared(id) = applied.callee else {
            return None;
        };
        let message = format!("`{}` is a net and cannot be a step", applied.name);
        self.is_net(Entity::Declared(id)).then(|| {
            Diagnostic::new(codes::NOT_A_STEP, message, span, "a net")
                .with_help("make a block of what both need")
        })
    }

    /// An argument that must name a value.
    fn tensor_argument(&mut self, argument: &'p Argument, frame: &mut Frame<'p>) -> Tensor {
        if let ExprKind::Name(name) = &argument.value.kind {
            if let Some(tensor) = self.tensor_named(name, frame) {
                if name == "in" {
                    self.doubtful_in(argument.value.span, None, frame);
                }
                return self.wanted(tensor, argument.span);
            }
            if frame.constant(name).is_none() && self.program.lookup(frame.file, name).is_none() {
                self.undefined(name, argument.value.span, frame);
                return Tensor::Unknown;
            }
        }
        self.report(no_value_name(argument.value.span));
        Tensor::Unknown
    }

    /// Attributes of a table's pseudo layer (`image`), bound outside of any step.
    pub fn bind_table(
        &mut self,
        layer: &'static Layer,
        call: &'p Call,
        frame: &mut Frame<'p>,
    ) -> Option<(Attributes, Vec<Option<Span>>)> {
        let applied = Applied {
            callee: Callee::Layer(layer),
            name: Rc::from(layer.name),
            fixed: vec![None; layer.attributes.len()],
        };
        let formals = layer_formals(layer);
        let bound = self.bind(&applied, &formals, call, true, frame)?;
        Some((Attributes::new(layer, bound.values), bound.spans))
    }
}
