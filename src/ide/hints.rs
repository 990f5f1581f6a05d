//! The shape behind every step.

use std::ops::Range;

use super::analysis::View;
use super::facts::{describe, instances, label};
use super::walk::{Node, walk};
use crate::syntax::ast::{Step, StepKind};

/// Which steps are shown with their shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HintDetail {
    /// Every step.
    #[default]
    Steps,
    /// Steps that change the shape.
    Changes,
    /// None.
    Off,
}

/// A text to be shown at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The byte that it is shown before.
    pub at: usize,
    /// `[64, 56, 56]`
    pub label: String,
    /// Markdown to be shown on demand.
    pub tooltip: String,
}

/// The hints of steps that end within a range. `views` are all that is known of the file; the first is the file itself.
pub fn hints(views: &[View<'_>], range: Range<usize>, detail: HintDetail) -> Vec<Hint> {
    let Some(own) = views.first().filter(|_| detail != HintDetail::Off) else {
        return Vec::new();
    };
    let program = &own.analysis.program;
    let text = &program.sources.file(own.file).text;
    let mut hints: Vec<Hint> = Vec::new();
    walk(program.tree(own.file), &mut |node| {
        let Node::Step(step) = node else {
            return;
        };
        let at = end_of(step, text);
        if !range.contains(&at) && at != range.end || !is_shown(step) {
            return;
        }
        let all = instances(views, step.span);
        let is_same = || all.iter().all(|(instance, _)| instance.is_same());
        if all.is_empty() || (detail == HintDetail::Changes && is_same()) {
            return;
        }
        let label = label(&all);
        if is_asserted(step, &label, text) {
            return;
        }
        hints.push(Hint {
            at,
            label,
            tooltip: describe(&all),
        });
    });
    hints.sort_by_key(|hint| hint.at);
    // Where a sum ends with its last operand, the sum was met first.
    hints.dedup_by_key(|hint| hint.at);
    hints
}

/// Where a step ends, its assertion aside.
fn end_of(step: &Step, text: &str) -> usize {
    match &step.assertion {
        None => step.span.end as usize,
        Some(assertion) => {
            let before = text[..assertion.span.start as usize].trim_end();
            before.strip_suffix(':').unwrap_or(before).trim_end().len()
        }
    }
}

/// Parentheses show what is in them.
fn is_shown(step: &Step) -> bool {
    !matches!(step.kind, StepKind::Paren(_))
}

/// Whether the text says the same already.
fn is_asserted(step: &Step, label: &str, text: &str) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let asserted = step.assertion.as_ref();
    asserted.is_some_and(|pattern| squeezed(&text[pattern.span.range()]) == squeezed(label))
}
