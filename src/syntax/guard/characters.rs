//! Characters that cannot stand in a source, and what was meant by them.

use std::ops::Range;

use super::{Scanner, Token, TokenKind};
use crate::diagnostic::{Diagnostic, codes};

/// What to write for a character that people bring along from elsewhere.
fn advice(rest: &str) -> Option<&'static str> {
    Some(match rest.chars().next()? {
        '&' => "write `and`",
        '|' if rest.starts_with("||") => "write `or`",
        '|' => "steps are joined by `->`",
        '!' => "write `not`",
        '\'' => "a text stands between `\"`",
        '#' => "a comment starts with `//`",
        ';' => "statements end by themselves",
        '^' => "in functions a power is `pow(x, y)`",
        '×' | '✕' => "a size is written with the letter x: `3x3`",
        '→' | '⟶' | '⇒' => "steps are joined by `->`",
        '–' | '—' | '−' => "write `-`",
        '“' | '”' | '„' | '‘' | '’' => "a text stands between straight `\"`",
        '≤' => "write `<=`",
        '≥' => "write `>=`",
        '≠' => "write `!=`",
        '·' => "write `*`",
        '÷' => "write `/`",
        c if c.is_whitespace() => "write an ordinary space",
        c if is_invisible(c) => "delete it",
        _ => return None,
    })
}

/// What can be put in the place of a character (or of two) without asking.
fn substitute(written: &str) -> Option<&'static str> {
    Some(match written {
        "&&" => " and ",
        "||" => " or ",
        "#" => "//",
        ";" => "",
        "×" | "✕" => "x",
        "→" | "⟶" | "⇒" => "->",
        "–" | "—" | "−" => "-",
        "≤" => "<=",
        "≥" => ">=",
        "≠" => "!=",
        "·" => "*",
        "÷" => "/",
        _ => match written.chars().next()? {
            c if c.is_whitespace() => " ",
            c if is_invisible(c) => "",
            _ => return None,
        },
    })
}

/// How a message names a character: those that cannot be seen by their number.
fn display(c: char) -> String {
    if c.is_control() || is_bidi(c) || is_invisible(c) || c.is_whitespace() {
        format!("U+{:04X}", u32::from(c))
    } else {
        format!("`{c}`")
    }
}

/// Characters that reorder what stands around them, so that a text reads as something else than it is.
pub(super) fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    )
}

impl Scanner<'_> {
    /// The character here, outside strings and comments, is in no token.
    pub(super) fn bad_character(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        let Some(c) = rest.chars().next() else { return };
        self.docs = None;
        let mut end = start + c.len_utf8();
        if (c == '&' || c == '|') && rest[1..].starts_with(c) {
            end += 1;
        }
        match c {
            // Left out, these do no harm.
            '#' => {
                let line_end = self.line_end();
                self.edits.push((start..line_end, b' '));
                self.at = line_end;
            }
            _ if c == ';' || c.is_whitespace() || is_invisible(c) => {
                self.edits.push((start..end, b' '));
                self.at = end;
            }
            '\'' => {
                // Not by way of the line's end: a line of nothing but quotes would be read once for each.
                let close = self.run_end(end, |byte| !matches!(byte, b'\'' | b'\n'));
                if self.bytes.get(close) == Some(&b'\'') {
                    self.edits.push((start..close + 1, b'"'));
                    self.edits.push((end..close, b'_'));
                    self.tokens.push(Token {
                        start,
                        end: close + 1,
                        kind: TokenKind::Text,
                    });
                    end = close + 1;
                } else {
                    self.poison(start..end);
                }
                self.at = end;
            }
            // Likely a sequence for a terminal, whose other characters mean nothing either.
            _ if c.is_control() => {
                self.at = self.line_end();
                self.poison(start..self.at);
                self.rescue_closers(start, self.at);
            }
            _ => {
                self.poison(start..end);
                self.at = end;
            }
        }
        // One message a line is enough, and one a file for a habit.
        let is_habit = matches!(c, '#' | ';' | '\'');
        if self.bad_line == Some(self.line_start) || self.once.contains(&c) {
            return;
        }
        if is_habit {
            self.once.push(c);
        } else {
            self.bad_line = Some(self.line_start);
        }
        let shown = match &rest[..end - start] {
            two @ ("&&" | "||") => format!("`{two}`"),
            _ => display(c),
        };
        let place = if c == '#' {
            start..start + 1
        } else {
            start..end
        };
        let written = &self.text[place.clone()];
        let span = self.span(place);
        let mut diagnostic = Diagnostic::new(
            codes::BAD_CHARACTER,
            format!("{shown} cannot stand here"),
            span,
            "not part of the language",
        );
        diagnostic.help = advice(rest).map(str::to_owned);
        if let Some(instead) = substitute(written) {
            diagnostic = diagnostic.with_fix(span, instead, true);
        }
        self.report(diagnostic);
    }

    /// Inside strings and comments every character may stand that shows itself for what it is.
    pub(super) fn check_quoted(&mut self, range: Range<usize>) {
        let is_bad = |c: char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || is_bidi(c);
        let mut bad = self.text[range.clone()]
            .char_indices()
            .filter(|(_, c)| is_bad(*c));
        let Some((offset, c)) = bad.next() else {
            return;
        };
        let start = range.start + offset;
        let diagnostic = Diagnostic::new(
            codes::BAD_CHARACTER,
            format!("{} cannot stand here", display(c)),
            self.span(start..start + c.len_utf8()),
            if is_bidi(c) {
                "reorders the text around it"
            } else {
                "a control character"
            },
        );
        self.report(diagnostic);
    }
}
