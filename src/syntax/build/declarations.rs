//! Declarations and bodies.

use pest::iterators::{Pair, Pairs};

use super::{Builder, next, only, parts};
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{
    Body, Declaration, Definition, FnDeclaration, Ident, Param, Statement, Template, TemplateKind,
    Text, TextPart, Type, Use,
};
use crate::syntax::explain;
use crate::syntax::parse::{Item, Rule, statement_failure};

impl Builder<'_, '_> {
    /// The items of a parsed section.
    pub(in crate::syntax) fn file(&mut self, pairs: Pairs<'_, Rule>) -> Vec<Item> {
        pairs
            .flat_map(Pair::into_inner)
            .filter(|pair| pair.as_rule() == Rule::declaration)
            .map(|pair| {
                let mut inner = pair.into_inner();
                let doc = documentation(next(&mut inner));
                self.declaration(doc, next(&mut inner))
            })
            .collect()
    }

    fn declaration(&mut self, doc: String, pair: Pair<'_, Rule>) -> Item {
        match pair.as_rule() {
            Rule::use_declaration => Item::Use(self.use_declaration(pair)),
            Rule::fn_declaration => {
                Item::Declaration(Declaration::Fn(self.fn_declaration(doc, pair)))
            }
            _ => Item::Declaration(Declaration::Template(self.template(doc, pair))),
        }
    }

    fn use_declaration(&mut self, pair: Pair<'_, Rule>) -> Use {
        let span = self.span(&pair);
        let mut parts = parts(pair);
        let path = self.text(next(&mut parts), 0);
        let names = parts.next().map(|names| {
            super::parts(names)
                .map(|pair| {
                    let mut words = super::parts(pair);
                    let name = self.ident(&next(&mut words));
                    (name, words.next().map(|word| self.ident(&word)))
                })
                .collect()
        });
        Use {
            path_span: path.span,
            path: self.plain(path),
            names,
            span,
        }
    }

    /// A text that must not depend on anything.
    fn plain(&mut self, text: Text) -> String {
        text.parts
            .into_iter()
            .map(|part| match part {
                TextPart::Literal(literal) => literal,
                TextPart::Expr(inner) => {
                    self.report(
                        Diagnostic::new(
                            codes::SYNTAX,
                            "a path cannot hold an expression",
                            inner.span,
                            "nothing is evaluated here",
                        )
                        .with_help("for a brace in a text write `{{`"),
                    );
                    String::new()
                }
            })
            .collect()
    }

    fn fn_declaration(&mut self, doc: String, pair: Pair<'_, Rule>) -> FnDeclaration {
        let span = self.span(&pair);
        let mut parts = parts(pair);
        FnDeclaration {
            doc,
            name: self.ident(&next(&mut parts)),
            params: self.params(next(&mut parts)),
            body: self.expression(next(&mut parts), 0),
            span,
        }
    }

    fn template(&mut self, doc: String, pair: Pair<'_, Rule>) -> Template {
        let span = self.span(&pair);
        let mut parts = parts(pair);
        let kind = match next(&mut parts).as_rule() {
            Rule::kw_net => TemplateKind::Net,
            _ => TemplateKind::Block,
        };
        let name = self.ident(&next(&mut parts));
        let mut params = Vec::new();
        let mut part = next(&mut parts);
        if part.as_rule() == Rule::params {
            params = self.params(part);
            part = next(&mut parts);
        }
        let definition = match part.as_rule() {
            Rule::alias => Definition::Alias(self.call(only(part), 0)),
            _ => Definition::Body(self.body(part, 0)),
        };
        Template {
            kind,
            doc,
            name,
            params,
            definition,
            span,
        }
    }

    fn params(&mut self, pair: Pair<'_, Rule>) -> Vec<Param> {
        let mut params = Vec::new();
        for pair in parts(pair) {
            if params.len() == limits::PARAMETERS {
                let span = self.span(&pair);
                self.report(
                    Diagnostic::new(
                        codes::LIMIT_VALUE,
                        "a declaration has too many parameters",
                        span,
                        "one too many",
                    )
                    .with_note(format!("at most {} are allowed", limits::PARAMETERS))
                    .with_help("a list can hold many values"),
                );
                break;
            }
            params.push(self.param(pair));
        }
        params
    }

    fn param(&mut self, pair: Pair<'_, Rule>) -> Param {
        let span = self.span(&pair);
        let mut parts = parts(pair);
        Param {
            name: self.ident(&next(&mut parts)),
            ty: parts.next().map(type_name),
            default: parts
                .next()
                .map(|default| self.expression(only(default), 0)),
            span,
        }
    }

    /// A body. A bad statement takes along what stands before it on its line, because those words are likely its beginning
    /// (`repaet i in 0..3 { ... }` starts with three proper steps).
    pub(super) fn body(&mut self, pair: Pair<'_, Rule>, depth: usize) -> Body {
        let span = self.span(&pair);
        let mut statements: Vec<Statement> = Vec::new();
        for part in parts(pair) {
            if part.as_rule() == Rule::statement {
                statements.push(self.statement(part, depth));
                continue;
            }
            let mut from = self.section.start + part.as_span().start();
            while let Some(last) = statements.pop_if(|last| self.is_joined(last.span, from)) {
                from = last.span.start as usize;
            }
            self.explain_bad_statement(from, &part);
        }
        Body { statements, span }
    }

    /// Whether what starts at `from` goes on with what ended before it: on the same line, or with an operator.
    fn is_joined(&self, before: Span, from: usize) -> bool {
        let between = &self.scan.text[before.end as usize..from];
        !between.contains('\n')
            || self.scan.text[from..].starts_with(['-', '+', '*', '=', ':', ','])
    }

    fn explain_bad_statement(&mut self, from: usize, pair: &Pair<'_, Rule>) {
        // Explaining costs more than parsing, so not for what nobody will read. Those count too that the guard has told of.
        self.explained += 1;
        if self.explained > limits::DIAGNOSTICS {
            return;
        }
        let failure = statement_failure(self.text, self.section, from);
        let found = match failure {
            Some(failure) => explain::explain(self.id, self.scan, self.section, &failure),
            None => {
                let span = self.span(pair);
                Some(Diagnostic::new(
                    codes::SYNTAX,
                    "expected a statement",
                    span,
                    "this is none",
                ))
            }
        };
        if let Some(diagnostic) = found {
            self.report(diagnostic);
        }
    }

    /// The names before a list of things of one kind.
    pub(super) fn name_of<'i>(&self, parts: &mut impl Iterator<Item = Pair<'i, Rule>>) -> Ident {
        let pair = next(parts);
        self.ident(&pair)
    }
}

/// The lines of documentation, without their marks.
fn documentation(pair: Pair<'_, Rule>) -> String {
    let lines: Vec<&str> = pair
        .into_inner()
        .map(|line| {
            let line = line.as_str().trim_start_matches('/').trim_end();
            line.strip_prefix(' ').unwrap_or(line)
        })
        .collect();
    lines.join("\n")
}

/// The type of a parameter.
fn type_name(pair: Pair<'_, Rule>) -> Type {
    let inner = only(pair);
    match inner.as_str() {
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "string" => Type::String,
        "size" => Type::Size,
        "block" => Type::Block,
        _ => Type::List(Box::new(type_name(only(inner)))),
    }
}
