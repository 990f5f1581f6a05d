use super::guard::{Scan, Section};
use super::parse::Rule;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, Span};
pub(super) struct Failure { pub at: usize, pub from: usize, pub expected: Vec<Rule> }
pub(super) fn explain(id: FileId, scan: &Scan<'_>, section: &Section, failure: &Failure) -> Option<Diagnostic> {
    Some(Diagnostic::new(codes::SYNTAX, format!("{:?}", failure.expected), Span::new(id, failure.at, failure.at), format!("{} {}", scan.tokens.len(), section.start + failure.from)))
}
