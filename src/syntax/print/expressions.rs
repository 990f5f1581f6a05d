//! Expressions with no more parentheses than they need.

use crate::syntax::ast::{Call, Dimension, Expr, ExprKind, ShapePattern, Text, TextPart, UnaryOp};
use crate::syntax::build::binding;

/// An expression where any may stand.
pub(super) fn expression(item: &Expr) -> String {
    bound(item, binding::IF)
}

/// An expression where only forms stand that bind at least as tightly as `least`.
fn bound(item: &Expr, least: u8) -> String {
    let (shown, level) = match &item.kind {
        ExprKind::Int(value) => (value.to_string(), binding::POSTFIX),
        ExprKind::Float(value) => (format!("{value:?}"), binding::POSTFIX),
        ExprKind::Bool(value) => (value.to_string(), binding::POSTFIX),
        ExprKind::Text(value) => (text(value), binding::POSTFIX),
        ExprKind::Size(height, width) => (format!("{height}x{width}"), binding::POSTFIX),
        ExprKind::Name(name) => (name.clone(), binding::POSTFIX),
        ExprKind::Field(base, field) => (
            format!("{}.{}", bound(base, binding::POSTFIX), field.name),
            binding::POSTFIX,
        ),
        ExprKind::Index(base, index) => (
            format!("{}[{}]", bound(base, binding::POSTFIX), expression(index)),
            binding::POSTFIX,
        ),
        ExprKind::Unary(UnaryOp::Neg, inner) => (
            format!("-{}", bound(inner, binding::NEGATION)),
            binding::NEGATION,
        ),
        ExprKind::Unary(UnaryOp::Not, inner) => {
            (format!("not {}", bound(inner, binding::NOT)), binding::NOT)
        }
        ExprKind::Binary(op, lhs, rhs, _) => {
            let level = binding::of(*op);
            // All group from the left, but comparisons do not chain at all.
            let left = if level == binding::COMPARISON {
                level + 1
            } else {
                level
            };
            let shown = format!(
                "{} {} {}",
                bound(lhs, left),
                op.symbol(),
                bound(rhs, level + 1)
            );
            (shown, level)
        }
        ExprKind::If(condition, then, otherwise) => {
            let (condition, then) = (
                bound(condition, binding::IF + 1),
                bound(then, binding::IF + 1),
            );
            let shown = format!("if {condition} then {then} else {}", expression(otherwise));
            (shown, binding::IF)
        }
        ExprKind::List(items) => {
            let items: Vec<String> = items.iter().map(expression).collect();
            (format!("[{}]", items.join(", ")), binding::POSTFIX)
        }
        ExprKind::Call(inner) => (call(inner), binding::POSTFIX),
    };
    if level < least {
        format!("({shown})")
    } else {
        shown
    }
}

/// A call; a name if it has no parentheses.
pub(super) fn call(item: &Call) -> String {
    let arguments = if item.parenthesised {
        argument_list(item)
    } else {
        String::new()
    };
    format!("{}{arguments}", item.callee.name)
}

pub(super) fn argument_list(item: &Call) -> String {
    let arguments: Vec<String> = item
        .arguments
        .iter()
        .map(|argument| match &argument.name {
            Some(name) => format!("{}={}", name.name, expression(&argument.value)),
            None => expression(&argument.value),
        })
        .collect();
    format!("({})", arguments.join(", "))
}

pub(super) fn shape(item: &ShapePattern) -> String {
    let dims: Vec<String> = item
        .dims
        .iter()
        .map(|dim| match dim {
            Dimension::Any => "_".to_owned(),
            Dimension::Open(name, default) => format!("{} = {}", name.name, expression(default)),
            Dimension::Size(size) => expression(size),
        })
        .collect();
    format!("[{}]", dims.join(", "))
}

/// A string literal.
pub(super) fn text(item: &Text) -> String {
    let parts: String = item
        .parts
        .iter()
        .map(|part| match part {
            TextPart::Literal(literal) => escaped(literal),
            TextPart::Expr(inner) => format!("{{{}}}", expression(inner)),
        })
        .collect();
    format!("\"{parts}\"")
}

/// A string literal without expressions.
pub(super) fn quoted(literal: &str) -> String {
    format!("\"{}\"", escaped(literal))
}

/// A label: as a text, without quotes and escapes.
pub(super) fn label(item: &Text) -> String {
    item.parts
        .iter()
        .map(|part| match part {
            TextPart::Literal(literal) => literal.clone(),
            TextPart::Expr(inner) => format!("{{{}}}", expression(inner)),
        })
        .collect()
}

fn escaped(literal: &str) -> String {
    let mut shown = String::with_capacity(literal.len());
    for c in literal.chars() {
        match c {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '{' | '}' => shown.extend([c, c]),
            _ => shown.push(c),
        }
    }
    shown
}
