//! What can be folded.

use std::ops::Range;

use super::tokens::comments;
use crate::syntax::tokens;

/// What is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldKind {
    /// Something in brackets.
    Brackets,
    /// Comments.
    Comment,
    /// Several `use` declarations.
    Uses,
}

/// A stretch that can be folded: it spans several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// From its first byte to its last.
    pub range: Range<usize>,
    /// What it is.
    pub kind: FoldKind,
}

/// The folds of a text in order, whatever is wrong with it.
pub fn folds(text: &str) -> Vec<Fold> {
    let mut folds = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut uses: Option<Range<usize>> = None;
    let all = tokens(text);
    for (index, token) in all.iter().enumerate() {
        match &text[token.start..token.end] {
            "(" | "[" | "{" => open.push(token.start),
            ")" | "]" | "}" => {
                if let Some(start) = open.pop() {
                    folds.push((start..token.end, FoldKind::Brackets));
                }
            }
            "use" if open.is_empty() => {
                let end = all.get(index + 1).map_or(token.end, |path| path.end);
                uses = Some(uses.map_or(token.start, |uses| uses.start)..end);
            }
            "net" | "block" | "fn" if open.is_empty() => {
                folds.extend(uses.take().map(|uses| (uses, FoldKind::Uses)));
            }
            _ => {}
        }
    }
    folds.extend(uses.map(|uses| (uses, FoldKind::Uses)));
    let mut run: Option<Range<usize>> = None;
    for comment in comments(text) {
        let follows = run
            .as_ref()
            .is_some_and(|run| is_next_line(text, run.end, comment.start));
        match &mut run {
            Some(run) if follows => run.end = comment.end,
            _ => folds.extend(run.replace(comment).map(|run| (run, FoldKind::Comment))),
        }
    }
    folds.extend(run.map(|run| (run, FoldKind::Comment)));
    folds.retain(|(range, _)| text[range.clone()].contains('\n'));
    folds.sort_by_key(|(range, _)| range.start);
    folds
        .into_iter()
        .map(|(range, kind)| Fold { range, kind })
        .collect()
}

/// Whether nothing but one line end stands between two places.
fn is_next_line(text: &str, end: usize, start: usize) -> bool {
    let between = &text[end..start];
    between.trim().is_empty() && between.matches('\n').count() == 1
}
