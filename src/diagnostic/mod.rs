//! What the compiler says about a text: codes, spans, notes and help; rendering is in `render`.
//!
//! Every module that finds faults makes [`Diagnostic`]s (or an error type of its own that is turned into one where spans
//! are known). Nothing but `render` knows how they look.

mod register;
mod render;

pub use register::{ALL as ALL_CODES, Code, Severity, codes};
pub use render::{render_json, render_text};

use crate::source::Span;

/// A span with a word about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub message: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Its stable code, which also says whether it is an error or a warning.
    pub code: Code,
    /// One line, lower case, without a final full stop.
    pub message: String,
    /// The exact place; `None` for findings about a whole file or its weights.
    pub primary: Option<Label>,
    /// The other parties: the other branch, the first definition.
    pub secondary: Vec<Label>,
    /// Arithmetic and facts.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// The calls and repeat rounds on the way here, innermost first: `in block Bottleneck, round 2 of repeat`.
    pub trail: Vec<Label>,
}

impl Diagnostic {
    /// A finding at `span`; `label` stands under it.
    pub fn new(
        code: Code,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            primary: Some(Label {
                span,
                message: label.into(),
            }),
            ..Diagnostic::without_place(code, message)
        }
    }

    /// A finding that has no place in a source text.
    pub fn without_place(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            help: None,
            trail: Vec::new(),
        }
    }

    /// Adds another party.
    pub fn with_secondary(mut self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label {
            span,
            message: message.into(),
        });
        self
    }

    /// Adds a note.
    pub fn with_note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Whether it is an error (and not a warning).
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// The candidate most like `word`, if one is near enough to be meant (Damerau-Levenshtein distance of at most a third of its length).
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            (
                edit_distance(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= (candidate.chars().count().max(word.chars().count()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    table[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substitution = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution
                .min(table[i - 1][j] + 1)
                .min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(did_you_mean("strid", ["stride", "pad"]), Some("stride"));
        assert_eq!(did_you_mean("stirde", ["stride", "pad"]), Some("stride"));
        assert_eq!(did_you_mean("kernel", ["stride", "pad"]), None);
        assert_eq!(did_you_mean("Relu", ["relu", "relu6"]), Some("relu"));
    }
}
