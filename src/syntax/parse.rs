//! The parser: runs the grammar on one declaration after the other.

use std::num::NonZeroUsize;
use std::sync::Once;

use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

use super::ast::{Declaration, File, Use};
use super::build::Builder;
use super::explain::{self, Failure};
use super::guard::{self, Scan, Section};
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::{FileId, Span};

/// What pest makes of `grammar/net.pest`.
#[derive(pest_derive::Parser)]
#[grammar = "grammar/net.pest"]
pub(super) struct Grammar;

/// Parses a file. What could not be parsed is absent from the tree; the diagnostics, in file order, tell of it.
///
/// ```
/// use netc::source::SourceMap;
///
/// let text = "net Tiny {\n  input image: [3, 8, 8]\n  conv(4, 3x3) -> = relu\n  output y\n}\n";
/// let mut sources = SourceMap::new();
/// let id = sources.add("tiny.net", text);
/// let (file, diagnostics) = netc::syntax::parse(id, text);
/// assert_eq!(file.declarations.len(), 1);
/// assert_eq!(diagnostics[0].message, "expected a step, found `=`");
/// ```
pub fn parse(id: FileId, text: &str) -> (File, Vec<Diagnostic>) {
    let mut scan = guard::scan(id, text);
    let mut diagnostics = std::mem::take(&mut scan.diagnostics);
    let mut file = File {
        id,
        uses: Vec::new(),
        declarations: Vec::new(),
    };
    for section in &scan.sections {
        if !section.too_deep {
            parse_section(&scan, section, &mut file, &mut diagnostics);
        }
        if diagnostics.len() > limits::DIAGNOSTICS {
            break;
        }
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| label.span));
    diagnostics.dedup_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| label.span));
    diagnostics.truncate(limits::DIAGNOSTICS);
    (file, diagnostics)
}

/// A part of a file, as declarations are told apart by what they become.
pub(super) enum Item {
    Use(Use),
    Declaration(Declaration),
}

fn parse_section(
    scan: &Scan<'_>,
    section: &Section,
    file: &mut File,
    diagnostics: &mut Vec<Diagnostic>,
) {
    limit_steps();
    let text = format!(
        "{}{}",
        &scan.text[section.start..section.end],
        section.closers
    );
    match Grammar::parse(Rule::file, &text) {
        Ok(pairs) => {
            let mut builder = Builder::new(file.id, scan, section, &text, diagnostics);
            for item in builder.file(pairs) {
                match item {
                    Item::Use(item) => file.uses.push(item),
                    Item::Declaration(item) => file.declarations.push(item),
                }
            }
        }
        Err(error) if is_limit(&error) => {
            let first = scan
                .tokens
                .partition_point(|token| token.end <= section.start);
            let place = scan
                .tokens
                .get(first)
                .map_or(section.start..section.end, |t| t.start..t.end);
            diagnostics.push(
                Diagnostic::new(
                    codes::LIMIT_PARSING,
                    "this declaration takes too many steps to parse",
                    Span::new(file.id, place.start, place.end),
                    "starts here",
                )
                .with_note(format!("at most {} steps are taken", limits::PARSER_STEPS))
                .with_help("divide it into several blocks"),
            );
        }
        Err(error) => {
            let failure = failure(&error, section.start, section.start);
            diagnostics.extend(explain::explain(file.id, scan, section, &failure));
        }
    }
}

/// pest's limit holds for the process. It is set before the first text is parsed, and stays as it is, unless a test counts steps by setting others.
fn limit_steps() {
    static SET: Once = Once::new();
    SET.call_once(|| pest::set_call_limit(NonZeroUsize::new(limits::PARSER_STEPS)));
}

/// Whether the parser gave up, so that its error says nothing about the text.
fn is_limit(error: &Error<Rule>) -> bool {
    matches!(error.variant, ErrorVariant::CustomError { .. })
}

/// Why the statements from byte `from` of the file on, in the section of `text`, cannot be parsed.
pub(super) fn statement_failure(text: &str, section: &Section, from: usize) -> Option<Failure> {
    let error = Grammar::parse(Rule::statements, &text[from - section.start..])
        .err()
        .filter(|error| !is_limit(error))?;
    Some(failure(&error, from, from))
}

fn failure(error: &Error<Rule>, base: usize, from: usize) -> Failure {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => base + at,
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.clone(),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    Failure { at, from, expected }
}
