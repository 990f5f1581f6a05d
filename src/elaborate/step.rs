//! Steps: labels, names, assertions, and the words that wire steps together.

use super::call::Outcome;
use super::expand::{Expander, Frame, Tensor};
use super::value::{Applied, Kind, Value};
use crate::check;
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::graph::{NodeId, Op, ScalarFn, Shape};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{
    Body, Call, Chain, Expr, RepeatOver, ShapePattern, Shortcut, Statement, StatementKind, Step,
    StepKind, StepOp, Text, Type,
};

impl<'p> Expander<'p> {
    /// Evaluates the steps of a chain, each on the value of the one before it.
    pub fn chain(&mut self, chain: &'p Chain, arriving: Tensor, frame: &mut Frame<'p>) -> Tensor {
        let mut current = arriving;
        for step in &chain.steps {
            current = self.step(step, current, frame, None);
        }
        current
    }

    /// Evaluates a step. `number` is its name where a labelled `repeat` gives it one.
    fn step(
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
            self.fail(codes::LIMIT_NESTING, message, step.span);
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
        let outcome = self.step_kind(step, first, arriving, frame);
        let value = self.define_labels(step, &labels, outcome, frame);
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
                for (label, _) in labels {
                    frame.define_value(label.clone(), value);
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
                for ((label, _), part) in labels.iter().zip(&parts) {
                    frame.define_value(label.clone(), *part);
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
        let mut wanted: Vec<Option<i64>> = Vec::with_capacity(pattern.dims.len());
        frame.it = arriving;
        for dim in &pattern.dims {
            match dim {
                None => wanted.push(None),
                Some(expr) => match self.eval_as(expr, &Kind::Type(Type::Int), frame) {
                    Value::Int(size) => wanted.push(Some(size)),
                    _ => return value,
                },
            }
        }
        let Tensor::Node(node) = self.wanted(value, step.span) else {
            return Tensor::Unknown;
        };
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
        let made = self.graph.node(node);
        if let Some(origin) = self.origin_span(node) {
            fault = fault.with_secondary(origin, format!("this gives {found}"));
        }
        if let Some(input) = made.inputs.first() {
            let input = self.shape(*input);
            for line in check::explain(&made.op, input) {
                fault = fault.with_note(format!("`{}` of {input}: {line}", made.op.name()));
            }
        }
        self.report(fault);
        Tensor::Unknown
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
        let call = match &step.kind {
            StepKind::Call(call) => return self.call_step(call, label, arriving, frame),
            other => other,
        };
        // A labelled construct is a scope of names and counts as one step; an unlabelled one is transparent.
        let value = match label {
            None => self.construct(call, step, None, arriving, frame),
            Some(label) => {
                let name = self.next_name(Some(label), step.span);
                self.with_names(&name, |expander| {
                    expander.construct(call, step, Some(label), arriving, frame)
                })
            }
        };
        Outcome::One(value)
    }

    fn construct(
        &mut self,
        kind: &'p StepKind,
        step: &'p Step,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        match kind {
            StepKind::Call(_) => Tensor::Unknown,
            StepKind::Group(body) => self.body(body, arriving, frame, false),
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
                let Some(rounds) = self.rounds(over, frame) else {
                    return Tensor::Unknown;
                };
                let mut current = arriving;
                for (round, value) in rounds.enumerate() {
                    let entry = Label {
                        span: *keyword,
                        message: format!(
                            "in round {} of `repeat` ({} = {value})",
                            round + 1,
                            index.name
                        ),
                    };
                    current = self.with_trail(entry, |expander| {
                        frame.scopes.push(super::expand::Scope {
                            labels_leak: label.is_none(),
                            ..Default::default()
                        });
                        frame.define(&index.name, value);
                        let result = expander.round(body, label.map(|_| round), current, frame);
                        frame.scopes.pop();
                        result
                    });
                    if self.halted || frame.failed {
                        return Tensor::Unknown;
                    }
                }
                current
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
        .or_unknown_if(self.halted, step)
    }

    /// A round of a `repeat`; `number` if the repeat has a label.
    fn round(
        &mut self,
        body: &'p Body,
        number: Option<usize>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let Some(number) = number else {
            return self.body(body, arriving, frame, true);
        };
        let number = number.to_string();
        if self.single_named_step(body, frame).is_none() {
            let span = body.span;
            let name = self.next_name(Some(&number), span);
            return self.with_names(&name, |expander| {
                expander.body(body, arriving, frame, false)
            });
        }
        // The round is its step: the number takes the place of a label.
        self.in_scope(arriving, frame, false, |expander, frame| {
            let mut current = arriving;
            for statement in &body.statements {
                current = match &statement.kind {
                    StatementKind::Chain(Chain { steps, .. })
                        if expander.charge(1, statement.span) =>
                    {
                        steps.iter().fold(current, |current, step| {
                            expander.step(step, current, frame, Some(&number))
                        })
                    }
                    _ => expander.statement(statement, current, frame),
                };
            }
            current
        })
    }

    /// The only step of a body, if it is an unlabelled layer, function or block. Constants and requirements are no steps.
    fn single_named_step(&self, body: &'p Body, frame: &Frame<'p>) -> Option<&'p Call> {
        let mut steps = body
            .statements
            .iter()
            .filter(|statement| {
                !matches!(
                    statement.kind,
                    StatementKind::Let { .. } | StatementKind::Require { .. }
                )
            })
            .map(|statement| match &statement.kind {
                StatementKind::Chain(chain) => chain.steps.as_slice(),
                _ => &[],
            });
        let (Some([step]), None) = (steps.next(), steps.next()) else {
            return None;
        };
        match &step.kind {
            StepKind::Call(call) if step.labels.is_empty() => {
                let name = call.callee.name.as_str();
                let is_value = matches!(name, "in" | "it")
                    || (frame.constant(name).is_none()
                        && self.program.lookup(frame.file, name).is_none());
                (!is_value).then_some(call)
            }
            _ => None,
        }
    }

    /// What a `repeat` runs over.
    fn rounds(
        &mut self,
        over: &'p RepeatOver,
        frame: &mut Frame<'p>,
    ) -> Option<Box<dyn Iterator<Item = Value>>> {
        match over {
            RepeatOver::Range(from, to) => {
                let int = Kind::Type(Type::Int);
                let first = self.eval_as(from, &int, frame);
                let last = self.eval_as(to, &int, frame);
                let (Value::Int(first), Value::Int(last)) = (first, last) else {
                    return None;
                };
                let n_rounds = last.saturating_sub(first).max(0);
                if n_rounds.unsigned_abs() > limits::REPEAT {
                    let message = format!(
                        "{n_rounds} rounds; a `repeat` has at most {}",
                        limits::REPEAT
                    );
                    self.fail(codes::LIMIT_REPEAT, message, from.span.to(to.span));
                    return None;
                }
                Some(Box::new((first..last).map(Value::Int)))
            }
            RepeatOver::List(list) => match self.eval(list, frame) {
                Value::List(items) => Some(Box::new(
                    (0..items.len()).filter_map(move |index| items.get(index).cloned()),
                )),
                Value::Unknown => None,
                other => {
                    let message = format!(
                        "a `repeat` runs over a list, not over {}",
                        other.type_name()
                    );
                    self.fail(codes::TYPE, message, list.span);
                    None
                }
            },
        }
    }

    fn branch(
        &mut self,
        arms: &'p [(Expr, Body)],
        otherwise: Option<&'p Body>,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let leak = label.is_none();
        for (condition, body) in arms {
            frame.it = arriving;
            match self.eval_condition(condition, frame) {
                Some(true) => return self.body(body, arriving, frame, leak),
                Some(false) => {}
                None => return Tensor::Unknown,
            }
        }
        match otherwise {
            Some(body) => self.body(body, arriving, frame, leak),
            None => arriving,
        }
    }

    fn residual(
        &mut self,
        body: &'p Body,
        shortcut: Option<&'p Shortcut>,
        keyword: Span,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let arriving = self.wanted(arriving, keyword);
        let function = self.body(body, arriving, frame, false);
        let (other, other_span) = match shortcut {
            None => (arriving, None),
            Some(shortcut) => {
                frame.it = arriving;
                let taken = match &shortcut.when {
                    None => Some(true),
                    Some(condition) => self.eval_condition(condition, frame),
                };
                match taken {
                    Some(true) => {
                        let value = self.body(&shortcut.body, arriving, frame, false);
                        (value, Some(last_step(&shortcut.body)))
                    }
                    Some(false) => (arriving, None),
                    None => return Tensor::Unknown,
                }
            }
        };
        let (Tensor::Node(a), Tensor::Node(b)) = (function, other) else {
            return Tensor::Unknown;
        };
        let (a_shape, b_shape) = (self.shape(a).clone(), self.shape(b).clone());
        if a_shape != b_shape {
            let mut fault = Diagnostic::new(
                codes::MISMATCH,
                format!("the branches of this residual do not agree: {a_shape} and {b_shape}"),
                keyword,
                "",
            )
            .with_secondary(last_step(body), format!("this branch gives {a_shape}"));
            let place = other_span.or_else(|| self.origin_span(b));
            if let Some(place) = place {
                let what = match other_span {
                    Some(_) => format!("the shortcut gives {b_shape}"),
                    None => format!("the value that arrives, {b_shape}, is added as it is"),
                };
                fault = fault.with_secondary(place, what);
            }
            if let Err(error) = check::broadcast(&[&a_shape, &b_shape]) {
                fault.notes = error.notes;
            }
            if let Some(help) = projection(&a_shape, &b_shape, other_span.is_some()) {
                fault = fault.with_help(help);
            }
            self.report(fault);
            return Tensor::Unknown;
        }
        let name = self.uncounted_name(label, "add");
        self.push(Op::Map(ScalarFn::add()), vec![a, b], a_shape, name, keyword)
    }

    fn concat(
        &mut self,
        branches: &'p Body,
        keyword: Span,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let parts = self.in_scope(arriving, frame, false, |expander, frame| {
            let mut parts: Vec<(Tensor, Span)> = Vec::new();
            for statement in &branches.statements {
                let is_branch = matches!(statement.kind, StatementKind::Chain(_));
                let value = expander.statement(statement, arriving, frame);
                if is_branch {
                    parts.push((value, last_step_of(statement)));
                }
                if expander.halted || frame.failed {
                    break;
                }
            }
            parts
        });
        if parts.is_empty() {
            self.fail(codes::CONCAT, "a `concat` without branches", keyword);
            return Tensor::Unknown;
        }
        let mut inputs = Vec::with_capacity(parts.len());
        for (value, span) in &parts {
            match self.wanted(*value, *span) {
                Tensor::Node(node) => inputs.push(node),
                Tensor::Nothing | Tensor::Unknown => return Tensor::Unknown,
            }
        }
        let op = Op::Concat { axis: 0 };
        let shapes: Vec<&Shape> = inputs.iter().map(|id| self.shape(*id)).collect();
        match check::infer_shape(&op, &shapes, &Shape::new([])) {
            Ok(shape) => {
                let name = self.uncounted_name(label, "concat");
                self.push(op, inputs, shape, name, keyword)
            }
            Err(error) => {
                let odd = shapes
                    .iter()
                    .position(|shape| {
                        shapes.first().is_some_and(|first| {
                            check::infer_shape(&op, &[first, shape], shape).is_err()
                        })
                    })
                    .unwrap_or(0);
                let mut fault = Diagnostic::new(error.code, error.message, keyword, "");
                fault.notes = error.notes;
                for index in [0, odd] {
                    if let (Some((_, span)), Some(shape)) = (parts.get(index), shapes.get(index)) {
                        fault = fault.with_secondary(*span, format!("this branch gives {shape}"));
                    }
                }
                self.report(fault);
                Tensor::Unknown
            }
        }
    }

    fn elementwise(
        &mut self,
        op: StepOp,
        operands: [(Tensor, Span); 2],
        op_span: Span,
        label: Option<&str>,
    ) -> Tensor {
        let [(a, a_span), (b, b_span)] = operands;
        let a = self.wanted(a, a_span);
        let b = self.wanted(b, b_span);
        let (Tensor::Node(a), Tensor::Node(b)) = (a, b) else {
            return Tensor::Unknown;
        };
        let (function, word) = match op {
            StepOp::Add => (ScalarFn::add(), "add"),
            StepOp::Sub => (ScalarFn::subtract(), "subtract"),
            StepOp::Mul => (ScalarFn::multiply(), "multiply"),
        };
        let (a_shape, b_shape) = (self.shape(a).clone(), self.shape(b).clone());
        match check::broadcast(&[&a_shape, &b_shape]) {
            Ok(shape) => {
                let name = self.uncounted_name(label, word);
                self.push(Op::Map(function), vec![a, b], shape, name, op_span)
            }
            Err(error) => {
                let mut fault = Diagnostic::new(error.code, error.message, op_span, "")
                    .with_secondary(a_span, format!("this side is {a_shape}"))
                    .with_secondary(b_span, format!("this side is {b_shape}"));
                fault.notes = error.notes;
                self.report(fault);
                Tensor::Unknown
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
            Some(Value::Block(applied)) => return Some(Some((**applied).clone())),
            Some(Value::Unknown) => return Some(None),
            _ => {}
        }
        let entity = self.program.lookup(frame.file, name)?;
        Some(self.apply_entity(entity, name, span))
    }
}

impl Tensor {
    /// What a halted expansion gives means nothing.
    fn or_unknown_if(self, halted: bool, _: &Step) -> Tensor {
        if halted { Tensor::Unknown } else { self }
    }
}

/// Where a body's value is made.
fn last_step(body: &Body) -> Span {
    let last = body
        .statements
        .iter()
        .rev()
        .find(|statement| matches!(statement.kind, StatementKind::Chain(_)));
    last.map_or(body.span, last_step_of)
}

fn last_step_of(statement: &Statement) -> Span {
    match &statement.kind {
        StatementKind::Chain(chain) => {
            chain
                .steps
                .last()
                .map_or(chain.span, |step| match &step.kind {
                    StepKind::Call(call) => call.span,
                    _ => step.span,
                })
        }
        _ => statement.span,
    }
}

/// The shortcut that would make the branches of a residual agree.
fn projection(function: &Shape, arriving: &Shape, has_shortcut: bool) -> Option<String> {
    if has_shortcut || function.rank() != 3 || arriving.rank() != 3 {
        return None;
    }
    let stride = |from: u64, to: u64| (1..=8).find(|s| from.div_ceil(*s) == to);
    let (down, across) = (
        stride(arriving.height(), function.height())?,
        stride(arriving.width(), function.width())?,
    );
    let stride = match (down, across) {
        (1, 1) => String::new(),
        (down, across) if down == across => format!(", stride={down}"),
        (down, across) => format!(", stride={down}x{across}"),
    };
    Some(format!(
        "a projection makes them agree: `shortcut {{ conv({}, 1x1{stride}) }}`",
        function.channels()
    ))
}
