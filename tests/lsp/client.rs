//! An editor, as far as a server can tell.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gen_lsp_types as lsp;
use lsp::Notification as _;
use lsp_server::{Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};

/// A client with the server that it started, in a folder of its own.
pub struct Client {
    server: Child,
    to: Option<BufWriter<ChildStdin>>,
    from: BufReader<ChildStdout>,
    pub folder: tempfile::TempDir,
    next_id: i32,
    versions: HashMap<lsp::Uri, i32>,
    /// The last diagnostics of each document, with the version they are of.
    told: HashMap<lsp::Uri, (Option<i32>, Vec<lsp::Diagnostic>)>,
}

/// A position.
pub fn at(line: u32, character: u32) -> lsp::Position {
    lsp::Position { line, character }
}

/// A document, as requests name it.
pub fn document(uri: &lsp::Uri) -> lsp::TextDocumentIdentifier {
    lsp::TextDocumentIdentifier { uri: uri.clone() }
}

/// The parameters of a request about a place; all such requests have the same.
pub fn request_at<P: serde::de::DeserializeOwned>(uri: &lsp::Uri, position: lsp::Position) -> P {
    let value = json!({
        "textDocument": {"uri": uri},
        "position": position,
        "context": {"includeDeclaration": true, "triggerKind": 1, "isRetrigger": false},
        "newName": "unused",
    });
    serde_json::from_value(value).expect("the parameters of the request")
}

/// The parameters of a request about all of a document.
pub fn request_about<P: serde::de::DeserializeOwned>(uri: &lsp::Uri) -> P {
    let end = at(i32::MAX as u32, 0);
    let value = json!({
        "textDocument": {"uri": uri},
        "range": {"start": at(0, 0), "end": end},
        "context": {"diagnostics": []},
        "options": {"tabSize": 2, "insertSpaces": true},
    });
    serde_json::from_value(value).expect("the parameters of the request")
}

impl Client {
    pub fn start() -> Client {
        Client::start_with(json!({}))
    }

