//! Shapes behind steps.

use super::*;

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
