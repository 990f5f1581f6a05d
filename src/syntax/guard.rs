//! The scan before the parser: linear and without recursion, so that no text, however hostile, costs more than reading it.
//!
//! It finds what a grammar reports badly (characters that cannot stand in a source, brackets, strings and comments that are
//! not closed, nesting that is too deep), and hands on a text that is free of those: every bracket in it is balanced and
//! every string and comment closed. Faults are mended byte for byte, so that offsets stay true. A stretch that cannot be
//! mended holds a [`POISON`] byte, which no rule of the grammar takes: the statement around it fails as a whole, and the
//! parser keeps silent about a failure inside a *covered* range, because the guard has spoken of it.

mod brackets;
mod characters;
mod comments;

use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::{FileId, Span};

use super::words::is_reserved;
use brackets::Open;

/// Stands where a fault was cut out; it is in no rule of the grammar.
const POISON: u8 = b'?';

/// What kind of token; the parser's messages need no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or a reserved word.
    Word,
    /// A number or a size.
    Number,
    /// A text, or a piece of one between its `{ }`.
    Text,
    /// Everything else.
    Punctuation,
}

/// A token of the source; comments and white space are none.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What it is.
    pub kind: TokenKind,
}

/// The tokens of a text in order, whatever is wrong with it. What lies between two is white space, comments and characters that
/// cannot stand in a source.
pub fn tokens(text: &str) -> Vec<Token> {
    scan(FileId(0), text).tokens
}

/// The stretch of one declaration, its documentation included.
#[derive(Debug)]
pub(super) struct Section {
    pub start: usize,
    pub end: usize,
    /// What must be put behind it for its brackets to balance. Begins with a line end, so that a comment at the end of the
    /// section cannot swallow the closers: unbalanced text costs the parser time exponential in its nesting.
    pub closers: String,
    /// Whether it nests so deeply that it must not be parsed.
    pub too_deep: bool,
}

/// What the scan hands on.
pub(super) struct Scan<'t> {
    /// The mended text, of the same length as the source.
    pub text: Cow<'t, str>,
    pub sections: Vec<Section>,
    pub tokens: Vec<Token>,
    /// Ranges that a diagnostic of the guard speaks of, disjoint and in order.
    covered: Vec<Range<usize>>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Scan<'_> {
    /// Whether a diagnostic of the guard speaks of that byte.
    pub fn is_covered(&self, at: usize) -> bool {
        let after = self.covered.partition_point(|range| range.start <= at);
        after > 0 && at < self.covered[after - 1].end
    }
}

/// Scans a whole file.
pub(super) fn scan(id: FileId, text: &str) -> Scan<'_> {
    let mut scanner = Scanner {
        id,
        text,
        bytes: text.as_bytes(),
        at: 0,
        line_start: 0,
        indent: None,
        stack: Vec::new(),
        piece_start: 0,
        loose_braces: Vec::new(),
        docs: None,
        section_start: 0,
        section_tokens: 0,
        too_deep: false,
        suspect: None,
        slack: 0,
        is_swallowed: false,
        bad_line: None,
        once: Vec::new(),
        edits: Vec::new(),
        sections: Vec::new(),
        tokens: Vec::new(),
        covered: Vec::new(),
        diagnostics: Vec::new(),
    };
    if text.len() > limits::SOURCE_BYTES {
        scanner.report(
            Diagnostic::new(
                codes::LIMIT_SOURCE,
                format!("the source has {} bytes", text.len()),
                Span::new(id, 0, 0),
                "",
            )
            .with_note(format!("at most {} are allowed", limits::SOURCE_BYTES)),
        );
    } else {
        scanner.run();
    }
    Scan {
        text: mend(text, &scanner.edits),
        sections: scanner.sections,
        tokens: scanner.tokens,
        covered: merge(scanner.covered),
        diagnostics: scanner.diagnostics,
    }
}

/// The same bytes in disjoint ranges, in order.
fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The text with each range of `edits` filled with its byte; line ends stay.
fn mend<'t>(text: &'t str, edits: &[(Range<usize>, u8)]) -> Cow<'t, str> {
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for (range, fill) in edits {
        for byte in &mut bytes[range.clone()] {
            if *byte != b'\n' {
                *byte = *fill;
            }
        }
    }
    // Edits cover whole characters and put in ASCII, so nothing is lost here.
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

