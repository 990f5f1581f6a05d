//! Questions about short texts. `$0` is the cursor.

use std::path::Path;

use proptest::prelude::*;

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

#[test]
fn every_step_shows_its_shape() {
    check_hints(
        &net(
            "  c: conv(8, 3x3, stride=2) -> relu\n  residual { conv(8, 3x3, pad=1) }\n  c + it\n  flatten -> dense(10) : [10]",
        ),
        &net(
            "  c: conv(8, 3x3, stride=2)«[8, 15, 15]» -> relu«[8, 15, 15]»\n  residual { conv(8, 3x3, pad=1)«[8, 15, 15]» }«[8, 15, 15]»\n  c«[8, 15, 15]» + it«[8, 15, 15]»\n  flatten«[1800]» -> dense(10) : [10]",
        ),
    );
}

#[test]
fn an_assertion_with_a_gap_is_filled() {
    check_hints(
        &net("  conv(8, 1x1)   : [_, 32, 32]"),
        &net("  conv(8, 1x1)«[8, 32, 32]»   : [_, 32, 32]"),
    );
}

#[test]
fn a_step_of_a_block_shows_all_its_shapes() {
    let text = |a: &str, b: &str, c: &str, d: &str| {
        format!(
            "block B(n: int) {{\n  conv(n, 3x3){a} -> relu{b}\n}}\n{}",
            net(&format!("  B(8){c} -> B(16){d}"))
        )
    };
    check_hints(
        &text("", "", "", ""),
        &text(
            "«[8|16, 30|28, 30|28]»",
            "«[8|16, 30|28, 30|28]»",
            "«[8, 30, 30]»",
            "«[16, 28, 28]»",
        )
        .replace("30|28", "28|30"),
    );
    check_hints(
        "block B(n: int) {\n  conv(n, 1x1)\n}\nnet N {\n  input x: [1, 2, 2]\n  repeat i in 1..5 { B(i) }\n}\n",
        "block B(n: int) {\n  conv(n, 1x1)«[1..4, 2, 2]»\n}\nnet N {\n  input x: [1, 2, 2]\n  repeat i in 1..5 { B(i)«[1..4, 2, 2]» }«[4, 2, 2]»\n}\n",
    );
}

#[test]
fn a_broken_line_keeps_the_others_alive() {
    for broken in [
        "conv(8, ",
        "x: ",
        "residual { conv(",
        "\"",
        "conv(8, 3x3 -> relu",
        ")",
        "1x",
    ] {
        check_hints(
            &net(&format!("  conv(4, 1x1)\n  {broken}\n  relu -> flatten")),
            &net(&format!(
                "  conv(4, 1x1)«[4, 32, 32]»\n  {broken}\n  relu«[4, 32, 32]» -> flatten«[4096]»"
            )),
        );
    }
}

#[test]
fn the_line_that_is_typed_may_hold_an_error() {
    for typed in [
        "con",
        "conv",
        "conv(8, 3x3, strid=2)",
        "maxpool(64x64)",
        "nothing + it",
    ] {
        check_edited_hints(
            &net(&format!("  conv(4, 1x1)\n  {typed}$0\n  relu")),
            &net(&format!(
                "  conv(4, 1x1)«[4, 32, 32]»\n  {typed}\n  relu«[4, 32, 32]»"
            )),
        );
    }
}

#[test]
fn a_broken_use_still_uses_its_file() {
    let text = "use \"\"\nuse \"blocks.net\" ()\n";
    let mended = mend::mend(text, None);
    assert_eq!(mended.as_deref(), Some("use \"\"\nuse \"blocks.net\"   \n"));
}

#[test]
fn what_follows_an_error_elsewhere_has_no_shape() {
    check_hints(
        &net("  conv(4, 1x1)\n  con\n  relu"),
        &net("  conv(4, 1x1)«[4, 32, 32]»\n  con\n  relu"),
    );
}

