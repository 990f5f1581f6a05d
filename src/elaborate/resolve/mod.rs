//! What can be said of every declaration without values: names that nothing declares, arguments that a callee does not have,
//! statements where they cannot stand, names that nothing reads. Blocks that nothing instantiates and templates are looked at too.

mod elsewhere;
mod expressions;
mod occurrences;
mod scopes;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use self::elsewhere::Elsewhere;
pub(crate) use self::occurrences::parameter;
use self::scopes::{Scopes, VariableKind};
use super::Occurrence;
use super::arguments::{match_arguments, missing_arguments};
use super::faults::Hidden;
use super::program::{DeclarationId, Entity, Program};
use super::templates::wrong_kind;
use super::value::Callee;
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::limits;
use crate::source::{FileId, Span};
use crate::syntax::ast::{
    Call, Declaration, Definition, FnDeclaration, Ident, Param, Template, TemplateKind,
};

/// A declaration that another one names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    pub to: DeclarationId,
    pub span: Span,
    /// Only in the default of a parameter: named, but not necessarily contained.
    pub in_default: bool,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolution {
    pub diagnostics: Vec<Diagnostic>,
    /// Errors past the cap.
    pub hidden: Hidden,
    /// Warnings, worth saying if there are no errors.
    pub lints: Vec<Diagnostic>,
    /// What each declaration names, by declaration.
    pub references: Vec<Vec<Reference>>,
    /// Every place that names something, in the order of the files.
    pub occurrences: Vec<Occurrence>,
}

impl Resolution {
    /// Whether no further error is told. To look for a word that was meant takes time for every word that is known, so it is
    /// done only for errors that are told.
    pub fn is_full(&self) -> bool {
        self.diagnostics.len() >= limits::DIAGNOSTICS
    }
}

struct Resolver<'p> {
    program: &'p Program,
    file: FileId,
    is_net: bool,
    in_default: bool,
    scopes: Scopes<'p>,
    result: Resolution,
    references: Vec<Reference>,
    /// Every label of the declaration that is looked at, for those that are read where they cannot be.
    labels: BTreeMap<String, Elsewhere>,
}

/// Looks at every declaration.
pub(super) fn resolve(program: &Program) -> Resolution {
    let mut resolver = Resolver {
        program,
        file: program.root(),
        is_net: false,
        in_default: false,
        scopes: Scopes::default(),
        result: Resolution::default(),
        references: Vec::new(),
        labels: BTreeMap::new(),
    };
    for id in program.declaration_ids() {
        let info = program.info(id);
        resolver.file = info.file;
        if !info.damaged {
            match program.declaration(id) {
                Declaration::Fn(function) => resolver.function(function),
                Declaration::Template(template) => resolver.template(template),
            }
        }
        let references = std::mem::take(&mut resolver.references);
        resolver.result.references.push(references);
    }
    resolver.file_occurrences();
    resolver.empty_files();
    let unused = unused_declarations(program, &resolver.result.references);
    resolver.result.lints.extend(unused);
    resolver.result
}

impl<'p> Resolver<'p> {
    fn report(&mut self, diagnostic: Diagnostic) {
        match self.result.is_full() {
            true => {
                let place = diagnostic.primary.as_ref().map(|label| label.span);
                self.result.hidden.insert((diagnostic.code.id, place));
            }
            false => self.result.diagnostics.push(diagnostic),
        }
    }

    fn fail(&mut self, code: Code, message: impl Into<String>, span: Span) {
        self.report(Diagnostic::new(code, message, span, ""));
    }

    fn refer(&mut self, to: DeclarationId, span: Span) {
        let in_default = self.in_default;
        self.references.push(Reference {
            to,
            span,
            in_default,
        });
    }

    /// What a word means in this file; names of declarations are noted.
    fn entity(&mut self, name: &str, span: Span) -> Option<Entity> {
        let entity = self.program.lookup(self.file, name)?;
        if let Entity::Declared(id) = entity {
            self.refer(id, span);
        }
        self.names_entity(entity, span);
        Some(entity)
    }

