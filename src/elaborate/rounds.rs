//! The rounds of a `repeat`.

use super::expand::{Brace, Expander, Frame, Scope, Tensor};
use super::value::{Kind, Value};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{
    Body, Call, Chain, Expr, ExprKind, Ident, RepeatOver, StatementKind, StepKind, Type,
};

/// A `repeat`, apart from what it runs over.
pub(super) struct Repeat<'p> {
    pub index: &'p Ident,
    pub body: &'p Body,
    pub keyword: Span,
    pub is_labelled: bool,
}

impl<'p> Expander<'p> {
    /// Evaluates the body once for each value, each round on the value of the one before it.
    pub(super) fn repeat(
        &mut self,
        repeat: Repeat<'p>,
        rounds: impl Iterator<Item = Value>,
        arriving: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let Repeat {
            index,
            body,
            keyword,
            is_labelled,
        } = repeat;
        let mut current = arriving;
        for (round, value) in rounds.enumerate() {
            // Rounds of an empty body are work too.
            if !self.charge(1, keyword) {
                return Tensor::Unknown;
            }
            let message = format!(
                "in round {} of `repeat` ({} = {value})",
                round + 1,
                index.name
            );
            let span = keyword;
            current = self.with_trail(Label { span, message }, None, |expander| {
                frame.scopes.push(Scope {
                    brace: Brace::of_label(is_labelled),
                    ..Scope::default()
                });
                frame.define(&index.name, value);
                let number = is_labelled.then_some(round);
                let result = expander.round(body, number, current, frame);
                frame.scopes.pop();
                result
            });
            if self.halted || frame.failed {
                return Tensor::Unknown;
            }
        }
        current
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
            return self.body(body, arriving, frame, Brace::Open);
        };
        let number = number.to_string();
        if self.single_named_step(body, frame).is_none() {
            let span = body.span;
            let name = self.next_name(Some(&number), span);
            return self.with_names(&name, |expander| {
                expander.body(body, arriving, frame, Brace::Own)
            });
        }
        // The round is its step: the number takes the place of a label.
        self.in_scope(arriving, frame, Brace::Own, |expander, frame| {
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
    pub(super) fn rounds(
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
                if let Some(fault) = backwards((from, first), (to, last)) {
                    self.report(fault);
                    return None;
                }
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
}

/// The fault of a range that cannot be meant: a `repeat` counts upwards, and its end is not a round.
///
/// `1..n` without rounds is what an `n` of 0 asks for. A range that a number ends, or that begins at what depends on names, was thought to
/// count down; one of two numbers is known to be empty where it is written.
fn backwards((from, first): (&Expr, i64), (to, last): (&Expr, i64)) -> Option<Diagnostic> {
    let message = match (is_number(from), is_number(to)) {
        (true, true) if first == last => format!("`{first}..{last}` has no round"),
        (true, false) => return None,
        _ if last < first => format!("the range `{first}..{last}` ends before it begins"),
        _ => return None,
    };
    let span = from.span.to(to.span);
    let fault = Diagnostic::new(codes::BACKWARDS, message, span, "no rounds");
    Some(fault.with_help(match first == last {
        true => format!(
            "the end is not a round: `{first}..{}` has one",
            first.saturating_add(1)
        ),
        false => "a `repeat` counts upwards; to count down from `n`, use `n - 1 - i` inside".into(),
    }))
}

/// Whether an expression names nothing.
fn is_number(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Int(_) => true,
        ExprKind::Unary(_, operand) => is_number(operand),
        ExprKind::Binary(_, a, b, _) => is_number(a) && is_number(b),
        _ => false,
    }
}
