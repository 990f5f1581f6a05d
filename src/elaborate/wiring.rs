//! The words that join the values of several bodies or steps: `if`, `residual`, `concat` and the operators.

use super::expand::{Brace, Expander, Frame, Tensor};
use super::lifts::RuleName;
use super::prove::{Claim, Shaped};
use crate::check::{self, ShapeError};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{NodeId, Op, ScalarFn, Shape};
use crate::source::Span;
use crate::symbolic::{Assignment, Rate};
use crate::syntax::ast::{Body, Expr, Shortcut, Statement, StatementKind, StepKind, StepOp};

impl<'p> Expander<'p> {
    pub(super) fn branch(
        &mut self,
        arms: &'p [(Expr, Body)],
        otherwise: Option<&'p Body>,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let brace = Brace::of_label(label.is_some());
        for (condition, body) in arms {
            frame.it = arriving;
            match self.eval_condition(condition, frame) {
                Some(true) => return self.body(body, arriving, frame, brace),
                Some(false) => {}
                None => return Tensor::Unknown,
            }
        }
        match otherwise {
            Some(body) => self.body(body, arriving, frame, brace),
            None => arriving,
        }
    }

    pub(super) fn residual(
        &mut self,
        body: &'p Body,
        shortcut: Option<&'p Shortcut>,
        keyword: Span,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let arriving = self.wanted(arriving, keyword);
        let function = self.body(body, arriving, frame, Brace::Branch);
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
                        let value = self.body(&shortcut.body, arriving, frame, Brace::Branch);
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
        let claim = |expander: &Expander<'p>, _: &ShapeError| {
            let (origin, words) = match other_span {
                Some(_) => (other_span, "the shortcut gives"),
                None => (expander.origin_span(b), "added as it is:"),
            };
            let shown = |(span, words): (Span, &str)| (span, words.to_string(), b);
            let other = origin.map(|span| shown((span, words)));
            let function = (last_step(body), "this branch gives".to_string(), a);
            Claim {
                words: "the branches of this residual agree".into(),
                span: keyword,
                parties: std::iter::once(function).chain(other).collect(),
            }
        };
        let Ok(open) = self.prove(
            &[a, b],
            &[],
            Rate::KEEPS,
            RuleName::plain("residual"),
            &mut one_shape,
            claim,
        ) else {
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
            fault.notes = self.arithmetic(a);
            if other_span.is_some() {
                fault.notes.extend(self.arithmetic(b));
            }
            if let Some((call, is_certain)) = self.unpadded(a, &b_shape) {
                fault = fault
                    .with_help("`pad=\"same\"` in the convolution makes them agree")
                    .with_fix(call, ", pad=\"same\"", is_certain);
            } else if let Some(help) = projection(&a_shape, &b_shape, other_span.is_some()) {
                fault = fault.with_help(help);
            }
            self.report(fault);
            return Tensor::Unknown;
        }
        let name = self.uncounted_name(label, "add");
        let shape = Shaped {
            shape: a_shape,
            open,
        };
        self.push(Op::Map(ScalarFn::add()), vec![a, b], shape, name, keyword)
    }

    pub(super) fn concat(
        &mut self,
        branches: &'p Body,
        keyword: Span,
        label: Option<&str>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let parts = self.in_scope(arriving, frame, Brace::Branch, |expander, frame| {
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
        let none = Shape::new([]);
        let mut rule =
            |_: &Assignment, shapes: &[&Shape]| check::infer_open_shape(&op, shapes, &none);
        let claim = |_: &Expander<'p>, _: &ShapeError| Claim {
            words: "the branches of this `concat` can be joined".into(),
            span: keyword,
            parties: parts
                .iter()
                .zip(&inputs)
                .map(|((_, span), node)| (*span, "this branch gives".to_string(), *node))
                .collect(),
        };
        let Ok(open) = self.prove(
            &inputs,
            &[],
            Rate::COMPARES,
            RuleName::plain("branches"),
            &mut rule,
            claim,
        ) else {
            return Tensor::Unknown;
        };
        let shapes: Vec<&Shape> = inputs.iter().map(|id| self.shape(*id)).collect();
        match check::infer_shape(&op, &shapes, &Shape::new([])) {
            Ok(shape) => {
                let shape = Shaped { shape, open };
                let name = self.uncounted_name(label, "concat");
                self.push(op, inputs, shape, name, keyword)
            }
            Err(error) => {
                let shown = check::odd_one(0, &shapes).unwrap_or([0, 0]);
                let mut fault = Diagnostic::new(error.code, error.message, keyword, "");
                fault.notes = error.notes;
                for index in shown {
                    if let (Some((_, span)), Some(shape)) = (parts.get(index), shapes.get(index)) {
                        fault = fault.with_secondary(*span, format!("this branch gives {shape}"));
                    }
                }
                if let [Some(like), Some(odd)] = shown.map(|index| inputs.get(index)) {
                    fault.help = self.lost_on_the_way(*like, *odd);
                }
                self.report(fault);
                Tensor::Unknown
            }
        }
    }

    pub(super) fn elementwise(
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
        let mut rule = |_: &Assignment, shapes: &[&Shape]| check::broadcast(shapes);
        let claim = |_: &Expander<'p>, _: &ShapeError| {
            let side = |span: Span, node: NodeId| (span, "this side is".to_string(), node);
            Claim {
                words: "the sides agree".into(),
                span: op_span,
                parties: vec![side(a_span, a), side(b_span, b)],
            }
        };
        let Ok(open) = self.prove(
            &[a, b],
            &[],
            Rate::KEEPS,
            RuleName::plain("broadcast"),
            &mut rule,
            claim,
        ) else {
            return Tensor::Unknown;
        };
        let (a_shape, b_shape) = (self.shape(a).clone(), self.shape(b).clone());
        match check::broadcast(&[&a_shape, &b_shape]) {
            Ok(shape) => {
                let shape = Shaped { shape, open };
                let name = self.uncounted_name(label, word);
                self.push(Op::Map(function), vec![a, b], shape, name, op_span)
            }
            Err(error) => {
                let mut fault = Diagnostic::new(error.code, error.message, op_span, "")
                    .with_secondary(a_span, format!("this side is {a_shape}"))
                    .with_secondary(b_span, format!("this side is {b_shape}"));
                fault.notes = error.notes;
                fault.help = self.lost_on_the_way(a, b);
                self.report(fault);
                Tensor::Unknown
            }
        }
    }
}

/// The shape that all of them have.
fn one_shape(_: &Assignment, shapes: &[&Shape]) -> Result<Shape, ShapeError> {
    match shapes {
        [a, b] if a != b => Err(ShapeError::new(codes::MISMATCH, format!("{a} and {b}"))),
        [first, ..] => Ok((*first).clone()),
        [] => Err(ShapeError::new(codes::MISMATCH, "no input")),
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
