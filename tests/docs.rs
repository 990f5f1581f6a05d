//! The documentation says what is so: its examples are in the language, and its table of layers is complete.

use std::collections::BTreeSet;
use std::path::Path;

use netc::diagnostic::{Diagnostic, render_text};
use netc::elaborate::layers;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).expect("the page is there")
}

/// What the compiler finds wrong with `text`.
fn errors(text: &str) -> String {
    let program = netc::parse("example.net", text);
    let errors: Vec<Diagnostic> = netc::check(&program)
        .into_iter()
        .filter(Diagnostic::is_error)
        .collect();
    render_text(&errors, &program.sources, false)
}

/// The pieces between backticks.
fn code_spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The cells of the rows of the table of layers.
fn layer_rows(page: &str) -> Vec<Vec<&str>> {
    let section = page
        .split("## 7. Layers")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next());
    let mut paragraphs = section.expect("section 7").split("\n\n");
    let table = paragraphs.find(|paragraph| paragraph.starts_with("| layer |"));
    let rows = table
        .expect("the table of layers")
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").collect())
        .collect()
}

#[test]
fn every_layer_has_an_example_that_works() {
    let page = page("docs/language.md");
    let rows = layer_rows(&page);
    assert!(rows.len() > 15);
    for row in rows {
        let examples: Vec<&str> = code_spans(row.last().expect("a cell")).collect();
        assert!(!examples.is_empty(), "{row:?}");
        for example in examples {
            let text = format!("net Example() {{\n  input x: [8, 32, 32]\n  {example}\n}}\n");
            assert_eq!(errors(&text), "", "{example}");
        }
    }
}

#[test]
fn every_layer_is_in_the_table() {
    let page = page("docs/language.md");
    let named: BTreeSet<&str> = layer_rows(&page)
        .iter()
        .flat_map(|row| code_spans(row[0]))
        .map(|span| span.split('(').next().unwrap_or(span))
        .collect();
    let missing: Vec<&str> = layers::LAYERS
        .iter()
        .map(|layer| layer.name)
        .filter(|name| !named.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Fenced blocks that are whole files are marked `net`; those that `use` other files stand for several.
#[test]
fn whole_examples_are_without_errors() {
    for name in ["docs/language.md", "docs/residual.md", "README.md"] {
        let page = page(name);
        for block in page.split("```net\n").skip(1) {
            let text = block.split("```").next().unwrap_or_default();
            if !text.contains("use \"") {
                assert_eq!(errors(text), "", "{name}:\n{text}");
            }
        }
    }
}

/// What the README shows of a diagnostic is a snapshot of `tests/ui`.
#[test]
fn the_readme_shows_what_the_compiler_says() {
    let snapshot = page("tests/ui/readme_residual.stderr");
    assert!(page("README.md").contains(snapshot.trim_end()));
}
