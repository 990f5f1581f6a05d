//! What the specification says of a word. `docs/language.md` is the one source: its tables are read, not repeated.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::elaborate::layers::{Attribute, Layer, Preset};

const PAGE: &str = include_str!("../../docs/language.md");

/// What the table of layers says of one.
#[derive(Debug)]
pub struct LayerPage {
    /// The shape it gives, in Markdown.
    pub output: &'static str,
    /// Its parameters, in Markdown; may be empty.
    pub parameters: &'static str,
    /// Uses of it, in Markdown.
    pub examples: &'static str,
}

struct Reference {
    layers: BTreeMap<&'static str, LayerPage>,
    attributes: BTreeMap<&'static str, &'static str>,
    words: BTreeMap<&'static str, String>,
}

/// What the specification says of a layer or activation.
pub fn layer(name: &str) -> Option<&'static LayerPage> {
    reference().layers.get(name)
}

/// What it says of an attribute. One that means something else in one layer has a row with both names.
pub fn attribute(layer: &Layer, name: &str) -> Option<&'static str> {
    let attributes = &reference().attributes;
    let own = format!("{}.{name}", layer.name);
    attributes
        .get(own.as_str())
        .or_else(|| attributes.get(name))
        .copied()
}

/// What it says of a reserved word.
pub fn word(word: &str) -> Option<&'static str> {
    reference().words.get(word).map(String::as_str)
}

/// A default as it is written; `None` if the attribute must be given or may be absent.
pub fn default(attribute: &Attribute) -> Option<String> {
    match attribute.default {
        Preset::Required | Preset::Absent => None,
        Preset::Int(value) => Some(value.to_string()),
        Preset::Float(value) => Some(format!("{value:?}")),
        Preset::Bool(value) => Some(value.to_string()),
        Preset::Text(value) => Some(format!("\"{value}\"")),
        Preset::Zeros => Some("[0, 0]".into()),
        Preset::Same(other) => Some(other.into()),
    }
}

/// `stride: size = 1`
pub fn attribute_signature(attribute: &Attribute) -> String {
    let mut text = format!("{}: {}", attribute.name, attribute.kind);
    match default(attribute) {
        Some(default) => text.push_str(&format!(" = {default}")),
        None if attribute.default == Preset::Absent => text.push('?'),
        None => {}
    }
    text
}

fn reference() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let mut reference = Reference {
            layers: BTreeMap::new(),
            attributes: BTreeMap::new(),
            words: BTreeMap::new(),
        };
        for (header, cells) in rows(PAGE) {
            match (header, cells.as_slice()) {
                ("layer", &[names, _, output, parameters, examples]) => {
                    for name in code_spans(names) {
                        let name = name.split('(').next().unwrap_or(name);
                        let page = LayerPage {
                            output,
                            parameters,
                            examples,
                        };
                        reference.layers.insert(name, page);
                    }
                }
                ("attribute", &[names, meaning]) => {
                    for name in code_spans(names) {
                        reference.attributes.insert(name, meaning);
                    }
                }
                ("statement" | "step" | "declaration" | "word", &[form, meaning]) => {
                    describe_words(&mut reference.words, form, meaning);
                }
                _ => {}
            }
        }
        reference
    })
}

/// Under every reserved word of the form that is not explained yet.
fn describe_words(words: &mut BTreeMap<&'static str, String>, form: &'static str, meaning: &str) {
    for span in code_spans(form) {
        let parts = span.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in parts.filter(|word| crate::syntax::is_reserved(word)) {
            words
                .entry(word)
                .or_insert_with(|| format!("`{span}`\n\n{meaning}"));
        }
    }
}

/// The rows of all tables, with the first cell of their header.
fn rows(page: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let mut header = "";
    let mut in_table = false;
    page.lines().filter_map(move |line| {
        let Some(inside) = line.strip_prefix('|') else {
            in_table = false;
            return None;
        };
        let cells = cells(inside);
        if !in_table {
            in_table = true;
            header = cells.first().copied().unwrap_or("");
            return None;
        }
        (!inside.starts_with("--")).then_some((header, cells))
    })
}

/// The cells of a row; a bar within a code span separates none.
fn cells(row: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let (mut start, mut in_code) = (0, false);
    for (at, c) in row.char_indices() {
        match c {
            '`' => in_code = !in_code,
            '|' if !in_code => {
                cells.push(row[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    cells
}

/// The pieces between backticks.
fn code_spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