struct Scanner<'t> {
    id: FileId,
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line_start: usize,
    /// Indentation of this line; `None` until its first token.
    indent: Option<usize>,
    /// Open brackets and strings.
    stack: Vec<Open>,
    /// Where the present piece of a string began.
    piece_start: usize,
    /// Single `}` in the string that is open.
    loose_braces: Vec<usize>,
    /// The first `///` since the last token.
    docs: Option<usize>,
    section_start: usize,
    /// Number of tokens when the section began.
    section_tokens: usize,
    too_deep: bool,
    /// A pair of braces in this section whose indentation does not fit.
    suspect: Option<(usize, usize)>,
    /// Brackets of this section that were given up; as many stray closers are their echo.
    slack: usize,
    /// Whether a comment without end took the rest of the text, closers included.
    is_swallowed: bool,
    /// Start of the last line with a bad character: one message a line is enough.
    bad_line: Option<usize>,
    /// Bad characters that are reported once a file.
    once: Vec<char>,
    edits: Vec<(Range<usize>, u8)>,
    sections: Vec<Section>,
    tokens: Vec<Token>,
    covered: Vec<Range<usize>>,
    diagnostics: Vec<Diagnostic>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.edits.push((0..3, b' '));
            self.at = 3;
            self.line_start = 3;
        }
        while self.at < self.bytes.len() {
            if self.stack.last().is_some_and(|open| open.byte == b'"') {
                self.string_piece();
            } else {
                self.code();
            }
        }
        self.end_of_line();
        self.finish_section(self.bytes.len());
    }

    /// One token, comment or stretch of white space outside strings.
    fn code(&mut self) {
        match self.bytes[self.at] {
            b'\n' => {
                self.end_of_line();
                self.at += 1;
                self.line_start = self.at;
                self.indent = None;
            }
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'/' if self.peek(1) == b'/' => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'"' if !self.too_deep => {
                self.first_on_line();
                self.piece_start = self.at;
                self.push(b'"');
                self.at += 1;
            }
            b'(' | b'[' | b'{' if !self.too_deep => {
                self.token(TokenKind::Punctuation, 1);
                self.push(self.bytes[self.at - 1]);
            }
            b')' | b']' | b'}' if !self.too_deep => {
                self.token(TokenKind::Punctuation, 1);
                self.close(self.at - 1);
            }
            b'"' | b'(' | b'[' | b'{' | b')' | b']' | b'}' => self.at += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'0'..=b'9' => self.number(),
            b'-' if self.peek(1) == b'>' => self.token(TokenKind::Punctuation, 2),
            b'.' if self.peek(1) == b'.' => self.token(TokenKind::Punctuation, 2),
            b'=' | b'!' | b'<' | b'>' if self.peek(1) == b'=' => {
                self.token(TokenKind::Punctuation, 2);
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'=' | b'<' | b'>' | b'.' | b',' | b':' => {
                self.token(TokenKind::Punctuation, 1);
            }
            _ => self.bad_character(),
        }
    }

    /// The byte `ahead` of the present one; 0 behind the end.
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Where the run of bytes from `from` that satisfy `wanted` ends.
    fn run_end(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        self.bytes[from..]
            .iter()
            .position(|byte| !wanted(*byte))
            .map_or(self.bytes.len(), |length| from + length)
    }

    fn line_end(&self) -> usize {
        self.run_end(self.at, |byte| byte != b'\n')
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.id, range.start, range.end)
    }

    /// Past the cap more findings only cost time.
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < limits::DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Cuts a range out of what the parser sees, and keeps the parser silent about it.
    fn poison(&mut self, range: Range<usize>) {
        self.edits.push((range.clone(), POISON));
        self.covered.push(range);
    }

    /// Notes the token of `length` bytes that starts here, and steps over it.
    fn token(&mut self, kind: TokenKind, length: usize) {
        self.first_on_line();
        self.tokens.push(Token {
            start: self.at,
            end: self.at + length,
            kind,
        });
        self.at += length;
    }

    fn first_on_line(&mut self) {
        self.docs = None;
        if self.indent.is_none() {
            self.indent = Some(self.at - self.line_start);
        }
    }

    fn word(&mut self) {
        let end = self.run_end(self.at, is_word);
        if self.at == self.line_start && self.starts_section(end) {
            let start = self.docs.unwrap_or(self.at);
            self.finish_section(start);
        }
        self.token(TokenKind::Word, end - self.at);
    }

    /// Whether the word at the start of a line, ending at `end`, begins a declaration. Where nothing is open, any word does
    /// that cannot continue what stands before it (it may be a misspelt keyword); inside brackets only what can be nothing
    /// else does.
    fn starts_section(&self, end: usize) -> bool {
        let word = &self.text[self.at..end];
        if self.stack.is_empty() && !self.too_deep {
            let is_complete = |last: &Token| match last.kind {
                TokenKind::Word => !is_reserved(&self.text[last.start..last.end]),
                TokenKind::Number | TokenKind::Text => true,
                TokenKind::Punctuation => matches!(self.bytes[last.start], b')' | b']' | b'}'),
            };
            return match word {
                "net" | "block" | "fn" | "use" => true,
                _ => !is_reserved(word) && self.tokens.last().is_none_or(is_complete),
            };
        }
        let next = self.run_end(end, |byte| byte == b' ' || byte == b'\t');
        let next = self.bytes.get(next).copied().unwrap_or(0);
        match word {
            "net" | "block" | "fn" => is_word(next) && !next.is_ascii_digit(),
            "use" => next == b'"',
            _ => false,
        }
    }

    fn finish_section(&mut self, end: usize) {
        let closers = self.close_section(end);
        if self.tokens.len() > self.section_tokens {
            self.sections.push(Section {
                start: self.section_start,
                end,
                closers,
                too_deep: self.too_deep,
            });
        }
        self.section_start = end;
        self.section_tokens = self.tokens.len();
        self.too_deep = false;
        self.suspect = None;
        self.slack = 0;
    }

    /// Numbers with whatever letters hang on to them: `3x3`, `1e-5`, and malformed ones as a whole.
    fn number(&mut self) {
        let mut end = self.run_end(self.at, is_word);
        let digit_at = |at: usize| self.bytes.get(at).is_some_and(u8::is_ascii_digit);
        if self.bytes.get(end) == Some(&b'.') && digit_at(end + 1) {
            end = self.run_end(end + 1, is_word);
        }
        let is_exponent =
            matches!(self.bytes[end - 1], b'e' | b'E') && !self.bytes[self.at..end].contains(&b'x');
        if is_exponent && matches!(self.bytes.get(end), Some(b'+' | b'-')) && digit_at(end + 1) {
            end = self.run_end(end + 1, is_word);
        }
        self.token(TokenKind::Number, end - self.at);
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
