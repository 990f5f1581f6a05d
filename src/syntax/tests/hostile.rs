//! Texts that were not written to be read: none panics, none takes long, each gets few messages.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{ACCEPTED, BROKEN, parse_text};
use crate::diagnostic::{Diagnostic, codes, render_text};
use crate::limits;
use crate::source::SourceMap;

/// Far above what any of these takes, for busy machines; exponential or quadratic time stands out all the same.
const PATIENCE: Duration = Duration::from_secs(10);

fn diagnose(text: &str) -> Vec<Diagnostic> {
    let start = Instant::now();
    let (_, diagnostics) = parse_text(text);
    assert!(
        start.elapsed() < PATIENCE,
        "{:?}: {:.40}",
        start.elapsed(),
        text
    );
    diagnostics
}

fn check_codes(text: &str, codes: &[&str]) {
    let found: Vec<&str> = diagnose(text)
        .iter()
        .map(|diagnostic| diagnostic.code.id)
        .collect();
    assert_eq!(found, codes, "{text:.60}");
}

#[test]
fn what_is_nested_too_deeply_gets_one_message() {
    let body = |inner: &str| format!("block A {{ let x = {inner} }}\n");
    let many = 100_000;
    check_codes(&"(".repeat(many), &["E0702"]);
    check_codes(&body(&"(".repeat(many)), &["E0702"]);
    check_codes(
        &body(&format!("{}1{}", "(".repeat(many), ")".repeat(many))),
        &["E0702"],
    );
    check_codes(
        &body(&format!("{}1{}", "[".repeat(many), "]".repeat(many))),
        &["E0702"],
    );
    check_codes(&format!("block A {}", "{".repeat(many)), &["E0702"]);
    check_codes(&body(&"\"{".repeat(many)), &["E0702"]);
    check_codes(&body(&format!("{}a", "not ".repeat(many))), &["E0702"]);
    check_codes(&body(&format!("{}a", "-".repeat(many))), &["E0702"]);
    check_codes(&body(&format!("a{}", " + a".repeat(many))), &["E0702"]);
    check_codes(&body(&format!("a{}", ".a".repeat(many))), &["E0702"]);
    check_codes(&body(&format!("a{}", "[0]".repeat(many))), &["E0702"]);
    check_codes(
        &body(&format!("{}a", "if a then a else ".repeat(many))),
        &["E0702"],
    );
    check_codes(
        &format!("block A {{ a{} }}", " + a".repeat(many)),
        &["E0702"],
    );
    check_codes(
        &format!("block A {{ a{} }}", " * a".repeat(many)),
        &["E0702"],
    );
    check_codes(
        &format!("{}{}", "/*".repeat(many), "*/".repeat(many)),
        &["E0702"],
    );
    check_codes(&"/*".repeat(many), &["E0702"]);
    check_codes(
        &format!("net A(x: {}int{}) {{}}", "[".repeat(many), "]".repeat(many)),
        &["E0702"],
    );
}

#[test]
fn what_is_broken_all_over_gets_few_messages() {
    let many = 20_000;
    check_codes(&")".repeat(3), &["E0103", "E0103", "E0103"]);
    check_codes(
        &format!("block A {{\nlet x = {}\n}}", "\"".repeat(many + 1)),
        &["E0101", "E0102"],
    );
    check_codes(&"@".repeat(many), &["E0104"]);
    check_codes(&format!("block A {{ {} }}", "= ".repeat(many)), &["E0101"]);
    for bad in [
        ")",
        "=\n",
        "@\n",
        "a = \n",
        "\"\n",
        "(}",
        "{)",
        "(]",
        "net A {\n",
        "\u{1b}",
        "#\n",
        "let a = b or\n",
        "'\n",
    ] {
        for text in [
            bad.repeat(many),
            format!("block A {{\n{}\n}}", bad.repeat(many)),
        ] {
            let count = diagnose(&text).len();
            assert!((1..=limits::DIAGNOSTICS).contains(&count), "{bad}: {count}");
        }
    }
    check_codes(&" ".repeat(limits::SOURCE_BYTES + 1), &["E0701"]);
}

