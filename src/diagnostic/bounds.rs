//! How much is told: at most [`limits::DIAGNOSTICS`] findings and [`limits::REPORT_BYTES`] of them a run, whatever the input holds.
//!
//! A text of a few megabytes can hold a fault in every byte, and each could quote a line as long as the text. So findings are
//! counted past the cap, and every part of a finding that repeats what a user wrote is cut when it is shown.

use std::borrow::Cow;

use super::{Diagnostic, Label, codes};
use crate::limits;

/// Bytes of one message, note or help that are shown.
const TEXT_BYTES: usize = 600;

/// Labels besides the primary one that are shown.
const LABELS: usize = 5;

/// Notes that are shown.
const NOTES: usize = 8;

/// Calls of a trail that are shown: a few next to the fault and the outermost ones. Nobody reads forty.
const INNER_CALLS: usize = 5;
const OUTER_CALLS: usize = 2;

/// What the program tells of a run: the findings up to the cap, and a last one that counts those beyond. Errors come before warnings.
pub fn cap(findings: Vec<Diagnostic>, hidden_errors: usize) -> Vec<Diagnostic> {
    if findings.len() + hidden_errors <= limits::DIAGNOSTICS {
        return findings;
    }
    let mut budget = Budget::default();
    let mut told = budget.take(findings);
    budget.hidden_errors += hidden_errors;
    told.extend(budget.rest());
    told
}

/// What may still be told in a run that looks at several files.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    n_told: usize,
    n_bytes: usize,
    hidden_errors: usize,
    hidden_warnings: usize,
}

impl Budget {
    /// Of some findings, those that may be told; in their order. Errors go before warnings.
    pub fn take(&mut self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let left = limits::DIAGNOSTICS.saturating_sub(self.n_told);
        let n_errors = findings.iter().filter(|it| it.is_error()).count();
        let (mut errors, mut warnings) = (left, left.saturating_sub(n_errors));
        let mut told = Vec::new();
        for finding in findings {
            let is_count = finding.code == codes::MORE_FINDINGS;
            let (room, hidden) = match finding.is_error() {
                true => (&mut errors, &mut self.hidden_errors),
                false => (&mut warnings, &mut self.hidden_warnings),
            };
            // One that says that there are more is no finding itself; it may follow the last.
            if is_count && left > 0 || *room > 0 && self.n_bytes < limits::REPORT_BYTES {
                *room = room.saturating_sub(usize::from(!is_count));
                self.n_told += usize::from(!is_count);
                self.n_bytes += size(&finding);
                told.push(finding);
            } else {
                *hidden += 1;
            }
        }
        told
    }

    /// How many findings were not told, if any.
    pub fn rest(&self) -> Option<Diagnostic> {
        let counted = |n: usize, noun: &str| {
            (n > 0).then(|| format!("{n} more {noun}{}", if n == 1 { "" } else { "s" }))
        };
        let parts = [
            counted(self.hidden_errors, "error"),
            counted(self.hidden_warnings, "warning"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| {
            let message = format!("and {}", parts.join(" and "));
            Diagnostic::without_place(codes::MORE_FINDINGS, message)
                .with_note(format!("a run tells {} at most", limits::DIAGNOSTICS))
        })
    }
}

/// About how many bytes a finding takes when it is shown.
fn size(finding: &Diagnostic) -> usize {
    let text = |text: &str| text.len().min(TEXT_BYTES);
    let labels = finding
        .primary
        .iter()
        .chain(shown(&finding.secondary, LABELS));
    let trail = finding.trail.iter().take(INNER_CALLS + OUTER_CALLS);
    let labels = labels.chain(trail).map(|label| text(&label.message) + 200);
    let notes = shown(&finding.notes, NOTES).map(|note| text(note));
    let help = finding.help.iter().map(|help| text(help));
    text(&finding.message) + labels.chain(notes).chain(help).sum::<usize>()
}

fn shown<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    all.iter().take(most)
}

/// A text, cut if it is long.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(TEXT_BYTES);
    Cow::Owned(format!(
        "{}... ({} bytes more)",
        &text[..end],
        text.len() - end
    ))
}

/// A finding as it is shown: its texts cut, and no more labels and notes than anybody reads.
pub fn bounded(finding: &Diagnostic) -> Diagnostic {
    let cut = |text: &String| self::cut(text).into_owned();
    let label = |label: &Label| Label {
        span: label.span,
        message: cut(&label.message),
    };
    let mut notes: Vec<String> = shown(&finding.notes, NOTES).map(cut).collect();
    if finding.notes.len() > NOTES {
        notes.push(format!("... {} more", finding.notes.len() - NOTES));
    }
    Diagnostic {
        code: finding.code,
        message: cut(&finding.message),
        primary: finding.primary.as_ref().map(label),
        secondary: shown(&finding.secondary, LABELS).map(label).collect(),
        notes,
        help: finding.help.as_ref().map(cut),
        // Half a change is none.
        fix: finding
            .fix
            .clone()
            .filter(|fix| fix.replacement.len() <= TEXT_BYTES),
        trail: finding.trail.iter().map(label).collect(),
    }
}

/// The ends of a trail that are shown, and how many calls lie between them.
pub(super) fn trail(trail: &[Label]) -> (&[Label], usize, &[Label]) {
    match trail.len() <= INNER_CALLS + OUTER_CALLS + 1 {
        true => (trail, 0, &[]),
        false => {
            let outer = trail.len() - OUTER_CALLS;
            (&trail[..INNER_CALLS], outer - INNER_CALLS, &trail[outer..])
        }
    }
}
