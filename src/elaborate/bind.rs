//! Arguments get their values: partial application, aliases, defaults.

use std::rc::Rc;

use super::arguments::{Formal, FormalDefault, formals, match_arguments, missing_arguments};

use super::attributes::{Attributes, out_of_range};
use super::expand::{Expander, Frame, Tensor};
use super::layers::Layer;
use super::program::{DeclarationId, Entity};
use super::value::{Applied, Callee, Kind, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Argument, Call, Declaration, Definition, ExprKind, TemplateKind};

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
    /// What a declaration applies. Aliases are followed to what has a body.
    pub fn apply_declaration(
        &mut self,
        id: DeclarationId,
        name: &str,
        span: Span,
    ) -> Option<Applied> {
        let info = self.program.info(id);
        // Both were reported when the program was loaded.
        if info.damaged || info.recursive {
            return None;
        }
        let file = info.file;
        let plain = |n_params| Applied {
            callee: Callee::Declared(id),
            name: name.into(),
            fixed: vec![None; n_params],
        };
        let template = match self.program.declaration(id) {
            Declaration::Fn(function) => return Some(plain(function.params.len())),
            Declaration::Template(template) => template,
        };
        let call = match &template.definition {
            Definition::Body(_) => return Some(plain(template.params.len())),
            Definition::Alias(call) => call,
        };
        if self.call_depth >= limits::CALL_DEPTH {
            self.too_deep(span);
            return None;
        }
        self.call_depth += 1;
        let mut frame = Frame::new(file, Tensor::Nothing, None);
        let applied = self.apply_alias(template.kind, call, &mut frame);
        self.call_depth -= 1;
        applied.map(|applied| Applied {
            name: name.into(),
            ..applied
        })
    }

    fn apply_alias(
        &mut self,
        kind: TemplateKind,
        call: &'p Call,
        frame: &mut Frame<'p>,
    ) -> Option<Applied> {
        let callee = &call.callee;
        let Some(entity) = self.program.lookup(frame.file, &callee.name) else {
            self.undefined(&callee.name, callee.span, frame);
            return None;
        };
        if let Some(fault) = wrong_kind(self.is_net(entity), kind, call) {
            self.report(fault);
            return None;
        }
        let base = self.apply_entity(entity, &callee.name, callee.span)?;
        self.partially_apply(&base, call, frame)
    }

    pub fn is_net(&self, entity: Entity) -> bool {
        match entity {
            Entity::Layer(_) => false,
            Entity::Declared(id) => self
                .program
                .template(id)
                .is_some_and(|template| template.kind == TemplateKind::Net),
        }
    }

    pub fn too_deep(&mut self, span: Span) {
        let fault = Diagnostic::new(
            codes::LIMIT_NESTING,
            format!("blocks are nested more than {} deep", limits::CALL_DEPTH),
            span,
            "this one is not expanded",
        );
        self.report(fault);
    }

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
        // A misspelt name explains the parameter that then lacks its value.
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
                return self.wanted(tensor, argument.span);
            }
            if frame.constant(name).is_none() && self.program.lookup(frame.file, name).is_none() {
                self.undefined(name, argument.value.span, frame);
                return Tensor::Unknown;
            }
        }
        let fault = Diagnostic::new(
            codes::TYPE,
            "the name of a value is wanted",
            argument.value.span,
            "this is none",
        );
        self.report(fault.with_help("label the step that makes the value, and name it here"));
        Tensor::Unknown
    }

    /// Gives the parameters their values in the callee's frame; defaults see the parameters before them.
    pub fn define_parameters(
        &mut self,
        id: DeclarationId,
        values: Vec<Option<Value>>,
        frame: &mut Frame<'p>,
    ) -> bool {
        let mut values = values.into_iter();
        for formal in formals(self.program, Callee::Declared(id)) {
            let given = values.next().flatten();
            let value = match (given, &formal.default) {
                (Some(value), _) => value,
                (None, FormalDefault::Expr(default)) => self.eval_as(default, &formal.kind, frame),
                (None, _) => Value::Unknown,
            };
            if value.is_unknown() {
                return false;
            }
            frame.define(formal.name, value);
        }
        true
    }

    /// The values of a function's typed parameters, by parameter; `None` at tensors. `None` for all if one is unknown.
    pub fn function_constants(
        &mut self,
        id: DeclarationId,
        values: Vec<Option<Value>>,
    ) -> Option<Vec<Option<Value>>> {
        let mut frame = Frame::new(self.program.info(id).file, Tensor::Nothing, None);
        let mut constants = Vec::with_capacity(values.len());
        let formals = formals(self.program, Callee::Declared(id));
        for (formal, given) in formals.iter().zip(values) {
            let value = match (given, &formal.default) {
                _ if formal.kind == Kind::Tensor => None,
                (Some(value), _) => Some(value),
                (None, FormalDefault::Expr(default)) => {
                    Some(self.eval_as(default, &formal.kind, &mut frame))
                }
                (None, _) => Some(Value::Unknown),
            };
            if let Some(value) = &value {
                if value.is_unknown() {
                    return None;
                }
                frame.define(formal.name, value.clone());
            }
            constants.push(value);
        }
        Some(constants)
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
        let formals = super::arguments::layer_formals(layer);
        let bound = self.bind(&applied, &formals, call, true, frame)?;
        Some((Attributes::new(layer, bound.values), bound.spans))
    }
}

/// `net N = B(...)` of a block, `block B = N(...)` of a net.
pub(super) fn wrong_kind(base_is_net: bool, kind: TemplateKind, call: &Call) -> Option<Diagnostic> {
    let (is, wanted) = match (base_is_net, kind) {
        (false, TemplateKind::Net) => ("no net", "`net A = B(...)` fixes parameters of a net `B`"),
        (true, TemplateKind::Block) => (
            "a net",
            "`block A = B(...)` fixes parameters of a block, layer or function `B`",
        ),
        _ => return None,
    };
    Some(
        Diagnostic::new(
            codes::TYPE,
            format!("`{}` is {is}", call.callee.name),
            call.callee.span,
            is,
        )
        .with_note(wanted),
    )
}