#[test]
fn steps_are_proposed_where_they_can_stand() {
    let all = ["conv", "relu", "B", "image", "in", "residual"];
    let around = "block B { relu }\nfn f(x) = x\n";
    for place in [
        "  $0",
        "  relu -> $0",
        "  a: $0",
        "  residual { $0 }",
        "  relu + $0",
        "  c$0",
        "  relu -> ($0)",
    ] {
        check_proposals(&format!("{around}{}", net(place)), &all, &["N"]);
    }
    check_proposals(&net("  $0"), &["output", "let", "require"], &[]);
    check_proposals(&net("  relu -> $0"), &[], &["output", "let"]);
}

#[test]
fn nothing_is_proposed_for_new_names_and_in_comments() {
    for place in [
        "  let $0",
        "  output $0",
        "  // rel$0",
        "  /* a\n $0 */ relu",
        "  repeat $0",
        "  conv(3$0)",
    ] {
        assert_eq!(proposals(&net(place)), Vec::<String>::new(), "{place}");
    }
    assert_eq!(proposals("net $0"), Vec::<String>::new());
}

#[test]
fn labels_are_proposed_where_they_are_seen() {
    check_proposals(
        &net("  a: relu\n  group: { b: relu }\n  $0\n  c: relu"),
        &["a", "group", "image"],
        &["b", "c"],
    );
    check_proposals(&net("  repeat i in 0..3 { a: relu }\n  $0"), &["a"], &["i"]);
    check_proposals(&net("  repeat i in 0..3 { relu -> conv($0) }"), &["i"], &[]);
}

#[test]
fn attributes_are_proposed_once() {
    check_proposals(
        &net("  conv($0)"),
        &["channels", "kernel", "stride", "pad"],
        &["scale"],
    );
    check_proposals(&net("  conv(8, $0)"), &["kernel", "stride"], &["channels"]);
    check_proposals(
        &net("  conv(8, 3x3, stride=2, $0)"),
        &["pad"],
        &["stride", "kernel"],
    );
    check_proposals(&net("  conv(8, $0, stride=2)"), &["pad"], &["stride"]);
    check_proposals(
        "block B(width: int, deep: bool = true) { relu }\nnet N { input x: [1, 2, 2]\n  B($0) }",
        &["width", "deep"],
        &[],
    );
}

#[test]
fn values_are_proposed_by_type() {
    check_proposals(
        &net("  conv(8, 3x3, bias=$0)"),
        &["true", "false"],
        &["conv"],
    );
    check_proposals(&net("  conv(8, 3x3, pad=$0)"), &["\"same\""], &[]);
    check_proposals(
        &net("  upsample(2, mode=\"$0\")"),
        &["nearest", "bilinear"],
        &["\"nearest\""],
    );
    check_proposals(
        "block B(unit: block) { unit }\nnet N { input x: [1, 2, 2]\n  B(unit=$0) }",
        &["relu", "B"],
        &["N"],
    );
    check_proposals(&net("  conv(in.$0)"), &["channels", "height"], &["conv"]);
    check_proposals(&net("  let a = 1\n  let b = $0"), &["a", "min"], &["conv"]);
}

#[test]
fn declarations_and_types_are_proposed_outside() {
    check_proposals("$0", &["net", "block", "fn", "use"], &["conv"]);
    check_proposals("block A { relu }\n\n$0", &["net"], &[]);
    check_proposals("block A(n: $0", &["int", "size", "block"], &["conv"]);
    check_proposals(
        "block A(n: int) { conv(n, 1x1) }\nblock B = $0",
        &["A", "conv"],
        &[],
    );
}

#[test]
fn words_tell_what_is_known() {
    check_hover(
        &net("  co$0nv(8, 3x3, stride=2)"),
        &[
            "conv(channels: int",
            "`[3, 32, 32]` → `[8, 15, 15]`",
            "224 parameters, 48.6 k multiply",
            "floor((32 + 2*0 - 3) / 2) + 1 = 15",
            "weight [channels, C/groups, kh, kw]",
        ],
    );
    check_hover(&net("  conv(8, 3x3, str$0ide=2)"), &["stride: size = 1"]);
    check_hover(&net("  re$0lu"), &["fn relu(x) = max(x, 0)", "[3, 32, 32]"]);
    check_hover(&net("  resi$0dual { relu }"), &["F(x)", "`[3, 32, 32]`"]);
    check_hover(&net("  a$0: relu"), &["`[3, 32, 32]`"]);
    check_hover(
        "/// Twice.\nblock B(n: int = 2) { relu }\nnet N { input x: [1, 2, 2]\n  B$0 }",
        &["block B(n: int = 2)", "Twice."],
    );
}

