//! Texts and what they are in canonical form, or what is said of them.

use super::{ACCEPTED, parse_clean, parse_text};
use crate::syntax::ast::{Declaration, Definition, ExprKind, StatementKind, StepKind};
use crate::syntax::{RESERVED, print};

/// The canonical form of a statement.
fn statement(text: &str) -> String {
    let printed = print(&parse_clean(&format!("block B {{ {text} }}")));
    let lines: Vec<&str> = printed
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line))
        .collect();
    lines[1..lines.len() - 1].join("\n")
}

fn check_statement(text: &str, expected: &str) {
    assert_eq!(statement(text), expected);
}

/// The canonical form of an expression.
fn check(text: &str, expected: &str) {
    assert_eq!(
        statement(&format!("let x = {text}")),
        format!("let x = {expected}"),
        "{text}"
    );
}

/// Code and message of the first finding, and the text it points at.
fn check_error(text: &str, expected: &str) {
    let (_, diagnostics) = parse_text(text);
    let first = diagnostics.first().expect("a finding");
    let span = first.primary.as_ref().expect("a place").span;
    let found = format!(
        "{} {} @ {}",
        first.code.id,
        first.message,
        &text[span.range()]
    );
    assert_eq!(found, expected, "{text}");
}

#[test]
fn expressions_keep_the_parentheses_they_need() {
    check("((1))", "1");
    check("(a + b) * c", "(a + b) * c");
    check("(a * b) + c", "a * b + c");
    check("a - (b - c)", "a - (b - c)");
    check("(a - b) - c", "a - b - c");
    check("a * (b / c)", "a * (b / c)");
    check("-(a + b)", "-(a + b)");
    check("-a.b[0].c", "-a.b[0].c");
    check("(-a).b", "(-a).b");
    check("- - a", "--a");
    check("not (not a)", "not not a");
    check("not (a == b)", "not a == b");
    check("(not a) == b", "(not a) == b");
    check("(a == b) == c", "(a == b) == c");
    check("a < b and c < d or not e", "a < b and c < d or not e");
    check("a and (b or c)", "a and (b or c)");
    check("(a and b) or c", "a and b or c");
    check("1 + (if a then b else c)", "1 + (if a then b else c)");
    check(
        "if a then b else (if c then d else e)",
        "if a then b else if c then d else e",
    );
    check(
        "if (if a then b else c) then d else e",
        "if (if a then b else c) then d else e",
    );
    check("f(a, b=1 + 2, )", "f(a, b=1 + 2)");
    check("xs[-1]", "xs[-1]");
    check("[1, [2, 3,],]", "[1, [2, 3]]");
}

