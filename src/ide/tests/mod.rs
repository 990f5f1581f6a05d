//! Questions about short texts. `$0` is the cursor.

mod complete;
mod hints;
mod hover;
mod names;
mod open_sizes;
mod specification;
mod states;
mod structure;

use std::path::Path;

use super::*;
use crate::elaborate::{Lifts, NoLoader};

/// A net around steps, so that the texts below are short.
fn net(body: &str) -> String {
    format!("net N {{\n  input image: [3, 32, 32]\n{body}\n}}\n")
}

/// The text without its cursor, and the cursor.
fn at_cursor(text: &str) -> (String, usize) {
    let at = text.find("$0").expect("a cursor");
    (text.replacen("$0", "", 1), at)
}

fn analyse(text: &str) -> Analysis {
    Analysis::new(
        Path::new("test.net"),
        text,
        None,
        &mut NoLoader,
        &mut Lifts::new(),
    )
}

/// The same, with the line of the cursor being edited.
fn analyse_edited(text: &str) -> Analysis {
    let (text, at) = at_cursor(text);
    Analysis::new(
        Path::new("test.net"),
        &text,
        Some(at),
        &mut NoLoader,
        &mut Lifts::new(),
    )
}

/// The text with every hint written into it.
fn with_hints(analysis: &Analysis) -> String {
    let mut text = analysis.text().to_string();
    let all = hints(&[analysis.view()], 0..text.len(), HintDetail::Steps);
    for hint in all.iter().rev() {
        text.insert_str(hint.at, &format!("«{}»", hint.label));
    }
    text
}

fn check_hints(text: &str, expected: &str) {
    assert_eq!(with_hints(&analyse(text)), expected);
}

fn check_edited_hints(text: &str, expected: &str) {
    assert_eq!(with_hints(&analyse_edited(text)), expected);
}

/// The labels of the proposals at the cursor.
fn proposals(text: &str) -> Vec<String> {
    let (text, at) = at_cursor(text);
    let items = complete(analyse(&text).view(), at);
    items.into_iter().map(|item| item.label).collect()
}

/// All of `wanted` are proposed, and none of `unwanted`.
fn check_proposals(text: &str, wanted: &[&str], unwanted: &[&str]) {
    let found = proposals(text);
    for word in wanted {
        assert!(
            found.iter().any(|label| label == word),
            "{word} is not in {found:?} at {text}"
        );
    }
    for word in unwanted {
        assert!(
            !found.iter().any(|label| label == word),
            "{word} is in {found:?} at {text}"
        );
    }
}

fn hover_at(text: &str) -> String {
    let (text, at) = at_cursor(text);
    let analysis = analyse(&text);
    hover(&[analysis.view()], at).map_or(String::new(), |hover| hover.text)
}

fn check_hover(text: &str, parts: &[&str]) {
    let found = hover_at(text);
    for part in parts {
        assert!(found.contains(part), "{part:?} is not in\n{found}");
    }
}

/// The text with `[ ]` around everything that names the same as the cursor's name, `[! ]` where it is declared.
fn marked(text: &str) -> String {
    let (mut text, at) = at_cursor(text);
    let analysis = analyse(&text);
    let named = name_at(analysis.view(), at).expect("a name");
    let sites = references(analysis.view(), &definitions(analysis.view(), &named));
    for site in sites.iter().rev() {
        text.insert(site.span.end as usize, ']');
        text.insert_str(
            site.span.start as usize,
            if site.declares { "[!" } else { "[" },
        );
    }
    text
}

const OPEN: &str = "net N {\n  input x: [3, H = 32, W = 64]\n  where H % 4 == 0 and W % 4 == 0\n  c: conv(8, 3x3, stride=2, pad=1)\n  upsample(size=[H, W])\n}\n";
