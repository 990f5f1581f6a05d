//! Everything that is known of one text and the files it uses.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use super::mend::mend;
use super::shapes::Forms;
use crate::diagnostic::Diagnostic;
use crate::elaborate::{self, Callee, Lifts, Loader, Program, Traced};
use crate::source::{FileId, SourceMap, Span};

/// What is known of a text. Spans of all its parts are true of the text as it is, whatever is wrong with it.
#[derive(Debug)]
pub struct Analysis {
    /// The text as it is, and the files it uses.
    pub sources: SourceMap,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
    /// The text without the lines that cannot be parsed: what names mean.
    pub program: Rc<Program>,
    /// What was expanded: the same, without the line that is being edited if that is at fault.
    pub expanded: Rc<Program>,
    /// Its nets.
    pub nets: Vec<Traced>,
    /// By the place of a step, the nets that have it.
    of_steps: HashMap<Span, Vec<usize>>,
    /// By the place of a parameter's name in a step, what it stood for in any net.
    applied: HashMap<Span, Vec<Callee>>,
    /// How their shapes are written.
    pub(super) forms: Forms,
}

/// A file as an analysis sees it: its own, or one that it uses.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The analysis.
    pub analysis: &'a Analysis,
    /// The file, by its handle in [`Analysis::expanded`].
    pub file: FileId,
}

impl Analysis {
    /// Looks at `text`, the file `path`. `edited` is a byte of the line that is being edited: if there is an error in it, the rest is
    /// looked at as if the line were not there yet. `lifts` is what was proved before; it makes the answer faster and nothing else.
    pub fn new(
        path: &Path,
        text: &str,
        edited: Option<usize>,
        loader: &mut dyn Loader,
        lifts: &mut Lifts,
    ) -> Analysis {
        let whole = Rc::new(Program::load(path, text.to_string(), loader));
        let (diagnostics, nets) = elaborate::trace(&whole, lifts);
        let mut analysis = Analysis {
            sources: whole.sources.clone(),
            diagnostics,
            program: whole.clone(),
            expanded: whole,
            nets,
            of_steps: HashMap::new(),
            applied: HashMap::new(),
            forms: Forms::default(),
        };
        let is_lossy = analysis.program.is_lossy(analysis.program.root());
        let parsed = is_lossy.then(|| mend(text, None)).flatten();
        if let Some(parsed) = &parsed {
            analysis.program = Rc::new(Program::load(path, parsed.clone(), loader));
            analysis.expanded = analysis.program.clone();
        }
        let at_fault = edited.filter(|byte| analysis.has_error_in_line(text, *byte));
        let rest = at_fault.and_then(|byte| mend(text, Some(byte)));
        if let Some(rest) = rest
            && Some(&rest) != parsed.as_ref()
        {
            analysis.expanded = Rc::new(Program::load(path, rest, loader));
        }
        if !Rc::ptr_eq(&analysis.expanded, &analysis.program) || parsed.is_some() {
            analysis.nets = elaborate::trace(&analysis.expanded, lifts).1;
        }
        for (index, net) in analysis.nets.iter().enumerate() {
            for span in net.trace.steps.keys() {
                analysis.of_steps.entry(*span).or_default().push(index);
            }
            for (span, callees) in &net.trace.applied {
                let all = analysis.applied.entry(*span).or_default();
                let new = callees.iter().filter(|callee| !all.contains(callee));
                let new: Vec<Callee> = new.copied().collect();
                all.extend(new);
            }
        }
        analysis
    }

    /// What the parameter that a step names at a place stood for.
    pub(super) fn applied(&self, span: Span) -> impl Iterator<Item = Callee> {
        self.applied.get(&span).into_iter().flatten().copied()
    }

    /// The nets that have the step at a place.
    pub(super) fn nets_of(&self, span: Span) -> impl Iterator<Item = &Traced> {
        let indices = self.of_steps.get(&span).into_iter().flatten();
        indices.filter_map(|index| self.nets.get(*index))
    }

    fn has_error_in_line(&self, text: &str, byte: usize) -> bool {
        let line = line_around(text, byte);
        let errors = self.diagnostics.iter().filter(|d| d.is_error());
        errors
            .filter_map(|error| error.primary.as_ref())
            .any(|label| {
                label.span.file == self.program.root()
                    && (label.span.start as usize) < line.end
                    && line.start <= label.span.end as usize
            })
    }

    /// The text that was analysed.
    pub fn text(&self) -> &str {
        &self.sources.file(self.program.root()).text
    }

    /// The analysed file itself.
    pub fn view(&self) -> View<'_> {
        View {
            analysis: self,
            file: self.program.root(),
        }
    }
}

/// The line around a byte, without its end.
pub(super) fn line_around(text: &str, byte: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let byte = byte.min(bytes.len());
    let start = bytes[..byte].iter().rposition(|b| *b == b'\n');
    let end = bytes[byte..].iter().position(|b| *b == b'\n');
    start.map_or(0, |start| start + 1)..end.map_or(bytes.len(), |length| byte + length)
}
