//! Steps: labels, names, assertions.

use super::call::Outcome;
use super::expand::{Brace, Expander, Frame, Tensor};
use super::lifts::RuleName;
use super::open::{open_values, resolve};
use super::prove::{Claim, Reported};
use super::rounds::Repeat;
use super::value::{Applied, Kind, Value};
use crate::check::{self, ShapeError};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{NodeId, Shape};
use crate::limits;
use crate::source::Span;
use crate::symbolic::{Assignment, Function, Rate, SymDim, Variable};
use crate::syntax::ast::{Call, Chain, Dimension, ShapePattern, Step, StepKind, Text, Type};

impl<'p> Expander<'p> {
    /// Evaluates the steps of a chain, each on the value of the one before it.
    pub fn chain(&mut self, chain: &'p Chain, arriving: Tensor, frame: &mut Frame<'p>) -> Tensor {
        let mut current = arriving;
        let mut before: Option<&'p Step> = None;
        for step in &chain.steps {
            let value = self.step(step, current, frame, None);
            if let Some(before) = before {
                self.dropped(before, step, current, value);
            }
            current = value;
            before = Some(step);
        }
        current
    }

    /// Evaluates a step. `number` is its name where a labelled `repeat` gives it one.
    pub(super) fn step(
        &mut self,
        step: &'p Step,
        arriving: Tensor,
        frame: &mut Frame<'p>,
        number: Option<&str>,
    ) -> Tensor {
        if !self.charge(1, step.span) || frame.failed {
            return Tensor::Unknown;
        }
        if self.step_depth >= limits::STEP_DEPTH {
            let message = format!("steps are nested more than {} deep", limits::STEP_DEPTH);
            self.halt(codes::LIMIT_NESTING, message, step.span);
            return Tensor::Unknown;
        }
        self.step_depth += 1;
        let result = self.labelled_step(step, arriving, frame, number);
        self.step_depth -= 1;
        result
    }

    fn labelled_step(
        &mut self,
        step: &'p Step,
        arriving: Tensor,
        frame: &mut Frame<'p>,
        number: Option<&str>,
    ) -> Tensor {
        frame.it = arriving;
        let mut labels: Vec<(String, Span)> = Vec::with_capacity(step.labels.len());
        for text in &step.labels {
            match self.label(text, frame) {
                Some(label) => labels.push((label, text.span)),
                // The step is looked at all the same: its faults are others.
                None => continue,
            }
        }
        let first = labels.first().map(|(label, _)| label.as_str()).or(number);
        let n_nodes = self.graph.nodes.len();
        let outcome = self.step_kind(step, first, arriving, frame);
        let value = self.define_labels(step, &labels, outcome, frame);
        self.observe(step.span, arriving, value, n_nodes);
        match &step.assertion {
            Some(pattern) => self.assert_shape(step, pattern, value, arriving, frame),
            None => value,
        }
    }

    /// A label with its expressions filled in, claimed in the scope of names.
    fn label(&mut self, text: &'p Text, frame: &mut Frame<'p>) -> Option<String> {
        let label = self.eval_text(text, frame)?;
        let is_name = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name || label.is_empty() {
            let message = format!(
                "`{}` is no name",
                label.chars().take(60).collect::<String>()
            );
            self.fail(codes::TYPE, message, text.span);
            return None;
        }
        self.claim_label(&label, text.span).then_some(label)
    }

    /// Keeps labels unique within their scope of names.
    pub fn claim_label(&mut self, label: &str, span: Span) -> bool {
        let Some(scope) = self.naming.last_mut() else {
            return true;
        };
        match scope.labels.get(label).copied() {
            None => {
                scope.labels.insert(label.to_string(), span);
                true
            }
            Some(first) => {
                let message = format!("the label `{label}` is used twice in one scope");
                let fault = Diagnostic::new(codes::DUPLICATE_LABEL, message, span, "again here");
                self.report(match first == span {
                    true => fault.with_help(
                        "label the `repeat`, or make the label depend on its variable: `name{i}`",
                    ),
                    false => fault.with_secondary(first, "first here"),
                });
                false
            }
        }
    }

    /// Gives the labels of a step their values; answers the current value after it.
    fn define_labels(
        &mut self,
        step: &'p Step,
        labels: &[(String, Span)],
        outcome: Outcome,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        match outcome {
            Outcome::One(value) => {
                if step.labels.len() > 1 && value != Tensor::Unknown {
                    let message = "several labels are for the parts of a `split`";
                    self.fail(codes::SPLIT_LABELS, message, step.span);
                }
                for (label, span) in labels {
                    self.name_value(label.clone(), *span, value, frame);
                }
                value
            }
            Outcome::Parts(parts) => {
                if !step.labels.is_empty() && step.labels.len() != parts.len() {
                    let message = format!(
                        "{} labels for the {} parts of the split",
                        step.labels.len(),
                        parts.len()
                    );
                    self.fail(codes::SPLIT_LABELS, message, step.span);
                    for (label, _) in labels {
                        frame.define_value(label.clone(), Tensor::Unknown);
                    }
                    return Tensor::Unknown;
                }
                for ((label, span), part) in labels.iter().zip(&parts) {
                    self.name_value(label.clone(), *span, *part, frame);
                }
                parts.last().copied().unwrap_or(Tensor::Unknown)
            }
        }
    }

