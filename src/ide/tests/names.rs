//! Definitions, references and new names.

use super::*;

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
