//! Expressions and calls. Here lies the precedence of the operators.

use std::iter::Peekable;

use pest::iterators::Pair;

use super::{Builder, next, only, parts};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::ast::{Argument, BinaryOp, Call, Expr, ExprKind, Ident, UnaryOp};
use crate::syntax::parse::Rule;

/// How tightly a form binds; a larger number binds tighter. The printer goes by the same numbers.
pub(in crate::syntax) mod binding {
    use crate::syntax::ast::BinaryOp;

    /// `if c then a else b`
    pub const IF: u8 = 0;
    /// `not x`
    pub const NOT: u8 = 3;
    /// `a == b`: these do not chain.
    pub const COMPARISON: u8 = 4;
    /// `-x`
    pub const NEGATION: u8 = 7;
    /// `x.f`, `x[i]`, and whatever is one piece.
    pub const POSTFIX: u8 = 8;

    /// That of a binary operator.
    pub fn of(op: BinaryOp) -> u8 {
        match op {
            BinaryOp::Or => 1,
            BinaryOp::And => 2,
            BinaryOp::Eq
            | BinaryOp::Ne
            | BinaryOp::Lt
            | BinaryOp::Le
            | BinaryOp::Gt
            | BinaryOp::Ge => COMPARISON,
            BinaryOp::Add | BinaryOp::Sub => 5,
            BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 6,
        }
    }
}

impl Builder<'_, '_> {
    /// An expression inside `depth` operators.
    pub(super) fn expression(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let mut parts: Vec<Pair<'_, Rule>> = parts(pair.clone()).collect();
        let last = parts.pop().expect("an expression ends with an operation");
        if !self.fits(depth, parts.len(), &pair) {
            return placeholder(span);
        }
        let mut value = self.operation(last, depth + parts.len());
        for (level, arm) in parts.into_iter().enumerate().rev() {
            let keyword = self.span(&arm);
            let mut sides = super::parts(arm).filter(|part| part.as_rule() != Rule::kw_if);
            let condition = self.operation(next(&mut sides), depth + level + 1);
            let then = self.operation(next(&mut sides), depth + level + 1);
            let span = keyword.to(value.span);
            let kind = ExprKind::If(Box::new(condition), Box::new(then), Box::new(value));
            value = Expr { kind, span };
        }
        value
    }

    fn operation(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let operators = parts(pair.clone())
            .filter(|part| part.as_rule() != Rule::operand)
            .count();
        if operators > 0 && !self.fits(depth, operators, &pair) {
            return placeholder(span);
        }
        self.climb(&mut parts(pair).peekable(), 0, depth + operators)
    }

