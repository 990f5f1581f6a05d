//! What is told of a word.

use super::*;

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
