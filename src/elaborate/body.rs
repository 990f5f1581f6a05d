//! Bodies: their statements in order, and the scopes that they open.

use super::expand::{Expander, Frame, Scope, Tensor};
use super::value::{Kind, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{Input, Op, Shape};
use crate::limits;
use crate::syntax::ast::{
    Body, Call, Chain, Expr, Ident, ShapePattern, Statement, StatementKind, Text, Type,
};

impl<'p> Expander<'p> {
    /// Evaluates a body on the value that arrives. `labels_leak`: its labels belong to the body around.
    pub fn body(
        &mut self,
        body: &'p Body,
        arriving: Tensor,
        frame: &mut Frame<'p>,
        labels_leak: bool,
    ) -> Tensor {
        self.in_scope(arriving, frame, labels_leak, |expander, frame| {
            let mut current = arriving;
            for statement in &body.statements {
                current = expander.statement(statement, current, frame);
                if expander.halted || frame.failed {
                    return Tensor::Unknown;
                }
            }
            current
        })
    }

    /// Runs `inside` in a scope of its own, where `in` is the value that arrives.
    pub fn in_scope<R>(
        &mut self,
        arriving: Tensor,
        frame: &mut Frame<'p>,
        labels_leak: bool,
        inside: impl FnOnce(&mut Expander<'p>, &mut Frame<'p>) -> R,
    ) -> R {
        let outer = (frame.arriving, frame.it);
        frame.arriving = arriving;
        frame.scopes.push(Scope {
            labels_leak,
            ..Scope::default()
        });
        let result = inside(self, frame);
        frame.scopes.pop();
        (frame.arriving, frame.it) = outer;
        result
    }

    /// Evaluates a statement; answers the current value after it.
    pub fn statement(
        &mut self,
        statement: &'p Statement,
        current: Tensor,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        if !self.charge(1, statement.span) {
            return Tensor::Unknown;
        }
        frame.it = current;
        match &statement.kind {
            StatementKind::Chain(chain) => self.chain(chain, current, frame),
            StatementKind::Let { name, value } => {
                self.define_constant(name, value, frame);
                current
            }
            StatementKind::Require { condition, message } => {
                self.require(condition, message.as_ref(), frame);
                current
            }
            StatementKind::Input {
                name,
                shape,
                source,
            } if self.stands_in_net(frame) && frame.is_outermost() => {
                self.input(name, shape, source.as_ref(), frame)
            }
            StatementKind::Output { name, chain } if self.stands_in_net(frame) => {
                self.output(name, chain.as_ref(), current, frame);
                current
            }
            StatementKind::Labels(list) if self.stands_in_net(frame) => {
                self.class_labels(list, frame);
                current
            }
            // Misplaced, which was reported when its names were resolved.
            _ => Tensor::Unknown,
        }
    }

    /// Blocks have a call, the net has none.
    fn stands_in_net(&self, frame: &Frame<'p>) -> bool {
        frame.call.is_none()
    }

    fn define_constant(&mut self, name: &'p Ident, value: &'p Expr, frame: &mut Frame<'p>) {
        let value = self.eval(value, frame);
        frame.define(&name.name, value);
    }

    fn require(&mut self, condition: &'p Expr, message: Option<&'p Text>, frame: &mut Frame<'p>) {
        if self.eval_condition(condition, frame) != Some(false) {
            return;
        }
        frame.failed = true;
        let said = match message {
            Some(text) => match self.eval_text(text, frame) {
                Some(said) => said,
                None => return,
            },
            None => "a requirement does not hold".into(),
        };
        let required = condition.span;
        let Some(call) = frame.call else {
            let fault = Diagnostic::new(codes::REQUIREMENT, said, required, "does not hold");
            self.report(fault);
            return;
        };
        let mut fault = Diagnostic::new(codes::REQUIREMENT, said, call, "of this call");
        fault = fault.with_secondary(required, "required here");
        // The innermost entry is the call that the primary span shows already.
        fault.trail = self.trail.labels().skip(1).cloned().collect();
        self.faults.push(fault);
    }

    fn input(
        &mut self,
        name: &'p Ident,
        pattern: &'p ShapePattern,
        source: Option<&'p Call>,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let claimed = self.claim_label(&name.name, name.span);
        let shape = self.input_shape(pattern, frame);
        let value = match shape {
            Some(shape) if claimed => {
                let index = self.graph.inputs.len();
                let image = source.and_then(|call| self.image(call, &shape, frame));
                let label = name.name.clone();
                let value = self.push(Op::Input(index), Vec::new(), shape, label, name.span);
                if let Tensor::Node(node) = value {
                    self.graph.inputs.push(Input {
                        name: name.name.clone(),
                        node,
                        image,
                    });
                }
                value
            }
            _ => Tensor::Unknown,
        };
        frame.define_value(name.name.clone(), value);
        value
    }

    fn input_shape(&mut self, pattern: &'p ShapePattern, frame: &mut Frame<'p>) -> Option<Shape> {
        let mut sizes = Vec::with_capacity(pattern.dims.len());
        for dim in &pattern.dims {
            let Some(expr) = dim else {
                let message = "the shape of an input must be stated";
                self.fail(codes::TYPE, message, pattern.span);
                return None;
            };
            match self.eval_as(expr, &Kind::Type(Type::Int), frame) {
                Value::Int(size) => match u64::try_from(size) {
                    Ok(size) if size > 0 => sizes.push(size),
                    _ => {
                        let message = format!("a dimension of {size}");
                        self.fail(codes::EMPTY_SHAPE, message, expr.span);
                        return None;
                    }
                },
                _ => return None,
            }
        }
        let shape = Shape::new(sizes);
        if !matches!(shape.rank(), 1 | 3) {
            let message = format!("an input is [C, H, W] or [F], not {shape}");
            self.fail(codes::RANK, message, pattern.span);
            return None;
        }
        match shape.checked_elements() {
            Some(elements) if elements <= limits::TENSOR_ELEMENTS => Some(shape),
            _ => {
                let message = format!("an input of more than {} elements", limits::TENSOR_ELEMENTS);
                self.fail(codes::LIMIT_TENSOR, message, pattern.span);
                None
            }
        }
    }

    fn output(
        &mut self,
        name: &'p Ident,
        chain: Option<&'p Chain>,
        current: Tensor,
        frame: &mut Frame<'p>,
    ) {
        let value = match chain {
            Some(chain) => self.chain(chain, current, frame),
            None => current,
        };
        let value = self.wanted(value, name.span);
        if self.outputs.iter().any(|(known, _)| *known == name.name) {
            let message = format!("two outputs have the name `{}`", name.name);
            let fault = Diagnostic::new(codes::DUPLICATE, message, name.span, "the second");
            self.report(fault);
            return;
        }
        self.outputs.push((name.name.clone(), value));
    }

    fn class_labels(&mut self, list: &'p Expr, frame: &mut Frame<'p>) {
        if !self.graph.class_labels.is_empty() {
            let message = "the classes have their names already";
            let fault = Diagnostic::new(codes::DUPLICATE, message, list.span, "the second list");
            self.report(fault);
            return;
        }
        let kind = Kind::Type(Type::List(Box::new(Type::String)));
        if let Value::List(items) = self.eval_as(list, &kind, frame) {
            self.graph.class_labels = items
                .iter()
                .filter_map(|item| match item {
                    Value::Text(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
        }
    }
}