    /// Reports a name that nothing declares, unless what declares it may have been lost to a syntax error.
    fn undefined(&mut self, name: &str, span: Span) {
        if self.program.unit(self.file).lossy {
            return;
        }
        if self.result.is_full() {
            self.result.hidden.insert((codes::UNDEFINED.id, Some(span)));
            return;
        }
        let fault = {
            let known = self.scopes.names();
            super::eval::undefined_name(self.program, self.file, name, span, known)
        };
        self.report(match self.labels.get(name) {
            Some(label) => {
                let (words, help) = label.words(name, span);
                fault.with_secondary(label.span, words).with_help(help)
            }
            None => fault,
        });
    }

    /// A file that declares nothing is a mistake, wherever it lies.
    fn empty_files(&mut self) {
        let program = self.program;
        for (file, _) in program.sources.iter() {
            let tree = program.tree(file);
            if !tree.declarations.is_empty() || !tree.uses.is_empty() || program.is_lossy(file) {
                continue;
            }
            let start = Span::new(file, 0, 0);
            let message = "the file declares nothing";
            let fault = Diagnostic::new(codes::SYNTAX, message, start, "no declaration");
            self.report(fault.with_help(
                "a file holds `use`, `fn`, `block` and `net`; `netc new` writes one to start from",
            ));
        }
    }

    fn function(&mut self, function: &'p FnDeclaration) {
        self.scopes = Scopes::default();
        self.parameters(&function.params);
        self.function_expr(&function.body);
        self.unread();
    }

    fn template(&mut self, template: &'p Template) {
        self.scopes = Scopes::default();
        self.is_net = template.kind == TemplateKind::Net;
        self.parameters(&template.params);
        match &template.definition {
            Definition::Body(body) => {
                self.labels = elsewhere::labels(body);
                self.template_body(body);
                self.labels.clear();
            }
            Definition::Alias(call) => self.alias(template.kind, call),
        }
        self.unread();
    }

    fn parameters(&mut self, params: &'p [Param]) {
        for param in params {
            if let Some(default) = &param.default {
                self.in_default = true;
                self.expr(default);
                self.in_default = false;
            }
            self.define(&param.name, VariableKind::Parameter(param.ty.as_ref()));
        }
    }

    /// Declares a constant in the innermost scope.
    fn define(&mut self, name: &'p Ident, kind: VariableKind<'p>) {
        let constant = self.scopes.constant(&name.name);
        let first = constant.map(|constant| constant.name.span);
        if let Some(first) = first.or_else(|| self.scopes.size(&name.name)) {
            self.declared_twice(&name.name, name.span, first);
        }
        self.scopes.define(name, kind);
        self.declares(name.span, kind.local());
    }

    fn declared_twice(&mut self, name: &str, span: Span, first: Span) {
        let message = format!("`{name}` is declared twice");
        let fault = Diagnostic::new(codes::DUPLICATE, message, span, "again here");
        self.report(fault.with_secondary(first, "first here"));
    }

    fn alias(&mut self, kind: TemplateKind, call: &'p Call) {
        let callee = &call.callee;
        let Some(entity) = self.entity(&callee.name, callee.span) else {
            self.undefined(&callee.name, callee.span);
            self.arguments(call);
            return;
        };
        let is_net = match entity {
            Entity::Layer(_) => false,
            Entity::Declared(id) => self
                .program
                .template(id)
                .is_some_and(|template| template.kind == TemplateKind::Net),
        };
        match wrong_kind(is_net, kind, call) {
            Some(fault) => self.report(fault),
            None => self.match_call(entity, call, false),
        }
        self.arguments(call);
    }

    /// Whether the arguments of a call are those that its callee has; `as_step`: all that it must have.
    fn match_call(&mut self, entity: Entity, call: &'p Call, as_step: bool) {
        self.names_parameters(entity, call);
        let callee = match entity {
            Entity::Layer(layer) => Callee::Layer(layer),
            Entity::Declared(id) => match self.program.template(id).map(|t| &t.definition) {
                // What an alias leaves open is known when it is expanded.
                Some(Definition::Alias(_)) => return,
                _ => Callee::Declared(id),
            },
        };
        let takes_values = matches!(callee, Callee::Layer(layer) if layer.takes_values);
        let formals = super::arguments::formals(self.program, callee);
        let name = &call.callee.name;
        let arriving = |index: usize| formals.get(index).is_some_and(|formal| formal.arriving);
        let matched = match_arguments(name, &formals, arriving, takes_values, &call.arguments);
        let is_good = matched.faults.is_empty();
        matched
            .faults
            .into_iter()
            .for_each(|fault| self.report(fault));
        let given = |index: usize| matched.by_formal.get(index).is_some_and(Option::is_some);
        if as_step && is_good {
            let missing = missing_arguments(name, call.callee.span, &formals, given);
            missing.into_iter().for_each(|fault| self.report(fault));
        }
    }

