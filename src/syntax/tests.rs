//! What the parser makes of texts, good and bad.

pub(super) mod arbitrary;
mod hostile;
mod roundtrip;
mod trees;

use super::ast::File;
use super::parse;
use crate::diagnostic::Diagnostic;
use crate::source::FileId;

/// A text with every form of the language, and one with every kind of mistake.
pub(super) const ACCEPTED: &str = include_str!("../../tests/ui/accepted.net");
pub(super) const BROKEN: &str = include_str!("../../tests/ui/syntax_several_errors.net");

fn parse_text(text: &str) -> (File, Vec<Diagnostic>) {
    parse(FileId(0), text)
}

/// The tree of a text without errors.
pub(super) fn parse_clean(text: &str) -> File {
    let (file, diagnostics) = parse_text(text);
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
    file
}
