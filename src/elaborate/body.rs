//! Bodies: their statements in order, and the scopes that they open.

use super::expand::{Brace, Expander, Frame, NetOutput, Scope, Tensor};
use super::open::may_be_open;
use super::prove::Shaped;
use super::value::{Kind, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{Input, Op};
use crate::limits;
use crate::source::{SourceMap, Span};
use crate::symbolic::{SymDim, SymShape, Variable};
use crate::syntax::ast::{
    BinaryOp, Body, Call, Chain, Dimension, Expr, ExprKind, Ident, ShapePattern, Statement,
    StatementKind, Text, Type,
};

impl<'p> Expander<'p> {
    /// Evaluates a body on the value that arrives.
    pub fn body(
        &mut self,
        body: &'p Body,
        arriving: Tensor,
        frame: &mut Frame<'p>,
        brace: Brace,
    ) -> Tensor {
        self.in_scope(arriving, frame, brace, |expander, frame| {
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
        brace: Brace,
        inside: impl FnOnce(&mut Expander<'p>, &mut Frame<'p>) -> R,
    ) -> R {
        let outer = (frame.arriving, frame.it);
        frame.arriving = arriving;
        frame.scopes.push(Scope {
            brace,
            arriving: Some(arriving),
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
            StatementKind::Where(condition)
                if self.stands_in_net(frame) && frame.is_outermost() =>
            {
                self.limits(condition, frame);
                current
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
        let holds = self.eval_open(condition, &Kind::Type(Type::Bool), frame);
        if !matches!(holds, Value::Bool(false) | Value::Open(_)) {
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
        if let Value::Open(open) = &holds {
            return self.require_open(open, &said, required, frame.call);
        }
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

    /// A `where`: each side of an `and` speaks of one open size, or makes two equal.
    fn limits(&mut self, condition: &'p Expr, frame: &mut Frame<'p>) {
        if let ExprKind::Binary(BinaryOp::And, a, b, _) = &condition.kind {
            self.limits(a, frame);
            self.limits(b, frame);
            return;
        }
        if let ExprKind::Binary(BinaryOp::Eq, a, b, _) = &condition.kind
            && let (Some(a), Some(b)) = (open_size(a, frame), open_size(b, frame))
            && a != b
        {
            return self.equate(a, b, condition.span);
        }
        let holds = self.eval_open(condition, &Kind::Type(Type::Bool), frame);
        self.limit(&holds, condition.span);
    }

    fn input(
        &mut self,
        name: &'p Ident,
        pattern: &'p ShapePattern,
        source: Option<&'p Call>,
        frame: &mut Frame<'p>,
    ) -> Tensor {
        let claimed = self.claim_label(&name.name, name.span);
        let shape = self.input_shape(name, pattern, frame);
        let value = match shape {
            Some(shaped) if claimed => {
                let index = self.graph.inputs.len();
                let shape = shaped.shape.clone();
                // What becomes of a picture says nothing about shapes: it is checked where sizes have values.
                let is_proof = self.sizes.proving.is_some();
                let source = source.filter(|_| !is_proof);
                let image = source.and_then(|call| self.image(call, &shape, frame));
                let label = name.name.clone();
                let value = self.push(Op::Input(index), Vec::new(), shaped, label, name.span);
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
        self.name_value(name.name.clone(), name.span, value, frame);
        value
    }

    fn input_shape(
        &mut self,
        input: &Ident,
        pattern: &'p ShapePattern,
        frame: &mut Frame<'p>,
    ) -> Option<Shaped> {
        let written = match batch_in_shape(&self.program.sources, pattern) {
            Some(fault) => {
                self.report(fault);
                pattern.dims.get(1..).unwrap_or_default()
            }
            None => &pattern.dims,
        };
        let has_batch = written.len() < pattern.dims.len();
        let mut dims = Vec::with_capacity(written.len());
        for dim in written {
            dims.push(self.input_dimension(input, dim, pattern.span, frame)?);
        }
        if has_batch {
            return None;
        }
        let open = SymShape::new(dims);
        let shape = open.at(&self.witnesses())?;
        if !matches!(shape.rank(), 1 | 3) {
            let message = format!("an input is [C, H, W] or [F], not {shape}");
            self.fail(codes::RANK, message, pattern.span);
            return None;
        }
        match shape.checked_elements() {
            Some(elements) if elements <= limits::TENSOR_ELEMENTS => Some(Shaped {
                shape,
                open: Some(open),
            }),
            _ => {
                let message = format!("an input of more than {} elements", limits::TENSOR_ELEMENTS);
                self.fail(codes::LIMIT_TENSOR, message, pattern.span);
                None
            }
        }
    }

    fn input_dimension(
        &mut self,
        input: &Ident,
        dim: &'p Dimension,
        shape: Span,
        frame: &mut Frame<'p>,
    ) -> Option<SymDim> {
        let int = Kind::Type(Type::Int);
        let (value, span) = match dim {
            Dimension::Any => {
                self.fail(codes::TYPE, "the shape of an input must be stated", shape);
                return None;
            }
            Dimension::Open(name, default) => {
                let Value::Int(default) = self.eval_as(default, &int, frame) else {
                    return None;
                };
                let size = u64::try_from(default).ok().filter(|size| *size > 0);
                if size.is_none() {
                    let message = format!("a dimension of {default}");
                    self.fail(codes::EMPTY_SHAPE, message, name.span);
                    return None;
                }
                let value = self.declare_size(&name.name, name.span, size, input)?;
                frame.define(&name.name, value.clone());
                (value, name.span)
            }
            Dimension::Size(expr) => match &expr.kind {
                ExprKind::Name(name) if self.is_open_size(name, frame) => {
                    let value = self.declare_size(name, expr.span, None, input)?;
                    frame.define(name, value.clone());
                    (value, expr.span)
                }
                _ => (self.eval_open(expr, &int, frame), expr.span),
            },
        };
        let dim = match value {
            Value::Int(size) => {
                let known = u64::try_from(size).ok().filter(|size| *size > 0);
                known.map(SymDim::Known).ok_or(size)
            }
            Value::Open(open) => match open.function.telling().find(|(_, size)| *size < 1) {
                Some((_, size)) => Err(size),
                None => Ok(SymDim::of(open.variable, open.function.clone())),
            },
            _ => return None,
        };
        match dim {
            Ok(dim) => Some(dim),
            Err(size) => {
                let message = format!("a dimension of {size}");
                self.fail(codes::EMPTY_SHAPE, message, span);
                None
            }
        }
    }

    /// Whether a name in the shape of an input declares an open size.
    fn is_open_size(&self, name: &str, frame: &Frame<'p>) -> bool {
        may_be_open(name)
            && frame.constant(name).is_none()
            && self.program.lookup(frame.file, name).is_none()
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
        if self
            .outputs
            .iter()
            .any(|known| known.name.name == name.name)
        {
            let message = format!("two outputs have the name `{}`", name.name);
            let fault = Diagnostic::new(codes::DUPLICATE, message, name.span, "the second");
            self.report(fault);
            return;
        }
        self.outputs.push(NetOutput {
            name,
            value,
            is_bare: chain.is_none(),
            visible: frame.value(&name.name),
        });
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
            self.labels_at = Some(list.span);
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

/// The fault of an input of four dimensions, whose first is the batch.
pub(super) fn batch_in_shape(sources: &SourceMap, pattern: &ShapePattern) -> Option<Diagnostic> {
    let [_, rest @ ..] = pattern.dims.as_slice() else {
        return None;
    };
    if rest.len() != 3 {
        return None;
    }
    let dims: Vec<&str> = rest
        .iter()
        .map(|dim| match dim {
            Dimension::Any => "_",
            Dimension::Open(name, size) => sources.text(name.span.to(size.span)),
            Dimension::Size(size) => sources.text(size.span),
        })
        .collect();
    let message = "an input is [C, H, W] or [F]: the batch is not part of its shape";
    let fault = Diagnostic::new(codes::RANK, message, pattern.span, "four dimensions");
    Some(fault.with_help(format!(
        "the batch is free and never written: `[{}]`",
        dims.join(", ")
    )))
}

/// The open size that an expression is nothing but.
fn open_size(expr: &Expr, frame: &Frame<'_>) -> Option<Variable> {
    match &expr.kind {
        ExprKind::Name(name) => match frame.constant(name)? {
            Value::Open(open) if open.name.as_ref() == name => Some(open.variable),
            _ => None,
        },
        _ => None,
    }
}