    /// Precedence climbing: an operand and all operators behind it that bind at least as tightly as `least`.
    fn climb<'i>(
        &mut self,
        parts: &mut Peekable<impl Iterator<Item = Pair<'i, Rule>>>,
        least: u8,
        depth: usize,
    ) -> Expr {
        let first = next(parts);
        let mut lhs = if first.as_rule() == Rule::prefix {
            self.unary(&first, parts, least, depth)
        } else {
            self.operand(first, depth)
        };
        let mut compared: Option<Span> = None;
        while let Some(infix) = parts.next_if(|infix| binding::of(binary_op(infix)) >= least) {
            let (op, op_span) = (binary_op(&infix), self.span(&infix));
            let level = binding::of(op);
            let rhs = self.climb(parts, level + 1, depth);
            if level == binding::COMPARISON
                && let Some(before) = compared.replace(op_span)
            {
                self.report(
                    Diagnostic::new(
                        codes::SYNTAX,
                        "comparisons do not chain",
                        op_span,
                        "a second comparison",
                    )
                    .with_secondary(before, "the first")
                    .with_help("join them by `and`: `a < b and b < c`"),
                );
            }
            if level < binding::COMPARISON {
                compared = None;
            }
            let span = lhs.span.to(rhs.span);
            let kind = ExprKind::Binary(op, Box::new(lhs), Box::new(rhs), op_span);
            lhs = Expr { kind, span };
        }
        lhs
    }

    fn unary<'i>(
        &mut self,
        prefix: &Pair<'i, Rule>,
        parts: &mut Peekable<impl Iterator<Item = Pair<'i, Rule>>>,
        least: u8,
        depth: usize,
    ) -> Expr {
        let at = self.span(prefix);
        let (op, level) = match prefix.as_str() {
            "-" => (UnaryOp::Neg, binding::NEGATION),
            _ => (UnaryOp::Not, binding::NOT),
        };
        if level < least {
            self.report(
                Diagnostic::new(
                    codes::SYNTAX,
                    "`not` behind an operator that binds tighter",
                    at,
                    "applies to what?",
                )
                .with_help("put parentheses around it: `a == (not b)`"),
            );
        }
        let operand = self.climb(parts, level, depth);
        let span = at.to(operand.span);
        Expr {
            kind: ExprKind::Unary(op, Box::new(operand)),
            span,
        }
    }

    fn operand(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let postfixes = parts(pair.clone()).count() - 1;
        if postfixes > 0 && !self.fits(depth, postfixes, &pair) {
            return placeholder(span);
        }
        let depth = depth + postfixes;
        let mut parts = parts(pair);
        let mut value = self.primary(next(&mut parts), depth);
        for postfix in parts {
            let span = value.span.to(self.span(&postfix));
            let is_field = postfix.as_rule() == Rule::field;
            let inner = only(postfix);
            let kind = if is_field {
                ExprKind::Field(Box::new(value), self.ident(&inner))
            } else {
                let index = self.expression(inner, depth + 1);
                ExprKind::Index(Box::new(value), Box::new(index))
            };
            value = Expr { kind, span };
        }
        value
    }

    fn primary(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::wrapped => self.expression(only(pair), depth + 1).kind,
            Rule::list => ExprKind::List(
                parts(pair)
                    .map(|item| self.expression(item, depth + 1))
                    .collect(),
            ),
            Rule::string => ExprKind::Text(self.text(pair, depth + 1)),
            Rule::boolean => ExprKind::Bool(pair.as_str() == "true"),
            Rule::size | Rule::float | Rule::int => self.number(&pair),
            _ => {
                let call = self.call(pair, depth + 1);
                if call.parenthesised {
                    ExprKind::Call(call)
                } else {
                    ExprKind::Name(call.callee.name)
                }
            }
        };
        Expr { kind, span }
    }

    /// A call, or a name (`in` and `it` too), which is a call without parentheses.
    pub(super) fn call(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Call {
        let span = self.span(&pair);
        if pair.as_rule() == Rule::current {
            let word = only(pair);
            return Call {
                callee: self.ident(&word),
                arguments: Vec::new(),
                parenthesised: false,
                span,
            };
        }
        let mut parts = parts(pair);
        let callee: Ident = self.name_of(&mut parts);
        let arguments = parts.next();
        Call {
            callee,
            parenthesised: arguments.is_some(),
            arguments: arguments
                .into_iter()
                .flat_map(super::parts)
                .map(|argument| self.argument(argument, depth))
                .collect(),
            span,
        }
    }

    fn argument(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Argument {
        let span = self.span(&pair);
        let mut parts = parts(pair).peekable();
        let name = parts
            .next_if(|part| part.as_rule() == Rule::argument_name)
            .map(|name| self.ident(&name));
        Argument {
            name,
            value: self.expression(next(&mut parts), depth),
            span,
        }
    }
}

/// What stands for an expression that a diagnostic has disposed of.
fn placeholder(span: Span) -> Expr {
    Expr {
        kind: ExprKind::Int(0),
        span,
    }
}

fn binary_op(infix: &Pair<'_, Rule>) -> BinaryOp {
    match infix.as_str().trim_end() {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        "==" => BinaryOp::Eq,
        "!=" => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "and" => BinaryOp::And,
        _ => BinaryOp::Or,
    }
}
