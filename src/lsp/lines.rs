//! Places as the protocol counts them: lines from 0, and UTF-16 code units within the line.

use std::ops::Range;

use gen_lsp_types as lsp;

/// The starts of a text's lines, and the characters whose bytes and UTF-16 units differ: no question takes time in the length of a line.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
    wide: Vec<Wide>,
}

/// A character outside of ASCII.
#[derive(Clone, Copy, Debug)]
struct Wide {
    start: usize,
    end: usize,
    /// By how much bytes exceed units up to its start, and up to its end.
    excess: [usize; 2],
}

impl Lines {
    /// The lines of a text.
    pub fn new(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        let mut wide = Vec::new();
        let mut excess = 0;
        for (start, c) in text.char_indices().filter(|(_, c)| !c.is_ascii()) {
            let before = excess;
            excess += c.len_utf8() - c.len_utf16();
            wide.push(Wide {
                start,
                end: start + c.len_utf8(),
                excess: [before, excess],
            });
        }
        Lines {
            starts: starts.collect(),
            wide,
        }
    }

    /// By how much bytes exceed units before a byte.
    fn excess(&self, byte: usize) -> usize {
        let n_before = self.wide.partition_point(|wide| wide.end <= byte);
        n_before
            .checked_sub(1)
            .map_or(0, |last| self.wide[last].excess[1])
    }

    /// A byte of the text as a position.
    pub fn position(&self, text: &str, byte: usize) -> lsp::Position {
        let byte = text.floor_char_boundary(byte.min(text.len()));
        let line = self.starts.partition_point(|start| *start <= byte) - 1;
        let start = self.starts[line];
        let excess = self.excess(byte) - self.excess(start);
        lsp::Position {
            line: line as u32,
            character: (byte - start - excess) as u32,
        }
    }

    /// A range of bytes.
    pub fn range(&self, text: &str, range: Range<usize>) -> lsp::Range {
        lsp::Range {
            start: self.position(text, range.start),
            end: self.position(text, range.end),
        }
    }

    /// A position as a byte. What lies behind the end of a line is its end, as the protocol wants it.
    pub fn byte(&self, text: &str, position: lsp::Position) -> usize {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else {
            return text.len();
        };
        let next = self.starts.get(line + 1).copied().unwrap_or(text.len());
        let end = start + text[start..next].trim_end_matches(['\n', '\r']).len();
        let base = self.excess(start);
        let units = position.character as usize;
        // The wide characters that start before the place.
        let first = self.wide.partition_point(|wide| wide.start < start);
        let unit = |wide: &Wide| wide.start - start - (wide.excess[0] - base);
        let n_before = self.wide[first..].partition_point(|wide| unit(wide) < units);
        let byte = match n_before.checked_sub(1).map(|last| self.wide[first + last]) {
            None => start + units,
            Some(last) => (start + units + last.excess[1] - base).max(last.end),
        };
        byte.min(end)
    }

    /// A range of positions as bytes; never the wrong way round.
    pub fn bytes(&self, text: &str, range: lsp::Range) -> Range<usize> {
        let start = self.byte(text, range.start);
        start..self.byte(text, range.end).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(line: u32, character: u32) -> lsp::Position {
        lsp::Position { line, character }
    }

    #[test]
    fn columns_are_utf16() {
        // One, two and two code units; two, three and four bytes.
        let text = "é€😀x\r\n\nend";
        let lines = Lines::new(text);
        for (byte, at) in [
            (0, position(0, 0)),
            (2, position(0, 1)),
            (5, position(0, 2)),
            (9, position(0, 4)),
            (10, position(0, 5)),
            (12, position(1, 0)),
            (13, position(2, 0)),
            (16, position(2, 3)),
        ] {
            assert_eq!(lines.position(text, byte), at);
            assert_eq!(lines.byte(text, at), byte);
        }
    }

    #[test]
    fn positions_outside_are_clamped() {
        let text = "ab\r\ncd";
        let lines = Lines::new(text);
        assert_eq!(lines.byte(text, position(0, 99)), 2);
        assert_eq!(lines.byte(text, position(1, 99)), 6);
        assert_eq!(lines.byte(text, position(9, 0)), 6);
        // In the middle of a surrogate pair: behind it.
        assert_eq!(Lines::new("😀").byte("😀", position(0, 1)), 4);
    }
}
