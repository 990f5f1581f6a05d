//! Trees without their spans, for comparing what was written regardless of where.

use super::ast::{
    Argument, Body, Call, Chain, Declaration, Definition, Dimension, Expr, ExprKind, File, Ident,
    Param, RepeatOver, ShapePattern, Statement, StatementKind, Step, StepKind, Text, TextPart,
};
use crate::source::{FileId, Span};

const NOWHERE: Span = Span {
    file: FileId(0),
    start: 0,
    end: 0,
};

/// Sets every span in the tree to `0..0` of the first file, and the file to that one, so that `==` compares what was written.
pub fn erase_spans(file: &mut File) {
    file.id = NOWHERE.file;
    for item in &mut file.uses {
        (item.span, item.path_span) = (NOWHERE, NOWHERE);
        for (name, alias) in item.names.iter_mut().flatten() {
            ident(name);
            alias.iter_mut().for_each(ident);
        }
    }
    file.declarations.iter_mut().for_each(declaration);
}

fn declaration(item: &mut Declaration) {
    match item {
        Declaration::Fn(item) => {
            item.span = NOWHERE;
            ident(&mut item.name);
            item.params.iter_mut().for_each(param);
            expression(&mut item.body);
        }
        Declaration::Template(item) => {
            item.span = NOWHERE;
            ident(&mut item.name);
            item.params.iter_mut().for_each(param);
            match &mut item.definition {
                Definition::Body(inner) => body(inner),
                Definition::Alias(base) => call(base),
            }
        }
    }
}

fn ident(item: &mut Ident) {
    item.span = NOWHERE;
}

fn param(item: &mut Param) {
    item.span = NOWHERE;
    ident(&mut item.name);
    item.default.iter_mut().for_each(expression);
}

fn body(item: &mut Body) {
    item.span = NOWHERE;
    item.statements.iter_mut().for_each(statement);
}

fn statement(item: &mut Statement) {
    item.span = NOWHERE;
    match &mut item.kind {
        StatementKind::Input {
            name,
            shape: dims,
            source,
        } => {
            ident(name);
            shape(dims);
            source.iter_mut().for_each(call);
        }
        StatementKind::Where(condition) => expression(condition),
        StatementKind::Output { name, chain: side } => {
            ident(name);
            side.iter_mut().for_each(chain);
        }
        StatementKind::Let { name, value } => {
            ident(name);
            expression(value);
        }
        StatementKind::Require { condition, message } => {
            expression(condition);
            message.iter_mut().for_each(text);
        }
        StatementKind::Labels(names) => expression(names),
        StatementKind::Chain(steps) => chain(steps),
    }
}

fn chain(item: &mut Chain) {
    item.span = NOWHERE;
    item.steps.iter_mut().for_each(step);
}

fn step(item: &mut Step) {
    item.span = NOWHERE;
    item.labels.iter_mut().for_each(text);
    item.assertion.iter_mut().for_each(shape);
    match &mut item.kind {
        StepKind::Call(inner) => call(inner),
        StepKind::Group(inner) => body(inner),
        StepKind::Paren(inner) => chain(inner),
        StepKind::Residual {
            body: inner,
            shortcut,
            keyword,
        } => {
            *keyword = NOWHERE;
            body(inner);
            if let Some(shortcut) = shortcut {
                shortcut.keyword = NOWHERE;
                shortcut.when.iter_mut().for_each(expression);
                body(&mut shortcut.body);
            }
        }
        StepKind::Concat { branches, keyword } => {
            *keyword = NOWHERE;
            body(branches);
        }
        StepKind::Repeat {
            index,
            over,
            body: inner,
            keyword,
        } => {
            *keyword = NOWHERE;
            ident(index);
            match over {
                RepeatOver::Range(from, to) => {
                    expression(from);
                    expression(to);
                }
                RepeatOver::List(list) => expression(list),
            }
            body(inner);
        }
        StepKind::If {
            arms,
            otherwise,
            keyword,
        } => {
            *keyword = NOWHERE;
            for (condition, inner) in arms {
                expression(condition);
                body(inner);
            }
            otherwise.iter_mut().for_each(body);
        }
        StepKind::Binary {
            lhs, rhs, op_span, ..
        } => {
            *op_span = NOWHERE;
            step(lhs);
            step(rhs);
        }
    }
}

fn call(item: &mut Call) {
    item.span = NOWHERE;
    ident(&mut item.callee);
    item.arguments.iter_mut().for_each(argument);
}

fn argument(item: &mut Argument) {
    item.span = NOWHERE;
    item.name.iter_mut().for_each(ident);
    expression(&mut item.value);
}

fn shape(item: &mut ShapePattern) {
    item.span = NOWHERE;
    for dim in &mut item.dims {
        match dim {
            Dimension::Any => {}
            Dimension::Open(name, default) => {
                ident(name);
                expression(default);
            }
            Dimension::Size(size) => expression(size),
        }
    }
}

fn text(item: &mut Text) {
    item.span = NOWHERE;
    for part in &mut item.parts {
        if let TextPart::Expr(inner) = part {
            expression(inner);
        }
    }
}

fn expression(item: &mut Expr) {
    item.span = NOWHERE;
    match &mut item.kind {
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Bool(_)
        | ExprKind::Size(..)
        | ExprKind::Name(_) => {}
        ExprKind::Text(inner) => text(inner),
        ExprKind::Field(base, name) => {
            expression(base);
            ident(name);
        }
        ExprKind::Index(base, index) => {
            expression(base);
            expression(index);
        }
        ExprKind::Unary(_, inner) => expression(inner),
        ExprKind::Binary(_, lhs, rhs, op_span) => {
            *op_span = NOWHERE;
            expression(lhs);
            expression(rhs);
        }
        ExprKind::If(condition, then, otherwise) => {
            expression(condition);
            expression(then);
            expression(otherwise);
        }
        ExprKind::List(items) => items.iter_mut().for_each(expression),
        ExprKind::Call(inner) => call(inner),
    }
}
