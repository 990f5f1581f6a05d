//! What every word of a text is, for its colour.

use std::collections::BTreeMap;
use std::ops::Range;

use super::analysis::View;
use crate::elaborate::{LocalKind, Target};
use crate::syntax::ast::{Declaration, TemplateKind};
use crate::syntax::{TokenKind, is_reserved, tokens};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SemanticKind {
    /// A comment.
    Comment,
    /// A reserved word, or the name of a type.
    Keyword,
    /// A number or size.
    Number,
    /// A text.
    Text,
    /// An arrow or an operator.
    Operator,
    /// A built-in layer or function.
    Builtin,
    /// A function.
    Function,
    /// A block.
    Block,
    /// A net.
    Net,
    /// A parameter, or the name of an argument.
    Parameter,
    /// A constant.
    Constant,
    /// A label or an input.
    Value,
    /// A property.
    Property,
}

/// A token with its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemanticToken {
    /// The bytes, within one line.
    pub range: Range<usize>,
    /// What it is.
    pub kind: SemanticKind,
    /// Whether it is declared here.
    pub declares: bool,
}

/// The tokens of a text in order.
pub fn semantic_tokens(view: View<'_>) -> Vec<SemanticToken> {
    let text = view.analysis.text();
    let mut names = BTreeMap::new();
    for occurrence in view.analysis.program.occurrences() {
        if occurrence.span.file == view.file {
            let kind = kind_of(view, occurrence.target);
            names.insert(occurrence.span.start as usize, (kind, occurrence.declares));
        }
    }
    let mut result: Vec<SemanticToken> = Vec::new();
    let mut previous = "";
    for token in tokens(text) {
        let word = &text[token.start..token.end];
        let (kind, declares) = match token.kind {
            TokenKind::Number => (Some(SemanticKind::Number), false),
            TokenKind::Text => (Some(SemanticKind::Text), false),
            TokenKind::Word => match names.get(&token.start) {
                Some((kind, declares)) => (Some(*kind), *declares),
                None => (word_kind(word, previous), false),
            },
            TokenKind::Punctuation => (is_operator(word).then_some(SemanticKind::Operator), false),
        };
        previous = word;
        let range = token.start..token.end;
        result.extend(kind.map(|kind| SemanticToken {
            range,
            kind,
            declares,
        }));
    }
    result.extend(comments(text).map(|range| SemanticToken {
        range,
        kind: SemanticKind::Comment,
        declares: false,
    }));
    result.sort_by_key(|token| token.range.start);
    result
        .into_iter()
        .flat_map(|token| lines(text, token))
        .collect()
}

fn word_kind(word: &str, previous: &str) -> Option<SemanticKind> {
    const TYPES: [&str; 6] = ["int", "float", "bool", "string", "size", "block"];
    match previous {
        "." => Some(SemanticKind::Property),
        _ if is_reserved(word) => Some(SemanticKind::Keyword),
        ":" | "[" if TYPES.contains(&word) => Some(SemanticKind::Keyword),
        _ => None,
    }
}

fn is_operator(word: &str) -> bool {
    !matches!(word, "(" | ")" | "[" | "]" | "{" | "}" | "," | ":" | ".")
}

fn kind_of(view: View<'_>, target: Target) -> SemanticKind {
    match target {
        Target::Layer(_) | Target::Builtin => SemanticKind::Builtin,
        Target::Attribute(..) | Target::Local(_, LocalKind::Parameter) => SemanticKind::Parameter,
        Target::Local(_, LocalKind::Constant | LocalKind::Index | LocalKind::Size) => {
            SemanticKind::Constant
        }
        Target::Local(_, LocalKind::Value) => SemanticKind::Value,
        Target::Declared(id) => match view.analysis.program.declaration(id) {
            Declaration::Fn(_) => SemanticKind::Function,
            Declaration::Template(t) if t.kind == TemplateKind::Net => SemanticKind::Net,
            Declaration::Template(_) => SemanticKind::Block,
        },
    }
}

/// The comments of a text, in order.
pub fn comments(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut ends: Vec<usize> = vec![0];
    let mut starts: Vec<usize> = Vec::new();
    for token in tokens(text) {
        starts.push(token.start);
        ends.push(token.end);
    }
    starts.push(text.len());
    let gaps = ends.into_iter().zip(starts);
    gaps.filter(|(end, start)| end < start)
        .flat_map(|(end, start)| comments_in(text, end..start))
}

fn comments_in(text: &str, gap: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = gap.start;
    while let Some(length) = text[at..gap.end].find('/') {
        let start = at + length;
        let rest = &text[start..gap.end];
        let end = if rest.starts_with("//") {
            start + rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            start + block_length(rest)
        } else {
            at = start + 1;
            continue;
        };
        found.push(start..end);
        at = end;
    }
    found
}

/// The length of the comment that a text begins with; they nest.
fn block_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A token of several lines as one a line.
fn lines(text: &str, token: SemanticToken) -> Vec<SemanticToken> {
    let mut at = token.range.start;
    let mut parts = Vec::new();
    for line in text[token.range.clone()].split_inclusive('\n') {
        let end = at + line.trim_end_matches(['\n', '\r']).len();
        if at < end {
            parts.push(SemanticToken {
                range: at..end,
                ..token.clone()
            });
        }
        at += line.len();
    }
    parts
}
