//! The mistakes that people make, each with the words that help.

use super::{Site, numbers, quoted};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::guard::TokenKind;
use crate::syntax::parse::Rule;
use crate::syntax::words::{DECLARATIONS, STATEMENTS, TYPES, is_reserved, meant};

/// The first case that fits, the most specific first.
pub(super) fn find(site: &Site<'_>) -> Option<Diagnostic> {
    const CASES: &[fn(&Site<'_>) -> Option<Diagnostic>] = &[
        reserved_name,
        reserved_label,
        label_of_side,
        indexed_label,
        other_arrow,
        power,
        numbers::size_in_pieces,
        numbers::malformed_number,
        misspelt_statement,
        declaration,
        alias_with_parameters,
        equals_sign,
        colon,
        detached_parenthesis,
        kind_of_if,
        function_body,
        missing_comma,
        word_out_of_place,
        type_name,
        not_a_step,
        property_of_step,
        repeat_count,
    ];
    CASES.iter().find_map(|case| case(site))
}

fn reserved_name(site: &Site<'_>) -> Option<Diagnostic> {
    let wants_name = site.expects_any(&[
        Rule::name,
        Rule::use_name,
        Rule::param,
        Rule::fn_param,
        Rule::label,
    ]);
    let word = site.word(0);
    (wants_name && is_reserved(word)).then(|| {
        Diagnostic::new(
            codes::RESERVED_WORD,
            format!("`{word}` is a reserved word"),
            site.span(0, 0),
            "cannot be a name",
        )
    })
}

/// `residual: conv(...)`, `in: conv(...)`.
fn reserved_label(site: &Site<'_>) -> Option<Diagnostic> {
    let offset = match (site.word(0), site.word(-1)) {
        (":", _) => -1,
        (_, ":") if site.expects(Rule::open_bracket) => -2,
        _ if site.word(1) == ":" && (site.expects_statement() || site.expects_step()) => 0,
        _ => return None,
    };
    let word = site.word(offset);
    if !is_reserved(word) || !site.is_in_body() {
        return None;
    }
    let help = match word {
        "input" => "an input has a name: `input image: [3, 224, 224]`".to_owned(),
        "output" => "an output has a name: `output probability: softmax`".to_owned(),
        _ => format!("choose another label, such as `{word}_`"),
    };
    Some(
        Diagnostic::new(
            codes::RESERVED_WORD,
            format!("`{word}` is a reserved word"),
            site.span(offset, offset),
            "cannot be a label",
        )
        .with_help(help),
    )
}

/// `in * ca: Attention`: behind an operand, `:` asserts a shape.
fn label_of_side(site: &Site<'_>) -> Option<Diagnostic> {
    let is_side = matches!(site.word(-3), "+" | "-" | "*") && site.is_name(-2);
    if !is_side || site.word(-1) != ":" || !site.expects(Rule::open_bracket) {
        return None;
    }
    let (name, step) = (site.word(-2), site.word(0));
    let fault = Diagnostic::new(
        codes::SYNTAX,
        format!(
            "a label of one side of `{}` stands in parentheses",
            site.word(-3)
        ),
        site.span(-2, -1),
        "read as a shape assertion",
    );
    Some(fault.with_help(format!("write `({name}: {step}...)`")))
}

/// `d{i}` where a value is read, `output cls{i}: ...`: an index makes a label, and nothing else.
fn indexed_label(site: &Site<'_>) -> Option<Diagnostic> {
    let end = match (site.word(-1), site.word(-2)) {
        ("}", _) if site.expects(Rule::colon) && site.word(0) != ":" => -1,
        (":", "}") if site.expects(Rule::open_bracket) => -2,
        _ => return None,
    };
    let mut depth = 0usize;
    let mut offset = end;
    loop {
        match site.word(offset) {
            "}" => depth += 1,
            "{" if depth == 1 => break,
            "{" => depth -= 1,
            "" => return None,
            _ => {}
        }
        offset -= 1;
    }
    let name = site.word(offset - 1);
    if !site.is_name(offset - 1) || !site.gap(offset).is_empty() {
        return None;
    }
    let is_output = site.word(offset - 2) == "output";
    if end == -2 && !is_output {
        return None;
    }
    let (message, help) = match is_output {
        true => (
            "the name of an output cannot be made with an index",
            format!("write an `output` for each: `output {name}0: ...`"),
        ),
        false => (
            "a label cannot be read by an index",
            format!(
                "a label is read by its whole name, such as `{name}0`: write the steps that read it out"
            ),
        ),
    };
    let span = site.span(offset - 1, end);
    Some(
        Diagnostic::new(codes::SYNTAX, message, span, "an index makes labels only").with_help(help),
    )
}

/// `=>`, `- >` and `>` for `->`.
fn other_arrow(site: &Site<'_>) -> Option<Diagnostic> {
    // `>` by itself may be a comparison as well.
    let (from, to, is_certain) = match (site.word(-1), site.word(0), site.word(1)) {
        (_, "=", ">") if site.gap(1).is_empty() => (0, 1, true),
        ("-", ">", _) => (-1, 0, true),
        (_, ">", _) if site.expects(Rule::arrow) => (0, 0, false),
        _ => return None,
    };
    let span = site.span(from, to);
    let written = &site.text[span.range()];
    Some(
        Diagnostic::new(
            codes::SYNTAX,
            format!("expected `->`, found {}", quoted(written)),
            span,
            "expected `->`",
        )
        .with_help("steps are joined by `->`")
        .with_fix(span, "->", is_certain),
    )
}

fn power(site: &Site<'_>) -> Option<Diagnostic> {
    (site.word(0) == "*" && site.word(-1) == "*" && site.gap(0).is_empty()).then(|| {
        Diagnostic::new(
            codes::SYNTAX,
            "there is no operator `**`",
            site.span(-1, 0),
            "not an operator",
        )
        .with_help("write the product out; in the body of a function, `pow(x, y)`")
    })
}

/// `repaet i in 0..3 { ... }`, `var x = 3`: the first words were taken for steps.
fn misspelt_statement(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.is_in_body() || site.first >= site.index {
        return None;
    }
    let offset = site.first as isize - site.index as isize;
    if !site.is_name(offset) || matches!(site.word(offset + 1), "(" | ":" | "->" | "=" | ",") {
        return None;
    }
    let word = site.word(offset);
    let keyword = meant(word, STATEMENTS)?;
    Some(
        Diagnostic::new(
            codes::SYNTAX,
            format!("{} starts no statement", quoted(word)),
            site.span(offset, offset),
            "not a word of the language",
        )
        .with_guess(site.span(offset, offset), keyword),
    )
}

fn declaration(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects_any(&[Rule::declaration, Rule::file]) {
        return None;
    }
    let word = site.word(0);
    let diagnostic = site.expected("a declaration");
    Some(match meant(word, DECLARATIONS) {
        Some(keyword) => diagnostic.with_guess(site.span(0, 0), keyword),
        None if STATEMENTS.contains(&word) || site.is_kind(0, TokenKind::Word) => {
            diagnostic.with_help("statements stand in the braces of a `net` or `block`")
        }
        None => diagnostic.with_help("a file holds `use`, `fn`, `block` and `net`"),
    })
}

fn alias_with_parameters(site: &Site<'_>) -> Option<Diagnostic> {
    let is_template = matches!(
        site.tokens.first().map(|token| site.word_of(token)),
        Some("net" | "block")
    );
    (is_template && site.expected == [Rule::open_brace] && site.word(0) == "=").then(|| {
        Diagnostic::new(
            codes::SYNTAX,
            "a partial application has no parameters of its own",
            site.span(0, 0),
            "expected a body",
        )
        .with_help("leave the parentheses out: the parameters that stay open are those of the base")
    })
}

fn equals_sign(site: &Site<'_>) -> Option<Diagnostic> {
    if site.word(0) != "=" {
        return None;
    }
    if site.expected == [Rule::colon] && site.is_in("(") {
        let name = site.word(-1);
        return Some(
            site.expected("`:` and a type")
                .with_help(format!("write `{name}: int = ...`")),
        );
    }
    let is_condition = site.expects(Rule::infix) && !site.expects(Rule::equals);
    if is_condition {
        return Some(
            site.expected("`==`")
                .with_help("values are compared by `==`")
                // In parentheses, it may belong to an argument.
                .with_fix(site.span(0, 0), "==", !site.is_in("(")),
        );
    }
    let is_label = site.is_in_body() && site.is_name(-1) && site.expects(Rule::colon);
    is_label.then(|| {
        let name = site.word(-1);
        site.expected("`:`").with_help(format!(
            "a step is labelled by `{name}: ...`; a constant is `let {name} = ...`"
        ))
    })
}

fn colon(site: &Site<'_>) -> Option<Diagnostic> {
    if site.word(0) != ":" {
        return None;
    }
    if site.word(-2) == "let" {
        return Some(
            site.expected("`=`")
                .with_help("a constant has the type of its value: `let name = ...`"),
        );
    }
    let is_argument =
        site.is_in("(") && site.is_name(-1) && site.expects_any(&[Rule::equals, Rule::comma]);
    is_argument.then(|| {
        site.expected("`=`")
            .with_help(format!("an argument is named by `{}=...`", site.word(-1)))
            .with_fix(site.span(0, 0), "=", true)
    })
}

/// `conv (64, 3x3)`.
fn detached_parenthesis(site: &Site<'_>) -> Option<Diagnostic> {
    let paren = if site.word(0) == "(" {
        0
    } else {
        site.opener()?
    };
    let gap = site.gap(paren);
    let is_header = matches!(site.word(paren - 2), "net" | "block" | "fn");
    if site.word(paren) != "("
        || !site.is_name(paren - 1)
        || is_header
        || gap.is_empty()
        || gap.contains('\n')
    {
        return None;
    }
    Some(
        Diagnostic::new(
            codes::SYNTAX,
            "a call with a space before its parenthesis",
            site.span(paren, paren),
            "read as the start of something else",
        )
        .with_help(format!("write `{}(...)`", site.word(paren - 1)))
        .with_fix(site.between(paren), "", true),
    )
}

fn kind_of_if(site: &Site<'_>) -> Option<Diagnostic> {
    let help = match site.word(0) {
        "{" if site.expects(Rule::kw_then) => "inside an expression it is `if c then a else b`",
        "then" if site.expects(Rule::open_brace) => {
            "between steps it is `if c { ... } else { ... }`"
        }
        "if" if site.expects_any(&[Rule::operation, Rule::operand, Rule::prefix]) => {
            "put parentheses around this `if`"
        }
        _ if site.expects(Rule::kw_else) && site.expects(Rule::infix) => {
            "an `if` in an expression needs its `else`"
        }
        _ => return None,
    };
    Some(site.unexpected().with_help(help))
}

fn function_body(site: &Site<'_>) -> Option<Diagnostic> {
    let is_fn = site
        .tokens
        .first()
        .is_some_and(|token| site.word_of(token) == "fn");
    (is_fn && matches!(site.word(0), "{" | "->" | ":") && site.expects(Rule::equals)).then(|| {
        site.expected("`=`")
            .with_help("a function is `fn f(x) = expression`")
    })
}

fn missing_comma(site: &Site<'_>) -> Option<Diagnostic> {
    let starts_value = match site.token(0)?.kind {
        TokenKind::Punctuation => site.word(0) == "[",
        TokenKind::Word => {
            !is_reserved(site.word(0))
                || matches!(site.word(0), "in" | "it" | "true" | "false" | "if")
        }
        _ => true,
    };
    let closer = match site.word(site.opener()?) {
        "(" if site.expects(Rule::close_paren) => ")",
        "[" if site.expects(Rule::close_bracket) => "]",
        _ => return None,
    };
    (starts_value && site.expects(Rule::comma)).then(|| {
        let mut diagnostic = site.expected(&format!("`,` or `{closer}`"));
        if let Some(label) = &mut diagnostic.primary {
            label.message = "a comma is missing before this".to_owned();
        }
        let end = site.span(-1, -1).end as usize;
        diagnostic.with_fix(Span::new(site.id, end, end), ",", false)
    })
}

fn word_out_of_place(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects_statement() {
        return None;
    }
    let word = site.word(0);
    let (message, help) = match word {
        "else" => (
            "`else` without an `if` before it",
            "it follows the `}` of an `if`",
        ),
        "shortcut" => (
            "`shortcut` without a `residual` before it",
            "it follows the `}` of a `residual`",
        ),
        "from" => (
            "`from` without an `input` before it",
            "it follows the shape of an input",
        ),
        _ if DECLARATIONS.contains(&word) => (
            "a declaration cannot stand in a body",
            "declarations stand side by side; is a `}` missing before this one?",
        ),
        _ => return None,
    };
    Some(
        Diagnostic::new(codes::SYNTAX, message, site.span(0, 0), "cannot stand here")
            .with_help(help),
    )
}

fn type_name(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects(Rule::type_name) {
        return None;
    }
    let fault = site.expected("a type");
    Some(match meant(site.word(0), TYPES) {
        Some(name) => fault.with_guess(site.span(0, 0), name),
        None => fault.with_help(format!(
            "the types are {} and lists such as `[int]`",
            TYPES.join(", ")
        )),
    })
}

/// `x * 2`, `relu -> 3`.
fn not_a_step(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects_step() || !site.is_kind(0, TokenKind::Number) {
        return None;
    }
    let help = match site.word(-1) {
        "*" => format!("to multiply by a number write `scale({})`", site.word(0)),
        _ => "a number is not a tensor; arithmetic on numbers stands in a `fn`".to_owned(),
    };
    Some(site.expected("a step").with_help(help))
}

/// `x.channels` among steps.
fn property_of_step(site: &Site<'_>) -> Option<Diagnostic> {
    (site.word(0) == "." && site.expects(Rule::arrow)).then(|| {
        site.unexpected()
            .with_help("properties such as `x.channels` stand in arguments and conditions")
    })
}

fn repeat_count(site: &Site<'_>) -> Option<Diagnostic> {
    (site.word(-1) == "repeat" && site.is_kind(0, TokenKind::Number)).then(|| {
        site.expected("a name")
            .with_help(format!("write `repeat i in 0..{} {{ ... }}`", site.word(0)))
    })
}