    fn assert_shape(
        &mut self,
        step: &'p Step,
        pattern: &'p ShapePattern,
        value: Tensor,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let mut asserted: Vec<Option<Value>> = Vec::with_capacity(pattern.dims.len());
        frame.it = arriving;
        for dim in &pattern.dims {
            match dim {
                Dimension::Size(expr) => {
                    match self.eval_open(expr, &Kind::Type(Type::Int), frame) {
                        Value::Unknown => return value,
                        size => asserted.push(Some(size)),
                    }
                }
                Dimension::Any | Dimension::Open(..) => asserted.push(None),
            }
        }
        let Tensor::Node(node) = self.wanted(value, step.span) else {
            return Tensor::Unknown;
        };
        if self.prove_assertion(&asserted, node, pattern.span).is_err() {
            return Tensor::Unknown;
        }
        let witnesses = self.witnesses();
        let wanted: Vec<Option<i64>> = asserted
            .iter()
            .map(|size| size.as_ref().and_then(|size| int_at(size, &witnesses)))
            .collect();
        let found = self.shape(node).clone();
        let agrees = found.rank() == wanted.len()
            && found.sizes().zip(&wanted).all(|(size, wanted)| {
                wanted.is_none_or(|wanted| i64::try_from(size) == Ok(wanted))
            });
        if agrees {
            return value;
        }
        let shown: Vec<String> = wanted
            .iter()
            .map(|dim| dim.map_or("_".into(), |size| size.to_string()))
            .collect();
        let mut fault = Diagnostic::new(
            codes::ASSERTION,
            format!("the shape is {found}, not [{}]", shown.join(", ")),
            pattern.span,
            "asserted here",
        );
        let node = self.shaper(node);
        if let Some(origin) = self.origin_span(node) {
            fault = fault.with_secondary(origin, format!("this gives {found}"));
        }
        fault.notes = self.arithmetic(node);
        self.report(fault);
        Tensor::Unknown
    }

