//! What the compiler says about a text: codes, spans, notes and help; rendering is in `render`.
//!
//! Every module that finds faults makes [`Diagnostic`]s (or an error type of its own that is turned into one where spans
//! are known). Nothing but `render` knows how they look.

mod bounds;
mod fix;
mod guess;
mod pages;
mod register;
mod render;
mod sarif;
#[cfg(test)]
mod tests;
mod window;

pub use bounds::{Budget, bounded, cap};
pub use fix::{Fix, apply_fixes};
pub use guess::{Guess, did_you_mean, guess};
pub use pages::page;
pub use register::{ALL as ALL_CODES, Code, Severity, codes};
pub use render::{render_json, render_lines, render_text};
pub use sarif::render_sarif;

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
    /// The same for a program: the change that `help` speaks of, where there is one.
    pub fix: Option<Fix>,
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
            fix: None,
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

    /// Adds the change that does what the help says.
    pub fn with_fix(
        mut self,
        span: Span,
        replacement: impl Into<String>,
        is_safe: bool,
    ) -> Diagnostic {
        self.fix = Some(Fix {
            span,
            replacement: replacement.into(),
            is_safe,
        });
        self
    }

    /// Asks whether the word at `span` should be the guessed one.
    pub fn with_guess(self, span: Span, guess: Guess<'_>) -> Diagnostic {
        self.with_help(format!("did you mean `{}`?", guess.word))
            .with_fix(span, guess.word, guess.is_certain)
    }

    /// Whether it is an error (and not a warning).
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}
