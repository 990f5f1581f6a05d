//! The conversation with one editor.

use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use gen_lsp_types as lsp;
use lsp::Notification as _;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};

use super::diagnostics;
use super::documents::Documents;
use super::requests;
use super::setup::{self, Settings};

/// What the server knows.
pub struct State {
    /// The texts.
    pub documents: Documents,
    /// What the user chose.
    pub settings: Settings,
    /// What the editor can do.
    pub client: setup::Client,
}

/// Takes messages until the editor says goodbye.
pub fn run(connection: &Connection, include: Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let (id, params) = connection.initialize_start()?;
    let params: lsp::InitializeParams = serde_json::from_value(params)?;
    connection.initialize_finish(id, serde_json::to_value(setup::answer())?)?;
    let mut state = setup::state(&params, include);
    if state.client.watches_files {
        connection
            .sender
            .send(Message::Request(setup::watch_files()))?;
    }
    let mut queue: VecDeque<Message> = VecDeque::new();
    loop {
        if queue.is_empty() {
            queue.extend(connection.receiver.try_iter());
        }
        let message = match queue.pop_front() {
            Some(message) => message,
            None => match tell_diagnostics(connection, &mut state)? {
                true => continue,
                false => connection.receiver.recv()?,
            },
        };
        queue.extend(connection.receiver.try_iter());
        match message {
            Message::Request(request) if is_cancelled(&mut queue, &request) => {
                let code = ErrorCode::RequestCanceled as i32;
                let response = Response::new_err(request.id, code, "cancelled".into());
                connection.sender.send(Message::Response(response))?;
            }
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(());
                }
                let response = answer(&state, request);
                connection.sender.send(Message::Response(response))?;
            }
            Message::Notification(notification) => take(connection, &mut state, notification)?,
            // The only request of the server asks for news of files; nothing depends on what the editor says to that.
            Message::Response(_) => {}
        }
    }
}

/// Whether the editor has taken a request back that is still to be answered.
fn is_cancelled(queue: &mut VecDeque<Message>, request: &Request) -> bool {
    let cancels = |message: &Message| match message {
        Message::Notification(notification) => {
            notification.method == lsp::CancelNotification::METHOD.to_string()
                && notification.params.get("id") == serde_json::to_value(&request.id).ok().as_ref()
        }
        _ => false,
    };
    let found = queue.iter().position(cancels);
    found.and_then(|index| queue.remove(index)).is_some()
}

/// A fault of the server costs the editor one answer, not the server.
fn answer(state: &State, request: Request) -> Response {
    let id = request.id.clone();
    let answered = catch_unwind(AssertUnwindSafe(|| requests::answer(state, request)));
    answered.unwrap_or_else(|_| {
        let message = "internal error: please report it";
        Response::new_err(id, ErrorCode::InternalError as i32, message.into())
    })
}

/// Tells the diagnostics of one document, if some are still to be told.
fn tell_diagnostics(connection: &Connection, state: &mut State) -> Result<bool, Box<dyn Error>> {
    let Some(document) = state.documents.untold() else {
        return Ok(false);
    };
    document.is_told = true;
    let uri = document.uri.clone();
    let found = catch_unwind(AssertUnwindSafe(|| diagnostics::of(state, &uri)));
    if let Ok(Some(params)) = found {
        publish(connection, params)?;
    }
    Ok(true)
}

fn publish(
    connection: &Connection,
    params: lsp::PublishDiagnosticsParams,
) -> Result<(), Box<dyn Error>> {
    let method = lsp::PublishDiagnosticsNotification::METHOD.to_string();
    let notification = Notification::new(method, params);
    Ok(connection
        .sender
        .send(Message::Notification(notification))?)
}

/// Takes a notification in. One that makes no sense is passed over, as the protocol wants it.
fn take(
    connection: &Connection,
    state: &mut State,
    notification: Notification,
) -> Result<(), Box<dyn Error>> {
    let is = |method: lsp::LspNotificationMethod<'_>| notification.method == method.to_string();
    if is(lsp::DidOpenTextDocumentNotification::METHOD) {
        if let Some(params) = read::<lsp::DidOpenTextDocumentParams>(notification) {
            state.documents.open(params.text_document);
        }
    } else if is(lsp::DidChangeTextDocumentNotification::METHOD) {
        if let Some(params) = read(notification) {
            state.documents.change(params);
        }
    } else if is(lsp::DidCloseTextDocumentNotification::METHOD) {
        if let Some(params) = read::<lsp::DidCloseTextDocumentParams>(notification) {
            let uri = params.text_document.uri;
            state.documents.close(&uri);
            let none = lsp::PublishDiagnosticsParams {
                uri,
                version: None,
                diagnostics: Vec::new(),
            };
            publish(connection, none)?;
        }
    } else if is(lsp::DidChangeWatchedFilesNotification::METHOD) {
        state.documents.forget_all();
    } else if is(lsp::DidChangeConfigurationNotification::METHOD)
        && let Some(params) = read::<lsp::DidChangeConfigurationParams>(notification)
    {
        state.settings = setup::settings(&params.settings);
        state.documents.include = state.settings.include.clone();
        state.documents.forget_all();
    }
    Ok(())
}

fn read<P: serde::de::DeserializeOwned>(notification: Notification) -> Option<P> {
    serde_json::from_value(notification.params).ok()
}
