//! Tokens and comments, with the line breaks that stood before them.

use std::ops::Range;

use crate::syntax::guard::Token;

/// Token or comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Token,
    LineComment,
    BlockComment,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Item<'t> {
    pub kind: ItemKind,
    pub text: &'t str,
    pub start: usize,
    pub end: usize,
    /// Line ends between it and the item before.
    pub breaks: usize,
}

impl Item<'_> {
    pub fn is_comment(&self) -> bool {
        self.kind != ItemKind::Token
    }
}

/// The items of a text without errors. Tokens inside a `verbatim` range are one; the ranges are disjoint and in order.
pub(super) fn split<'t>(
    text: &'t str,
    tokens: &[Token],
    verbatim: &[Range<usize>],
) -> Vec<Item<'t>> {
    let mut ranges: Vec<Range<usize>> = tokens
        .iter()
        .map(|token| token.start..token.end)
        .filter(|token| {
            let after = verbatim.partition_point(|range| range.end <= token.start);
            verbatim
                .get(after)
                .is_none_or(|range| token.start < range.start)
        })
        .chain(verbatim.iter().cloned())
        .collect();
    ranges.sort_by_key(|range| range.start);

    let mut items = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    for range in ranges {
        let breaks = comments(text, at..range.start, &mut items);
        items.push(Item {
            kind: ItemKind::Token,
            text: &text[range.clone()],
            start: range.start,
            end: range.end,
            breaks,
        });
        at = range.end;
    }
    comments(text, at..text.len(), &mut items);
    items
}

/// Adds the comments between two tokens; answers the line ends behind the last of them.
fn comments<'t>(text: &'t str, gap: Range<usize>, items: &mut Vec<Item<'t>>) -> usize {
    let mut breaks = 0;
    let mut at = gap.start;
    while at < gap.end {
        let rest = &text[at..gap.end];
        let (kind, length) = if rest.starts_with("//") {
            (ItemKind::LineComment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (ItemKind::BlockComment, block_length(rest))
        } else {
            breaks += usize::from(rest.starts_with('\n'));
            at += 1;
            continue;
        };
        items.push(Item {
            kind,
            text: rest[..length].trim_end(),
            start: at,
            end: at + length,
            breaks,
        });
        breaks = 0;
        at += length;
    }
    breaks
}

/// Where the nested comment that the text begins with ends.
fn block_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match &bytes[at..(at + 2).min(bytes.len())] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
            }
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}
