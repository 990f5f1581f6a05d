//! Diagnostics as text for people and as JSON for programs. The sole user of codespan-reporting.

use std::borrow::Cow;
use std::ops::Range;

use codespan_reporting::diagnostic as cs;
use codespan_reporting::files::{Error, Files, line_starts};
use codespan_reporting::term::{self, termcolor};
use serde_json::{Value, json};

use super::window::Window;
use super::{Diagnostic, Label, Severity, bounds};
use crate::source::{FileId, SourceMap, Span};

/// A [`SourceMap`] as codespan wants it. Control characters are shown as `\u{fffd}` of the same number of bytes, so that a
/// source can never drive the terminal and columns stay true.
pub(super) struct View {
    files: Vec<(String, String, Vec<usize>)>,
}

impl View {
    pub(super) fn new(sources: &SourceMap) -> View {
        let files = sources
            .iter()
            .map(|(_, file)| {
                let text = visible(&file.text).into_owned();
                let starts = line_starts(&text).collect();
                (
                    visible(&file.path.display().to_string()).into_owned(),
                    text,
                    starts,
                )
            })
            .collect();
        View { files }
    }
}

/// The text with every control character but line end and tab replaced byte for byte.
fn visible(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| (c.is_control() && c != '\n' && c != '\t' && c != '\r') || is_bidi(c);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_bad(c) => (0..c.len_utf8()).for_each(|_| shown.push('?')),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Characters that reorder what stands around them on the terminal.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

impl<'a> Files<'a> for View {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.files.get(id).ok_or(Error::FileMissing)?.0)
    }

    fn source(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.files.get(id).ok_or(Error::FileMissing)?.1)
    }

    fn line_index(&'a self, id: usize, byte: usize) -> Result<usize, Error> {
        let starts = &self.files.get(id).ok_or(Error::FileMissing)?.2;
        Ok(starts.partition_point(|start| *start <= byte) - 1)
    }

    fn line_range(&'a self, id: usize, line: usize) -> Result<Range<usize>, Error> {
        let (_, text, starts) = self.files.get(id).ok_or(Error::FileMissing)?;
        let start = *starts.get(line).ok_or(Error::LineTooLarge {
            given: line,
            max: starts.len() - 1,
        })?;
        Ok(start..starts.get(line + 1).copied().unwrap_or(text.len()))
    }
}

fn label(style: cs::LabelStyle, label: &Label, window: &Window<'_>) -> cs::Label<usize> {
    cs::Label::new(style, label.span.file.0 as usize, window.range(label.span))
        .with_message(visible(&label.message))
}

fn to_codespan(
    diagnostic: &Diagnostic,
    window: &Window<'_>,
    place: impl Fn(Span) -> String,
) -> cs::Diagnostic<usize> {
    let severity = match diagnostic.code.severity() {
        Severity::Error => cs::Severity::Error,
        Severity::Warning => cs::Severity::Warning,
    };
    let labels = diagnostic
        .primary
        .iter()
        .map(|primary| label(cs::LabelStyle::Primary, primary, window))
        .chain(
            diagnostic
                .secondary
                .iter()
                .map(|second| label(cs::LabelStyle::Secondary, second, window)),
        )
        .collect();
    let notes = diagnostic
        .notes
        .iter()
        .map(|note| visible(note).into_owned())
        .chain(trail_lines(&diagnostic.trail, place))
        .chain(
            diagnostic
                .help
                .iter()
                .map(|help| format!("help: {}", visible(help))),
        )
        .collect();
    cs::Diagnostic::new(severity)
        .with_code(diagnostic.code.id)
        .with_message(visible(&diagnostic.message))
        .with_labels(labels)
        .with_notes(notes)
}

/// The trail, innermost call first, with what lies between its ends counted.
fn trail_lines(trail: &[Label], place: impl Fn(Span) -> String) -> Vec<String> {
    let line = |call: &Label| format!("{} ({})", visible(&call.message), place(call.span));
    let (inner, n_between, outer) = bounds::trail(trail);
    let between = (n_between > 0).then(|| format!("... {n_between} more"));
    let inner = inner.iter().map(line);
    inner.chain(between).chain(outer.iter().map(line)).collect()
}

