//! What is known of the word at a place.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

use super::analysis::View;
use super::callee::{Callable, callables, of_entity};
use super::facts::{describe, instances};
use super::names::name_at;
use super::reference;
use super::walk::{Node, holds, keyword, walk};
use crate::elaborate::layers::Layer;
use crate::elaborate::{Entity, LocalKind, Target};
use crate::source::Span;
use crate::symbolic::Sizes;
use crate::syntax::ast::{
    Declaration, Dimension, Param, Statement, StatementKind, Step, StepKind, TemplateKind,
};
use crate::syntax::{TokenKind, tokens};

/// A text about a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The word.
    pub range: Range<usize>,
    /// Markdown.
    pub text: String,
}

/// What is known at a byte. `views` are all that is known of the file; the first is the file itself.
pub fn hover(views: &[View<'_>], at: usize) -> Option<Hover> {
    let view = *views.first()?;
    let mut parts: Vec<String> = Vec::new();
    let range = match name_at(view, at) {
        Some(named) => {
            parts.extend(
                named
                    .targets
                    .iter()
                    .map(|target| about(view, *target, named.span)),
            );
            named.span.range()
        }
        None => {
            let word = word_at(view.analysis.text(), at)?;
            parts.extend(reference::word(&view.analysis.text()[word.clone()]).map(str::to_string));
            word
        }
    };
    if let Some(step) = step_of(view, range.clone()) {
        if let StepKind::Call(call) = &step.kind
            && call.callee.span.range() == range
        {
            parts.extend(stood_for(view, &call.callee.name, at));
        }
        parts.push(describe(&instances(views, step.span)));
    }
    parts.retain(|part| !part.trim().is_empty());
    (!parts.is_empty()).then(|| Hover {
        range,
        text: parts.join("\n\n---\n\n"),
    })
}

/// The reserved word around a byte.
fn word_at(text: &str, at: usize) -> Option<Range<usize>> {
    let all = tokens(text);
    let word = all
        .iter()
        .find(|token| token.kind == TokenKind::Word && token.start <= at && at <= token.end)?;
    Some(word.start..word.end)
}

/// The step whose callee, label or first word is at a place.
fn step_of(view: View<'_>, place: Range<usize>) -> Option<&Step> {
    let mut found = None;
    walk(view.analysis.program.tree(view.file), &mut |node| {
        let Node::Step(step) = node else {
            return;
        };
        let callee = match &step.kind {
            StepKind::Call(call) => Some(call.callee.span),
            kind => keyword(kind),
        };
        let mut heads = callee
            .into_iter()
            .chain(step.labels.iter().map(|label| label.span));
        if heads.any(|span| span.range() == place) {
            found = Some(step);
        }
    });
    found
}

/// What a parameter of type `block` stood for.
fn stood_for(view: View<'_>, name: &str, at: usize) -> Option<String> {
    let is_parameter = view.analysis.program.lookup(view.file, name).is_none();
    let callables = callables(view, name, at);
    let names: Vec<String> = callables.iter().map(|c| format!("`{}`", c.name)).collect();
    (is_parameter && !names.is_empty()).then(|| format!("stands for {}", names.join(", ")))
}

fn about(view: View<'_>, target: Target, word: Span) -> String {
    let program = &view.analysis.program;
    match target {
        Target::Layer(layer) => about_layer(layer, &of_entity(program, Entity::Layer(layer))),
        Target::Attribute(layer, index) => {
            let attribute = &layer.attributes[index];
            let doc = reference::attribute(layer, attribute.name).unwrap_or_default();
            let signature = reference::attribute_signature(attribute);
            format!("{}\n\n{doc}", code(&format!("{}: {signature}", layer.name)))
        }
        Target::Builtin => format!(
            "`{}`: a function of expressions",
            program.sources.text(word)
        ),
        Target::Declared(id) => match program.declaration(id) {
            Declaration::Fn(function) => {
                let text = program.sources.text(function.span);
                let shown = text.find("fn ").map_or(text, |start| &text[start..]);
                format!("{}\n\n{}", code(shown.trim_end()), function.doc)
            }
            Declaration::Template(template) => {
                let callable = of_entity(program, Entity::Declared(id));
                let (signature, _) = callable.signature();
                let word = match template.kind {
                    TemplateKind::Block => "block",
                    TemplateKind::Net => "net",
                };
                format!(
                    "{}\n\n{}",
                    code(&format!("{word} {signature}")),
                    template.doc
                )
            }
        },
        Target::Local(span, kind) => about_local(view, span, kind),
    }
}

fn about_layer(layer: &Layer, callable: &Callable) -> String {
    let (signature, _) = callable.signature();
    let mut text = format!("{}\n\n{}", code(&signature), layer.summary);
    if let Some(page) = reference::layer(layer.name) {
        let _ = write!(text, "\n\ngives {}", page.output);
        if !page.parameters.is_empty() {
            let _ = write!(text, "\n\nparameters {}", page.parameters);
        }
        let _ = write!(text, "\n\nfor example {}", page.examples);
    }
    text
}

fn about_local(view: View<'_>, span: Span, kind: LocalKind) -> String {
    let program = &view.analysis.program;
    let name = program.sources.text(span);
    let tree = program.tree(span.file);
    match kind {
        LocalKind::Parameter => {
            let params = tree.declarations.iter().flat_map(params_of);
            let param = params.into_iter().find(|param| param.name.span == span);
            let shown = param.map_or(name, |param| program.sources.text(param.span));
            format!("{}\n\na parameter", code(shown))
        }
        LocalKind::Size => about_size(view, name, span),
        LocalKind::Index => format!("{}\n\nthe variable of a `repeat`", code(name)),
        LocalKind::Constant | LocalKind::Value => {
            let statement = statement_of(view, span);
            match statement.filter(|s| !matches!(s.kind, StatementKind::Chain(_))) {
                Some(statement) => code(program.sources.text(statement.span)),
                None => code(&format!("{name}: a value of the network")),
            }
        }
    }
}

/// An open size: its default, and for which the nets that have it were proved.
fn about_size(view: View<'_>, name: &str, span: Span) -> String {
    let program = &view.analysis.program;
    let dims = statement_of(view, span).and_then(|statement| match &statement.kind {
        StatementKind::Input { shape, .. } => Some(&shape.dims),
        _ => None,
    });
    let default = dims.into_iter().flatten().find_map(|dim| match dim {
        Dimension::Open(declared, default) if declared.span == span => Some(default.span),
        _ => None,
    });
    let shown = default.map_or(span, |default| span.to(default));
    let nets = view.analysis.nets.iter();
    let conditions: BTreeSet<String> = nets
        .flat_map(|net| net.open.iter().filter(|open| open.is_named(name)))
        .filter(|open| open.allowed != Sizes::all())
        .map(|open| open.allowed.condition(&open.name))
        .collect();
    let mut text = format!("{}\n\nan open size", code(program.sources.text(shown)));
    for condition in conditions {
        let _ = write!(text, "\n\nfor `{condition}`");
    }
    text
}

fn params_of(declaration: &Declaration) -> &[Param] {
    match declaration {
        Declaration::Fn(function) => &function.params,
        Declaration::Template(template) => &template.params,
    }
}

/// The innermost statement around a place.
fn statement_of(view: View<'_>, span: Span) -> Option<&Statement> {
    let mut found = None;
    walk(view.analysis.program.tree(span.file), &mut |node| {
        if let Node::Statement(statement) = node
            && holds(statement.span, span.start as usize)
        {
            found = Some(statement);
        }
    });
    found
}

fn code(text: &str) -> String {
    format!("```net\n{text}\n```")
}
