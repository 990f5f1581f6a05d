//! The language server as an editor drives it: a client written on the protocol's types, over the standard streams of the real command.

mod client;
mod files;
mod goodbye;
mod typing;

use gen_lsp_types as lsp;

use client::{Client, at, request_about, request_at};

const RESNET: &str = include_str!("../nets/resnet.net");

#[test]
fn a_real_file_is_answered_in_full() {
    let mut client = Client::start();
    let uri = client.open("resnet.net", RESNET);
    assert_eq!(client.diagnostics(&uri), []);

    let hints = client.hints(&uri);
    let shown: Vec<(u32, String)> = hints
        .iter()
        .map(|(position, label)| (position.line, label.clone()))
        .collect();
    let line = RESNET
        .lines()
        .position(|line| line.contains("layer2: repeat"))
        .expect("a line") as u32;
    let of_line: Vec<&str> = shown
        .iter()
        .filter(|(at, _)| *at == line)
        .map(|(_, label)| label.as_str())
        .collect();
    assert_eq!(of_line, ["[128|512, 28, 28]", "[128|512, 28, 28]"]);

    let lenses = client.request::<lsp::CodeLensRequest>(request_about(&uri));
    let titles: Vec<String> = lenses
        .into_iter()
        .flatten()
        .filter_map(|lens| Some(lens.command?.title))
        .collect();
    assert_eq!(titles.len(), 5);
    assert_eq!(
        titles[2],
        "[3, 224, 224] → [1000] · 25.6 M parameters · 4.1 G MACs · 175 steps"
    );

    let symbols = client.symbols(&uri);
    assert_eq!(symbols[..3], ["BasicBlock", "Bottleneck", "ResNet"]);

    let folds = client.request::<lsp::FoldingRangeRequest>(request_about(&uri));
    assert!(folds.is_some_and(|folds| folds.len() > 8));

    let tokens = client.request::<lsp::SemanticTokensRequest>(request_about(&uri));
    assert!(tokens.is_some_and(|tokens| tokens.data.len() > 300));
    client.stop();
}

#[test]
fn hover_tells_shape_cost_and_formula() {
    let mut client = Client::start();
    let uri = client.open(
        "a.net",
        "net N {\n  input x: [3, 8, 8]\n  conv(4, 3x3, pad=1)\n}\n",
    );
    let hover = client.hover(&uri, at(2, 3)).expect("a hover");
    for part in [
        "`[3, 8, 8]` → `[4, 8, 8]`",
        "112 parameters",
        "receptive field 3, effective stride 1",
        "floor((8 + 2*1 - 3) / 1) + 1 = 8",
        "⌊(H + top",
    ] {
        assert!(hover.contains(part), "{part} is not in {hover}");
    }
    assert_eq!(client.hover(&uri, at(3, 0)), None);
    client.stop();
}

#[test]
fn diagnostics_name_both_parties() {
    let mut client = Client::start();
    let uri = client.open(
        "a.net",
        "net N {\n  input x: [3, 8, 8]\n  residual {\n    conv(3, 3x3)\n  }\n}\n",
    );
    let found = client.diagnostics(&uri);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range.start, at(2, 2));
    assert_eq!(found[0].code, Some("E0402".to_string().into()));
    let related = found[0]
        .related_information
        .as_ref()
        .expect("related information");
    assert_eq!(related[0].location.range.start, at(3, 4));
    assert_eq!(related[0].message, "this branch gives [3, 6, 6]");
    client.stop();
}

#[test]
fn names_are_followed_and_renamed() {
    let mut client = Client::start();
    let text = "block B(n: int) { conv(n, 1x1) }\nnet N {\n  input x: [3, 8, 8]\n  a: B(n=4) -> relu\n  a + it\n}\n";
    let uri = client.open("a.net", text);
    let definition = client.definition(&uri, at(3, 7));
    assert_eq!(definition, [(uri.clone(), at(0, 8))]);
    let references = client.references(&uri, at(0, 8));
    assert_eq!(
        references,
        [
            (uri.clone(), at(0, 8)),
            (uri.clone(), at(0, 23)),
            (uri.clone(), at(3, 7))
        ]
    );
    assert_eq!(
        client.rename(&uri, at(3, 2), "b").expect("an edit")[&uri],
        [(at(3, 2), "b".to_string()), (at(4, 2), "b".to_string())]
    );
    let refused = client
        .rename(&uri, at(0, 19), "x")
        .expect_err("`conv` is built in");
    assert_eq!(refused, "`conv` is built in");
    let placeholder = client.request::<lsp::PrepareRenameRequest>(request_at(&uri, at(0, 8)));
    assert!(
        matches!(placeholder, Some(lsp::PrepareRenameResult::PrepareRenamePlaceholder(p)) if p.placeholder == "n")
    );
    let marks = client.request::<lsp::DocumentHighlightRequest>(request_at(&uri, at(3, 2)));
    assert_eq!(marks.map(|marks| marks.len()), Some(2));
    client.stop();
}