    /// Warns of parameters and constants that nothing read.
    fn unread(&mut self) {
        for variable in self.scopes.variables() {
            let name = &variable.name.name;
            if variable.is_read || name.starts_with('_') {
                continue;
            }
            let (code, what) = match variable.kind {
                VariableKind::Parameter(_) => (codes::UNUSED_PARAMETER, "parameter"),
                VariableKind::Constant => (codes::UNUSED_CONSTANT, "constant"),
                VariableKind::Index => continue,
            };
            let message = format!("nothing reads the {what} `{name}`");
            let fault = Diagnostic::new(code, message, variable.name.span, "unused");
            let help = format!("remove it, or call it `_{name}`");
            self.result.lints.push(fault.with_help(help));
        }
    }
}

/// What some declarations name, and what those name, and so on; with themselves.
fn reached(references: &[Vec<Reference>], from: Vec<DeclarationId>) -> BTreeSet<DeclarationId> {
    let mut reached: BTreeSet<DeclarationId> = from.iter().copied().collect();
    let mut open = from;
    while let Some(id) = open.pop() {
        let named = references.get(id.0 as usize).into_iter().flatten();
        open.extend(
            named
                .map(|reference| reference.to)
                .filter(|to| reached.insert(*to)),
        );
    }
    reached
}

/// What is used by the nets that were expanded, and by nets or blocks as well that they do not use.
pub(super) fn used_elsewhere(
    program: &Program,
    is_expanded: impl Fn(&str) -> bool,
) -> BTreeSet<DeclarationId> {
    let references = &program.resolution.references;
    let is_whole_net = |id: &DeclarationId| {
        program.info(*id).file == program.root()
            && program.template(*id).is_some_and(|template| {
                template.kind == TemplateKind::Net && is_expanded(&template.name.name)
            })
    };
    let nets = program.declaration_ids().filter(is_whole_net).collect();
    let known = reached(references, nets);
    let is_other = |id: &DeclarationId| !known.contains(id) && program.template(*id).is_some();
    let others = program.declaration_ids().filter(is_other).collect();
    let elsewhere = reached(references, others);
    known.intersection(&elsewhere).copied().collect()
}

/// Functions and blocks of the root file that no net of it reaches, and names that a `use` chooses for nothing.
fn unused_declarations(program: &Program, references: &[Vec<Reference>]) -> Vec<Diagnostic> {
    let of_root = |id: &DeclarationId| program.info(*id).file == program.root();
    let nets: Vec<DeclarationId> = program
        .declaration_ids()
        .filter(of_root)
        .filter(|id| {
            program
                .template(*id)
                .is_some_and(|t| t.kind == TemplateKind::Net)
        })
        .collect();
    if nets.is_empty() {
        return Vec::new();
    }
    let reached = reached(references, nets);
    let mut lints = Vec::new();
    for id in program.declaration_ids().filter(of_root) {
        let name = program.declaration(id).name();
        if !reached.contains(&id) && !name.name.starts_with('_') {
            let message = format!("no net of this file uses `{}`", name.name);
            let fault = Diagnostic::new(codes::UNUSED_DECLARATION, message, name.span, "unused");
            lints.push(fault.with_help("remove it, or move it to a file for others to use"));
        }
    }
    for (name, id) in &program.unit(program.root()).imports {
        if !reached.contains(id) {
            let message = format!("no net of this file uses `{}`", name.name);
            lints.push(Diagnostic::new(
                codes::UNUSED_DECLARATION,
                message,
                name.span,
                "unused",
            ));
        }
    }
    lints
}
