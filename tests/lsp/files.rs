//! Several files.

use gen_lsp_types as lsp;
use serde_json::json;

use super::client::{Client, at, document};

const BLOCKS: &str = "block Pair(width: int) {\n  conv(width, 1x1) -> relu\n}\n";
const MAIN: &str = "use \"blocks.net\" (Pair as Two)\n\nnet N {\n  input x: [3, 8, 8]\n  Two(width=4) -> Two(8)\n}\n";

#[test]
fn names_lead_across_files() {
    let mut client = Client::start();
    let blocks = client.write("blocks.net", BLOCKS);
    let other = client.write(
        "other.net",
        "use \"blocks.net\"\nnet M {\n  input x: [3, 8, 8]\n  Pair(1)\n}\n",
    );
    let main = client.open("main.net", MAIN);
    assert_eq!(client.diagnostics(&main), []);
    assert_eq!(
        client.definition(&main, at(4, 3)),
        [(blocks.clone(), at(0, 6))]
    );
    assert_eq!(
        client.definition(&main, at(4, 7)),
        [(blocks.clone(), at(0, 11))]
    );
    assert_eq!(
        client.definition(&main, at(0, 7)),
        [(blocks.clone(), at(0, 0))]
    );
    // The other file is not open: it lies in the folder.
    let uses = client.references(&main, at(4, 3));
    assert!(uses.contains(&(other.clone(), at(3, 2))), "{uses:?}");
    assert!(uses.contains(&(blocks.clone(), at(0, 6))), "{uses:?}");
    assert_eq!(uses.len(), 6, "{uses:?}");

    // The other name is renamed in this file only, the declared one everywhere but there.
    let edit = client.rename(&main, at(4, 3), "Duo").expect("an edit");
    assert_eq!(edit.len(), 1);
    assert_eq!(edit[&main].len(), 3);
    let edit = client.rename(&main, at(0, 19), "Couple").expect("an edit");
    assert_eq!(edit[&main], [(at(0, 18), "Couple".to_string())]);
    assert_eq!(edit[&blocks].len(), 1);
    assert_eq!(edit[&other].len(), 1);
    client.stop();
}

#[test]
fn an_unsaved_text_counts_and_not_the_file() {
    let mut client = Client::start();
    client.write("blocks.net", BLOCKS);
    let main = client.open("main.net", MAIN);
    assert_eq!(client.diagnostics(&main), []);
    client.forget(&main);
    let blocks = client.open("blocks.net", BLOCKS);
    // What uses it is told of anew.
    assert_eq!(client.diagnostics(&main), []);
    // What uses a file tells what its steps are.
    let labels: Vec<String> = client
        .hints(&blocks)
        .into_iter()
        .map(|(_, label)| label)
        .collect();
    assert_eq!(labels, ["[4|8, 8, 8]", "[4|8, 8, 8]"]);

    client.forget(&main);
    client.edit(&blocks, at(1, 14), at(1, 17), "9x9");
    let found = client.diagnostics(&main);
    assert_eq!(found.len(), 1, "{found:?}");
    // Told where this file calls the block, with the place in the other one.
    assert_eq!(found[0].range.start, at(4, 2));
    let related = found[0]
        .related_information
        .as_ref()
        .expect("the other place");
    assert_eq!(related[0].location.uri, blocks);

    client.forget(&main);
    let params = lsp::DidCloseTextDocumentParams {
        text_document: document(&blocks),
    };
    client.notify::<lsp::DidCloseTextDocumentNotification>(params);
    assert_eq!(client.diagnostics(&main), []);
    client.stop();
}

#[test]
fn files_that_change_on_the_disk_are_read_again() {
    let mut client = Client::start();
    let blocks = client.write("blocks.net", "block Other { relu }\n");
    let main = client.open("main.net", MAIN);
    assert_eq!(
        client.diagnostics(&main)[0].code,
        Some("E0201".to_string().into())
    );
    client.forget(&main);
    client.write("blocks.net", BLOCKS);
    let news = json!({"changes": [{"uri": blocks, "type": 2}]});
    let news = serde_json::from_value(news).expect("parameters");
    client.notify::<lsp::DidChangeWatchedFilesNotification>(news);
    assert_eq!(client.diagnostics(&main), []);
    client.stop();
}

#[test]
fn only_allowed_directories_are_read() {
    let mut client = Client::start();
    client.write("secret.net", BLOCKS);
    std::fs::create_dir(client.folder.path().join("inner")).expect("a folder");
    let main = client.open(
        "inner/main.net",
        "use \"../secret.net\"\nnet N { input x: [1, 2, 2]\n relu }\n",
    );
    assert_eq!(
        client.diagnostics(&main)[0].code,
        Some("E0603".to_string().into())
    );
    client.stop();
}

#[test]
fn files_and_their_names_are_proposed() {
    let mut client = Client::start();
    client.write("blocks.net", BLOCKS);
    let main = client.open("main.net", "use \"\"\nuse \"blocks.net\" ()\n");
    let labels = |items: Vec<lsp::CompletionItem>| -> Vec<String> {
        items.into_iter().map(|item| item.label).collect()
    };
    assert_eq!(labels(client.completion(&main, at(0, 5))), ["blocks.net"]);
    assert_eq!(labels(client.completion(&main, at(1, 18))), ["Pair"]);
    client.stop();
}