/// A net of any size: what it is for is missing.
const OPEN: &str = "net N {\n  input x: [3, H = 32, W = 32] // é\n  a: conv(8, 1x1)\n  avgpool(2x2) -> upsample(2) -> add(a) : [_, H, W]\n}\n";

#[test]
fn open_sizes_are_served() {
    let mut client = Client::start();
    let uri = client.open("a.net", OPEN);
    let found = client.diagnostics(&uri);
    let codes: Vec<_> = found.iter().map(|d| d.code.clone()).collect();
    assert_eq!(codes.len(), 2, "{found:?}");

    let range = lsp::Range {
        start: at(0, 0),
        end: at(9, 0),
    };
    let actions = serde_json::json!({
        "textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []},
    });
    let actions = client
        .raw("textDocument/codeAction", actions)
        .expect("actions");
    let edit = &actions[0]["edit"]["changes"][uri.to_string()][0];
    let clause = edit["newText"].as_str().expect("a text");
    assert_eq!(clause, "\n  where H % 2 == 0 and W % 2 == 0");
    assert_eq!(actions[0]["isPreferred"], false);
    let end = at(1, 35);
    assert_eq!(edit["range"]["start"], serde_json::json!(end));
    client.edit(&uri, end, end, clause);
    assert_eq!(client.diagnostics(&uri), []);

    let hints = client.hints(&uri);
    assert_eq!(hints[0], (at(3, 17), "[8, 32, 32]".to_string()));
    let hover = client.hover(&uri, at(4, 4)).expect("a hover");
    assert!(
        hover.contains("for all sizes `[8, H, W]` → `[8, H / 2, W / 2]`"),
        "{hover}"
    );
    let hover = client.hover(&uri, at(2, 8)).expect("a hover");
    assert!(hover.contains("for `H % 2 == 0`"), "{hover}");
    let edits = client.rename(&uri, at(4, 46), "Rows").expect("an edit");
    assert_eq!(edits[&uri].len(), 3, "{edits:?}");
    assert_eq!(
        client.definition(&uri, at(2, 8)),
        [(uri.clone(), at(1, 15))]
    );
    let items = client.completion(&uri, at(2, 8));
    assert!(items.iter().any(|item| item.label == "W"));
    client.stop();
}

#[test]
fn calls_are_completed_and_explained() {
    let mut client = Client::start();
    let uri = client.open("a.net", "net N {\n  input x: [3, 8, 8]\n  conv(4, \n}\n");
    let items = client.completion(&uri, at(2, 10));
    let stride = items
        .iter()
        .find(|item| item.label == "stride")
        .expect("`stride`");
    assert_eq!(stride.detail.as_deref(), Some("stride: size = 1"));
    assert!(stride.documentation.is_some());
    let help = client
        .request::<lsp::SignatureHelpRequest>(request_at(&uri, at(2, 10)))
        .expect("help");
    assert!(
        help.signatures[0]
            .label
            .starts_with("conv(channels: int, kernel: size")
    );
    assert_eq!(
        help.signatures[0].active_parameter,
        Some(lsp::ActiveParameter::Int(1))
    );
    client.stop();
}

#[test]
fn what_is_unknown_is_refused() {
    let mut client = Client::start();
    let error = client
        .raw("textDocument/nonsense", serde_json::json!({}))
        .expect_err("no such request");
    assert!(error.contains("not supported"), "{error}");
    let uri: lsp::Uri = "file:///nowhere.net".parse().expect("a URI");
    let error = client
        .raw(
            "textDocument/codeLens",
            serde_json::json!({"textDocument": {"uri": uri}}),
        )
        .expect_err("not open");
    assert!(error.contains("is not open"), "{error}");
    client.stop();
}

#[test]
fn texts_are_formatted_and_repaired() {
    let mut client = Client::start();
    let uri = client.open(
        "a.net",
        "net N {\n  input x: [3, 8, 8]\n    conv(4,3x3,strid=2)->relu\n}\n",
    );
    let edits = client.request::<lsp::DocumentFormattingRequest>(request_about(&uri));
    let edits = edits.expect("no syntax error");
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].range.start.line, 2);
    assert!(
        edits[0].new_text.contains("conv(4, 3x3, strid=2) ->")
            || edits[0].new_text.contains(", 3x3, strid=2) -> "),
        "{edits:?}"
    );

    let actions = client.request::<lsp::CodeActionRequest>(request_about(&uri));
    let titles: Vec<String> = actions
        .into_iter()
        .flatten()
        .filter_map(|action| match action {
            lsp::CodeActionResponse::CodeAction(action) => Some(action.title),
            lsp::CodeActionResponse::Command(_) => None,
        })
        .collect();
    assert_eq!(
        titles,
        [
            "Replace `strid` with `stride`",
            "Repair all that is certain (1)"
        ]
    );
    client.open("a.net", "net N {");
    assert_eq!(
        client.request::<lsp::DocumentFormattingRequest>(request_about(&uri)),
        None
    );
    client.stop();
}
