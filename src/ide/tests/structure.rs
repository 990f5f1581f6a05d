//! Calls, outline, folds, colours and totals.

use super::*;

#[test]
fn calls_show_their_parameters() {
    for (text, label, active) in [
        (net("  conv($0)"), "conv(channels: int, kernel: size", Some("channels: int")),
        (net("  conv(8, $0"), "conv(", Some("kernel: size")),
        (net("  conv(8, 3x3, bias=$0)"), "conv(", Some("bias: bool = true")),
        (net("  conv(max(1, 2), $0"), "conv(", Some("kernel: size")),
        (net("  concat($0)"), "concat(values..., axis: int = 0)", None),
        ("block B(n: int, m: int = 2) { relu }\nblock C = B(1)\nnet N { input x: [1, 2, 2]\n  C($0".into(), "C(m: int = 2)", Some("m: int = 2")),
    ] {
        let (text, at) = at_cursor(&text);
        let found = signature(analyse(&text).view(), at);
        let first = found.first().unwrap_or_else(|| panic!("no signature at {text}"));
        assert!(first.label.starts_with(label), "{}", first.label);
        let shown = first.active.map(|index| &first.label[first.parameters[index].0.clone()]);
        assert_eq!(shown, active, "{text}");
    }
    let (text, at) = at_cursor("net N($0");
    assert_eq!(signature(analyse(&text).view(), at), []);
}

#[test]
fn the_outline_nests() {
    let text = net("  a: { b: relu -> c: conv(8, 1x1) }\n  output y: { d: relu }");
    let analysis = analyse(&text);
    let outline = symbols(analysis.view());
    let names =
        |symbols: &[Symbol]| -> Vec<String> { symbols.iter().map(|s| s.name.clone()).collect() };
    assert_eq!(names(&outline), ["N"]);
    assert_eq!(names(&outline[0].children), ["image", "a", "y"]);
    assert_eq!(names(&outline[0].children[1].children), ["b", "c"]);
    assert_eq!(outline[0].children[1].children[1].detail, "conv(8, 1x1)");
    assert_eq!(names(&outline[0].children[2].children), ["d"]);
}

#[test]
fn brackets_comments_and_uses_fold() {
    let text = "// one\n// two\n\nuse \"a.net\"\nuse \"b.net\" (B)\n\nnet N {\n  conv(\n    8, 1x1\n  )\n}\nblock B { relu }\n";
    let found: Vec<_> = folds(text)
        .into_iter()
        .map(|fold| (&text[fold.range], fold.kind))
        .collect();
    assert_eq!(
        found,
        [
            ("// one\n// two", FoldKind::Comment),
            ("use \"a.net\"\nuse \"b.net\"", FoldKind::Uses),
            ("{\n  conv(\n    8, 1x1\n  )\n}", FoldKind::Brackets),
            ("(\n    8, 1x1\n  )", FoldKind::Brackets),
        ]
    );
}

#[test]
fn every_word_has_its_kind() {
    let text = "/// Doc\nblock B(n: int) { c: conv(n, 1x1, bias=false) -> relu }\nnet N { input x: [1, 2, 2] // é\n  let k = 2\n  B(k) + x }";
    let analysis = analyse(text);
    let tokens = semantic_tokens(analysis.view());
    let of = |word: &str| -> Vec<SemanticKind> {
        let of_word = tokens
            .iter()
            .filter(|token| &text[token.range.clone()] == word);
        of_word.map(|token| token.kind).collect()
    };
    use SemanticKind::*;
    for (word, kinds) in [
        ("/// Doc", vec![Comment]),
        ("// é", vec![Comment]),
        ("block", vec![Keyword]),
        ("int", vec![Keyword]),
        ("B", vec![Block, Block]),
        ("n", vec![Parameter, Parameter]),
        ("c", vec![Value]),
        ("conv", vec![Builtin]),
        ("bias", vec![Parameter]),
        ("relu", vec![Function]),
        ("k", vec![Constant, Constant]),
        ("N", vec![Net]),
        ("x", vec![Value, Value]),
        ("->", vec![Operator]),
        ("1x1", vec![Number]),
    ] {
        assert_eq!(of(word), kinds, "{word}");
    }
}

#[test]
fn a_net_shows_its_totals() {
    let analysis = analyse(&net("  conv(8, 3x3, stride=2) -> flatten -> dense(10)"));
    let titles: Vec<String> = lenses(analysis.view())
        .into_iter()
        .map(|lens| lens.title)
        .collect();
    assert_eq!(
        titles,
        ["[3, 32, 32] → [10] · 18.2 k parameters · 66.6 k MACs · 3 steps"]
    );
    assert_eq!(
        lenses(analyse("net T(n: int) { input x: [1]\n dense(n) }").view()),
        []
    );
}
