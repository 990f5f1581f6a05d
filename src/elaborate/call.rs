//! Calls: layers, functions and blocks are applied to the value that arrives.

use super::arguments::formals;
use super::attributes::Attributes;
use super::bind::Bound;
use super::build;
use super::expand::{Brace, Expander, Frame, Tensor};
use super::layers::Layer;
use super::lifts::RuleName;
use super::program::DeclarationId;
use super::prove::{Claim, Reported, Shaped, open_value};
use super::value::{Applied, Callee, Value};
use crate::check::{self, ShapeError};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::graph::{BlockCall, NodeId, Op, ScalarFn, Shape};
use crate::limits;
use crate::source::Span;
use crate::symbolic::{Assignment, Function, SymShape, Variable};
use crate::syntax::ast::{Call, Declaration, Definition, TemplateKind};

/// What a step gives.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// One value.
    One(Tensor),
    /// The parts of a split.
    Parts(Vec<Tensor>),
}

impl<'p> Expander<'p> {
    /// Applies a step to the value that arrives. Arguments are looked at even if that is unknown: they may be wrong too.
    pub fn apply(
        &mut self,
        applied: &Applied,
        call: &'p Call,
        name: String,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Outcome {
        let formals = formals(self.program, applied.callee);
        let Some(bound) = self.bind(applied, &formals, call, true, frame) else {
            return Outcome::One(Tensor::Unknown);
        };
        match applied.callee {
            Callee::Layer(layer) => self.apply_layer(layer, bound, call, name, arriving),
            Callee::Declared(id) => {
                Outcome::One(self.apply_declared(id, applied, bound, call, name, arriving))
            }
        }
    }

    fn apply_layer(
        &mut self,
        layer: &'static Layer,
        bound: Bound,
        call: &'p Call,
        name: String,
        arriving: Tensor,
    ) -> Outcome {
        if layer.takes_values {
            return Outcome::One(self.apply_to_values(layer, bound, call, name, arriving));
        }
        let Tensor::Node(input) = self.wanted(arriving, call.span) else {
            return Outcome::One(Tensor::Unknown);
        };
        let bias = layer.attributes.iter().position(|a| a.name == "bias");
        let states_bias =
            bias.is_some_and(|index| bound.values.get(index).is_some_and(Option::is_some));
        let attributes = Attributes::new(layer, bound.values);
        if let Some((name, open)) = attributes
            .open_values()
            .find(|(name, _)| !build::may_depend(layer.name, name))
        {
            let index = layer.attributes.iter().position(|a| a.name == name);
            let span = index.and_then(|index| bound.spans.get(index).copied().flatten());
            let fault = open_value(open, span.unwrap_or(call.span));
            self.report(fault);
            return Outcome::One(Tensor::Unknown);
        }
        if !self.has_known_parameters(layer.name, input, call.callee.span) {
            return Outcome::One(Tensor::Unknown);
        }
        let place = |attribute: Option<&str>| {
            let index = layer
                .attributes
                .iter()
                .position(|a| Some(a.name) == attribute);
            let span = index.and_then(|index| bound.spans.get(index).copied().flatten());
            span.unwrap_or(call.callee.span)
        };
        let shape = self.shape(input).clone();
        if layer.name == "split" {
            return self.split(&attributes, &shape, call, name, input, place);
        }
        let open = match self.prove_layer(layer.name, &attributes, input, &place) {
            Ok(open) => open,
            Err(_) => return Outcome::One(Tensor::Unknown),
        };
        let is_open = attributes.open_values().next().is_some();
        let at_witnesses = match is_open {
            true => attributes.at(&self.witnesses()),
            false => Ok(attributes),
        };
        let built = at_witnesses.and_then(|a| build::build(layer.name, &a, &shape));
        let (op, declared) = match built {
            Ok(built) => built,
            Err(error) => {
                let span = place(error.attribute);
                self.report_shape_error(error, span, &[input]);
                return Outcome::One(Tensor::Unknown);
            }
        };
        let place = |error: &ShapeError| place(error.attribute);
        let written = Shaped {
            shape: declared,
            open,
        };
        let value = self.push_checked(op, vec![input], written, name, call.span, place);
        if let Tensor::Node(node) = value
            && let Some(origin) = self.graph.origins.get_mut(node.index())
        {
            origin.states_bias = states_bias;
        }
        Outcome::One(value)
    }

    /// The shape of a layer's result for all open sizes, while the net is proved.
    fn prove_layer(
        &mut self,
        layer: &str,
        attributes: &Attributes,
        input: NodeId,
        place: &dyn Fn(Option<&str>) -> Span,
    ) -> Result<Option<SymShape>, Reported> {
        let is_known = self.open_shape(input).is_none_or(SymShape::is_known);
        if is_known && attributes.open_values().next().is_none() {
            return Ok(None);
        }
        match layer {
            "flatten" => return Ok(self.flattened(input)),
            "reshape" => return self.prove_reshape(attributes, input, place(Some("shape"))),
            _ => {}
        }
        let functions: Vec<(Variable, &Function)> = attributes
            .open_values()
            .map(|(_, open)| (open.variable, &open.function))
            .collect();
        let mut rule = |sizes: &Assignment, shapes: &[&Shape]| {
            let Some(shape) = shapes.first() else {
                return Err(ShapeError::new(codes::MISMATCH, "no input"));
            };
            let (op, declared) = match functions.is_empty() {
                true => build::build(layer, attributes, shape)?,
                false => build::build(layer, &attributes.at(sizes)?, shape)?,
            };
            check::infer_open_shape(&op, shapes, &declared)
        };
        let claim = |expander: &Expander<'p>, error: &ShapeError| Claim {
            words: format!("`{layer}` takes what arrives"),
            span: place(error.attribute),
            parties: expander
                .origin_span(input)
                .map(|origin| (origin, "what arrives:".to_string(), input))
                .into_iter()
                .collect(),
        };
        let rate = build::rate(layer, attributes);
        self.prove(
            &[input],
            &functions,
            rate,
            attributes.rule(),
            &mut rule,
            claim,
        )
    }

