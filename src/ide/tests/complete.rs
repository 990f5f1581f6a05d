//! What is proposed.

use super::*;

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
