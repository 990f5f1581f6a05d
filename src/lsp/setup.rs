//! What server and editor tell each other at the start.

use std::path::PathBuf;

use gen_lsp_types as lsp;
use lsp::Notification as _;
use lsp_server::Request;
use serde::Deserialize;

use super::convert::{TOKEN_MODIFIERS, TOKEN_TYPES};
use super::documents::{Documents, canonical};
use super::session::State;
use crate::ide::HintDetail;

/// What the user can choose, as the editor sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// Which steps are shown with their shapes.
    pub inlay_hints: InlayHints,
    /// Directories that `use` may read from, besides that of each file.
    pub include: Vec<PathBuf>,
}

/// [`HintDetail`], as it is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InlayHints {
    /// Every step.
    #[default]
    Steps,
    /// Steps that change the shape.
    Changes,
    /// None.
    Off,
}

impl InlayHints {
    /// As the answers know it.
    pub fn detail(self) -> HintDetail {
        match self {
            InlayHints::Steps => HintDetail::Steps,
            InlayHints::Changes => HintDetail::Changes,
            InlayHints::Off => HintDetail::Off,
        }
    }
}

/// What the editor can do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client {
    /// It fills in tab stops.
    pub takes_snippets: bool,
    /// It can watch files.
    pub watches_files: bool,
}

/// The settings in what an editor sends: by themselves, or under `netc`. What makes no sense is left at its default.
pub fn settings(value: &serde_json::Value) -> Settings {
    let value = value.get("netc").unwrap_or(value);
    Settings::deserialize(value).unwrap_or_default()
}

/// The state at the start.
pub fn state(params: &lsp::InitializeParams, include: Vec<PathBuf>) -> State {
    let mut settings = params
        .initialization_options
        .as_ref()
        .map(settings)
        .unwrap_or_default();
    settings.include.extend(include);
    let documents = Documents::new(settings.include.clone(), folders(params));
    State {
        documents,
        settings,
        client: client(&params.capabilities),
    }
}

fn folders(params: &lsp::InitializeParams) -> Vec<PathBuf> {
    let folders = params
        .workspace_folders_initialize_params
        .workspace_folders
        .clone();
    let uris: Vec<lsp::Uri> = match folders {
        Some(lsp::WorkspaceFolders::WorkspaceFolderList(folders)) => {
            folders.into_iter().map(|folder| folder.uri).collect()
        }
        _ => Vec::new(),
    };
    let paths = uris.iter().filter_map(|uri| uri.to_file_path().ok());
    paths.map(|path| canonical(&path)).collect()
}

fn client(capabilities: &lsp::ClientCapabilities) -> Client {
    let text = capabilities.text_document.as_ref();
    let item = text
        .and_then(|text| text.completion.as_ref())
        .and_then(|completion| completion.completion_item.as_ref());
    let watched = capabilities
        .workspace
        .as_ref()
        .and_then(|workspace| workspace.did_change_watched_files.as_ref());
    Client {
        takes_snippets: item.and_then(|item| item.snippet_support) == Some(true),
        watches_files: watched.and_then(|watched| watched.dynamic_registration) == Some(true),
    }
}

/// The request to be told when `.net` files change on the disk.
pub fn watch_files() -> Request {
    let options = serde_json::json!({"watchers": [{"globPattern": "**/*.net"}]});
    let registration = lsp::Registration {
        id: "net-files".into(),
        method: lsp::DidChangeWatchedFilesNotification::METHOD.to_string(),
        register_options: Some(options),
    };
    let params = lsp::RegistrationParams {
        registrations: vec![registration],
    };
    let method = <lsp::RegistrationRequest as lsp::Request>::METHOD.to_string();
    Request::new(method.clone().into(), method, params)
}

/// What the server can do.
pub fn answer() -> lsp::InitializeResult {
    lsp::InitializeResult {
        capabilities: capabilities(),
        server_info: Some(lsp::ServerInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
        }),
    }
}

fn capabilities() -> lsp::ServerCapabilities {
    let words = |words: &[&str]| Some(words.iter().map(|word| word.to_string()).collect());
    lsp::ServerCapabilities {
        text_document_sync: Some(
            lsp::TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(lsp::TextDocumentSyncKind::Incremental),
                ..Default::default()
            }
            .into(),
        ),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: words(&[".", "(", "=", "\"", ">"]),
            ..Default::default()
        }),
        hover_provider: Some(true.into()),
        signature_help_provider: Some(lsp::SignatureHelpOptions {
            trigger_characters: words(&["(", ",", "="]),
            ..Default::default()
        }),
        definition_provider: Some(true.into()),
        references_provider: Some(true.into()),
        document_highlight_provider: Some(true.into()),
        document_symbol_provider: Some(true.into()),
        code_action_provider: Some(
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![
                    lsp::CodeActionKind::QuickFix,
                    lsp::CodeActionKind::SourceFixAll,
                ]),
                ..Default::default()
            }
            .into(),
        ),
        document_formatting_provider: Some(true.into()),
        code_lens_provider: Some(lsp::CodeLensOptions::default()),
        rename_provider: Some(
            lsp::RenameOptions {
                prepare_provider: Some(true),
                ..Default::default()
            }
            .into(),
        ),
        folding_range_provider: Some(true.into()),
        semantic_tokens_provider: Some(
            lsp::SemanticTokensOptions {
                legend: lsp::SemanticTokensLegend {
                    token_types: TOKEN_TYPES.iter().map(|name| name.to_string()).collect(),
                    token_modifiers: TOKEN_MODIFIERS
                        .iter()
                        .map(|name| name.to_string())
                        .collect(),
                },
                full: Some(true.into()),
                range: None,
                ..Default::default()
            }
            .into(),
        ),
        inlay_hint_provider: Some(true.into()),
        ..Default::default()
    }
}
