//! Findings as the protocol has them. Each document tells its own: what was found in a file that it uses is told where it uses it.

use gen_lsp_types as lsp;

use super::documents::{Document, Documents, canonical};
use super::lines::Lines;
use super::session::State;
use crate::diagnostic::{Diagnostic, Label, bounded, codes};
use crate::ide::Analysis;
use crate::source::{FileId, SourceMap, Span};

/// Entries of a trail that are told.
const TRAIL: usize = 8;

/// What is to be told of a document.
pub fn of(state: &State, uri: &lsp::Uri) -> Option<lsp::PublishDiagnosticsParams> {
    let documents = &state.documents;
    let document = documents.get(uri)?;
    let analysis = documents.analysis(document);
    let diagnostics = analysis.diagnostics.iter();
    Some(lsp::PublishDiagnosticsParams {
        uri: document.uri.clone(),
        version: Some(document.version),
        diagnostics: diagnostics
            .map(|diagnostic| convert(documents, document, &analysis, diagnostic))
            .collect(),
    })
}

/// One finding.
pub fn convert(
    documents: &Documents,
    document: &Document,
    analysis: &Analysis,
    diagnostic: &Diagnostic,
) -> lsp::Diagnostic {
    let diagnostic = &bounded(diagnostic);
    let sources = &analysis.sources;
    let (place, is_moved) = place(analysis, diagnostic);
    let primary = diagnostic.primary.iter().filter(|_| is_moved);
    let primary = primary.map(|label| Label {
        span: label.span,
        message: diagnostic.message.clone(),
    });
    let others = diagnostic.secondary.iter().cloned();
    let trail = diagnostic.trail.iter().take(TRAIL).cloned();
    let related: Vec<_> = primary
        .chain(others)
        .chain(trail)
        .filter_map(|label| related(documents, document, sources, &label))
        .collect();
    let unused = [
        codes::UNUSED_VALUE,
        codes::UNUSED_PARAMETER,
        codes::UNUSED_DECLARATION,
        codes::UNUSED_CONSTANT,
    ];
    lsp::Diagnostic {
        range: document.range(place),
        severity: Some(match diagnostic.is_error() {
            true => lsp::DiagnosticSeverity::Error,
            false => lsp::DiagnosticSeverity::Warning,
        }),
        code: Some(diagnostic.code.id.to_string().into()),
        code_description: None,
        source: Some("netc".into()),
        message: message(diagnostic).into(),
        tags: unused
            .contains(&diagnostic.code)
            .then(|| vec![lsp::DiagnosticTag::Unnecessary]),
        related_information: (!related.is_empty()).then_some(related),
        data: None,
    }
}

/// Where a finding is told in the document itself, and whether it was found elsewhere.
pub fn place(analysis: &Analysis, diagnostic: &Diagnostic) -> (std::ops::Range<usize>, bool) {
    let root = FileId(0);
    let Some(primary) = &diagnostic.primary else {
        return (0..0, false);
    };
    if primary.span.file == root {
        return (primary.span.range(), false);
    }
    let mut trail = diagnostic
        .trail
        .iter()
        .filter(|label| label.span.file == root);
    let call = trail.next().map(|label| label.span);
    let place = call.or_else(|| use_of(analysis, primary.span.file));
    (place.map_or(0..0, Span::range), true)
}

/// The `use` that leads to a file.
fn use_of(analysis: &Analysis, file: FileId) -> Option<Span> {
    let program = &analysis.program;
    let uses = program.tree(program.root()).uses.iter();
    let mut pairs = uses.zip(program.used_files(program.root()));
    let (used, _) = pairs.find(|(_, target)| {
        let mut open: Vec<FileId> = target.iter().copied().collect();
        let mut known = open.clone();
        while let Some(next) = open.pop() {
            if next == file {
                return true;
            }
            for target in program.used_files(next).iter().flatten() {
                if !known.contains(target) {
                    known.push(*target);
                    open.push(*target);
                }
            }
        }
        false
    })?;
    Some(used.path_span)
}

fn related(
    documents: &Documents,
    document: &Document,
    sources: &SourceMap,
    label: &Label,
) -> Option<lsp::DiagnosticRelatedInformation> {
    let file = sources.file(label.span.file);
    let uri = documents.uri(&canonical(&file.path))?;
    let range = match label.span.file {
        FileId(0) => document.range(label.span.range()),
        _ => Lines::new(&file.text).range(&file.text, label.span.range()),
    };
    Some(lsp::DiagnosticRelatedInformation {
        location: lsp::Location { uri, range },
        message: label.message.clone(),
    })
}

/// The message with its notes and the help.
fn message(diagnostic: &Diagnostic) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    lines.extend(diagnostic.notes.iter().cloned());
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    lines.join("\n")
}
