//! Texts while somebody types.

use gen_lsp_types as lsp;
use serde_json::json;

use super::RESNET;
use super::client::{Client, at, request_about};

#[test]
fn a_net_is_typed_letter_by_letter() {
    let mut client = Client::start();
    let uri = client.open("a.net", "");
    let text =
        "net Größe {\n  input x: [3, 8, 8]\n  conv(4, 3x3) -> relu\n}\n".replace("Größe", "Small");
    let mut position = at(0, 0);
    for c in text.chars() {
        client.edit(&uri, position, position, &c.to_string());
        position = match c {
            '\n' => at(position.line + 1, 0),
            _ => at(position.line, position.character + c.len_utf16() as u32),
        };
        client.hints(&uri);
        client.completion(&uri, position);
        client.hover(&uri, position);
    }
    assert_eq!(client.diagnostics(&uri), []);
    let labels: Vec<String> = client
        .hints(&uri)
        .into_iter()
        .map(|(_, label)| label)
        .collect();
    assert_eq!(labels, ["[4, 6, 6]", "[4, 6, 6]"]);
    client.stop();
}

#[test]
fn columns_are_utf16() {
    let mut client = Client::start();
    // In UTF-16 the comment has 4 code units for `😀é`, spaces aside: two and one.
    let uri = client.open(
        "a.net",
        "net N {\n  input x: [3, 8, 8]\n  /* 😀é */ conv(4, 1x1) /* 😀 */ -> rel\n}\n",
    );
    let found = client.diagnostics(&uri);
    assert_eq!(
        found[0].range,
        lsp::Range {
            start: at(2, 37),
            end: at(2, 40)
        }
    );
    client.edit(&uri, at(2, 40), at(2, 40), "u");
    assert_eq!(client.diagnostics(&uri), []);
    assert_eq!(
        client.hints(&uri),
        [
            (at(2, 24), "[4, 8, 8]".to_string()),
            (at(2, 41), "[4, 8, 8]".to_string())
        ]
    );
    let hover = client.hover(&uri, at(2, 12)).expect("a hover");
    assert!(hover.contains("conv(channels"), "{hover}");
    client.stop();
}

#[test]
fn a_half_typed_line_leaves_the_rest_alive() {
    let mut client = Client::start();
    let uri = client.open("resnet.net", RESNET);
    let whole = client.hints(&uri);
    let line = RESNET
        .lines()
        .position(|line| line.contains("maxpool(3x3"))
        .expect("a line") as u32;
    for typed in [
        "residual {",
        "conv(64, ",
        "x: conv(64",
        "mystery ->",
        "\"",
        "/*",
        "conv(64, strid",
    ] {
        client.edit(&uri, at(line, 0), at(line, 0), &format!("  {typed}\n"));
        let found = client.diagnostics(&uri);
        assert!(!found.is_empty(), "{typed}");
        let alive = client.hints(&uri);
        assert!(
            alive.len() + 4 >= whole.len(),
            "{typed}: {} of {}",
            alive.len(),
            whole.len()
        );
        assert!(
            client.symbols(&uri).contains(&"ResNet152".to_string()),
            "{typed}"
        );
        client.edit(&uri, at(line, 0), at(line + 1, 0), "");
        assert_eq!(client.diagnostics(&uri), []);
    }
    assert_eq!(client.hints(&uri), whole);
    client.stop();
}

#[test]
fn settings_choose_the_hints() {
    let text = "net N {\n  input x: [3, 8, 8]\n  conv(4, 1x1) -> relu\n}\n";
    for (setting, n) in [("steps", 2), ("changes", 1), ("off", 0)] {
        let mut client = Client::start_with(json!({"inlayHints": setting}));
        let uri = client.open("a.net", text);
        assert_eq!(client.hints(&uri).len(), n, "{setting}");
        let settings = json!({"settings": {"netc": {"inlayHints": "steps"}}});
        let params = serde_json::from_value(settings).expect("settings");
        client.notify::<lsp::DidChangeConfigurationNotification>(params);
        assert_eq!(client.hints(&uri).len(), 2);
        client.stop();
    }
}

#[test]
fn texts_of_any_kind_are_survived() {
    let mut client = Client::start();
    let uri = client.open("a.net", "");
    let deep = "{".repeat(5_000);
    let long = format!(
        "net N {{ input x: [1, 2, 2]\n{} }}",
        "relu -> ".repeat(20_000) + "relu"
    );
    let wild = "net N { input x: [1, 2, 2]\n repeat i in 0..99999 { repeat j in 0..99999 { repeat k in 0..99999 { relu } } } }";
    let recursive = "block A { B -> B }\nblock B { A -> A\nnet N { input x: [1, 2, 2]\n A -> (";
    for text in [
        deep.as_str(),
        &long,
        wild,
        recursive,
        "\u{0}\u{202e}é😀",
        "net",
        "use \"",
        "\"{\"{\"{",
    ] {
        client.replace(&uri, text);
        let found = client.diagnostics(&uri);
        assert!(
            !found.is_empty() || text == long,
            "{}",
            &text[..text.len().min(40)]
        );
        client.hints(&uri);
        client.symbols(&uri);
        client.completion(&uri, at(0, 3));
        client.hover(&uri, at(0, 1));
        client.request::<lsp::SemanticTokensRequest>(request_about(&uri));
    }
    client.replace(&uri, "net N { input x: [1, 2, 2]\n relu }");
    assert_eq!(client.diagnostics(&uri), []);
    client.stop();
}

#[test]
fn a_request_can_be_taken_back() {
    let mut client = Client::start();
    let uri = client.open("resnet.net", RESNET);
    let params = json!({"textDocument": {"uri": uri}});
    // The first keeps the server busy while the second and what takes it back arrive; if it is too fast for that, the answer is as good.
    let first = client.ask("textDocument/codeLens", params.clone());
    let second = client.ask("textDocument/codeLens", params);
    let cancel = json!({"id": serde_json::to_value(&second).expect("an id")});
    client.notify::<lsp::CancelNotification>(serde_json::from_value(cancel).expect("parameters"));
    client.answer(&first).expect("an answer");
    if let Err(reason) = client.answer(&second) {
        assert_eq!(reason, "cancelled");
    }
    client.stop();
}
