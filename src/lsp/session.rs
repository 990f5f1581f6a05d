//! The conversation with one editor.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use gen_lsp_types as lsp;
use lsp::{Notification as _, Request as _};
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

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The editor asked for `shutdown` before it left, whether it said `exit` or not.
    Goodbye,
    /// It left without.
    Abrupt,
}

/// The other side of the connection is gone.
#[derive(Clone, Copy, Debug)]
struct Gone;

/// Takes messages until the editor leaves.
///
/// An editor leaves by `exit` or by the end of its stream, at any time. Neither is a fault of the server; what counts is
/// whether `shutdown` came before.
pub fn run(connection: &Connection, include: Vec<PathBuf>) -> End {
    let mut has_shut_down = false;
    let _: Result<(), Gone> = converse(connection, include, &mut has_shut_down);
    match has_shut_down {
        true => End::Goodbye,
        false => End::Abrupt,
    }
}

fn send(connection: &Connection, message: impl Into<Message>) -> Result<(), Gone> {
    connection.sender.send(message.into()).map_err(|_| Gone)
}

fn receive(connection: &Connection) -> Result<Message, Gone> {
    connection.receiver.recv().map_err(|_| Gone)
}

fn is_exit(message: &Message) -> bool {
    matches!(message, Message::Notification(it) if it.method == lsp::ExitNotification::METHOD.to_string())
}

/// Waits for the greeting, and returns it. `None`: the editor left.
fn greet(connection: &Connection) -> Result<Option<lsp::InitializeParams>, Gone> {
    loop {
        let message = receive(connection)?;
        if is_exit(&message) {
            return Ok(None);
        }
        let Message::Request(request) = message else {
            continue;
        };
        if request.method != lsp::InitializeRequest::METHOD.to_string() {
            let code = ErrorCode::ServerNotInitialized as i32;
            send(
                connection,
                Response::new_err(request.id, code, "`initialize` comes first".into()),
            )?;
            continue;
        }
        match serde_json::from_value(request.params) {
            Ok(params) => {
                send(connection, Response::new_ok(request.id, setup::answer()))?;
                return Ok(Some(params));
            }
            Err(error) => {
                let code = ErrorCode::InvalidParams as i32;
                send(
                    connection,
                    Response::new_err(request.id, code, error.to_string()),
                )?;
            }
        }
    }
}

fn converse(
    connection: &Connection,
    include: Vec<PathBuf>,
    has_shut_down: &mut bool,
) -> Result<(), Gone> {
    let Some(params) = greet(connection)? else {
        return Ok(());
    };
    let mut state = setup::state(&params, include);
    let mut queue: VecDeque<Message> = VecDeque::new();
    loop {
        if queue.is_empty() {
            queue.extend(connection.receiver.try_iter());
        }
        let message = match queue.pop_front() {
            Some(message) => message,
            None => match tell_diagnostics(connection, &mut state)? {
                true => continue,
                false => receive(connection)?,
            },
        };
        queue.extend(connection.receiver.try_iter());
        match message {
            message if is_exit(&message) => return Ok(()),
            Message::Request(request) if is_cancelled(&mut queue, &request) => {
                let code = ErrorCode::RequestCanceled as i32;
                send(
                    connection,
                    Response::new_err(request.id, code, "cancelled".into()),
                )?;
            }
            Message::Request(request) if *has_shut_down => {
                let code = ErrorCode::InvalidRequest as i32;
                let reason = "nothing is answered after `shutdown`";
                send(
                    connection,
                    Response::new_err(request.id, code, reason.into()),
                )?;
            }
            Message::Request(request)
                if request.method == lsp::ShutdownRequest::METHOD.to_string() =>
            {
                *has_shut_down = true;
                send(connection, Response::new_ok(request.id, ()))?;
            }
            Message::Request(request) => send(connection, answer(&state, request))?,
            Message::Notification(_) if *has_shut_down => {}
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
fn tell_diagnostics(connection: &Connection, state: &mut State) -> Result<bool, Gone> {
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

fn publish(connection: &Connection, params: lsp::PublishDiagnosticsParams) -> Result<(), Gone> {
    let method = lsp::PublishDiagnosticsNotification::METHOD.to_string();
    let notification = Notification::new(method, params);
    send(connection, notification)
}

/// Takes a notification in. One that makes no sense is passed over, as the protocol wants it.
fn take(
    connection: &Connection,
    state: &mut State,
    notification: Notification,
) -> Result<(), Gone> {
    let is = |method: lsp::LspNotificationMethod<'_>| notification.method == method.to_string();
    if is(lsp::InitializedNotification::METHOD) {
        if state.client.watches_files {
            send(connection, setup::watch_files())?;
        }
        return Ok(());
    }
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
