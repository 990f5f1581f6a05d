//! Walks over syntax trees. Their depth is bounded by the parser.

use crate::source::Span;
use crate::syntax::ast::{
    Body, Chain, Declaration, Definition, File, Statement, StatementKind, Step, StepKind, Template,
};

/// A part of a tree.
#[derive(Clone, Copy)]
pub enum Node<'t> {
    /// A statement.
    Statement(&'t Statement),
    /// A step.
    Step(&'t Step),
}

/// Calls `visit` for every statement and step of the file, outer ones first.
pub fn walk<'t>(file: &'t File, visit: &mut dyn FnMut(Node<'t>)) {
    for declaration in &file.declarations {
        if let Some(body) = body_of(declaration) {
            walk_body(body, visit);
        }
    }
}

/// The body of a declaration that has one.
pub fn body_of(declaration: &Declaration) -> Option<&Body> {
    match declaration {
        Declaration::Template(Template {
            definition: Definition::Body(body),
            ..
        }) => Some(body),
        _ => None,
    }
}

/// The whole of a declaration.
pub fn span_of(declaration: &Declaration) -> Span {
    match declaration {
        Declaration::Fn(function) => function.span,
        Declaration::Template(template) => template.span,
    }
}

/// Whether a span holds a byte, its end included: a cursor behind a word is at that word.
pub fn holds(span: Span, byte: usize) -> bool {
    (span.start as usize..=span.end as usize).contains(&byte)
}

fn walk_body<'t>(body: &'t Body, visit: &mut dyn FnMut(Node<'t>)) {
    for statement in &body.statements {
        visit(Node::Statement(statement));
        match &statement.kind {
            StatementKind::Chain(chain) => walk_chain(chain, visit),
            StatementKind::Output {
                chain: Some(chain), ..
            } => walk_chain(chain, visit),
            _ => {}
        }
    }
}

fn walk_chain<'t>(chain: &'t Chain, visit: &mut dyn FnMut(Node<'t>)) {
    for step in &chain.steps {
        walk_step(step, visit);
    }
}

fn walk_step<'t>(step: &'t Step, visit: &mut dyn FnMut(Node<'t>)) {
    visit(Node::Step(step));
    match &step.kind {
        StepKind::Paren(chain) => walk_chain(chain, visit),
        StepKind::Binary { lhs, rhs, .. } => {
            walk_step(lhs, visit);
            walk_step(rhs, visit);
        }
        kind => {
            for body in bodies(kind) {
                walk_body(body, visit);
            }
        }
    }
}

/// The bodies directly in a step.
pub fn bodies(kind: &StepKind) -> Vec<&Body> {
    match kind {
        StepKind::Call(_) | StepKind::Paren(_) | StepKind::Binary { .. } => Vec::new(),
        StepKind::Group(body) | StepKind::Repeat { body, .. } => vec![body],
        StepKind::Concat { branches, .. } => vec![branches],
        StepKind::Residual { body, shortcut, .. } => {
            let shortcut = shortcut.iter().map(|shortcut| &shortcut.body);
            std::iter::once(body).chain(shortcut).collect()
        }
        StepKind::If {
            arms, otherwise, ..
        } => arms.iter().map(|(_, body)| body).chain(otherwise).collect(),
    }
}

/// The word that a construct begins with.
pub fn keyword(kind: &StepKind) -> Option<Span> {
    match kind {
        StepKind::Residual { keyword, .. }
        | StepKind::Concat { keyword, .. }
        | StepKind::Repeat { keyword, .. }
        | StepKind::If { keyword, .. } => Some(*keyword),
        StepKind::Call(_) | StepKind::Group(_) | StepKind::Paren(_) | StepKind::Binary { .. } => {
            None
        }
    }
}