#[test]
fn literals_are_read_and_written() {
    check("1_000", "1000");
    check("3x5", "3x5");
    check("1e-5", "1e-5");
    check("1_0.2_5E+2", "1025.0");
    check("in.channels", "in.channels");
    check(
        r#""a {x + 1} {{}} \"\\\n\t""#,
        r#""a {x + 1} {{}} \"\\\n\t""#,
    );
    check(r#""{{{x}}}""#, r#""{{{x}}}""#);
    check(r#""{"{x}"}""#, r#""{"{x}"}""#);
    check("9223372036854775807", "9223372036854775807");
}

#[test]
fn statements_are_read_and_written() {
    check_statement("a->b\n->\nc", "a -> b -> c");
    check_statement("relu\n(a + b)", "relu\n(a + b)");
    check_statement("a: [3, _]", "a : [3, _]");
    check_statement("a: b: [3]", "a: b : [3]");
    check_statement("a , b : split(2)", "a, b: split(2)");
    check_statement("conv{i + 1}_x2: conv()", "conv{i + 1}_x2: conv()");
    check_statement("a + b * c - d", "a + b * c - d");
    check_statement("(a + b) * c", "(a + b) * c");
    check_statement("l: a + (b -> c) : [1]", "l: a + (b -> c) : [1]");
    check_statement("concat{a b}", "concat {\n  a\n  b\n}");
    check_statement("concat(a)", "concat(a)");
    check_statement("repeat i in 0..n[0] {a}", "repeat i in 0..n[0] { a }");
    check_statement(
        "if a {b} else if c {} else {d}",
        "if a { b } else if c {} else { d }",
    );
    check_statement(
        "residual{a}shortcut when b{c}",
        "residual { a } shortcut when b { c }",
    );
    check_statement("require a,\"b\"", "require a, \"b\"");
    check_statement("output a b", "output a\nb");
    check_statement("output a:b->c", "output a: b -> c");
    check_statement("pool(output=7, in=3)", "pool(output=7, in=3)");
    check_statement("inner output_size", "inner\noutput_size");
}

#[test]
fn steps_group_from_the_left_and_products_first() {
    let file = parse_clean("block B { a - b * c + d }");
    let Declaration::Template(template) = &file.declarations[0] else {
        panic!()
    };
    let Definition::Body(body) = &template.definition else {
        panic!()
    };
    let StatementKind::Chain(chain) = &body.statements[0].kind else {
        panic!()
    };
    let StepKind::Binary { lhs, .. } = &chain.steps[0].kind else {
        panic!()
    };
    let StepKind::Binary { rhs, .. } = &lhs.kind else {
        panic!()
    };
    assert!(matches!(rhs.kind, StepKind::Binary { .. }));
}

#[test]
fn documentation_and_imports_are_kept() {
    let file = parse_clean(ACCEPTED);
    assert_eq!(file.uses.len(), 2);
    assert_eq!(file.uses[1].names.as_ref().map(Vec::len), Some(2));
    let Declaration::Fn(leaky) = &file.declarations[0] else {
        panic!()
    };
    assert_eq!(leaky.doc, "An activation.\nWith two lines.");
    assert!(matches!(leaky.body.kind, ExprKind::If(..)));
    assert!(
        file.declarations[1..]
            .iter()
            .all(|d| matches!(d, Declaration::Template(t) if t.doc.is_empty()))
    );
    let crlf = parse_clean(&ACCEPTED.replace('\n', "\r\n"));
    assert_eq!(print(&crlf), print(&file));
}

#[test]
fn spans_cover_what_was_written() {
    let text = "block B {\n  a: conv(1 + 2) -> relu : [3] // end\n\n}\n";
    let file = parse_clean(text);
    let Declaration::Template(template) = &file.declarations[0] else {
        panic!()
    };
    assert_eq!(&text[template.span.range()], text.trim_end());
    let Definition::Body(body) = &template.definition else {
        panic!()
    };
    let statement = &body.statements[0];
    assert_eq!(
        &text[statement.span.range()],
        "a: conv(1 + 2) -> relu : [3]"
    );
    let StatementKind::Chain(chain) = &statement.kind else {
        panic!()
    };
    assert_eq!(&text[chain.steps[0].span.range()], "a: conv(1 + 2)");
    assert_eq!(&text[chain.steps[1].span.range()], "relu : [3]");
    let StepKind::Call(call) = &chain.steps[0].kind else {
        panic!()
    };
    assert_eq!(&text[call.arguments[0].value.span.range()], "1 + 2");
}

#[test]
fn a_bad_statement_leaves_the_others() {
    let (file, diagnostics) = parse_text("block A {\n  a\n  b = 1\n  c\n}\nblock B { d }\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(
        print(&file),
        "block A {\n  a\n  c\n}\n\nblock B {\n  d\n}\n"
    );
}

#[test]
fn an_unclosed_brace_does_not_hide_the_next_declaration() {
    let (file, diagnostics) = parse_text("block A {\n  a\n\n/// doc\nblock B { c }\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(
        print(&file),
        "block A {\n  a\n}\n\n/// doc\nblock B {\n  c\n}\n"
    );
}

#[test]
fn declarations_need_not_start_a_line() {
    let file = parse_clean("  net A { a } block B { b }\nfn f(x)\n= x +\ny\nnet\nC\n{ a }");
    assert_eq!(file.declarations.len(), 4);
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    check_error(
        "block A { conv(1 2) }",
        "E0101 expected `,` or `)`, found `2` @ 2",
    );
    check_error("block A { a -> }", "E0101 expected a step, found `}` @ }");
    check_error("block A { a = b }", "E0101 expected `:`, found `=` @ =");
    check_error(
        "block A { let then = 1 }",
        "E0107 `then` is a reserved word @ then",
    );
    check_error(
        "block A { let a = 3 x 3 }",
        "E0101 a size is written in one piece @ 3 x 3",
    );
    check_error(
        "block A { let a = 99999999999999999999 }",
        "E0105 a number is too large @ 99999999999999999999",
    );
    check_error(
        "block A { let a = \"\\x\" }",
        "E0106 `\\x` is no escape @ \\x",
    );
    check_error("block A { let a = \"b }", "E0102 a text is not closed @ \"");
    check_error("block A { a", "E0102 `{` is not closed @ {");
    check_error("block A { a } }", "E0103 `}` closes nothing @ }");
    check_error("block A { a ; }", "E0104 `;` cannot stand here @ ;");
    check_error(
        "block A { a } 3",
        "E0101 expected a declaration, found `3` @ 3",
    );
    check_error(
        "nett A { a }",
        "E0101 expected a declaration, found `nett` @ nett",
    );
    check_error(
        "net A(x: floot) { a }",
        "E0101 expected a type, found `floot` @ floot",
    );
    check_error(
        "net A { let a = b < c < d }",
        "E0101 comparisons do not chain @ <",
    );
    check_error(
        "net",
        "E0101 expected a name, found the end of the declaration @ ",
    );
    check_error("/* a", "E0102 a comment is not closed @ /*");
}

#[test]
fn a_file_may_hold_nothing() {
    for text in [
        "",
        "\u{feff}",
        "  \n",
        "// comment",
        "/* a /* b */ */",
        "/// orphan",
    ] {
        assert!(parse_clean(text).declarations.is_empty());
    }
}

#[test]
fn the_examples_of_the_specification_are_in_the_grammar() {
    let page = include_str!("../../../docs/language.md");
    let examples: Vec<&str> = page
        .split("```net\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        let file = parse_clean(example);
        assert_eq!(print(&parse_clean(&print(&file))), print(&file));
    }
    // The table of section 1 and the code agree on the reserved words.
    let words = RESERVED.join(" ");
    assert!(page.contains(&format!("Reserved words: `{words}`")));
}

#[test]
fn reserved_words_are_reserved_in_the_grammar() {
    for word in RESERVED {
        check_error(
            &format!("block A {{ let {word} = 1 }}"),
            &format!("E0107 `{word}` is a reserved word @ {word}"),
        );
        check_statement(
            &format!("{word}x -> x{word}"),
            &format!("{word}x -> x{word}"),
        );
    }
}
