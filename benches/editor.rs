//! How fast the language server answers on ResNet-152's file (`nets/resnet.net`, all five nets of it): each request after an edit, the
//! analysis of the edited text included, over the protocol.
//!
//! `cargo bench --bench editor`

use std::hint::black_box;
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};

const TEXT: &str = include_str!("../nets/resnet.net");
const URI: &str = "file:///bench/resnet.net";

/// An editor at the other end of a connection in memory.
struct Editor {
    connection: Connection,
    next_id: i32,
    version: i32,
}

impl Editor {
    fn start() -> Editor {
        let (server, connection) = Connection::memory();
        thread::spawn(move || netc::lsp::serve(server, Vec::new()));
        let mut editor = Editor {
            connection,
            next_id: 0,
            version: 1,
        };
        editor.ask("initialize", json!({"capabilities": {}}));
        editor.tell("initialized", json!({}));
        let document = json!({"uri": URI, "languageId": "net", "version": 1, "text": TEXT});
        editor.tell("textDocument/didOpen", json!({"textDocument": document}));
        editor
    }

    fn tell(&self, method: &str, params: Value) {
        let notification = Notification::new(method.into(), params);
        let sent = self
            .connection
            .sender
            .send(Message::Notification(notification));
        sent.expect("the server listens");
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = RequestId::from(self.next_id);
        let request = Request::new(id.clone(), method.into(), params);
        let sent = self.connection.sender.send(Message::Request(request));
        sent.expect("the server listens");
        loop {
            let message = self.connection.receiver.recv().expect("an answer");
            if let Message::Response(response) = message
                && response.id == id
            {
                return response.response_result.expect("an answer");
            }
        }
    }

    /// Adds a line that is half typed to the net, or takes it away again.
    fn edit(&mut self) {
        let line = TEXT.lines().position(|line| line.contains("maxpool(3x3"));
        let start = json!({"line": line, "character": 0});
        let end = json!({"line": line.map(|line| line + 1), "character": 0});
        let change = match self.version % 2 {
            1 => json!({"range": {"start": start, "end": start}, "text": "  conv(64, \n"}),
            _ => json!({"range": {"start": start, "end": end}, "text": ""}),
        };
        self.version += 1;
        let document = json!({"uri": URI, "version": self.version});
        self.tell(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": [change]}),
        );
    }
}

fn answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("editor");
    let mut editor = Editor::start();
    let document = json!({"uri": URI});
    let line = TEXT
        .lines()
        .position(|line| line.contains("conv2: conv(width"));
    let at = json!({"textDocument": document, "position": {"line": line, "character": 13}});
    let all = json!({"start": {"line": 0, "character": 0}, "end": {"line": 999, "character": 0}});
    let requests = [
        ("inlayHint", json!({"textDocument": document, "range": all})),
        ("hover", at.clone()),
        ("completion", at.clone()),
        ("signatureHelp", at.clone()),
        ("definition", at.clone()),
        ("documentSymbol", json!({"textDocument": document})),
        ("foldingRange", json!({"textDocument": document})),
        ("semanticTokens/full", json!({"textDocument": document})),
        ("codeLens", json!({"textDocument": document})),
    ];
    for (name, params) in requests {
        let method = format!("textDocument/{name}");
        group.bench_function(name.replace('/', "_"), |bencher| {
            bencher.iter(|| {
                editor.edit();
                black_box(editor.ask(&method, params.clone()))
            });
        });
    }
}

criterion_group!(benches, answers);
criterion_main!(benches);
