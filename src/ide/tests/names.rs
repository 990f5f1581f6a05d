//! Definitions, references and new names.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::source::Span;

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

/// The text after a rename of the name at a byte.
fn renamed(text: &str, at: usize, new_name: &str) -> Result<String, RenameError> {
    let analysis = analyse(text);
    let view = analysis.view();
    let named = name_at(view, at).ok_or(RenameError("no name".into()))?;
    let old = rename(view, &named, Some(new_name))?;
    let sites = references(view, &definitions(view, &named)).into_iter();
    let ranges = sites
        .filter(|site| site.span.file == view.file && text[site.span.range()] == old)
        .map(|site| (site.span.start as usize, site.span.end as usize));
    let edits = Edits::new(ranges.collect(), new_name);
    let changed = edits.apply(text);
    let of_files = BTreeMap::from([(view.file, edits)]);
    keeps_meaning(&analysis, &analyse(&changed), &of_files)?;
    Ok(changed)
}

#[test]
fn a_name_that_is_taken_somewhere_is_refused() {
    for (text, new_name, reason) in [
        (
            net("  a$0: relu -> b: tanh -> c: conv(4, 1x1)"),
            "b",
            "the label `b` is used twice",
        ),
        (
            "block B(p$0: int, q: int) { conv(p, 1x1) -> conv(q, 1x1) }\n".to_string()
                + &net("  B(1, 2)"),
            "q",
            "`q` is declared twice",
        ),
        (
            "block B(p: int) { let r$0 = 2\n conv(p, 1x1) -> conv(r, 1x1) }\n".to_string()
                + &net("  B(1)"),
            "p",
            "`p` is declared twice",
        ),
        // An inner scope takes the name.
        (
            net("  let k$0 = 3\n  repeat i in 0..2 { conv(k + i, 1x1) }"),
            "i",
            "`i` is declared twice",
        ),
        (
            net("  a$0: relu\n  residual { b: tanh -> conv(3, 1x1) -> add(b) -> add(a) }"),
            "b",
            "",
        ),
        // What nothing declares would be taken.
        (
            net("  a$0: relu\n  add(b)"),
            "b",
            "would mean something else",
        ),
        // A label that only the expansion makes.
        (
            net("  a$0: relu\n  repeat i in 0..2 { b{i}: tanh }"),
            "b1",
            "",
        ),
        (net("  a$0: relu"), "relu", "has a meaning already"),
        (net("  a$0: relu"), "silu", "has a meaning already"),
        // A name may stand in what cannot be parsed.
        (net("  a$0: relu\n  = a"), "b", "cannot be parsed"),
    ] {
        let (text, at) = at_cursor(&text);
        let refused = renamed(&text, at, new_name).expect_err(&text);
        assert!(refused.0.contains(reason), "{}: {text}", refused.0);
    }
}

#[test]
fn a_name_that_is_free_is_taken_and_given_back() {
    for text in [
        net("  a$0: relu -> tanh\n  a + it"),
        net("  repeat i$0 in 0..2 { conv{i}: conv(i + 1, 1x1) }"),
        "block B(p$0: int = 2) { conv(p, 1x1) }\nblock C = B(p=3)\n".to_string()
            + &net("  B(p=1) -> C"),
        // The other `a` is another name.
        net("  { a$0: relu -> add(a) }\n  b: { a: tanh -> add(a) }"),
        "net N { input x: [3, H$0 = 8, W = 8]\n conv(4, 1x1): [4, H, W] }".to_string(),
    ] {
        let (text, at) = at_cursor(&text);
        let (at, new_name) = (
            at - 1,
            if text.contains("H = 8") {
                "Height"
            } else {
                "fresh_1"
            },
        );
        let there =
            renamed(&text, at, new_name).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        assert_ne!(there, text);
        let at = there.find(new_name).expect("the new name");
        let old = text[name_at(analyse(&text).view(), text_start(&text, &there))
            .expect("a name")
            .span
            .range()]
        .to_string();
        assert_eq!(renamed(&there, at, &old), Ok(text));
    }
}

/// Where two texts begin to differ.
fn text_start(a: &str, b: &str) -> usize {
    a.bytes()
        .zip(b.bytes())
        .position(|(a, b)| a != b)
        .expect("a difference")
}

const FILES: [&str; 4] = [
    include_str!("../../../nets/resnet.net"),
    include_str!("../../../nets/googlenet.net"),
    include_str!("../../../nets/densenet.net"),
    include_str!("../../../nets/mobilenet_v2.net"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A rename that is allowed can be taken back, and gives the same text again.
    #[test]
    fn renames_can_be_taken_back(
        file in 0..FILES.len(),
        place in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        is_fresh in any::<bool>(),
    ) {
        let text = FILES[file];
        let places = |text: &str| -> Vec<Span> {
            let analysis = analyse(text);
            let all = analysis.program.occurrences().iter().map(|it| it.span);
            all.filter(|span| span.file == analysis.program.root()).collect()
        };
        let all = places(text);
        let index = place.index(all.len());
        let (from, other) = (all[index], all[other.index(all.len())]);
        let old = &text[from.range()];
        let new_name = if is_fresh { "Fresh_1" } else { &text[other.range()] };
        // A label may have the name of a layer, but no rename gives it that.
        let is_free = crate::elaborate::layers::find(old).is_none() && new_name != old;
        if let Ok(there) = renamed(text, from.start as usize, new_name)
            && is_free
        {
            // Other names may be the same word; what is named where is as it was, so the places correspond.
            let at = places(&there)[index];
            prop_assert_eq!(renamed(&there, at.start as usize, old), Ok(text.to_string()));
        }
    }
}