#[test]
fn a_block_that_is_a_parameter_tells_what_it_stands_for() {
    let text = "block A(n: int) { conv(n, 1x1) }\nblock R(unit: block) { uni$0t(4) -> unit(n=8) }\nnet N { input x: [1, 2, 2]\n  R(A) }\nnet M { input x: [1, 2, 2]\n  R(conv(kernel=1)) }";
    check_hover(
        text,
        &["stands for `A`, `conv`", "2 times", "N: 0.0.0 and 1 more"],
    );
}

#[test]
fn what_is_instantiated_often_is_a_table() {
    let text = "block B(n: int) {\n  co$0nv(n, 1x1)\n}\nnet N {\n  input x: [1, 2, 2]\n  repeat i in 0..20 { B(i / 2 + 1) }\n}\n";
    check_hover(
        text,
        &[
            "`[1..10, 2, 2]`, 20 times",
            "| N: 0.0 and 1 more | `[1, 2, 2]` → `[1, 2, 2]` | 2 | 4 |",
            "and 11 other shapes",
        ],
    );
}

#[test]
fn names_are_followed() {
    for (text, expected) in [
        (
            "block B(n: int) { conv($0n, 1x1) -> conv(2 * n, 1x1) }\nnet N { input x: [1, 2, 2]\n  B(n=3) }",
            "block B([!n]: int) { conv([n], 1x1) -> conv(2 * [n], 1x1) }\nnet N { input x: [1, 2, 2]\n  B([n]=3) }",
        ),
        (
            "block B { relu }\nblock C = $0B\nnet N { input x: [1, 2, 2]\n  B }",
            "block [!B] { relu }\nblock C = [B]\nnet N { input x: [1, 2, 2]\n  [B] }",
        ),
        (
            "net N { input x: [1, 2, 2]\n  a: relu -> b: tanh\n  a$0 + b }",
            "net N { input x: [1, 2, 2]\n  [!a]: relu -> b: tanh\n  [a] + b }",
        ),
        (
            "net N { input x: [1, 2, 2]\n  let k = 3\n  conv(k$0, 1x1) }",
            "net N { input x: [1, 2, 2]\n  let [!k] = 3\n  conv([k], 1x1) }",
        ),
        (
            "net N { input x: [1, 2, 2]\n  repeat i in 1..3 { conv(i$0, 1x1) } }",
            "net N { input x: [1, 2, 2]\n  repeat [!i] in 1..3 { conv([i], 1x1) } }",
        ),
        (
            "fn f(x, a: float) = x * a\nnet N { input x: [1, 2, 2]\n  f($0a=2) }",
            "fn f(x, [!a]: float) = x * [a]\nnet N { input x: [1, 2, 2]\n  f([a]=2) }",
        ),
    ] {
        assert_eq!(marked(text), expected);
    }
}

#[test]
fn an_argument_of_a_block_parameter_names_the_parameters_of_all_it_stands_for() {
    let text = "block A(n: int) { conv(n, 1x1) }\nblock B(n: int) { conv(n, 3x3) }\nblock R(unit: block) { unit(n$0=8) }\nnet N { input x: [1, 9, 9]\n  R(A) -> R(B) }";
    assert_eq!(
        marked(text),
        "block A([!n]: int) { conv([n], 1x1) }\nblock B([!n]: int) { conv([n], 3x3) }\nblock R(unit: block) { unit([n]=8) }\nnet N { input x: [1, 9, 9]\n  R(A) -> R(B) }"
    );
}

