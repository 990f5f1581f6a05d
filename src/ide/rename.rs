//! Whether new names leave the meaning of all names as it was.
//!
//! A name can be taken in an inner scope, in another file, or by a label that only some expansion makes; no list of rules about
//! scopes would stay complete. So the texts are changed, resolved anew, and compared: every place must name what it named.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::analysis::Analysis;
use super::names::{RenameError, declared_at, occurrences};
use crate::diagnostic::Diagnostic;
use crate::elaborate::Target;
use crate::source::{FileId, Span};

/// Places of one text that get another name.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// Disjoint and in order.
    ranges: Vec<Range<usize>>,
    new_name: String,
}

impl Edits {
    /// Puts `new_name` in the place of each range.
    pub fn new(ranges: BTreeSet<(usize, usize)>, new_name: &str) -> Edits {
        Edits {
            ranges: ranges.into_iter().map(|(start, end)| start..end).collect(),
            new_name: new_name.to_string(),
        }
    }

    /// The text after it.
    pub fn apply(&self, text: &str) -> String {
        let mut changed = String::with_capacity(text.len());
        let mut at = 0;
        for range in &self.ranges {
            changed.push_str(&text[at..range.start]);
            changed.push_str(&self.new_name);
            at = range.end;
        }
        changed.push_str(&text[at..]);
        changed
    }

    /// Where a byte comes to stand that is in no range.
    fn moved(&self, at: u32) -> u32 {
        let n_before = self
            .ranges
            .partition_point(|range| range.end <= at as usize);
        let before = &self.ranges[..n_before];
        let removed: usize = before.iter().map(Range::len).sum();
        (at as usize - removed + n_before * self.new_name.len()) as u32
    }
}

/// What a place names, in a form that can be compared between texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Layer(&'static str),
    Attribute(&'static str, usize),
    Builtin,
    /// What is declared at a place.
    Declared(Span),
}

/// Whether every place names in `after` what it names in `before`, and no error is new. `edits` are what was changed, by file.
pub fn keeps_meaning(
    before: &Analysis,
    after: &Analysis,
    edits: &BTreeMap<FileId, Edits>,
) -> Result<(), RenameError> {
    let program = &before.program;
    let is_lossy = program
        .sources
        .iter()
        .any(|(file, _)| program.is_lossy(file));
    if is_lossy || before.text() != program.sources.file(program.root()).text {
        let reason = "a name may stand in what cannot be parsed or read: repair that first";
        return Err(RenameError(reason.into()));
    }
    let moved = |span: Span| match edits.get(&span.file) {
        None => span,
        Some(edits) => Span {
            start: edits.moved(span.start),
            end: edits.moved(span.end),
            ..span
        },
    };
    let stay = |span: Span| span;
    let errors_before = errors(before, &moved);
    let is_new = |fault: &&Diagnostic| {
        let place = fault.primary.as_ref().map(|label| label.span);
        fault.is_error() && !errors_before.contains(&(fault.code.id, place))
    };
    if let Some(fault) = after.diagnostics.iter().find(is_new) {
        return Err(RenameError(fault.message.clone()));
    }
    let (old, new) = (meanings(before, &moved), meanings(after, &stay));
    match old.symmetric_difference(&new).next() {
        None => Ok(()),
        Some((span, _)) => {
            let sources = &after.program.sources;
            let text = &sources.file(span.file).text;
            let line = text[..span.start as usize].matches('\n').count() + 1;
            let place = sources.path(span.file).display();
            let reason = format!("a name in {place}:{line} would mean something else");
            Err(RenameError(reason))
        }
    }
}

fn errors(
    analysis: &Analysis,
    moved: &dyn Fn(Span) -> Span,
) -> BTreeSet<(&'static str, Option<Span>)> {
    let errors = analysis.diagnostics.iter().filter(|it| it.is_error());
    errors
        .map(|it| {
            (
                it.code.id,
                it.primary.as_ref().map(|label| moved(label.span)),
            )
        })
        .collect()
}

fn meanings(analysis: &Analysis, moved: &dyn Fn(Span) -> Span) -> BTreeSet<(Span, Meaning)> {
    let program = &analysis.program;
    let meaning = |target: Target| match target {
        Target::Layer(layer) => Meaning::Layer(layer.name),
        Target::Attribute(layer, index) => Meaning::Attribute(layer.name, index),
        Target::Builtin => Meaning::Builtin,
        Target::Declared(_) | Target::Local(..) => match declared_at(program, target) {
            Some(span) => Meaning::Declared(moved(span)),
            None => Meaning::Builtin,
        },
    };
    let all = occurrences(analysis.view());
    all.iter()
        .map(|it| (moved(it.span), meaning(it.target)))
        .collect()
}
