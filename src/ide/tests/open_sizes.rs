//! Nets whose sizes are open.

use super::*;

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