/// What can nest, whole or not.
const NESTING: &[&str] = &[
    "(",
    "[",
    "{",
    "f(",
    "a + (",
    "a * {",
    "residual {",
    "a -> residual { b } shortcut {",
    "concat { a\n",
    "repeat i in 0..2 {",
    "if a {",
    "if a { b } else {",
    "l: (",
    "l, m: {",
    "l{",
    "let x = (",
    "let x = [",
    "f(a=[",
    "let x = a[",
    "let x = not (",
    "let x = -(",
    "let x = if (",
    "let x = if a then (",
    "\"{",
    "f(\"{",
    "input x: [",
    "where (",
    "output o: (",
    "require (",
    "labels [",
    "a: [",
    "/*",
];

/// How a text can end in the middle of something.
const ENDS: &[&str] = &[
    "",
    " //",
    " // x",
    " // )\n",
    " ///",
    " /*",
    " /* \n",
    " /*/",
    " /* ) */",
    " \"",
    " \"{",
    " \"\\",
    "\\",
    ")",
    "]",
    "}",
    "\u{0}",
    "\u{0}\n",
    "\u{fffd}",
    "'",
    "'(",
    "#",
    "# (\n",
    "->",
    " = ",
    ",",
    "-",
    "not",
    "\n\n",
    "\nnet B {\n",
    "\n/// x\nnet B {",
    "\"{ /*\n(((((((((((((((((((((((((((( */ }\"",
    "\"{ // \n",
];