/// The diagnostics as a person reads them, one after the other; with ANSI colours if `colour`.
pub fn render_text(diagnostics: &[Diagnostic], sources: &SourceMap, colour: bool) -> String {
    let view = View::new(sources);
    let place = |span: Span| {
        let (line, column) = line_column(&view, span.file, span.start as usize);
        format!("{}:{line}:{column}", view.files[span.file.0 as usize].0)
    };
    let config = term::Config::default();
    let mut buffer = if colour {
        termcolor::Buffer::ansi()
    } else {
        termcolor::Buffer::no_color()
    };
    for diagnostic in diagnostics {
        let diagnostic = bounds::bounded(diagnostic);
        let window = Window::new(&view, &diagnostic);
        let shown = to_codespan(&diagnostic, &window, place);
        // Writing to memory cannot fail, and every span lies in its file.
        let _ = term::emit_to_write_style(&mut buffer, &config, &window, &shown);
    }
    // codespan pads the lines under a source line with blanks.
    let text = String::from_utf8_lossy(buffer.as_slice());
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// A line for each diagnostic, for who shows no more: `W0001: message (net.net:5:3)`.
pub fn render_lines(diagnostics: &[Diagnostic], sources: &SourceMap) -> Vec<String> {
    let view = View::new(sources);
    let line = |diagnostic: &Diagnostic| {
        let message = bounds::cut(&diagnostic.message);
        let message = visible(&message).replace('\n', " ");
        let place = diagnostic.primary.as_ref().map(|label| {
            let (line, column) = line_column(&view, label.span.file, label.span.start as usize);
            let path = &view.files[label.span.file.0 as usize].0;
            format!(" ({path}:{line}:{column})")
        });
        let place = place.unwrap_or_default();
        format!("{}: {message}{place}", diagnostic.code.id)
    };
    diagnostics.iter().map(line).collect()
}

/// Line and column of a byte, both from 1; columns count characters.
pub(super) fn line_column(view: &View, file: FileId, byte: usize) -> (usize, usize) {
    let (_, text, starts) = &view.files[file.0 as usize];
    let line = starts.partition_point(|start| *start <= byte) - 1;
    (
        line + 1,
        text[starts[line]..byte.min(text.len())].chars().count() + 1,
    )
}

/// The diagnostics as a JSON array; spans as byte ranges and as lines and columns from 1.
pub fn render_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> Value {
    let view = View::new(sources);
    let span = |span: Span| {
        let (line, column) = line_column(&view, span.file, span.start as usize);
        let (end_line, end_column) = line_column(&view, span.file, span.end as usize);
        json!({
            "file": sources.path(span.file).display().to_string(),
            "start": span.start, "end": span.end,
            "line": line, "column": column, "end_line": end_line, "end_column": end_column,
        })
    };
    let label = |label: &Label| json!({ "span": span(label.span), "message": label.message });
    let labels = |labels: &[Label]| labels.iter().map(label).collect::<Vec<_>>();
    diagnostics
        .iter()
        .map(bounds::bounded)
        .map(|diagnostic| {
            let (inner, _, outer) = bounds::trail(&diagnostic.trail);
            let trail: Vec<Value> = inner.iter().chain(outer).map(label).collect();
            json!({
                "code": diagnostic.code.id,
                "severity": if diagnostic.is_error() { "error" } else { "warning" },
                "message": diagnostic.message,
                "primary": diagnostic.primary.as_ref().map(label),
                "secondary": labels(&diagnostic.secondary),
                "notes": diagnostic.notes,
                "help": diagnostic.help,
                "fix": diagnostic.fix.as_ref().map(|fix| json!({
                    "span": span(fix.span), "replacement": fix.replacement, "safe": fix.is_safe,
                })),
                "trail": trail,
            })
        })
        .collect()
}