    fn prove_assertion(
        &mut self,
        asserted: &[Option<Value>],
        node: NodeId,
        span: Span,
    ) -> Result<(), Reported> {
        let Some(shape) = self.open_shape(node) else {
            return Ok(());
        };
        let functions: Vec<(Variable, &Function)> = asserted
            .iter()
            .flatten()
            .flat_map(open_values)
            .map(|open| (open.variable, &open.function))
            .collect();
        let of_product = shape
            .dims()
            .iter()
            .zip(asserted)
            .any(|(dim, asserted)| asserted.is_some() && matches!(dim, SymDim::Product(..)));
        let is_known = shape.is_known() && functions.is_empty();
        if is_known || (shape.has_product() && !of_product) {
            return Ok(());
        }
        // An open dimension and the number asserted of it may meet once, and not after.
        let numbers = shape
            .dims()
            .iter()
            .zip(asserted)
            .filter_map(|pair| match pair {
                (SymDim::Of(..), Some(Value::Int(size))) => Some(size.unsigned_abs()),
                _ => None,
            });
        let rate = Rate {
            reach: numbers.max().unwrap_or(0).saturating_add(2),
            ..Rate::COMPARES
        };
        let mut rule = |sizes: &Assignment, shapes: &[&Shape]| {
            let found = shapes[0];
            let wanted = |asserted: &Option<Value>| match asserted {
                Some(size) => int_at(size, sizes),
                None => None,
            };
            let agrees = found.rank() == asserted.len()
                && found.sizes().zip(asserted).all(|(size, asserted)| {
                    asserted.is_none() || i64::try_from(size).ok() == wanted(asserted)
                });
            if agrees {
                return Ok(found.clone());
            }
            let shown: Vec<String> = asserted
                .iter()
                .map(|dim| wanted(dim).map_or("_".into(), |size| size.to_string()))
                .collect();
            let message = format!("the shape is {found}, not [{}]", shown.join(", "));
            Err(ShapeError::new(codes::ASSERTION, message))
        };
        let claim = |expander: &Expander<'p>, _: &ShapeError| Claim {
            words: "the shape asserted here is right".into(),
            span,
            parties: expander.origins(&[expander.shaper(node)]),
        };
        let name = RuleName {
            rule: "assertion",
            values: asserted,
        };
        self.prove(&[node], &functions, rate, name, &mut rule, claim)
            .map(|_| ())
    }

    /// How a value came by its shape, a line for each thing that was computed.
    pub(super) fn arithmetic(&self, node: NodeId) -> Vec<String> {
        let made = self.graph.node(self.shaper(node));
        let Some(input) = made.inputs.first() else {
            return Vec::new();
        };
        let (input, name) = (self.shape(*input), made.op.name());
        let lines = check::explain(&made.op, input).into_iter();
        lines
            .map(|line| format!("`{name}` of {input}: {line}"))
            .collect()
    }

    /// The node that gave a value its shape: steps that keep their input's shape are passed over.
    fn shaper(&self, mut node: NodeId) -> NodeId {
        while let [input] = self.graph.node(node).inputs[..]
            && check::explain(&self.graph.node(node).op, self.shape(input)).is_empty()
            && self.shape(input) == self.shape(node)
        {
            node = input;
        }
        node
    }

    fn step_kind(
        &mut self,
        step: &'p Step,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Outcome {
        let kind = &step.kind;
        if let StepKind::Call(call) = kind {
            return self.call_step(call, label, arriving, frame);
        }
        // A labelled construct is a scope of names and counts as one step; an unlabelled one is transparent.
        let value = match label {
            None => self.construct(kind, None, arriving, frame),
            Some(label) => {
                let name = self.next_name(Some(label), step.span);
                self.with_names(&name, |expander| {
                    expander.construct(kind, Some(label), arriving, frame)
                })
            }
        };
        Outcome::One(value)
    }

    fn construct(
        &mut self,
        kind: &'p StepKind,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        match kind {
            StepKind::Call(_) => Tensor::Unknown,
            StepKind::Group(body) => self.body(body, arriving, frame, Brace::Own),
            StepKind::Paren(chain) => self.chain(chain, arriving, frame),
            StepKind::Residual {
                body,
                shortcut,
                keyword,
            } => self.residual(body, shortcut.as_ref(), *keyword, label, arriving, frame),
            StepKind::Concat { branches, keyword } => {
                self.concat(branches, *keyword, label, arriving, frame)
            }
            StepKind::Repeat {
                index,
                over,
                body,
                keyword,
            } => {
                let repeat = Repeat {
                    index,
                    body,
                    keyword: *keyword,
                    is_labelled: label.is_some(),
                };
                match self.rounds(over, frame) {
                    Some(rounds) => self.repeat(repeat, rounds, arriving, frame),
                    None => Tensor::Unknown,
                }
            }
            StepKind::If {
                arms, otherwise, ..
            } => self.branch(arms, otherwise.as_ref(), label, arriving, frame),
            StepKind::Binary {
                op,
                lhs,
                rhs,
                op_span,
            } => {
                let a = self.step(lhs, arriving, frame, None);
                let b = self.step(rhs, arriving, frame, None);
                self.elementwise(*op, [(a, lhs.span), (b, rhs.span)], *op_span, label)
            }
        }
    }

    /// A call as a step: `in`, `it`, a block parameter, a layer, a declaration, or a value named earlier, in this order.
    fn call_step(
        &mut self,
        call: &'p Call,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Outcome {
        let name = call.callee.name.as_str();
        let span = call.callee.span;
        if let Some(applied) = self.applied_step(name, span, frame) {
            let Some(applied) = applied else {
                // What it names failed and was reported; its place among the steps stays counted.
                self.next_name(label, call.span);
                return Outcome::One(Tensor::Unknown);
            };
            let full = self.next_name(label, call.span);
            return self.apply(&applied, call, full, arriving, frame);
        }
        let Some(value) = self.tensor_named(name, frame) else {
            if frame.constant(name).is_some() {
                let message = format!("`{name}` is a constant and cannot be a step");
                self.fail(codes::NOT_A_STEP, message, span);
            } else {
                self.undefined(name, span, frame);
            }
            return Outcome::One(Tensor::Unknown);
        };
        if call.parenthesised {
            let message = format!("`{name}` is a value and takes no arguments");
            self.fail(codes::NOT_A_STEP, message, call.span);
            return Outcome::One(Tensor::Unknown);
        }
        if name == "in" {
            self.doubtful_in(span, None, frame);
        }
        Outcome::One(self.wanted(value, span))
    }

    /// What a word applies as a step; `None` if it applies nothing, `Some(None)` if that is unknown.
    fn applied_step(
        &mut self,
        name: &str,
        span: Span,
        frame: &Frame<'p>,
    ) -> Option<Option<Applied>> {
        match frame.constant(name) {
            Some(Value::Block(applied)) => {
                let applied = (**applied).clone();
                self.observe_applied(span, applied.callee);
                return Some(Some(applied));
            }
            Some(Value::Unknown) => return Some(None),
            _ => {}
        }
        let entity = self.program.lookup(frame.file, name)?;
        Some(self.apply_entity(entity, name, span))
    }
}

/// An int where the open sizes are these.
fn int_at(value: &Value, sizes: &Assignment) -> Option<i64> {
    match resolve(value, &|open| open.at(sizes.get(open.variable)))? {
        Value::Int(size) => Some(size),
        _ => None,
    }
}
