//! Comments: where they end, and what of them matters.

use super::Scanner;
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;

impl Scanner<'_> {
    pub(super) fn line_comment(&mut self) {
        let end = self.line_end();
        let comment = &self.text[self.at..end];
        if comment.starts_with("///") && !comment.starts_with("////") && self.docs.is_none() {
            self.docs = Some(self.at);
        }
        if let Some(open) = self.stack.last_mut()
            && open.comment.is_none()
            && comment.contains([')', ']'])
        {
            open.comment = Some(self.at);
        }
        self.check_quoted(self.at..end);
        self.at = end;
    }

    /// A nested comment. The parser recurses into them, so their depth is bounded too.
    pub(super) fn block_comment(&mut self) {
        let start = self.at;
        let n_open = self.stack.len();
        let (mut depth, mut deepest) = (0usize, 0);
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    deepest = deepest.max(depth);
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                }
                (b'\n', _) => {
                    self.end_of_line();
                    self.at += 1;
                    self.line_start = self.at;
                    self.indent = None;
                }
                _ if self.at >= self.bytes.len() => break,
                _ => self.at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        self.at = self.at.min(self.bytes.len());
        self.check_quoted(start..self.at);
        let place = self.span(start..start + 2);
        if deepest > limits::NESTING {
            self.report(
                Diagnostic::new(
                    codes::LIMIT_NESTING,
                    "comments are nested too deeply",
                    place,
                    "starts here",
                )
                .with_note(format!("at most {} levels are allowed", limits::NESTING)),
            );
            self.edits.push((start..self.at, b' '));
            self.is_swallowed |= depth > 0;
        } else if depth > 0 {
            self.is_swallowed = true;
            self.report(
                Diagnostic::new(
                    codes::UNCLOSED,
                    "a comment is not closed",
                    place,
                    "starts here",
                )
                .with_help(if deepest > 1 {
                    "comments nest: every `/*` needs its `*/`"
                } else {
                    "end it with `*/`"
                }),
            );
            self.edits.push((start..self.at, b' '));
        } else if self.stack.len() < n_open {
            // A line end in it closed the text around it: its start is cut out with that text, so the rest must go too.
            self.edits.push((start..self.at, b' '));
        }
    }
}
