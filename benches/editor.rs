//! How fast the language server answers on ResNet-152's file (`nets/resnet.net`, all five nets of it): each request right after an edit,
//! the analysis of the edited text included, over the protocol. A line is typed into the net that the five are made of: finished, half
//! typed, with a misspelt word, or with a number of channels that no state of the text had before.
//!
//! `cargo bench --bench editor`

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};

const TEXT: &str = include_str!("../nets/resnet.net");
const URI: &str = "file:///bench/resnet.net";

/// An editor at the other end of a connection in memory.
struct Editor {
    connection: Connection,
    next_id: i32,
    version: i32,
    has_line: bool,
}

impl Editor {
    fn start() -> Editor {
        let (server, connection) = Connection::memory();
        thread::spawn(move || netc::lsp::serve(server, Vec::new()));
        let mut editor = Editor {
            connection,
            next_id: 0,
            version: 1,
            has_line: false,
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

    /// Puts a line into the net, or, if there is one, another in its place.
    fn type_line(&mut self, line: &str) {
        let at = TEXT.lines().position(|line| line.contains("maxpool(3x3"));
        let at = at.expect("the line is there");
        let start = json!({"line": at, "character": 0});
        let end = json!({"line": at + usize::from(self.has_line), "character": 0});
        self.has_line = !line.is_empty();
        self.version += 1;
        let document = json!({"uri": URI, "version": self.version});
        let change = json!({"range": {"start": start, "end": end}, "text": line});
        self.tell(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": [change]}),
        );
    }
}

/// Makes the line that is typed next.
type Typist = Box<dyn FnMut() -> String>;

/// The states of the line, by name.
fn states() -> [(&'static str, Typist); 4] {
    let mut channels = 64;
    let new = move || {
        channels += 1;
        format!("  conv({channels}, 3x3, pad=1) -> conv(64, 3x3, pad=1)\n")
    };
    [
        ("finished", Box::new(|| "  relu\n".to_string())),
        ("half_typed", Box::new(|| "  conv(64, \n".to_string())),
        (
            "misspelt",
            Box::new(|| "  conv(64, 3x3, strid=2)\n".to_string()),
        ),
        ("new_numbers", Box::new(new)),
    ]
}

fn answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("editor");
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.sample_size(20);
    let mut editor = Editor::start();
    let document = json!({"uri": URI});
    let line = TEXT
        .lines()
        .position(|line| line.contains("conv2: conv(width"));
    let position = json!({"line": line, "character": 13});
    let at = json!({"textDocument": document, "position": position});
    let all = json!({"start": {"line": 0, "character": 0}, "end": {"line": 999, "character": 0}});
    let of_document = json!({"textDocument": document});
    let requests = [
        ("inlayHint", json!({"textDocument": document, "range": all})),
        ("hover", at.clone()),
        ("completion", at.clone()),
        ("signatureHelp", at.clone()),
        ("definition", at.clone()),
        (
            "references",
            json!({"textDocument": document, "position": position, "context": {"includeDeclaration": true}}),
        ),
        (
            "rename",
            json!({"textDocument": document, "position": {"line": line, "character": 5}, "newName": "middle"}),
        ),
        ("documentHighlight", at.clone()),
        ("documentSymbol", of_document.clone()),
        ("foldingRange", of_document.clone()),
        ("semanticTokens/full", of_document.clone()),
        ("codeLens", of_document.clone()),
        (
            "codeAction",
            json!({"textDocument": document, "range": all, "context": {"diagnostics": []}}),
        ),
        (
            "formatting",
            json!({"textDocument": document, "options": {"tabSize": 2, "insertSpaces": true}}),
        ),
    ];
    for (name, params) in requests {
        let method = format!("textDocument/{name}");
        for (state, mut line) in states() {
            let id = BenchmarkId::new(name.replace('/', "_"), state);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|n_rounds| {
                    let mut taken = Duration::ZERO;
                    for _ in 0..n_rounds {
                        editor.type_line("");
                        editor.ask("textDocument/documentSymbol", of_document.clone());
                        let line = line();
                        let start = Instant::now();
                        editor.type_line(&line);
                        black_box(editor.ask(&method, params.clone()));
                        taken += start.elapsed();
                    }
                    taken
                });
            });
        }
    }
}

criterion_group!(benches, answers);
criterion_main!(benches);