    /// Starts the server with settings, and greets it.
    pub fn start_with(settings: Value) -> Client {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Command::new(env!("CARGO_BIN_EXE_netc"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("netc starts");
        let to = server.stdin.take().map(BufWriter::new);
        let from = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut client = Client {
            server,
            to,
            from,
            folder,
            next_id: 0,
            versions: HashMap::new(),
            told: HashMap::new(),
        };
        let root = lsp::Uri::from_file_path(client.folder.path()).expect("a URI");
        let params = json!({
            "processId": null,
            "rootUri": root,
            "capabilities": {"textDocument": {"completion": {"completionItem": {"snippetSupport": true}}}},
            "workspaceFolders": [{"uri": root, "name": "test"}],
            "initializationOptions": settings,
        });
        let answer = client.raw("initialize", params).expect("an answer");
        let answer: lsp::InitializeResult = serde_json::from_value(answer).expect("capabilities");
        assert_eq!(answer.server_info.expect("a name").name, "netc");
        client.notify::<lsp::InitializedNotification>(lsp::InitializedParams {});
        client
    }

    /// Says goodbye; the server must leave in peace.
    pub fn stop(mut self) {
        self.raw("shutdown", Value::Null).expect("an answer");
        self.send(Message::Notification(Notification::new(
            "exit".into(),
            Value::Null,
        )));
        self.to = None;
        let status = self.server.wait().expect("the server ends");
        assert!(status.success(), "{status}");
    }

    fn send(&mut self, message: Message) {
        let to = self.to.as_mut().expect("the server listens");
        message.write(to).expect("the server listens");
    }

    fn receive(&mut self) -> Message {
        let message = Message::read(&mut self.from).expect("a message");
        message.expect("the server has not left")
    }

    pub fn notify<N: lsp::Notification>(&mut self, params: N::Params) {
        let method = N::METHOD.to_string();
        self.send(Message::Notification(Notification::new(method, params)));
    }

    /// Sends a request without waiting for its answer.
    pub fn ask(&mut self, method: &str, params: Value) -> RequestId {
        self.next_id += 1;
        let id = RequestId::from(self.next_id);
        let request = Request {
            id: id.clone(),
            method: method.into(),
            params,
        };
        self.send(Message::Request(request));
        id
    }

    /// The answer to a request; diagnostics on the way are kept.
    pub fn answer(&mut self, id: &RequestId) -> Result<Value, String> {
        loop {
            match self.receive() {
                Message::Response(Response {
                    id: answered,
                    response_result,
                }) if answered == *id => {
                    return response_result.map_err(|error| error.message);
                }
                message => self.keep(message),
            }
        }
    }

    fn keep(&mut self, message: Message) {
        if let Message::Notification(notification) = message
            && notification.method == lsp::PublishDiagnosticsNotification::METHOD.to_string()
        {
            let params: lsp::PublishDiagnosticsParams =
                serde_json::from_value(notification.params).expect("diagnostics");
            self.told
                .insert(params.uri, (params.version, params.diagnostics));
        }
    }

    pub fn raw(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.ask(method, params);
        self.answer(&id)
    }

    pub fn request<R: lsp::Request>(&mut self, params: R::Params) -> R::Result {
        self.try_request::<R>(params).expect("an answer")
    }

    pub fn try_request<R: lsp::Request>(&mut self, params: R::Params) -> Result<R::Result, String> {
        let params = serde_json::to_value(params).expect("JSON");
        let value = self.raw(&R::METHOD.to_string(), params)?;
        Ok(serde_json::from_value(value).expect("an answer of the right type"))
    }

    /// The URI of a file in the client's folder.
    pub fn uri(&self, name: &str) -> lsp::Uri {
        lsp::Uri::from_file_path(self.folder.path().join(name)).expect("a URI")
    }

    /// Puts a file on the disk.
    pub fn write(&self, name: &str, text: &str) -> lsp::Uri {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
        self.uri(name)
    }

    /// Opens a text, which need not be on the disk.
    pub fn open(&mut self, name: &str, text: &str) -> lsp::Uri {
        let uri = self.uri(name);
        self.versions.insert(uri.clone(), 1);
        self.notify::<lsp::DidOpenTextDocumentNotification>(lsp::DidOpenTextDocumentParams {
            text_document: lsp::TextDocumentItem {
                uri: uri.clone(),
                language_id: serde_json::from_value(json!("net")).expect("a language"),
                version: 1,
                text: text.into(),
            },
        });
        uri
    }

    /// Replaces a range of a document.
    pub fn edit(&mut self, uri: &lsp::Uri, start: lsp::Position, end: lsp::Position, text: &str) {
        let change = lsp::TextDocumentContentChangePartial {
            range: lsp::Range { start, end },
            text: text.into(),
            ..Default::default()
        };
        self.change(uri, change.into());
    }

    /// Replaces all of a document.
    pub fn replace(&mut self, uri: &lsp::Uri, text: &str) {
        let change = lsp::TextDocumentContentChangeWholeDocument { text: text.into() };
        self.change(uri, change.into());
    }

    fn change(&mut self, uri: &lsp::Uri, change: lsp::TextDocumentContentChangeEvent) {
        let version = self.versions.get_mut(uri).expect("an open document");
        *version += 1;
        let params = lsp::DidChangeTextDocumentParams {
            text_document: lsp::VersionedTextDocumentIdentifier {
                version: *version,
                text_document_identifier: document(uri),
            },
            content_changes: vec![change],
        };
        self.notify::<lsp::DidChangeTextDocumentNotification>(params);
    }

    /// The diagnostics of the present version.
    pub fn diagnostics(&mut self, uri: &lsp::Uri) -> Vec<lsp::Diagnostic> {
        let wanted = self.versions.get(uri).copied();
        loop {
            if let Some((version, diagnostics)) = self.told.get(uri)
                && *version == wanted
            {
                return diagnostics.clone();
            }
            let message = self.receive();
            self.keep(message);
        }
    }

    /// Forgets what was told of a document, to wait for news.
    pub fn forget(&mut self, uri: &lsp::Uri) {
        self.told.remove(uri);
    }

    pub fn hints(&mut self, uri: &lsp::Uri) -> Vec<(lsp::Position, String)> {
        let hints = self.request::<lsp::InlayHintRequest>(request_about(uri));
        let label = |label| match label {
            lsp::Label::String(text) => text,
            other => panic!("{other:?}"),
        };
        let hints = hints.into_iter().flatten();
        hints
            .map(|hint| (hint.position, label(hint.label)))
            .collect()
    }

    pub fn hover(&mut self, uri: &lsp::Uri, position: lsp::Position) -> Option<String> {
        let hover = self.request::<lsp::HoverRequest>(request_at(uri, position))?;
        match hover.contents {
            lsp::Contents::MarkupContent(content) => Some(content.value),
            other => panic!("{other:?}"),
        }
    }

    pub fn completion(
        &mut self,
        uri: &lsp::Uri,
        position: lsp::Position,
    ) -> Vec<lsp::CompletionItem> {
        match self.request::<lsp::CompletionRequest>(request_at(uri, position)) {
            Some(lsp::CompletionResponse::CompletionItemList(items)) => items,
            other => panic!("{other:?}"),
        }
    }

    pub fn definition(
        &mut self,
        uri: &lsp::Uri,
        position: lsp::Position,
    ) -> Vec<(lsp::Uri, lsp::Position)> {
        match self.request::<lsp::DefinitionRequest>(request_at(uri, position)) {
            Some(lsp::DefinitionResponse::Definition(definition)) => {
                let value = serde_json::to_value(definition).expect("JSON");
                let places: Vec<lsp::Location> = match value.is_array() {
                    true => serde_json::from_value(value).expect("locations"),
                    false => vec![serde_json::from_value(value).expect("a location")],
                };
                places
                    .into_iter()
                    .map(|place| (place.uri, place.range.start))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn references(
        &mut self,
        uri: &lsp::Uri,
        position: lsp::Position,
    ) -> Vec<(lsp::Uri, lsp::Position)> {
        let found = self.request::<lsp::ReferencesRequest>(request_at(uri, position));
        let places = found.into_iter().flatten();
        places.map(|place| (place.uri, place.range.start)).collect()
    }

    /// What a rename changes: by document, the starts and the new texts.
    pub fn rename(
        &mut self,
        uri: &lsp::Uri,
        position: lsp::Position,
        new_name: &str,
    ) -> Result<HashMap<lsp::Uri, Vec<(lsp::Position, String)>>, String> {
        let mut params: lsp::RenameParams = request_at(uri, position);
        params.new_name = new_name.into();
        let edit = self
            .try_request::<lsp::RenameRequest>(params)?
            .expect("an edit");
        let changes = edit.changes.expect("changes").into_iter();
        let starts = changes.map(|(uri, edits)| {
            let edits = edits
                .into_iter()
                .map(|edit| (edit.range.start, edit.new_text));
            (uri, edits.collect())
        });
        Ok(starts.collect())
    }

    /// The names of the outline's outermost symbols.
    pub fn symbols(&mut self, uri: &lsp::Uri) -> Vec<String> {
        match self.request::<lsp::DocumentSymbolRequest>(request_about(uri)) {
            Some(lsp::DocumentSymbolResponse::DocumentSymbolList(symbols)) => {
                symbols.into_iter().map(|symbol| symbol.name).collect()
            }
            // An empty list could be of either kind.
            Some(lsp::DocumentSymbolResponse::SymbolInformationList(symbols)) => {
                assert!(symbols.is_empty());
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}

impl Drop for Client {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
