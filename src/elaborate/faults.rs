//! Diagnostics as they are collected: one for each root cause, however often a block is instantiated.

use std::collections::{BTreeSet, HashMap};

use crate::diagnostic::{Diagnostic, cap};
use crate::limits;
use crate::source::Span;

/// Errors that are only counted, because as many as a run tells were found before: their codes and places.
pub(super) type Hidden = BTreeSet<(&'static str, Option<Span>)>;

/// Diagnostics without repetition: of those with the same code at the same place, the first stays and the others are counted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<(Diagnostic, usize)>,
    /// Errors past the cap.
    hidden: Hidden,
    known: HashMap<(&'static str, Option<Span>), usize>,
}

impl Faults {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let place = diagnostic.primary.as_ref().map(|label| label.span);
        match self.known.get(&(diagnostic.code.id, place)) {
            Some(&index) if place.is_some() => {
                if let Some((_, repeated)) = self.list.get_mut(index) {
                    *repeated += 1;
                }
            }
            // Past the cap a finding only costs memory; warnings come when there are no errors.
            _ if self.list.len() > limits::DIAGNOSTICS => {
                self.hidden.insert((diagnostic.code.id, place));
            }
            _ => {
                self.known
                    .insert((diagnostic.code.id, place), self.list.len());
                self.list.push((diagnostic, 0));
            }
        }
    }

    /// Those past the cap.
    pub fn take_hidden(&mut self) -> Hidden {
        std::mem::take(&mut self.hidden)
    }

    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|(diagnostic, _)| diagnostic.is_error())
    }

    /// In the order of the files.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut list: Vec<Diagnostic> = self
            .list
            .into_iter()
            .map(|(diagnostic, repeated)| match repeated {
                0 => diagnostic,
                1 => diagnostic.with_note("and in 1 more instantiation"),
                n => diagnostic.with_note(format!("and in {n} more instantiations")),
            })
            .collect();
        sort(&mut list);
        list
    }
}

/// Sorts by place; what has none comes first.
pub(super) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| {
        let place = diagnostic
            .primary
            .as_ref()
            .map(|label| (label.span.file, label.span.start, label.span.end));
        (place, diagnostic.code.id)
    });
}

/// Of diagnostics from several runs over the same text (the static pass, each net): one for each code and place.
pub(super) fn merge(runs: impl IntoIterator<Item = Vec<Diagnostic>>) -> Vec<Diagnostic> {
    let mut merged: Vec<Diagnostic> = Vec::new();
    let mut known: HashMap<(&'static str, Span), ()> = HashMap::new();
    for diagnostic in runs.into_iter().flatten() {
        let place = diagnostic.primary.as_ref().map(|label| label.span);
        let is_new = match place {
            Some(span) => known.insert((diagnostic.code.id, span), ()).is_none(),
            None => !merged.contains(&diagnostic),
        };
        if is_new {
            merged.push(diagnostic);
        }
    }
    sort(&mut merged);
    merged
}

/// At most as many as a run tells; the others are counted, those of `hidden` among them.
pub(super) fn capped(found: Vec<Diagnostic>, mut hidden: Hidden) -> Vec<Diagnostic> {
    for diagnostic in &found {
        let place = diagnostic.primary.as_ref().map(|label| label.span);
        hidden.remove(&(diagnostic.code.id, place));
    }
    cap(found, hidden.len())
}
