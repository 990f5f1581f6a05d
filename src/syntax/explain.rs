//! Words for what the grammar could not take: where, what was expected there, what was found, and what was likely meant.
//!
//! pest answers with the furthest place that any rule reached and the rules that failed there. [`cases`] knows the mistakes
//! that people make; what is none of those is worded here from the rules alone.

mod cases;
mod numbers;

use super::guard::{Scan, Section, Token, TokenKind};
use super::parse::Rule;
use super::words::is_reserved;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, Span};

/// A failure of the parser.
pub(super) struct Failure {
    /// Byte of the file where no rule could go on.
    pub at: usize,
    /// Where the statement or declaration that failed begins.
    pub from: usize,
    /// The rules that were tried there.
    pub expected: Vec<Rule>,
}

/// A diagnostic for a failure, unless the guard has spoken of that place.
pub(super) fn explain(
    id: FileId,
    scan: &Scan<'_>,
    section: &Section,
    failure: &Failure,
) -> Option<Diagnostic> {
    if scan.is_covered(failure.at) {
        return None;
    }
    let index_of = |at: usize| scan.tokens.partition_point(|token| token.end <= at);
    let first = index_of(section.start);
    let tokens = &scan.tokens[first..index_of(section.end)];
    let site = Site {
        id,
        text: &scan.text,
        tokens,
        index: index_of(failure.at) - first,
        first: index_of(failure.from) - first,
        end: section.start + scan.text[section.start..section.end].trim_end().len(),
        expected: &failure.expected,
    };
    Some(cases::find(&site).unwrap_or_else(|| site.unexpected()))
}

/// The surroundings of a failure.
struct Site<'a> {
    id: FileId,
    text: &'a str,
    /// The tokens of the declaration.
    tokens: &'a [Token],
    /// The token that was found; their number at the end of the declaration.
    index: usize,
    /// The token that the statement begins with.
    first: usize,
    /// Where the text of the declaration ends.
    end: usize,
    expected: &'a [Rule],
}

impl<'a> Site<'a> {
    fn token(&self, offset: isize) -> Option<Token> {
        let index = self.index.checked_add_signed(offset)?;
        self.tokens.get(index).copied()
    }

