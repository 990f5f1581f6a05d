//! What the specification has for an editor.

use super::*;

/// `docs/language.md` explains every layer, attribute and reserved word that an editor can ask about.
#[test]
fn the_specification_explains_every_word() {
    use crate::elaborate::layers::{IMAGE, LAYERS};
    let mut missing = Vec::new();
    for layer in LAYERS.iter().chain([&IMAGE]) {
        if reference::layer(layer.name).is_none() && layer.name != IMAGE.name {
            missing.push(layer.name.to_string());
        }
        for attribute in layer.attributes {
            if reference::attribute(layer, attribute.name).is_none() {
                missing.push(format!("{}.{}", layer.name, attribute.name));
            }
        }
    }
    for word in crate::syntax::RESERVED {
        if reference::word(word).is_none() {
            missing.push(word.to_string());
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// Its table of layers has the attributes of the code's, in their order and with their defaults.
#[test]
fn the_specification_has_the_defaults_of_the_code() {
    use crate::elaborate::layers::{LAYERS, Preset};
    let page = include_str!("../../../docs/language.md");
    let written = |text: &str| match text.parse::<f64>() {
        Ok(number) => number.to_string(),
        Err(_) => text.to_string(),
    };
    for layer in LAYERS {
        let start = format!("`{}`", layer.name);
        let named = |line: &&str| {
            line.split('|')
                .nth(1)
                .is_some_and(|cell| cell.contains(&start))
        };
        let of_table = page
            .lines()
            .skip_while(|line| !line.starts_with("| layer |"));
        let mut of_table = of_table.take_while(|line| line.starts_with('|'));
        let row = of_table.find(named);
        let row = row.unwrap_or_else(|| panic!("{} has no row", layer.name));
        let cell = row.split('|').nth(2).unwrap_or_default();
        let mut said: Vec<(String, Option<String>)> = Vec::new();
        // Uses of the layer, and other values of the attribute before, are no attributes; one may be named again.
        let spans = cell.split('`').skip(1).step_by(2);
        for span in spans.filter(|span| !span.contains('(') && !span.starts_with('"')) {
            let (name, default) = match span.split_once('=') {
                Some((name, default)) => (name, Some(written(default))),
                None => (span, None),
            };
            if said.iter().all(|(known, _)| known != name) {
                said.push((name.to_string(), default));
            }
        }
        let meant: Vec<(String, Option<String>)> = layer
            .attributes
            .iter()
            .map(|attribute| {
                let default = match attribute.default {
                    Preset::Required | Preset::Absent => None,
                    _ => reference::default(attribute).map(|default| written(&default)),
                };
                (attribute.name.to_string(), default)
            })
            .collect();
        assert_eq!(said, meant, "{}", layer.name);
    }
}
