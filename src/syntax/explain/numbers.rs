//! Numbers and sizes that are written as elsewhere.

use super::{Site, quoted};
use crate::diagnostic::{Diagnostic, codes};
use crate::syntax::guard::TokenKind;

/// `3 x 3`, `3 x3`.
pub(super) fn size_in_pieces(site: &Site<'_>) -> Option<Diagnostic> {
    let is_x = |offset| {
        let word = site.word(offset);
        site.is_kind(offset, TokenKind::Word)
            && site.is_kind(offset - 1, TokenKind::Number)
            && word
                .strip_prefix(['x', 'X'])
                .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (from, mut to) = if is_x(0) {
        (-1, 0)
    } else if is_x(-1) {
        (-2, -1)
    } else {
        return None;
    };
    if site.word(to).len() == 1 && site.is_kind(to + 1, TokenKind::Number) {
        to += 1;
    }
    let span = site.span(from, to);
    let joined: String = site.text[span.range()].split_whitespace().collect();
    Some(
        Diagnostic::new(
            codes::SYNTAX,
            "a size is written in one piece",
            span,
            "has white space in it",
        )
        .with_help(format!("write `{}`", joined.to_lowercase()))
        .with_fix(span, joined.to_lowercase(), true),
    )
}

/// Whether neither a word nor a number nor a dot touches the tokens from one offset to another. What touches belongs to them, so they are
/// not a number by themselves: `dropout.5`, `1.0.5`.
fn stands_alone(site: &Site<'_>, from: isize, to: isize) -> bool {
    let is_apart = |neighbour: isize, gap: isize| {
        let is_sign = site.is_kind(neighbour, TokenKind::Punctuation)
            && !matches!(site.word(neighbour), "." | ".." | ")" | "]" | "}");
        site.token(neighbour).is_none() || !site.gap(gap).is_empty() || is_sign
    };
    let closes = matches!(site.word(to + 1), ")" | "]" | "}");
    is_apart(from - 1, from) && (closes || is_apart(to + 1, to + 1))
}

/// `3X3`, `3x`, `12px`, `.5`, `1.`, `1__0`.
pub(super) fn malformed_number(site: &Site<'_>) -> Option<Diagnostic> {
    let wrong = |from, to, help: String| {
        let span = site.span(from, to);
        let written = quoted(&site.text[span.range()]);
        Some(
            Diagnostic::new(
                codes::SYNTAX,
                format!("{written} is not a number"),
                span,
                "not a number",
            )
            .with_help(help),
        )
    };
    // Like `wrong`, where there is one way to write it.
    let instead = |from, to, written: String| {
        wrong(from, to, format!("write `{written}`"))
            .map(|fault| fault.with_fix(site.span(from, to), written, true))
    };
    if site.word(0) == "." && site.is_kind(1, TokenKind::Number) && site.gap(1).is_empty() {
        if !stands_alone(site, 0, 1) {
            return None;
        }
        return instead(0, 1, format!("0.{}", site.word(1)));
    }
    for dot in [0, -1] {
        if site.word(dot) == "."
            && site.is_kind(dot - 1, TokenKind::Number)
            && site.gap(dot).is_empty()
            && stands_alone(site, dot - 1, dot)
        {
            return instead(dot - 1, dot, format!("{}.0", site.word(dot - 1)));
        }
    }
    let word = site.word(0);
    if !site.is_kind(0, TokenKind::Number) || word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if word.contains('_')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        let is_proper = !word.ends_with('_') && !word.contains("__");
        return if is_proper {
            None
        } else {
            wrong(0, 0, "`_` stands between two digits".to_owned())
        };
    }
    let lower = word.to_lowercase();
    let is_count = |side: &str| side.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((height, width)) = lower.split_once('x')
        && is_count(height)
    {
        return match width {
            "" => wrong(0, 0, "a size is a height and a width: `3x3`".to_owned()),
            _ if !is_count(width) => {
                wrong(0, 0, "a size is a height and a width: `3x3`".to_owned())
            }
            _ if word == lower => None,
            _ if !stands_alone(site, 0, 0) => None,
            _ => instead(0, 0, lower),
        };
    }
    if word
        .bytes()
        .any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E'))
    {
        return wrong(
            0,
            0,
            "a number is followed by no letters, and a name starts with one".to_owned(),
        );
    }
    None
}
