//! Labels that stand where they cannot be read.

use std::collections::BTreeMap;

use super::scopes::plain;
use crate::source::Span;
use crate::syntax::ast::{Body, Chain, StatementKind, Step, StepKind};

/// A label of a declaration.
#[derive(Clone, Debug)]
pub(super) struct Elsewhere {
    pub span: Span,
    /// What holds the body that it is visible in, if that is not the declaration's own.
    inside: Option<String>,
}

impl Elsewhere {
    /// What is said at the label, and what to do about a reading of it at `reading`.
    pub fn words(&self, name: &str, reading: Span) -> (String, String) {
        match &self.inside {
            None if self.span.start > reading.start => (
                format!("`{name}` is declared here, below"),
                "a label can be read after its step: move the step up, or what reads it down"
                    .into(),
            ),
            None => (
                format!("the label `{name}` is here"),
                "a label is visible after its step, in the body that holds it".into(),
            ),
            Some(holder) => (
                format!("`{name}` is declared here, inside {holder}"),
                format!(
                    "a label is visible in the body that holds it: go on from `{name}` inside {holder}, or end {holder} with it"
                ),
            ),
        }
    }
}

/// The labels of a body and of those inside it; of several with one name, the first.
pub(super) fn labels(body: &Body) -> BTreeMap<String, Elsewhere> {
    let mut found = BTreeMap::new();
    of_body(body, None, &mut found);
    found
}

type Found = BTreeMap<String, Elsewhere>;

fn of_body(body: &Body, inside: Option<&str>, found: &mut Found) {
    for statement in &body.statements {
        match &statement.kind {
            StatementKind::Chain(chain)
            | StatementKind::Output {
                chain: Some(chain), ..
            } => of_chain(chain, inside, found),
            StatementKind::Input { name, .. } => add(name.name.clone(), name.span, inside, found),
            _ => {}
        }
    }
}

fn add(name: String, span: Span, inside: Option<&str>, found: &mut Found) {
    let inside = inside.map(str::to_owned);
    found.entry(name).or_insert(Elsewhere { span, inside });
}

fn of_chain(chain: &Chain, inside: Option<&str>, found: &mut Found) {
    for step in &chain.steps {
        of_step(step, inside, found);
    }
}

/// Its depth is bounded by the parser.
fn of_step(step: &Step, inside: Option<&str>, found: &mut Found) {
    for label in &step.labels {
        if let Some(name) = plain(label) {
            add(name, label.span, inside, found);
        }
    }
    let label = step.labels.first().and_then(plain);
    let holder = |word: &str| match &label {
        Some(label) => format!("`{label}`"),
        None => word.to_owned(),
    };
    match &step.kind {
        StepKind::Call(_) => {}
        StepKind::Group(body) => of_body(body, Some(&holder("these braces")), found),
        StepKind::Paren(chain) => of_chain(chain, inside, found),
        StepKind::Residual { body, shortcut, .. } => {
            let holder = holder("this `residual`");
            of_body(body, Some(&holder), found);
            if let Some(shortcut) = shortcut {
                of_body(&shortcut.body, Some(&holder), found);
            }
        }
        StepKind::Concat { branches, .. } => {
            of_body(branches, Some(&holder("this `concat`")), found);
        }
        StepKind::Repeat { body, .. } => {
            let holder = label.as_ref().map(|label| format!("`{label}`"));
            of_body(body, holder.as_deref().or(inside), found);
        }
        StepKind::If {
            arms, otherwise, ..
        } => {
            let holder = label.as_ref().map(|label| format!("`{label}`"));
            for body in arms.iter().map(|(_, body)| body).chain(otherwise) {
                of_body(body, holder.as_deref().or(inside), found);
            }
        }
        StepKind::Binary { lhs, rhs, .. } => {
            of_step(lhs, inside, found);
            of_step(rhs, inside, found);
        }
    }
}
