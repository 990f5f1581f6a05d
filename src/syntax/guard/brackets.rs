//! Which bracket closes which, and what is said when one is missing.

use super::{POISON, Scanner, Token, TokenKind};
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;

/// An open bracket or string.
pub(super) struct Open {
    pub at: usize,
    /// `(`, `[`, `{` or `"`.
    pub byte: u8,
    /// Indentation of its line.
    pub indent: usize,
    /// A line comment right behind what it holds, with closing brackets in it: perhaps a division that was meant.
    pub comment: Option<usize>,
}

impl Open {
    fn closer(&self) -> u8 {
        match self.byte {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            quote => quote,
        }
    }
}

impl Scanner<'_> {
    /// Opens a bracket or string at the token just noted (or, for a string, right here).
    pub(super) fn push(&mut self, byte: u8) {
        let at = if byte == b'"' { self.at } else { self.at - 1 };
        if self.stack.len() >= limits::NESTING {
            self.too_deep = true;
            self.stack.clear();
            let diagnostic = Diagnostic::new(
                codes::LIMIT_NESTING,
                "brackets are nested too deeply",
                self.span(at..at + 1),
                "one level too many",
            )
            .with_note(format!("at most {} levels are allowed", limits::NESTING));
            self.report(diagnostic);
            return;
        }
        self.stack.push(Open {
            at,
            byte,
            indent: self.indent.unwrap_or(0),
            comment: None,
        });
    }

    /// The closing bracket at `at`.
    pub(super) fn close(&mut self, at: usize) {
        let byte = self.bytes[at];
        if self.stack.last().is_some_and(|open| open.closer() == byte) {
            self.close_top(at);
            return;
        }
        // An opener further out, but inside the same piece of a string: what was opened since is not closed.
        let matching = self
            .stack
            .iter()
            .rposition(|open| open.byte == b'"' || open.closer() == byte)
            .filter(|index| self.stack[*index].byte != b'"');
        match matching {
            Some(index) => {
                self.unclosed_before(index, at);
                self.close_top(at);
            }
            None if self.stack.is_empty() => {
                if self.slack > 0 {
                    self.slack -= 1;
                } else {
                    self.stray(at);
                }
                self.edits.push((at..at + 1, b' '));
            }
            // A body is closed by a mistyped bracket only where its own would stand, at the start of a line.
            None if self.is_inside_body() && self.indent != Some(at - self.line_start) => {
                self.stray(at);
                self.poison(at..at + 1);
            }
            None if self.next_bracket() == self.stack.last().map(Open::closer) => {
                self.stray(at);
                self.poison(at..at + 1);
            }
            None => self.mistyped(at),
        }
    }

    fn close_top(&mut self, at: usize) {
        let Some(open) = self.stack.pop() else { return };
        let starts_line = self.indent == Some(at - self.line_start);
        if open.byte == b'{' && starts_line && at - self.line_start < open.indent {
            self.suspect = self.suspect.or(Some((open.at, at)));
        }
        if self.stack.last().is_some_and(|outer| outer.byte == b'"') {
            self.piece_start = at + 1;
        }
    }

    fn is_inside_body(&self) -> bool {
        self.stack.last().is_some_and(|open| open.byte == b'{')
    }

    /// The next bracket, if any.
    fn next_bracket(&self) -> Option<u8> {
        self.bytes[self.at..]
            .iter()
            .copied()
            .find(|byte| b"()[]{}".contains(byte))
    }

    fn stray(&mut self, at: usize) {
        let byte = char::from(self.bytes[at]);
        let diagnostic = Diagnostic::new(
            codes::STRAY_CLOSER,
            format!("`{byte}` closes nothing"),
            self.span(at..at + 1),
            "nothing is open that it could close",
        );
        self.report(diagnostic);
    }

    /// A closer of another kind than the bracket that is open: taken for the right one.
    fn mistyped(&mut self, at: usize) {
        let Some((opened, expected)) = self.stack.last().map(|open| (open.at, open.closer()))
        else {
            return;
        };
        let (found, expected) = (char::from(self.bytes[at]), char::from(expected));
        let diagnostic = Diagnostic::new(
            codes::STRAY_CLOSER,
            format!("expected `{expected}`, found `{found}`"),
            self.span(at..at + 1),
            format!("this must be `{expected}`"),
        )
        .with_secondary(
            self.span(opened..opened + 1),
            format!("to close this `{}`", char::from(self.bytes[opened])),
        );
        self.report(diagnostic);
        self.edits.push((at..at + 1, expected as u8));
        self.close_top(at);
    }

    /// All that was opened behind `stack[index]` is not closed, as the closer of that one at `at` shows.
    fn unclosed_before(&mut self, index: usize, at: usize) {
        let outer = self.stack[index].at;
        let inner = self.stack.split_off(index + 1);
        self.slack += inner.len();
        let Some(culprit) = inner.last() else { return };
        let diagnostic = self.unclosed(culprit).with_secondary(
            self.span(at..at + 1),
            format!(
                "`{}` closes the `{}` before it",
                char::from(self.bytes[at]),
                char::from(self.bytes[outer])
            ),
        );
        self.report(diagnostic);
        for open in &inner {
            self.edits.push((open.at..open.at + 1, POISON));
        }
        self.covered.push(inner[0].at..at);
    }

    fn unclosed(&self, open: &Open) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(
            codes::UNCLOSED,
            format!("`{}` is not closed", char::from(open.byte)),
            self.span(open.at..open.at + 1),
            "opened here",
        );
        if let Some(comment) = open.comment {
            diagnostic = diagnostic
                .with_secondary(
                    self.span(comment..comment + 2),
                    "a comment from here to the end of the line",
                )
                .with_help("for floor division write `/`: between two ints it rounds down");
        }
        diagnostic
    }

    /// The end of a declaration: whatever is open is reported once. Answers the closers that make up for it.
    pub(super) fn close_section(&mut self, end: usize) -> String {
        let open = std::mem::take(&mut self.stack);
        let Some(innermost) = open.last() else {
            return String::new();
        };
        // A brace with another indentation than its partner tells more than the one that is left over.
        let culprit = match self.suspect {
            Some((at, _)) if innermost.byte == b'{' => &Open {
                at,
                byte: b'{',
                indent: 0,
                comment: None,
            },
            _ => innermost,
        };
        let mut diagnostic = self.unclosed(culprit);
        if let Some((_, closer)) = self.suspect.filter(|(at, _)| *at == culprit.at) {
            diagnostic = diagnostic.with_secondary(
                self.span(closer..closer + 1),
                "closed here, but by its indentation this belongs elsewhere",
            );
        } else if end < self.bytes.len() {
            let word = self.run_end(self.at, super::is_word);
            diagnostic = diagnostic
                .with_secondary(self.span(self.at..word), "the next declaration starts here");
        }
        for other in open.iter().rev().skip(1).take(2) {
            diagnostic = diagnostic
                .with_secondary(self.span(other.at..other.at + 1), "this one is open too");
        }
        // The closers of a text that ends in an open comment stand in that comment, which was reported.
        if !self.is_swallowed {
            self.report(diagnostic);
        }
        let closers = open.iter().rev().map(|open| char::from(open.closer()));
        let closers: String = std::iter::once('\n').chain(closers).collect();
        if innermost.byte != b'{' {
            self.covered.push(innermost.at..end + closers.len());
        }
        self.covered.push(end..end + closers.len());
        closers
    }

    /// A piece of a string: up to its end, to a `{`, or to the end of the line.
    pub(super) fn string_piece(&mut self) {
        let end = self.run_end(self.at, |byte| !b"\"\\{}\n".contains(&byte));
        self.check_quoted(self.at..end);
        self.at = end;
        match self.peek(0) {
            b'"' => {
                self.at += 1;
                self.piece();
                self.close_top(self.at - 1);
                self.tell_loose_braces();
            }
            b'\\' => {
                let escaped = self.text[end + 1..].chars().next().filter(|c| *c != '\n');
                self.at += 1 + escaped.map_or(0, char::len_utf8);
            }
            b'{' | b'}' if self.peek(1) == self.peek(0) => self.at += 2,
            b'{' => {
                self.piece();
                self.token(TokenKind::Punctuation, 1);
                self.push(b'{');
            }
            b'}' => {
                // Not told before the text has its end: without one, the brace belongs to what follows.
                self.loose_braces.push(end);
                self.at += 1;
            }
            _ => self.end_of_line(),
        }
    }

    fn tell_loose_braces(&mut self) {
        for at in std::mem::take(&mut self.loose_braces) {
            let diagnostic = Diagnostic::new(
                codes::STRAY_CLOSER,
                "`}` closes nothing",
                self.span(at..at + 1),
                "no `{` is open in this text",
            )
            .with_help("for a brace in a text write `}}`");
            self.report(diagnostic);
            self.poison(at..at + 1);
        }
    }

    fn piece(&mut self) {
        if self.piece_start < self.at {
            self.tokens.push(Token {
                start: self.piece_start,
                end: self.at,
                kind: TokenKind::Text,
            });
        }
    }

    /// Strings end with their line; one that is still open here is not closed.
    pub(super) fn end_of_line(&mut self) {
        let Some(index) = self.stack.iter().position(|open| open.byte == b'"') else {
            return;
        };
        let inner = self.stack.split_off(index);
        self.loose_braces.clear();
        let (start, end) = (inner[0].at, self.at);
        let quote = self.span(start..start + 1);
        let diagnostic = match inner.get(1) {
            None => Diagnostic::new(
                codes::UNCLOSED,
                "a text is not closed",
                quote,
                "starts here",
            )
            .with_help("a text ends with `\"`, on the line it began on"),
            Some(brace) => Diagnostic::new(
                codes::UNCLOSED,
                "`{` in a text is not closed",
                self.span(brace.at..brace.at + 1),
                "an expression starts here",
            )
            .with_secondary(quote, "in this text")
            .with_help("for a brace in a text write `{{`"),
        };
        self.report(diagnostic);
        if self.tokens.last().is_none_or(|last| last.end <= start) {
            self.piece_start = start;
            self.piece();
        }
        self.poison(start..end);
        self.rescue_closers(start, end);
    }

    /// Brackets that were opened on this line and whose closers an unclosed text swallowed are closed there: the missing
    /// quote is the one fault.
    pub(super) fn rescue_closers(&mut self, start: usize, end: usize) {
        let mut from = start;
        while let Some(open) = self.stack.last()
            && open.at >= self.line_start
            && let Some(offset) = self.bytes[from..end]
                .iter()
                .position(|byte| *byte == open.closer())
        {
            from += offset;
            self.edits.push((from..from + 1, open.closer()));
            from += 1;
            self.stack.pop();
        }
    }
}
