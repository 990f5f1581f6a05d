//! Statements and steps.

use pest::iterators::Pair;

use super::{Builder, next, only, parts};
use crate::source::Span;
use crate::syntax::ast::{
    Chain, Dimension, RepeatOver, ShapePattern, Shortcut, Statement, StatementKind, Step, StepKind,
    StepOp, Text,
};
use crate::syntax::parse::Rule;

impl Builder<'_, '_> {
    pub(super) fn statement(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Statement {
        let span = self.span(&pair);
        let inner = only(pair);
        let rule = inner.as_rule();
        if rule == Rule::chain {
            return Statement {
                kind: StatementKind::Chain(self.chain(inner, depth)),
                span,
            };
        }
        let mut parts = parts(inner);
        let kind = match rule {
            Rule::input => StatementKind::Input {
                name: self.name_of(&mut parts),
                shape: self.shape(next(&mut parts), depth),
                source: parts.next().map(|call| self.call(call, depth)),
            },
            Rule::limitation => StatementKind::Where(self.expression(next(&mut parts), depth)),
            Rule::output => StatementKind::Output {
                name: self.name_of(&mut parts),
                chain: parts.next().map(|chain| self.chain(chain, depth)),
            },
            Rule::constant => StatementKind::Let {
                name: self.name_of(&mut parts),
                value: self.expression(next(&mut parts), depth),
            },
            Rule::requirement => StatementKind::Require {
                condition: self.expression(next(&mut parts), depth),
                message: parts.next().map(|text| self.text(text, depth)),
            },
            _ => StatementKind::Labels(self.expression(next(&mut parts), depth)),
        };
        Statement { kind, span }
    }

    pub(super) fn chain(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Chain {
        let span = self.span(&pair);
        let steps = parts(pair).map(|step| self.step(step, depth)).collect();
        Chain { steps, span }
    }

    fn step(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Step {
        let span = self.span(&pair);
        let mut parts = parts(pair);
        let mut part = next(&mut parts);
        let mut labels = Vec::new();
        if part.as_rule() == Rule::labels {
            labels = super::parts(part)
                .map(|label| self.label(label, depth))
                .collect();
            part = next(&mut parts);
        }
        let operation = self.sum(part, depth);
        let assertion = parts
            .next()
            .map(|assertion| self.shape(only(assertion), depth));
        Step {
            labels,
            assertion,
            span,
            ..operation
        }
    }

    /// Steps joined by operators: `*` binds tighter than `+` and `-`, all group from the left.
    fn sum(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Step {
        let operators = parts(pair.clone())
            .filter(|part| part.as_rule() == Rule::step_operator)
            .count();
        let inner = depth + operators;
        let fits = operators == 0 || self.fits(depth, operators, &pair);
        let mut parts = parts(pair);
        let mut product = self.atom(next(&mut parts), inner);
        let mut sum: Option<(Step, StepOp, Span)> = None;
        while fits && let Some(operator) = parts.next() {
            let op_span = self.span(&operator);
            let op = match operator.as_str() {
                "+" => StepOp::Add,
                "-" => StepOp::Sub,
                _ => StepOp::Mul,
            };
            let rhs = self.atom(next(&mut parts), inner);
            if op == StepOp::Mul {
                product = combine(product, op, op_span, rhs);
            } else {
                let lhs = match sum.take() {
                    Some((lhs, op, span)) => combine(lhs, op, span, product),
                    None => product,
                };
                sum = Some((lhs, op, op_span));
                product = rhs;
            }
        }
        match sum {
            Some((lhs, op, span)) => combine(lhs, op, span, product),
            None => product,
        }
    }

    fn atom(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Step {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::group => StepKind::Group(self.body(only(pair), depth)),
            Rule::paren => StepKind::Paren(self.chain(only(pair), depth)),
            Rule::residual => self.residual(pair, depth),
            Rule::concat => {
                let mut parts = parts(pair);
                StepKind::Concat {
                    keyword: self.span(&next(&mut parts)),
                    branches: self.body(next(&mut parts), depth),
                }
            }
            Rule::repeat => self.repeat(pair, depth),
            Rule::choice => self.choice(pair, depth),
            _ => StepKind::Call(self.call(pair, depth)),
        };
        plain(kind, span)
    }

    fn residual(&mut self, pair: Pair<'_, Rule>, depth: usize) -> StepKind {
        let mut parts = parts(pair);
        StepKind::Residual {
            keyword: self.span(&next(&mut parts)),
            body: self.body(next(&mut parts), depth),
            shortcut: parts.next().map(|shortcut| self.shortcut(shortcut, depth)),
        }
    }

    fn shortcut(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Shortcut {
        let mut parts = parts(pair);
        let keyword = self.span(&next(&mut parts));
        let mut part = next(&mut parts);
        let mut when = None;
        if part.as_rule() == Rule::expression {
            when = Some(self.expression(part, depth));
            part = next(&mut parts);
        }
        Shortcut {
            when,
            body: self.body(part, depth),
            keyword,
        }
    }

    fn repeat(&mut self, pair: Pair<'_, Rule>, depth: usize) -> StepKind {
        let mut parts = parts(pair);
        let keyword = self.span(&next(&mut parts));
        let index = self.name_of(&mut parts);
        let _in = next(&mut parts);
        let first = self.expression(next(&mut parts), depth);
        let mut part = next(&mut parts);
        let over = if part.as_rule() == Rule::expression {
            let end = self.expression(part, depth);
            part = next(&mut parts);
            RepeatOver::Range(first, end)
        } else {
            RepeatOver::List(first)
        };
        StepKind::Repeat {
            index,
            over,
            body: self.body(part, depth),
            keyword,
        }
    }

    fn choice(&mut self, pair: Pair<'_, Rule>, depth: usize) -> StepKind {
        let mut parts = parts(pair);
        let keyword = self.span(&next(&mut parts));
        let condition = self.expression(next(&mut parts), depth);
        let mut arms = vec![(condition, self.body(next(&mut parts), depth))];
        let mut otherwise = None;
        for part in parts {
            let rule = part.as_rule();
            let mut inner = super::parts(part).filter(|pair| pair.as_rule() != Rule::kw_if);
            if rule == Rule::else_if {
                let condition = self.expression(next(&mut inner), depth);
                arms.push((condition, self.body(next(&mut inner), depth)));
            } else {
                otherwise = Some(self.body(next(&mut inner), depth));
            }
        }
        StepKind::If {
            arms,
            otherwise,
            keyword,
        }
    }

    pub(super) fn shape(&mut self, pair: Pair<'_, Rule>, depth: usize) -> ShapePattern {
        let span = self.span(&pair);
        let dims = parts(pair)
            .map(|dimension| {
                let inner = only(dimension);
                match inner.as_rule() {
                    Rule::expression => Dimension::Size(self.expression(inner, depth)),
                    Rule::open_size => {
                        let mut parts = super::parts(inner);
                        let name = self.name_of(&mut parts);
                        Dimension::Open(name, self.expression(next(&mut parts), depth))
                    }
                    _ => Dimension::Any,
                }
            })
            .collect();
        ShapePattern { dims, span }
    }

    fn label(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Text {
        let span = self.span(&pair);
        self.text_parts(parts(pair), span, depth)
    }
}

fn combine(lhs: Step, op: StepOp, op_span: Span, rhs: Step) -> Step {
    let span = lhs.span.to(rhs.span);
    let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
    plain(
        StepKind::Binary {
            op,
            lhs,
            rhs,
            op_span,
        },
        span,
    )
}

fn plain(kind: StepKind, span: Span) -> Step {
    Step {
        labels: Vec::new(),
        kind,
        assertion: None,
        span,
    }
}