#[test]
fn no_end_of_a_text_is_parsed_once_for_every_way_to_nest() {
    for before in ["net A {\n", "net A { input x: [3, 8, 8] ", "fn f(x) = "] {
        for open in NESTING {
            for end in ENDS {
                let levels =
                    (limits::NESTING - 8) / open.matches(['(', '[', '{', '"']).count().max(1);
                let text = format!("{before}{}{end}", open.repeat(levels));
                let found = diagnose(&text);
                assert!(!found.is_empty(), "{text}");
                assert!(
                    found.iter().all(|d| d.code != codes::LIMIT_PARSING),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn what_a_comment_swallowed_is_one_fault() {
    check_codes("net A {\n  input x: [3]\n  dense(4) /* a\n}\n", &["E0102"]);
    check_codes(
        "net A {\n  input x: [3]\n  dense((4 /* a /* b */\n}\n",
        &["E0102"],
    );
    check_codes("/* a", &["E0102"]);
}

/// `levels` of each kind of nesting, the bracket of the body included.
fn nested(levels: usize) -> Vec<String> {
    let statement = |open: &str, inner: &str, close: &str| {
        format!(
            "block A {{ {}{inner}{} }}",
            open.repeat(levels - 1),
            close.repeat(levels - 1)
        )
    };
    let expression = |open: &str, close: &str| {
        format!(
            "block A {{ let x = {}1{} }}",
            open.repeat(levels - 1),
            close.repeat(levels - 1)
        )
    };
    vec![
        statement("{", "a", "}"),
        statement("(", "a", ")"),
        statement("residual {", "a", "} shortcut { b }"),
        statement("concat { a ", "b", " }"),
        statement("repeat i in 0..3 {", "a", "}"),
        statement("if a { b } else {", "c", "}"),
        statement("l: a + (m: b -> ", "c", ")"),
        statement("a b{1}: c + {", "c", "}"),
        expression("(1 + ", ")"),
        expression("[1, ", "]"),
        expression("f(a, b=", ")"),
        expression("a[", "]"),
        expression("if (", ") then 1 else 2"),
        expression("not (", ")"),
        expression("-(", ")"),
    ]
}

#[test]
fn the_deepest_nesting_that_is_allowed_is_parsed() {
    for text in nested(limits::NESTING) {
        assert_eq!(diagnose(&text), [], "{text}");
    }
    let operators = limits::EXPRESSION_DEPTH;
    assert_eq!(
        diagnose(&format!("block A {{ let x = {}1 }}", "-".repeat(operators))),
        []
    );
    assert_eq!(
        diagnose(&format!("block A {{ a{} }}", " + a".repeat(operators))),
        []
    );
    // With an error in the middle, each level fails once and not once for every way to parse it.
    for text in nested(limits::NESTING) {
        let broken = text
            .replacen("1)", "1 1)", 1)
            .replacen("c}", "c = }", 1)
            .replacen("a}", "a = }", 1);
        assert!(diagnose(&broken).len() <= 2, "{broken}");
    }
}

#[test]
fn time_grows_with_the_length_of_the_text() {
    let time = |text: &str| {
        let start = Instant::now();
        let _ = parse_text(text);
        start.elapsed()
    };
    let samples: [fn(usize) -> String; 6] = [
        |n| ACCEPTED.trim_start_matches('\u{feff}').repeat(n),
        |n| BROKEN.repeat(n),
        |n| format!("block A {{ a{} }}", " -> a".repeat(100 * n)),
        |n| format!("block A {{ f({}) }}", "1, ".repeat(200 * n)),
        |n| format!("block A {{ a {} b }}", "\n // comment \n".repeat(100 * n)),
        |n| format!("block A {{ {} }}", "a, ".repeat(200 * n)),
    ];
    for sample in samples {
        let (short, long) = (sample(20), sample(200));
        let fastest = |text: &str| (0..3).map(|_| time(text)).min().unwrap_or_default();
        let (short, long) = (fastest(&short), fastest(&long));
        // Ten times the text; quadratic time would be a hundred times.
        let bound = (short * 40).max(Duration::from_millis(200));
        assert!(long < bound, "{short:?} {long:?}: {:.60}", sample(1));
    }
}

/// Pieces that make sense somewhere, put where they may not.
const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "->",
    ":",
    ",",
    "=",
    "..",
    ".",
    "+",
    "-",
    "*",
    "/",
    "//",
    "/*",
    "*/",
    "///",
    "\n",
    " ",
    "net ",
    "block ",
    "fn ",
    "use ",
    "if ",
    "else ",
    "then ",
    "repeat ",
    "in ",
    "not ",
    "let ",
    "residual ",
    "concat",
    "x",
    "3x3",
    "3",
    "1e",
    "0.",
    "_",
    "{{",
    "}}",
    "\\",
    "'",
    "#",
    "é",
    "\u{202e}",
    "\u{feff}",
    "\u{0}",
    "\r",
    "\t",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn mutations_of_samples_do_no_harm(
        sample in prop_oneof![Just(ACCEPTED), Just(BROKEN)],
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..6usize, 0..PIECES.len()), 1..8),
    ) {
        let mut characters: Vec<char> = sample.chars().collect();
        for (place, removed, piece) in edits {
            let at = place.index(characters.len() + 1);
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, PIECES[piece].chars());
        }
        let text: String = characters.into_iter().collect();
        check_report(&text);
    }

    #[test]
    fn random_pieces_do_no_harm(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        check_report(&pieces.concat());
        check_report(&format!("block A {{ {} }}", pieces.concat()));
    }
}

/// Every message can be shown, lies in the text, and they come in order.
fn check_report(text: &str) {
    let diagnostics = diagnose(text);
    let mut sources = SourceMap::new();
    sources.add("a.net", text);
    render_text(&diagnostics, &sources, false);
    let places: Vec<_> = diagnostics
        .iter()
        .filter_map(|d| d.primary.as_ref())
        .map(|label| label.span)
        .collect();
    assert!(places.is_sorted(), "{text}");
    for diagnostic in &diagnostics {
        for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            assert!(text.get(label.span.range()).is_some(), "{label:?} {text}");
        }
    }
}
