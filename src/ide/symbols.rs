//! The outline of a file.

use std::ops::Range;

use super::analysis::View;
use super::walk::{bodies, body_of, span_of};
use crate::syntax::ast::{Body, Chain, Declaration, StatementKind, Step, StepKind, TemplateKind};

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// `net`
    Net,
    /// `block`
    Block,
    /// `fn`
    Function,
    /// An input.
    Input,
    /// An output.
    Output,
    /// A labelled step.
    Label,
}

/// A part of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// A few words about it; may be empty.
    pub detail: String,
    /// All of it.
    pub range: Range<usize>,
    /// Its name.
    pub name_range: Range<usize>,
    /// What is in it.
    pub children: Vec<Symbol>,
}

/// The outline.
pub fn symbols(view: View<'_>) -> Vec<Symbol> {
    let program = &view.analysis.program;
    let text = &program.sources.file(view.file).text;
    let declarations = program.tree(view.file).declarations.iter();
    declarations
        .map(|declaration| {
            let name = declaration.name();
            let mut children = Vec::new();
            if let Some(body) = body_of(declaration) {
                of_body(body, text, &mut children);
            }
            Symbol {
                name: name.name.clone(),
                kind: match declaration {
                    Declaration::Fn(_) => SymbolKind::Function,
                    Declaration::Template(t) if t.kind == TemplateKind::Net => SymbolKind::Net,
                    Declaration::Template(_) => SymbolKind::Block,
                },
                detail: String::new(),
                range: span_of(declaration).range(),
                name_range: name.span.range(),
                children,
            }
        })
        .collect()
}

fn of_body(body: &Body, text: &str, symbols: &mut Vec<Symbol>) {
    for statement in &body.statements {
        let named = |name: &crate::syntax::ast::Ident, kind| Symbol {
            name: name.name.clone(),
            kind,
            detail: String::new(),
            range: statement.span.range(),
            name_range: name.span.range(),
            children: Vec::new(),
        };
        match &statement.kind {
            StatementKind::Chain(chain) => of_chain(chain, text, symbols),
            StatementKind::Input { name, shape, .. } => symbols.push(Symbol {
                detail: text[shape.span.range()].to_string(),
                ..named(name, SymbolKind::Input)
            }),
            StatementKind::Output { name, chain } => {
                let mut symbol = named(name, SymbolKind::Output);
                if let Some(chain) = chain {
                    of_chain(chain, text, &mut symbol.children);
                }
                symbols.push(symbol);
            }
            _ => {}
        }
    }
}

fn of_chain(chain: &Chain, text: &str, symbols: &mut Vec<Symbol>) {
    for step in &chain.steps {
        of_step(step, text, symbols);
    }
}

fn of_step(step: &Step, text: &str, symbols: &mut Vec<Symbol>) {
    let mut inside = Vec::new();
    match &step.kind {
        StepKind::Paren(chain) => of_chain(chain, text, &mut inside),
        StepKind::Binary { lhs, rhs, .. } => {
            of_step(lhs, text, &mut inside);
            of_step(rhs, text, &mut inside);
        }
        kind => {
            for body in bodies(kind) {
                of_body(body, text, &mut inside);
            }
        }
    }
    let Some((label, others)) = step.labels.split_first() else {
        symbols.extend(inside);
        return;
    };
    let detail = match &step.kind {
        StepKind::Call(call) => text[call.span.range()].to_string(),
        _ => String::new(),
    };
    let symbol = |label: &crate::syntax::ast::Text, children| Symbol {
        name: text[label.span.range()].to_string(),
        kind: SymbolKind::Label,
        detail: detail.clone(),
        range: step.span.range(),
        name_range: label.span.range(),
        children,
    };
    symbols.push(symbol(label, inside));
    symbols.extend(others.iter().map(|label| symbol(label, Vec::new())));
}
