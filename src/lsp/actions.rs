//! Requests that change the text: repairs and the canonical form.

use std::collections::HashMap;

use gen_lsp_types as lsp;

use super::diagnostics;
use super::documents::Document;
use super::requests::{Refusal, document};
use super::session::State;
use crate::diagnostic::{Diagnostic, Fix};
use crate::source::FileId;
use crate::syntax;

/// `textDocument/codeAction`: the repair of each finding in the range, and all certain ones at once.
pub fn code_actions(
    state: &State,
    params: lsp::CodeActionParams,
) -> Result<Option<Vec<lsp::CodeActionResponse>>, Refusal> {
    let document = document(state, &params.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let root = analysis.program.root();
    let wanted = document.lines.bytes(&document.text, params.range);
    let fixes = analysis.diagnostics.iter().filter_map(|diagnostic| {
        let fix = diagnostic.fix.as_ref()?;
        (fix.span.file == root).then_some((diagnostic, fix))
    });
    let fixes: Vec<(&Diagnostic, &Fix)> = fixes.collect();
    let mut actions: Vec<lsp::CodeActionResponse> = Vec::new();
    for (diagnostic, fix) in &fixes {
        let (place, _) = diagnostics::place(&analysis, diagnostic);
        if place.start > wanted.end || place.end < wanted.start {
            continue;
        }
        let edit = lsp::TextEdit {
            range: document.range(fix.span.range()),
            new_text: fix.replacement.clone(),
        };
        let told = diagnostics::convert(&state.documents, document, &analysis, diagnostic);
        let action = lsp::CodeAction {
            title: title(fix, &document.text),
            kind: Some(lsp::CodeActionKind::QuickFix),
            diagnostics: Some(vec![told]),
            is_preferred: Some(fix.is_safe),
            edit: Some(change(document, vec![edit])),
            ..Default::default()
        };
        actions.push(action.into());
    }
    let is_certain = fixes.iter().any(|(_, fix)| fix.is_safe);
    let repaired = is_certain.then(|| state.documents.repaired(document));
    if let Some((text, n_applied)) = repaired.filter(|(_, n_applied)| *n_applied > 0) {
        let action = lsp::CodeAction {
            title: format!("Repair all that is certain ({n_applied})"),
            kind: Some(lsp::CodeActionKind::SourceFixAll),
            edit: Some(change(document, replacement(document, text))),
            ..Default::default()
        };
        actions.push(action.into());
    }
    let is_wanted = |action: &lsp::CodeActionResponse| match (&params.context.only, action) {
        (Some(only), lsp::CodeActionResponse::CodeAction(action)) => {
            let kind = action.kind.as_ref().map_or("", |kind| kind.as_str());
            only.iter().any(|only| kind.starts_with(only.as_str()))
        }
        _ => true,
    };
    actions.retain(is_wanted);
    Ok(Some(actions))
}

/// What a repair does, in a few words.
fn title(fix: &Fix, text: &str) -> String {
    let old = &text[fix.span.range()];
    match (old.is_empty(), fix.replacement.trim()) {
        (true, new) => format!("Insert `{new}`"),
        (false, "") => format!("Remove `{old}`"),
        (false, new) => format!("Replace `{old}` with `{new}`"),
    }
}

fn change(document: &Document, edits: Vec<lsp::TextEdit>) -> lsp::WorkspaceEdit {
    lsp::WorkspaceEdit {
        changes: Some(HashMap::from([(document.uri.clone(), edits)])),
        ..Default::default()
    }
}

/// `textDocument/formatting`: as `netc fmt`. A text with errors is left as it is.
pub fn format(
    state: &State,
    params: lsp::DocumentFormattingParams,
) -> Result<Option<Vec<lsp::TextEdit>>, Refusal> {
    let document = document(state, &params.text_document.uri)?;
    let formatted = syntax::format(FileId(0), &document.text).ok();
    Ok(formatted.map(|text| replacement(document, text)))
}

/// The edit that makes the document this text: what both begin and end with stays, so that cursors keep their place.
fn replacement(document: &Document, text: String) -> Vec<lsp::TextEdit> {
    let old = &document.text;
    if *old == text {
        return Vec::new();
    }
    let same = |(a, b): &(char, char)| a == b;
    let prefix: usize = old
        .chars()
        .zip(text.chars())
        .take_while(same)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let suffix: usize = old[prefix..]
        .chars()
        .rev()
        .zip(text[prefix..].chars().rev())
        .take_while(same)
        .map(|(c, _)| c.len_utf8())
        .sum();
    vec![lsp::TextEdit {
        range: document.range(prefix..old.len() - suffix),
        new_text: text[prefix..text.len() - suffix].to_string(),
    }]
}
