//! The answer to each request.

use gen_lsp_types as lsp;
use lsp_server::{ErrorCode, Request, Response};

use super::convert;
use super::documents::{Document, view};
use super::session::State;
use super::{actions, navigation};
use crate::ide;

/// Why there is no answer.
pub struct Refusal(pub String);

type Answer<R> = Result<<R as lsp::Request>::Result, Refusal>;

/// Finds who answers a request.
struct Dispatch<'s> {
    state: &'s State,
    request: Request,
    response: Option<Response>,
}

impl Dispatch<'_> {
    fn on<R: lsp::Request>(mut self, answer: fn(&State, R::Params) -> Answer<R>) -> Self {
        if self.response.is_some() || self.request.method != R::METHOD.to_string() {
            return self;
        }
        let id = self.request.id.clone();
        let params = std::mem::take(&mut self.request.params);
        self.response = Some(match serde_json::from_value(params) {
            Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
            Ok(params) => match answer(self.state, params) {
                Ok(result) => Response::new_ok(id, result),
                Err(Refusal(reason)) => {
                    Response::new_err(id, ErrorCode::RequestFailed as i32, reason)
                }
            },
        });
        self
    }
}

/// Answers a request.
pub fn answer(state: &State, request: Request) -> Response {
    let dispatch = Dispatch {
        state,
        request,
        response: None,
    };
    let done = dispatch
        .on::<lsp::InlayHintRequest>(inlay_hints)
        .on::<lsp::SemanticTokensRequest>(semantic_tokens)
        .on::<lsp::CompletionRequest>(completion)
        .on::<lsp::HoverRequest>(hover)
        .on::<lsp::SignatureHelpRequest>(signature_help)
        .on::<lsp::CodeLensRequest>(code_lens)
        .on::<lsp::DocumentSymbolRequest>(symbols)
        .on::<lsp::FoldingRangeRequest>(folding)
        .on::<lsp::DocumentHighlightRequest>(navigation::highlight)
        .on::<lsp::DefinitionRequest>(navigation::definition)
        .on::<lsp::ReferencesRequest>(navigation::references)
        .on::<lsp::PrepareRenameRequest>(navigation::prepare_rename)
        .on::<lsp::RenameRequest>(navigation::rename)
        .on::<lsp::CodeActionRequest>(actions::code_actions)
        .on::<lsp::DocumentFormattingRequest>(actions::format);
    done.response.unwrap_or_else(|| {
        let message = format!("`{}` is not supported", done.request.method);
        Response::new_err(done.request.id, ErrorCode::MethodNotFound as i32, message)
    })
}

/// The document that a request is about.
pub fn document<'s>(state: &'s State, uri: &lsp::Uri) -> Result<&'s Document, Refusal> {
    let found = state.documents.get(uri);
    found.ok_or_else(|| Refusal(format!("`{uri}` is not open")))
}

fn inlay_hints(state: &State, params: lsp::InlayHintParams) -> Answer<lsp::InlayHintRequest> {
    let document = document(state, &params.text_document.uri)?;
    let around = state.documents.around(document);
    let views: Vec<_> = around
        .iter()
        .map(|(analysis, file)| view(analysis, *file))
        .collect();
    let range = document.lines.bytes(&document.text, params.range);
    let hints = ide::hints(&views, range, state.settings.inlay_hints.detail());
    let hints = hints.into_iter().map(|hint| lsp::InlayHint {
        position: document.range(hint.at..hint.at).start,
        label: hint.label.into(),
        kind: Some(lsp::InlayHintKind::Type),
        text_edits: None,
        tooltip: Some(convert::markdown(hint.tooltip).into()),
        padding_left: Some(true),
        padding_right: Some(false),
        data: None,
    });
    Ok(Some(hints.collect()))
}

fn semantic_tokens(
    state: &State,
    params: lsp::SemanticTokensParams,
) -> Answer<lsp::SemanticTokensRequest> {
    let document = document(state, &params.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let tokens = ide::semantic_tokens(analysis.view());
    Ok(Some(convert::semantic_tokens(document, &tokens)))
}

fn completion(state: &State, params: lsp::CompletionParams) -> Answer<lsp::CompletionRequest> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let byte = document.byte(at.position);
    let items = match ide::path_at(analysis.view(), byte) {
        Some(typed) => navigation::files_to_use(document, typed),
        None => ide::complete(analysis.view(), byte),
    };
    let snippets = state.client.takes_snippets;
    let items = items.into_iter().enumerate();
    let items: Vec<_> = items
        .map(|(rank, item)| convert::completion(document, item, rank, snippets))
        .collect();
    Ok(Some(items.into()))
}

fn hover(state: &State, params: lsp::HoverParams) -> Answer<lsp::HoverRequest> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let around = state.documents.around(document);
    let views: Vec<_> = around
        .iter()
        .map(|(analysis, file)| view(analysis, *file))
        .collect();
    let hover = ide::hover(&views, document.byte(at.position));
    Ok(hover.map(|hover| lsp::Hover {
        contents: convert::markdown(hover.text).into(),
        range: Some(document.range(hover.range)),
    }))
}

fn signature_help(
    state: &State,
    params: lsp::SignatureHelpParams,
) -> Answer<lsp::SignatureHelpRequest> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let signatures = ide::signature(analysis.view(), document.byte(at.position));
    let signatures: Vec<_> = signatures.into_iter().map(convert::signature).collect();
    Ok((!signatures.is_empty()).then_some(lsp::SignatureHelp {
        signatures,
        active_signature: Some(0),
        active_parameter: None,
    }))
}

fn code_lens(state: &State, params: lsp::CodeLensParams) -> Answer<lsp::CodeLensRequest> {
    let document = document(state, &params.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let lenses = ide::lenses(analysis.view()).into_iter();
    let lenses = lenses.map(|lens| lsp::CodeLens {
        range: document.range(lens.range),
        // A command without a name: there is nothing to click.
        command: Some(lsp::Command {
            title: lens.title,
            ..Default::default()
        }),
        data: None,
    });
    Ok(Some(lenses.collect()))
}

fn symbols(state: &State, params: lsp::DocumentSymbolParams) -> Answer<lsp::DocumentSymbolRequest> {
    let document = document(state, &params.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let symbols = ide::symbols(analysis.view());
    let symbols: Vec<_> = symbols
        .iter()
        .map(|s| convert::symbol(document, s))
        .collect();
    Ok(Some(symbols.into()))
}

fn folding(state: &State, params: lsp::FoldingRangeParams) -> Answer<lsp::FoldingRangeRequest> {
    let document = document(state, &params.text_document.uri)?;
    let folds = ide::folds(&document.text);
    Ok(Some(
        folds
            .iter()
            .map(|fold| convert::fold(document, fold))
            .collect(),
    ))
}