    fn split(
        &mut self,
        attributes: &Attributes,
        shape: &Shape,
        call: &'p Call,
        name: String,
        input: NodeId,
        place: impl Fn(Option<&str>) -> Span,
    ) -> Outcome {
        let rate = build::rate("split", attributes);
        let declared = Shape::new([]);
        let prove_part = |expander: &mut Expander<'p>, index: usize| {
            let mut rule = |_: &Assignment, shapes: &[&Shape]| {
                let parts = build::split(attributes, shapes[0])?;
                check::infer_open_shape(&parts[index], shapes, &declared)
            };
            let claim = |_: &Expander<'p>, error: &ShapeError| Claim {
                words: "`split` takes what arrives".into(),
                span: place(error.attribute),
                parties: Vec::new(),
            };
            let mut values = attributes.rule().values.to_vec();
            values.push(Some(Value::Int(index as i64)));
            let name = RuleName {
                rule: "split",
                values: &values,
            };
            expander.prove(&[input], &[], rate, name, &mut rule, claim)
        };
        // Before it is done at the witnesses: a size at which it cannot be done says nothing about others.
        if prove_part(self, 0).is_err() {
            return Outcome::One(Tensor::Unknown);
        }
        let parts = match build::split(attributes, shape) {
            Ok(parts) => parts,
            Err(error) => {
                let span = place(error.attribute);
                self.report_shape_error(error, span, &[input]);
                return Outcome::One(Tensor::Unknown);
            }
        };
        let mut values = Vec::with_capacity(parts.len());
        for (index, op) in parts.into_iter().enumerate() {
            if !self.charge(1, call.span) {
                break;
            }
            let name = format!("{name}.{index}");
            let Ok(open) = prove_part(self, index) else {
                return Outcome::One(Tensor::Unknown);
            };
            let place = |error: &ShapeError| place(error.attribute);
            let shape = declared.clone();
            let written = Shaped { shape, open };
            let part = self.push_checked(op, vec![input], written, name, call.span, place);
            values.push(part);
        }
        Outcome::Parts(values)
    }

    /// `add(a, b)`, `multiply(a, b)`, `concat(a, b, ...)`; one argument joins the value that arrives.
    fn apply_to_values(
        &mut self,
        layer: &'static Layer,
        bound: Bound,
        call: &'p Call,
        name: String,
        arriving: Tensor,
    ) -> Tensor {
        let mut operands = bound.operands;
        if operands.is_empty() {
            let message = format!("`{}` wants the names of values", layer.name);
            let span = call.callee.span;
            let fault = Diagnostic::new(codes::MISSING_ARGUMENT, message, span, "names none");
            self.report(fault.with_help(format!(
                "`{0}(a)` takes the value that arrives and `a`, `{0}(a, b)` those two",
                layer.name
            )));
            return Tensor::Unknown;
        }
        if operands.len() == 1 {
            operands.insert(0, self.wanted(arriving, call.span));
        }
        let mut inputs = Vec::with_capacity(operands.len());
        for operand in operands {
            match operand {
                Tensor::Node(node) => inputs.push(node),
                Tensor::Nothing | Tensor::Unknown => return Tensor::Unknown,
            }
        }
        if layer.name == "concat" {
            let attributes = Attributes::new(layer, bound.values);
            let op = Op::Concat {
                axis: attributes.count("axis"),
            };
            return self.push_proved(op, inputs, name, call.span, call.span);
        }
        let function = match layer.name {
            "add" => ScalarFn::add(),
            _ => ScalarFn::multiply(),
        };
        let mut inputs = inputs.into_iter();
        let Some(mut sum) = inputs.next() else {
            return Tensor::Unknown;
        };
        for operand in inputs {
            let op = Op::Map(function.clone());
            let operands = vec![sum, operand];
            match self.push_proved(op, operands, name.clone(), call.span, call.span) {
                Tensor::Node(node) => sum = node,
                other => return other,
            }
        }
        Tensor::Node(sum)
    }

    fn apply_declared(
        &mut self,
        id: DeclarationId,
        applied: &Applied,
        bound: Bound,
        call: &'p Call,
        name: String,
        arriving: Tensor,
    ) -> Tensor {
        match self.program.declaration(id) {
            Declaration::Fn(_) => self.apply_function(id, bound, call, name, arriving),
            Declaration::Template(template) if template.kind == TemplateKind::Net => {
                let fault = Diagnostic::new(
                    codes::NOT_A_STEP,
                    format!("`{}` is a net and cannot be a step", applied.name),
                    call.callee.span,
                    "a net",
                );
                self.report(fault.with_help("make a block of what both need"));
                Tensor::Unknown
            }
            Declaration::Template(_) => {
                let place = BlockCall {
                    scope: name.clone(),
                    block: applied.name.to_string(),
                    arguments: self.arguments(applied, &bound),
                };
                let label = Label {
                    span: call.span,
                    message: format!("in block `{place}`"),
                };
                self.with_trail(label, Some(place), |expander| {
                    expander.apply_block(id, bound.values, call.span, Some(&name), arriving)
                })
            }
        }
    }

    /// `width=64, stride=2`
    fn arguments(&self, applied: &Applied, bound: &Bound) -> String {
        let names = formals(self.program, applied.callee);
        let arguments: Vec<String> = names
            .iter()
            .zip(&bound.values)
            .filter_map(|(formal, value)| Some(format!("{}={}", formal.name, value.as_ref()?)))
            .collect();
        arguments.join(", ")
    }

    /// Expands a block (or, without a name, a net) whose arguments have their values.
    pub fn apply_block(
        &mut self,
        id: DeclarationId,
        values: Vec<Option<Value>>,
        span: Span,
        name: Option<&str>,
        arriving: Tensor,
    ) -> Tensor {
        let Some(template) = self.program.template(id) else {
            return Tensor::Unknown;
        };
        let Definition::Body(body) = &template.definition else {
            return Tensor::Unknown;
        };
        if self.call_depth >= limits::CALL_DEPTH {
            self.too_deep(span);
            return Tensor::Unknown;
        }
        let file = self.program.info(id).file;
        let call = name.map(|_| span);
        let mut frame = Frame::new(file, arriving, call);
        if !self.define_parameters(id, values, &mut frame) {
            return Tensor::Unknown;
        }
        if !self.charge(limits::CALL_STEPS, span) {
            return Tensor::Unknown;
        }
        self.call_depth += 1;
        let result = match name {
            Some(name) => self.with_names(name, |expander| {
                expander.body(body, arriving, &mut frame, Brace::Own)
            }),
            None => self.body(body, arriving, &mut frame, Brace::Own),
        };
        self.call_depth -= 1;
        result
    }
}