#[test]
fn what_cannot_be_renamed_says_why() {
    for (text, new_name, reason) in [
        (net("  co$0nv(8, 1x1)"), "x", "`conv` is built in"),
        (net("  re$0lu"), "x", "`relu` is built in"),
        (net("  conv(8, ker$0nel=1x1)"), "x", "`kernel` is built in"),
        (net("  a$0: relu"), "net", "`net` is no name"),
        (net("  a$0: relu"), "3x", "`3x` is no name"),
        (
            "block A$0 { relu }".to_string(),
            "conv",
            "`conv` has a meaning already",
        ),
        (
            net("  repeat i in 0..2 { a{i}$0: relu }"),
            "b",
            "the label depends on an expression",
        ),
    ] {
        let (text, at) = at_cursor(&text);
        let analysis = analyse(&text);
        let named = name_at(analysis.view(), at).expect("a name");
        let answer = rename(analysis.view(), &named, Some(new_name));
        assert_eq!(answer, Err(RenameError(reason.into())), "{text}");
    }
}

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

const OPEN: &str = "net N {\n  input x: [3, H = 32, W = 64]\n  where H % 4 == 0 and W % 4 == 0\n  c: conv(8, 3x3, stride=2, pad=1)\n  upsample(size=[H, W])\n}\n";

#[test]
fn open_sizes_are_names() {
    assert_eq!(
        marked(&OPEN.replace("where H", "where H$0")),
        OPEN.replace("[3, H ", "[3, [!H] ")
            .replace("where H", "where [H]")
            .replace("[H, W]", "[[H], W]")
    );
    let without = "net N { input x: [3, S$0, S]\n  relu : [_, S, S] }";
    assert_eq!(
        marked(without),
        "net N { input x: [3, [!S], [S]]\n  relu : [_, [S], [S]] }"
    );
    let (text, at) = at_cursor(without);
    let analysis = analyse(&text);
    let named = name_at(analysis.view(), at).expect("a name");
    let renamed = |name: &str| rename(analysis.view(), &named, Some(name));
    assert_eq!(renamed("Side"), Ok("S".into()));
    let reason = "the name of an open size begins with a capital letter";
    assert_eq!(renamed("side"), Err(RenameError(reason.into())));
    let kinds: Vec<SemanticKind> = semantic_tokens(analysis.view())
        .into_iter()
        .filter(|token| &text[token.range.clone()] == "S")
        .map(|token| token.kind)
        .collect();
    assert_eq!(kinds, [SemanticKind::Constant; 4]);
}

#[test]
fn open_sizes_and_their_condition_are_proposed() {
    for place in ["where $0", "conv(8, 1x1) : [8, $0", "upsample(size=[$0"] {
        let text = format!("net N {{\n  input x: [3, H = 32, W]\n  {place}\n}}\n");
        check_proposals(&text, &["H", "W", "min"], &["conv", "N"]);
    }
    check_proposals(&net("  $0"), &["where"], &["H"]);
    // What a file declares is no open size.
    let text = "block B { relu }\nnet N {\n  input x: [3, B, 3]\n  where $0\n}\n";
    check_proposals(text, &[], &["conv"]);
}

#[test]
fn shapes_are_told_for_all_sizes_too() {
    check_hover(
        &OPEN.replace("conv", "con$0v"),
        &[
            "`[3, 32, 64]` → `[8, 16, 32]`",
            "for all sizes `[3, H, W]` → `[8, H / 2, W / 2]`",
            "110.6 k multiply-accumulates",
        ],
    );
    check_hover(
        &OPEN.replace("where H", "where H$0"),
        &["H = 32", "an open size", "for `H % 4 == 0`"],
    );
    let twice = "block B { c$0onv(3, 3x3, stride=2, pad=1) }\nnet N {\n  input x: [3, S = 32, S]\n  B -> B\n}\n";
    check_hover(
        twice,
        &[
            "| where | shape | for all sizes | params | MACs |",
            "| N: 1.0 | `[3, 16, 16]` → `[3, 8, 8]` | `[3, ceil(S / 2), ceil(S / 2)]` → `[3, ceil(S / 4), ceil(S / 4)]` | 84 |",
        ],
    );
}