    /// The text of the token `offset` behind the one that was found; empty if there is none.
    fn word(&self, offset: isize) -> &'a str {
        self.token(offset).map_or("", |token| self.word_of(&token))
    }

    fn word_of(&self, token: &Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    fn is_kind(&self, offset: isize, kind: TokenKind) -> bool {
        self.token(offset).is_some_and(|token| token.kind == kind)
    }

    /// Whether the token is a word that may be a name.
    fn is_name(&self, offset: isize) -> bool {
        self.is_kind(offset, TokenKind::Word) && !is_reserved(self.word(offset))
    }

    /// The span of the tokens from one offset to another, both included.
    fn span(&self, from: isize, to: isize) -> Span {
        match (self.token(from), self.token(to)) {
            (Some(from), Some(to)) => Span::new(self.id, from.start, to.end),
            _ => Span::new(self.id, self.end, self.end),
        }
    }

    /// What stands between the token at `offset` and the one before it.
    fn gap(&self, offset: isize) -> &'a str {
        match (self.token(offset - 1), self.token(offset)) {
            (Some(before), Some(after)) => &self.text[before.end..after.start],
            _ => "",
        }
    }

    /// The span of [`gap`](Site::gap).
    fn between(&self, offset: isize) -> Span {
        let (before, after) = (self.span(offset - 1, offset - 1), self.span(offset, offset));
        Span::new(self.id, before.end as usize, after.start as usize)
    }

    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    fn expects_any(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.expects(*rule))
    }

    fn expects_step(&self) -> bool {
        self.expects_any(&[Rule::step, Rule::chain, Rule::kw_residual])
    }

    fn expects_statement(&self) -> bool {
        self.expects_any(&[Rule::statement, Rule::statements])
    }

    /// The offset of the innermost bracket that is open at the failure.
    fn opener(&self) -> Option<isize> {
        let mut depth = 0usize;
        for back in 1..=self.index {
            let offset = -(back as isize);
            match self.word(offset) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" if depth == 0 => return Some(offset),
                "(" | "[" | "{" => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// Whether the failure lies between statements or inside one, not inside its parentheses.
    fn is_in_body(&self) -> bool {
        self.opener().is_some_and(|offset| self.word(offset) == "{")
    }

    /// Whether the failure lies in the parentheses or brackets of something.
    fn is_in(&self, bracket: &str) -> bool {
        self.opener()
            .is_some_and(|offset| self.word(offset) == bracket)
    }

    /// How a message names what was found.
    fn found(&self) -> String {
        match self.token(0) {
            None => "the end of the declaration".to_owned(),
            Some(token) if token.kind == TokenKind::Text => "a text".to_owned(),
            Some(token) => quoted(self.word_of(&token)),
        }
    }

    /// "expected X, found Y", with `expected` of the caller's choice.
    fn expected(&self, expected: &str) -> Diagnostic {
        let diagnostic = Diagnostic::new(
            codes::SYNTAX,
            format!("expected {expected}, found {}", self.found()),
            self.span(0, 0),
            format!("expected {expected}"),
        );
        // What is missing is more likely missing at the end of the line before than at the start of this one.
        if self.gap(0).contains('\n') && self.index > self.first {
            diagnostic.with_secondary(self.span(-1, -1), "after this")
        } else {
            diagnostic
        }
    }

    /// "expected X, found Y" from the rules.
    fn unexpected(&self) -> Diagnostic {
        match self.phrase() {
            Some(expected) => self.expected(&expected),
            None => Diagnostic::new(
                codes::SYNTAX,
                format!("unexpected {}", self.found()),
                self.span(0, 0),
                "cannot stand here",
            ),
        }
    }

    /// What the rules that failed have in common, in the words of the language.
    fn phrase(&self) -> Option<String> {
        let kinds: &[(&[Rule], &str)] = &[
            (&[Rule::declaration, Rule::file], "a declaration"),
            (&[Rule::type_name], "a type"),
            (&[Rule::argument], "an argument"),
            (&[Rule::param, Rule::fn_param], "a parameter"),
            (&[Rule::dimension], "a dimension"),
            (
                &[
                    Rule::expression,
                    Rule::operation,
                    Rule::operand,
                    Rule::prefix,
                ],
                "an expression",
            ),
            (&[Rule::name, Rule::use_name], "a name"),
            (&[Rule::shape], "a shape such as `[64, _, _]`"),
            (&[Rule::string, Rule::quote], "a text in quotes"),
            (&[Rule::call], "a call"),
        ];
        if self.expects_statement() {
            let joined = self.expects(Rule::arrow);
            return Some(
                if joined {
                    "`->` or a statement"
                } else {
                    "a statement"
                }
                .to_owned(),
            );
        }
        // `A(, 3)`: what is no list of arguments may be a step in parentheses to the grammar.
        let is_call =
            |paren: isize| self.is_in("(") && self.is_name(paren - 1) && self.gap(paren).is_empty();
        if self.expects_step() && self.opener().is_some_and(is_call) {
            return Some("an argument".to_owned());
        }
        if self.expects_step() {
            return Some("a step".to_owned());
        }
        for (rules, phrase) in kinds {
            if self.expects_any(rules) {
                return Some((*phrase).to_owned());
            }
        }
        // An index, call, assertion or operator could go on nearly everywhere; it is worth saying only where nothing else is.
        let tokens: Vec<Rule> = self
            .expected
            .iter()
            .copied()
            .filter(|rule| symbol(*rule).is_some())
            .collect();
        let is_after_value =
            self.expects_any(&[Rule::infix, Rule::minus, Rule::arrow, Rule::label_text]);
        let is_weak = |rule: Rule| {
            matches!(rule, Rule::dot | Rule::dots | Rule::arrow)
                || is_after_value && matches!(rule, Rule::open_bracket | Rule::open_paren)
                || self.expects(Rule::label_text) && rule == Rule::open_brace
        };
        if tokens == [Rule::open_bracket] {
            return Some("a shape such as `[64, _, _]`".to_owned());
        }
        let strong: Vec<Rule> = tokens
            .iter()
            .copied()
            .filter(|rule| !is_weak(*rule))
            .collect();
        let told = if strong.is_empty() { tokens } else { strong };
        let told: Vec<&str> = told.into_iter().take(4).filter_map(symbol).collect();
        match told.as_slice() {
            [] => None,
            [one] => Some(format!("`{one}`")),
            [rest @ .., last] => Some(format!("`{}` or `{last}`", rest.join("`, `"))),
        }
    }
}

/// A token in quotes, cut if it is long.
fn quoted(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("`{}...`", &word[..end]),
        None => format!("`{word}`"),
    }
}

/// The token behind a rule, if it is one that a message should name.
fn symbol(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::equals => "=",
        Rule::colon => ":",
        Rule::comma => ",",
        Rule::close_paren => ")",
        Rule::close_bracket => "]",
        Rule::close_brace => "}",
        Rule::open_paren => "(",
        Rule::open_bracket => "[",
        Rule::open_brace => "{",
        Rule::arrow => "->",
        Rule::dots => "..",
        Rule::dot => ".",
        Rule::kw_in => "in",
        Rule::kw_then => "then",
        Rule::kw_else => "else",
        Rule::kw_as => "as",
        _ => return None,
    })
}
