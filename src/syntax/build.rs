//! From pest's pairs to the tree. The shape of the pairs is the grammar's, so what the grammar requires is there.

mod declarations;
mod expressions;
mod literals;
mod steps;

pub(super) use expressions::binding;
use pest::iterators::{Pair, Pairs};

use super::ast::Ident;
use super::guard::{Scan, Section, Token};
use super::parse::Rule;
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::{FileId, Span};

/// Builds the tree of one declaration.
pub(super) struct Builder<'a, 't> {
    id: FileId,
    scan: &'a Scan<'t>,
    section: &'a Section,
    /// What was parsed: the mended text of the section, balanced.
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Bad statements so far.
    explained: usize,
}

impl<'a, 't> Builder<'a, 't> {
    pub(super) fn new(
        id: FileId,
        scan: &'a Scan<'t>,
        section: &'a Section,
        text: &'a str,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Builder<'a, 't> {
        Builder {
            id,
            scan,
            section,
            text,
            diagnostics,
            explained: 0,
        }
    }

    /// The span of a pair. pest lets a rule that may go on swallow the white space behind it, so the end is that of the last token.
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let range = pair.as_span();
        let start = (self.section.start + range.start()).min(self.section.end);
        let end = (self.section.start + range.end()).min(self.section.end);
        let after = self.scan.tokens.partition_point(|token| token.start < end);
        let token_end = after
            .checked_sub(1)
            .map_or(start, |index| self.scan.tokens[index].end);
        Span::new(self.id, start, token_end.min(end).max(start))
    }

    /// The first token that ends behind `at`.
    fn token_at(&self, at: usize) -> Option<&Token> {
        let index = self.scan.tokens.partition_point(|token| token.end <= at);
        self.scan.tokens.get(index)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() <= limits::DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn ident(&self, pair: &Pair<'_, Rule>) -> Ident {
        Ident {
            name: pair.as_str().to_owned(),
            span: self.span(pair),
        }
    }

    /// Whether `levels` more operators on top of `depth` still fit; says so at `pair` if not.
    fn fits(&mut self, depth: usize, levels: usize, pair: &Pair<'_, Rule>) -> bool {
        let fits = depth + levels <= limits::EXPRESSION_DEPTH;
        if !fits {
            let span = self.span(pair);
            let first = self
                .token_at(span.start as usize)
                .map_or(span, |token| Span::new(self.id, token.start, token.end));
            self.report(
                Diagnostic::new(
                    codes::LIMIT_NESTING,
                    "an expression has too many operators",
                    first,
                    "starts here",
                )
                .with_note(format!(
                    "at most {} are allowed, those of the expressions around it included",
                    limits::EXPRESSION_DEPTH
                )),
            );
        }
        fits
    }
}

/// The pairs of a rule without the tokens that only hold it together.
fn parts<'i>(pair: Pair<'i, Rule>) -> impl Iterator<Item = Pair<'i, Rule>> {
    meaningful(pair.into_inner())
}

fn meaningful<'i>(pairs: Pairs<'i, Rule>) -> impl Iterator<Item = Pair<'i, Rule>> {
    pairs.filter(|pair| {
        !matches!(
            pair.as_rule(),
            Rule::arrow
                | Rule::equals
                | Rule::colon
                | Rule::comma
                | Rule::dots
                | Rule::dot
                | Rule::quote
                | Rule::open_paren
                | Rule::close_paren
                | Rule::open_bracket
                | Rule::close_bracket
                | Rule::open_brace
                | Rule::close_brace
                | Rule::kw_use
                | Rule::kw_as
                | Rule::kw_fn
                | Rule::kw_input
                | Rule::kw_from
                | Rule::kw_where
                | Rule::kw_output
                | Rule::kw_let
                | Rule::kw_require
                | Rule::kw_labels
                | Rule::kw_when
                | Rule::kw_then
                | Rule::kw_else
                | Rule::EOI
        )
    })
}

/// The only part of a rule.
fn only<'i>(pair: Pair<'i, Rule>) -> Pair<'i, Rule> {
    next(&mut parts(pair))
}

/// A part that the grammar requires.
fn next<'i>(parts: &mut impl Iterator<Item = Pair<'i, Rule>>) -> Pair<'i, Rule> {
    parts.next().expect("the grammar requires this part")
}