#[test]
fn sizes_without_a_value_are_shown_as_expressions() {
    let text = "block B { conv(3, 3x3, stride=2, pad=1)«» }\nnet N {\n  input x: [3, H, 32]\n  B«» -> B«» -> B«»\n  globalavgpool«» -> flatten«»\n}\n";
    let bare = text.replace("«»", "");
    let mut hints = [
        "[3, ceil(H / 2)..ceil(H / 8), 4..16]",
        "[3, ceil(H / 2), 16]",
        "[3, ceil(H / 4), 8]",
        "[3, ceil(H / 8), 4]",
        "[3, 1, 1]",
        "[3]",
    ]
    .into_iter();
    let mut expected = String::new();
    for part in text.split_inclusive("«»") {
        expected.push_str(part.trim_end_matches("«»"));
        if part.ends_with("«»") {
            expected.push_str(&format!("«{}»", hints.next().expect("a hint")));
        }
    }
    check_hints(&bare, &expected);
    check_hover(
        &bare.replacen("B ->", "B$0 ->", 1),
        &[
            "`[3, H, 32]` → `[3, ceil(H / 2), 16]`",
            "84 parameters, `1296 * ceil(H / 2)` multiply",
        ],
    );
    let titles: Vec<String> = lenses(analyse(&bare).view())
        .into_iter()
        .map(|l| l.title)
        .collect();
    assert_eq!(titles, ["[3, H, 32] → [3] · 252 parameters · 5 steps"]);
}

/// A change of a text: at a place of it, one of a few things that people do.
fn edit(text: &str, place: usize, what: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = place % lines.len();
    let changed = match what % 6 {
        0 => String::new(),
        1 => lines[line].repeat(2),
        2 => lines[line].replacen("stride=2", "stride=1", 1),
        3 => lines[line].replacen("3x3", "2x2", 1),
        4 => format!("{}  conv(64, \n", lines[line]),
        _ => lines[line].replacen('H', "W", 1),
    };
    let mut all: Vec<&str> = lines;
    all[line] = &changed;
    all.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// What is remembered from one state of a text to the next changes no answer.
    #[test]
    fn edited_texts_are_answered_as_if_they_were_new(
        edits in proptest::collection::vec((any::<usize>(), any::<usize>()), 1..10),
        is_large in any::<bool>(),
    ) {
        let resnet = std::fs::read_to_string("nets/resnet.net").expect("the file");
        let mut text = if is_large { resnet } else { OPEN.repeat(2).replacen("net N", "net M", 1) };
        let mut lifts = Lifts::new();
        let path = Path::new("test.net");
        for (place, what) in edits {
            let edited = edit(&text, place, what);
            let at = edited.bytes().zip(text.bytes()).position(|(a, b)| a != b);
            let kept = Analysis::new(path, &edited, at, &mut NoLoader, &mut lifts);
            let new = Analysis::new(path, &edited, at, &mut NoLoader, &mut Lifts::new());
            prop_assert_eq!(&kept.diagnostics, &new.diagnostics);
            prop_assert_eq!(&kept.nets, &new.nets);
            prop_assert_eq!(with_hints(&kept), with_hints(&new));
            // Most edits break the text; the next starts from one that is whole.
            if !kept.diagnostics.iter().any(|d| d.is_error()) {
                text = edited;
            }
        }
    }
}

/// Every question at every byte of texts cut off anywhere: no answer may panic, and every place must be in the text.
#[test]
fn cut_off_texts_are_answered() {
    let text = std::fs::read_to_string("nets/resnet.net").expect("the file");
    let mut lifts = Lifts::new();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end) && end % 7 == 0) {
        let part = &text[..end];
        let analysis = Analysis::new(
            Path::new("resnet.net"),
            part,
            Some(end),
            &mut NoLoader,
            &mut lifts,
        );
        let views = [analysis.view()];
        let _ = complete(analysis.view(), end);
        let _ = signature(analysis.view(), end);
        let _ = hover(&views, end);
        let _ = folds(part);
        let _ = symbols(analysis.view());
        for token in semantic_tokens(analysis.view()) {
            assert!(!part[token.range].contains('\n'));
        }
        for hint in hints(&views, 0..end, HintDetail::Steps) {
            assert!(part.is_char_boundary(hint.at));
        }
    }
}

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
    let page = include_str!("../../docs/language.md");
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
