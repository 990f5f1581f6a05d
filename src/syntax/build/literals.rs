//! Numbers and texts.

use pest::iterators::Pair;

use super::{Builder, only, parts};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::ast::{ExprKind, Text, TextPart};
use crate::syntax::parse::Rule;

impl Builder<'_, '_> {
    /// `12`, `0.5` or `3x3`; what cannot be represented is reported and taken for zero.
    pub(super) fn number(&mut self, pair: &Pair<'_, Rule>) -> ExprKind {
        let digits = pair.as_str().replace('_', "");
        if pair.as_rule() == Rule::float {
            // The grammar's floats are a subset of Rust's, so parsing fails at most by overflow, which gives infinity.
            let value: f64 = digits.parse().unwrap_or(f64::INFINITY);
            if value.is_finite() {
                return ExprKind::Float(value);
            }
            self.too_large(pair, "the largest float is about 1.8e308");
            return ExprKind::Float(0.0);
        }
        let mut numbers = digits.split('x').map(str::parse::<i64>);
        let largest = "the largest int is 9_223_372_036_854_775_807";
        match (numbers.next(), numbers.next()) {
            (Some(Ok(value)), None) => ExprKind::Int(value),
            (Some(Ok(height)), Some(Ok(width))) => ExprKind::Size(height, width),
            (_, None) => {
                self.too_large(pair, largest);
                ExprKind::Int(0)
            }
            _ => {
                self.too_large(pair, largest);
                ExprKind::Size(0, 0)
            }
        }
    }

    fn too_large(&mut self, pair: &Pair<'_, Rule>, note: &str) {
        let span = self.span(pair);
        self.report(
            Diagnostic::new(
                codes::BAD_NUMBER,
                "a number is too large",
                span,
                "cannot be represented",
            )
            .with_note(note),
        );
    }

    /// A string literal.
    pub(super) fn text(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Text {
        let span = self.span(&pair);
        self.text_parts(parts(pair), span, depth)
    }

    /// The pieces of a string or label; neighbouring literal pieces become one.
    pub(super) fn text_parts<'i>(
        &mut self,
        pieces: impl Iterator<Item = Pair<'i, Rule>>,
        span: Span,
        depth: usize,
    ) -> Text {
        let mut parts = Vec::new();
        let mut literal = String::new();
        for piece in pieces {
            match piece.as_rule() {
                Rule::interpolation => {
                    if !literal.is_empty() {
                        parts.push(TextPart::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(TextPart::Expr(self.expression(only(piece), depth + 1)));
                }
                Rule::brace => literal.push_str(&piece.as_str()[..1]),
                Rule::escape => literal.push(self.escape(&piece)),
                _ => literal.push_str(piece.as_str()),
            }
        }
        if !literal.is_empty() {
            parts.push(TextPart::Literal(literal));
        }
        Text { parts, span }
    }

    fn escape(&mut self, pair: &Pair<'_, Rule>) -> char {
        let escaped = pair.as_str().chars().nth(1).unwrap_or('\\');
        match escaped {
            '"' | '\\' => escaped,
            'n' => '\n',
            't' => '\t',
            _ => {
                // Not `span`: an escape is no token of its own.
                let start = self.section.start + pair.as_span().start();
                let span = Span::new(self.id, start, start + pair.as_str().len());
                let help = if matches!(escaped, '{' | '}') {
                    "for a brace in a text write it twice: `{{`, `}}`"
                } else {
                    "the escapes are `\\\"`, `\\\\`, `\\n` and `\\t`; for a backslash write `\\\\`"
                };
                let message = format!("`\\{}` is no escape", escaped.escape_debug());
                self.report(
                    Diagnostic::new(codes::BAD_ESCAPE, message, span, "unknown escape")
                        .with_help(help),
                );
                escaped
            }
        }
    }
}
