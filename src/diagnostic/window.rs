//! The text that a finding quotes: whole lines, except that of a long line only what lies around the labels is kept.

use std::ops::Range;

use codespan_reporting::files::{Error, Files, line_starts};

use super::render::View;
use super::{Diagnostic, Label};
use crate::source::{FileId, Span};

/// Bytes of a line that are quoted whole.
const LINE: usize = 400;

/// Bytes that are kept before and behind the ends of a label in a longer one.
const AROUND: usize = 60;

/// Stands where something was cut out of a line.
const GAP: &str = "...";

/// A piece of a shown text: where it starts there, and where in the file.
#[derive(Clone, Copy)]
struct Piece {
    shown: usize,
    real: usize,
}

/// A file with its long lines cut.
struct Cut {
    file: usize,
    text: String,
    starts: Vec<usize>,
    pieces: Vec<Piece>,
}

/// The files of a [`View`] as one finding quotes them.
pub(super) struct Window<'v> {
    view: &'v View,
    cuts: Vec<Cut>,
}

impl<'v> Window<'v> {
    /// What `diagnostic` quotes.
    pub fn new(view: &'v View, diagnostic: &Diagnostic) -> Window<'v> {
        let labels: Vec<&Label> = diagnostic
            .primary
            .iter()
            .chain(&diagnostic.secondary)
            .collect();
        let mut cuts: Vec<Cut> = Vec::new();
        for label in &labels {
            let file = label.span.file.0 as usize;
            let is_long = |byte: u32| {
                let line = view.line_index(file, byte as usize);
                let range = line.and_then(|line| view.line_range(file, line));
                range.is_ok_and(|range| range.len() > LINE)
            };
            let is_new = cuts.iter().all(|cut| cut.file != file);
            if is_new && (is_long(label.span.start) || is_long(label.span.end)) {
                let here = labels.iter().filter(|it| it.span.file == label.span.file);
                let ends = here.flat_map(|it| [it.span.start as usize, it.span.end as usize]);
                cuts.push(Cut::new(view, file, &ends.collect::<Vec<_>>()));
            }
        }
        Window { view, cuts }
    }

    fn cut(&self, file: usize) -> Option<&Cut> {
        self.cuts.iter().find(|cut| cut.file == file)
    }

    /// Where a span lies in the shown text.
    pub fn range(&self, span: Span) -> Range<usize> {
        match self.cut(span.file.0 as usize) {
            None => span.range(),
            Some(cut) => {
                let start = cut.shown(span.start as usize);
                start..cut.shown(span.end as usize).max(start)
            }
        }
    }
}

impl Cut {
    fn new(view: &View, file: usize, ends: &[usize]) -> Cut {
        let source = view.source(file).unwrap_or_default();
        let mut cut = Cut {
            file,
            text: String::new(),
            starts: Vec::new(),
            pieces: Vec::new(),
        };
        let mut line_start = 0;
        for text in source.split_inclusive('\n') {
            let line = line_start..line_start + text.len();
            line_start = line.end;
            if line.len() <= LINE {
                cut.keep(source, line);
                continue;
            }
            let body = line.start..line.start + text.trim_end_matches('\n').len();
            let near = |end: &&usize| body.start <= **end && **end <= body.end;
            let mut kept: Vec<Range<usize>> = ends
                .iter()
                .filter(near)
                .map(|end| {
                    let start = end.saturating_sub(AROUND).max(body.start);
                    let stop = (end + AROUND).min(body.end);
                    source.floor_char_boundary(start)..source.ceil_char_boundary(stop)
                })
                .collect();
            kept.sort_by_key(|range| range.start);
            let mut at = body.start;
            for range in kept {
                let range = range.start.max(at)..range.end.max(at);
                if range.start > at {
                    cut.gap(at);
                }
                cut.keep(source, range.clone());
                at = range.end;
            }
            if at < body.end {
                cut.gap(at);
            }
            cut.keep(source, body.end..line.end);
        }
        cut.starts = line_starts(&cut.text).collect();
        cut
    }

    fn keep(&mut self, source: &str, range: Range<usize>) {
        self.pieces.push(Piece {
            shown: self.text.len(),
            real: range.start,
        });
        self.text.push_str(&source[range]);
    }

    fn gap(&mut self, real: usize) {
        self.pieces.push(Piece {
            shown: self.text.len(),
            real,
        });
        self.text.push_str(GAP);
    }

    /// A byte of the file as one of the shown text; the end of a gap for one that is in it.
    fn shown(&self, real: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.real <= real);
        let Some(piece) = index.checked_sub(1).and_then(|last| self.pieces.get(last)) else {
            return 0;
        };
        let end = self
            .pieces
            .get(index)
            .map_or(self.text.len(), |next| next.shown);
        (piece.shown + (real - piece.real)).min(end)
    }

    /// The reverse.
    fn real(&self, shown: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.shown <= shown);
        let piece = index.checked_sub(1).and_then(|last| self.pieces.get(last));
        piece.map_or(0, |piece| piece.real + (shown - piece.shown))
    }
}

impl<'a> Files<'a> for Window<'_> {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: usize) -> Result<&'a str, Error> {
        self.view.name(id)
    }

    fn source(&'a self, id: usize) -> Result<&'a str, Error> {
        match self.cut(id) {
            Some(cut) => Ok(&cut.text),
            None => self.view.source(id),
        }
    }

    fn line_index(&'a self, id: usize, byte: usize) -> Result<usize, Error> {
        match self.cut(id) {
            Some(cut) => Ok(cut.starts.partition_point(|start| *start <= byte) - 1),
            None => self.view.line_index(id, byte),
        }
    }

    fn column_number(&'a self, id: usize, line: usize, byte: usize) -> Result<usize, Error> {
        let real = match self.cut(id) {
            Some(cut) => cut.real(byte),
            None => byte,
        };
        let _ = line;
        let file = FileId(id as u32);
        Ok(super::render::line_column(self.view, file, real).1)
    }

    fn line_range(&'a self, id: usize, line: usize) -> Result<Range<usize>, Error> {
        let Some(cut) = self.cut(id) else {
            return self.view.line_range(id, line);
        };
        let start = *cut.starts.get(line).ok_or(Error::LineTooLarge {
            given: line,
            max: cut.starts.len() - 1,
        })?;
        let end = cut.starts.get(line + 1).copied();
        Ok(start..end.unwrap_or(cut.text.len()))
    }
}
