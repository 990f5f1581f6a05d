//! The names that can be written at a place, apart from layers and declarations.

use super::walk::{bodies, body_of, holds, span_of};
use crate::elaborate::may_be_open;
use crate::source::Span;
use crate::syntax::ast::{
    Body, Chain, Declaration, Dimension, ExprKind, File, Param, StatementKind, Step, StepKind,
    Text, TextPart, Type,
};

/// What a visible name is.
#[derive(Clone, Debug, PartialEq)]
pub enum VisibleKind {
    /// A parameter, with its type; `None` for the tensor of a function.
    Parameter(Option<Type>),
    /// A `let`.
    Constant,
    /// The variable of a `repeat`.
    Index,
    /// An open size.
    Size,
    /// A label or an input.
    Value,
}

/// A name that can be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: VisibleKind,
    /// Where it is declared.
    pub span: Span,
}

/// The names that can be written at a byte, in the order of their declaration.
/// `is_declared` tells the names that files declare: in the shape of an input, others are open sizes.
pub fn visible(file: &File, is_declared: &dyn Fn(&str) -> bool, at: usize) -> Vec<Visible> {
    let mut names = Vec::new();
    let around = |declaration: &&Declaration| holds(span_of(declaration), at);
    let Some(declaration) = file.declarations.iter().find(around) else {
        return names;
    };
    let params: &[Param] = match declaration {
        Declaration::Fn(function) => &function.params,
        Declaration::Template(template) => &template.params,
    };
    names.extend(
        params
            .iter()
            .filter(|p| (p.span.end as usize) < at)
            .map(|param| Visible {
                name: param.name.name.clone(),
                kind: VisibleKind::Parameter(param.ty.clone()),
                span: param.name.span,
            }),
    );
    if let Some(body) = body_of(declaration).filter(|body| holds(body.span, at)) {
        in_body(body, at, &mut names);
        sizes(body, is_declared, at, &mut names);
    }
    names
}

/// Adds the open sizes of the inputs before the place.
fn sizes(body: &Body, is_declared: &dyn Fn(&str) -> bool, at: usize, names: &mut Vec<Visible>) {
    for statement in &body.statements {
        let StatementKind::Input { shape, .. } = &statement.kind else {
            continue;
        };
        for (name, span) in shape.dims.iter().filter_map(open_size) {
            let is_known = |visible: &Visible| visible.name == name;
            if (span.end as usize) < at && !is_declared(name) && !names.iter().any(is_known) {
                names.push(Visible {
                    name: name.to_string(),
                    kind: VisibleKind::Size,
                    span,
                });
            }
        }
    }
}

/// The open size that a dimension may declare.
fn open_size(dim: &Dimension) -> Option<(&str, Span)> {
    match dim {
        Dimension::Open(name, _) => Some((&name.name, name.span)),
        Dimension::Size(size) => match &size.kind {
            ExprKind::Name(name) if may_be_open(name) => Some((name, size.span)),
            _ => None,
        },
        Dimension::Any => None,
    }
}

/// Adds what the statements before the place declare, and goes into the one around it.
fn in_body(body: &Body, at: usize, names: &mut Vec<Visible>) {
    for statement in &body.statements {
        if statement.span.start as usize > at {
            break;
        }
        let is_over = (statement.span.end as usize) < at;
        match &statement.kind {
            StatementKind::Let { name, .. } if is_over => names.push(Visible {
                name: name.name.clone(),
                kind: VisibleKind::Constant,
                span: name.span,
            }),
            StatementKind::Input { name, .. } if is_over => names.push(Visible {
                name: name.name.clone(),
                kind: VisibleKind::Value,
                span: name.span,
            }),
            StatementKind::Chain(chain) => in_chain(chain, at, names),
            StatementKind::Output {
                chain: Some(chain), ..
            } => in_chain(chain, at, names),
            _ => {}
        }
    }
}

fn in_chain(chain: &Chain, at: usize, names: &mut Vec<Visible>) {
    for step in &chain.steps {
        in_step(step, at, names);
    }
}

fn in_step(step: &Step, at: usize, names: &mut Vec<Visible>) {
    let start = step.span.start as usize;
    let is_over = (step.span.end as usize) < at;
    if start > at {
        return;
    }
    if let StepKind::Repeat { index, body, .. } = &step.kind
        && holds(body.span, at)
    {
        names.push(Visible {
            name: index.name.clone(),
            kind: VisibleKind::Index,
            span: index.span,
        });
    }
    match &step.kind {
        StepKind::Paren(chain) => in_chain(chain, at, names),
        StepKind::Binary { lhs, rhs, .. } => {
            in_step(lhs, at, names);
            in_step(rhs, at, names);
        }
        // The bodies of an unlabelled `if` and `repeat` leave their labels to the body around.
        kind => {
            let leaks = step.labels.is_empty()
                && matches!(kind, StepKind::If { .. } | StepKind::Repeat { .. });
            for body in bodies(kind) {
                let is_inside = holds(body.span, at);
                let before = names.len();
                if is_inside || (leaks && is_over) {
                    in_body(body, at, names);
                }
                if !is_inside {
                    let leaked: Vec<Visible> = names.drain(before..).collect();
                    names.extend(leaked.into_iter().filter(|n| n.kind == VisibleKind::Value));
                }
            }
        }
    }
    if is_over {
        names.extend(step.labels.iter().filter_map(label));
    }
}

fn label(text: &Text) -> Option<Visible> {
    match text.parts.as_slice() {
        [TextPart::Literal(name)] => Some(Visible {
            name: name.clone(),
            kind: VisibleKind::Value,
            span: text.span,
        }),
        _ => None,
    }
}
