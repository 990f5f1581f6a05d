//! Words that a reader may take for something else than they stand for: told where the readings differ in value.

use super::expand::{Brace, Expander, Frame, NetOutput, Tensor};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::NodeId;
use crate::source::Span;
use crate::syntax::ast::{Ident, Step, StepKind};

impl<'p> Expander<'p> {
    /// Names a value by a label or an `input`.
    pub(super) fn name_value(
        &mut self,
        name: String,
        span: Span,
        value: Tensor,
        frame: &mut Frame<'p>,
    ) {
        // Blocks have a call, the net has none.
        if frame.call.is_none() {
            self.labelled.push((name.clone(), span, value));
        }
        frame.define_value(name, value);
    }

    /// A chain hands on what each step makes: a step behind `->` that does not use it would throw it away, which `tower` in `b -> tower`
    /// does if it is a value. `before` made what arrives.
    pub(super) fn dropped(
        &mut self,
        before: &'p Step,
        step: &'p Step,
        arriving: Tensor,
        value: Tensor,
    ) {
        let (Tensor::Node(dropped), Tensor::Node(made)) = (arriving, value) else {
            return;
        };
        if self.is_made_of(made, dropped) {
            return;
        }
        let shape = self.shape(dropped);
        let fault = match &step.kind {
            StepKind::Call(call) if !call.parenthesised => {
                let name = &call.callee.name;
                let message = format!("`{name}` is a value, and what arrives at it is dropped");
                let help = format!(
                    "to go on from `{name}`, begin a statement with it; to run steps on several values, make them a block"
                );
                let fault = Diagnostic::new(codes::DROPPED, message, call.span, "not a layer");
                fault.with_help(help)
            }
            StepKind::Call(call) => {
                let name = &call.callee.name;
                let message = format!("this `{name}` does not use what arrives at it");
                let help = format!(
                    "`{name}` of several values joins those alone: name what arrives as well, or begin a statement"
                );
                let fault = Diagnostic::new(codes::DROPPED, message, call.span, "joins others");
                fault.with_help(help)
            }
            _ => {
                let message = "this step does not use what arrives at it";
                let fault = Diagnostic::new(codes::DROPPED, message, step.span, "made of others");
                fault
                    .with_help("`it` is what arrives; a step that needs nothing begins a statement")
            }
        };
        let fault = fault.with_secondary(before.span, format!("this {shape} is dropped"));
        self.report(fault);
    }

    /// Whether a node needs another one. Handles point backwards, so that only those between the two are looked at.
    fn is_made_of(&self, made: NodeId, of: NodeId) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![made];
        while let Some(node) = open.pop() {
            if node == of {
                return true;
            }
            if node > of && seen.insert(node) {
                open.extend(&self.graph.node(node).inputs);
            }
        }
        false
    }

    /// `output name` is the current value. A label `name` in the net must not be another one, wherever it stands.
    pub(super) fn check_outputs(&mut self) {
        let outputs: Vec<NetOutput<'p>> =
            self.outputs.iter().filter(|o| o.is_bare).cloned().collect();
        for output in outputs {
            let name = &output.name.name;
            let mut labelled: Vec<(Span, Tensor)> = self
                .labelled
                .iter()
                .filter(|(label, ..)| label == name)
                .map(|(_, span, value)| (*span, *value))
                .collect();
            if output.visible.is_some() {
                labelled.retain(|(_, value)| Some(*value) == output.visible);
            }
            let is_same =
                |(_, value): &(Span, Tensor)| *value == output.value || *value == Tensor::Unknown;
            if output.value == Tensor::Unknown || labelled.iter().any(is_same) {
                continue;
            }
            let Some((place, Tensor::Node(other))) = labelled.last().copied() else {
                continue;
            };
            let current = match output.value {
                Tensor::Node(node) => format!("the current value, {}", self.shape(node)),
                _ => "the current value".into(),
            };
            let message = format!("the output `{name}` is not the value with the label `{name}`");
            let span = output.name.span;
            let fault = Diagnostic::new(codes::OUTPUT_NAME, message, span, current);
            let other = self.shape(other);
            let fault = fault.with_secondary(place, format!("this `{name}` is {other}"));
            let fault = match output.visible {
                Some(_) => fault
                    .with_help(format!(
                        "`output {name}: {name}` is the labelled value; for the current value, use another name"
                    ))
                    .with_fix(span, format!("{name}: {name}"), false),
                None => fault.with_help(format!(
                    "write `output {name}` behind the step with that label; for this value, use another name"
                )),
            };
            self.report(fault);
        }
    }

    /// `in` is what arrived at the innermost brace. Warns where it is another value, or has another `field`, than the other readings:
    /// what arrived at the block or group around that brace; and in a net, where `in` has no meaning outside of braces, what arrives at
    /// the step.
    pub(super) fn doubtful_in(&mut self, span: Span, field: Option<&Ident>, frame: &Frame<'p>) {
        let braces: Vec<(Brace, Tensor)> = frame
            .scopes
            .iter()
            .filter_map(|scope| Some((scope.brace, scope.arriving?)))
            .collect();
        let Some(((brace, Tensor::Node(arrived)), around)) = braces.split_last() else {
            return;
        };
        let (brace, arrived) = (*brace, *arrived);
        if around.is_empty() {
            return;
        }
        let outer = around
            .iter()
            .filter_map(|(brace, arrived)| match (brace, arrived) {
                (Brace::Own, Tensor::Node(node)) => Some(*node),
                _ => None,
            });
        let mut others: Vec<(NodeId, &str)> = outer
            .map(|node| (node, "arrived at the block or group around it"))
            .collect();
        let is_plain = others.is_empty() && brace != Brace::Branch;
        if let (true, Tensor::Node(it)) = (is_plain, frame.it) {
            others.push((it, "arrives at this step, `it`,"));
        }
        let differs = |other: NodeId| match field.map(|field| field.name.as_str()) {
            None => other != arrived,
            Some(field) => self.size_of(other, field) != self.size_of(arrived, field),
        };
        let Some((other, where_to)) = others.into_iter().find(|(node, _)| differs(*node)) else {
            return;
        };
        let word = match field {
            Some(field) => format!("in.{}", field.name),
            None => "in".into(),
        };
        let (here, there) = (self.shape(arrived), self.shape(other));
        let message = format!("`{word}` is of what arrived at the innermost brace");
        let mut warning = Diagnostic::new(codes::OUTER_IN, message, span, format!("of {here}"))
            .with_note(format!("what {where_to} is {there}"))
            .with_help(
                "name the one that is meant: `it` at the start of a brace is what arrives there, and a `let` or a label keeps it",
            );
        warning.trail = self.trail.labels().cloned().collect();
        self.warnings.push(warning);
    }

    /// A size of a value by the name of its property.
    fn size_of(&self, node: NodeId, field: &str) -> Option<u64> {
        let shape = self.shape(node);
        match field {
            "rank" => Some(shape.rank() as u64),
            "size" => shape.checked_elements(),
            "channels" => shape.sizes().next(),
            "height" => shape.sizes().nth(1),
            _ => shape.sizes().nth(2),
        }
    }
}
