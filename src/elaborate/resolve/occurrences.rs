//! Notes of which name means what.

use std::collections::BTreeMap;

use super::Resolver;
use super::scopes::Variable;
use crate::elaborate::program::{DeclarationId, Entity, Program};
use crate::elaborate::{LocalKind, Occurrence, Target};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Call, Declaration, Definition};

impl<'p> Resolver<'p> {
    fn note(&mut self, span: Span, target: Target, declares: bool) {
        self.result.occurrences.push(Occurrence {
            span,
            target,
            declares,
        });
    }

    pub(super) fn declares(&mut self, span: Span, kind: LocalKind) {
        self.note(span, Target::Local(span, kind), true);
    }

    pub(super) fn names_builtin(&mut self, span: Span) {
        self.note(span, Target::Builtin, false);
    }

    pub(super) fn names_entity(&mut self, entity: Entity, span: Span) {
        let target = match entity {
            Entity::Layer(layer) => Target::Layer(layer),
            Entity::Declared(id) => Target::Declared(id),
        };
        self.note(span, target, false);
    }

    /// The constant with this name, which is read here.
    pub(super) fn read(&mut self, name: &str, span: Span) -> Option<Variable<'p>> {
        let variable = self.scopes.read(name)?;
        let target = Target::Local(variable.name.span, variable.kind.local());
        self.note(span, target, false);
        Some(variable)
    }

    /// Whether a word is an open size here, which it then names.
    pub(super) fn names_size(&mut self, name: &str, span: Span) -> bool {
        let size = self.scopes.size(name);
        if let Some(declared) = size {
            self.note(span, Target::Local(declared, LocalKind::Size), false);
        }
        size.is_some()
    }

    /// Whether a word is a value here, which it then names.
    pub(super) fn names_value(&mut self, name: &str, span: Span) -> bool {
        if let Some(label) = self.scopes.value(name) {
            self.note(span, Target::Local(label, LocalKind::Value), false);
        }
        self.is_value(name)
    }

    /// The names of named arguments.
    pub(super) fn names_parameters(&mut self, entity: Entity, call: &'p Call) {
        for name in call.arguments.iter().filter_map(|a| a.name.as_ref()) {
            if let Some(target) = parameter(self.program, entity, &name.name) {
                self.note(name.span, target, false);
            }
        }
    }

    /// What stands outside of bodies: declarations and the lists of `use`.
    pub(super) fn file_occurrences(&mut self) {
        for id in self.program.declaration_ids() {
            let name = self.program.declaration(id).name();
            self.note(name.span, Target::Declared(id), true);
        }
        for (file, _) in self.program.sources.iter() {
            let imports = &self.program.unit(file).imports;
            let imports: BTreeMap<Span, DeclarationId> =
                imports.iter().map(|(name, id)| (name.span, *id)).collect();
            for used in &self.program.tree(file).uses {
                for (name, new_name) in used.names.iter().flatten() {
                    let shown = new_name.as_ref().unwrap_or(name);
                    if let Some(&id) = imports.get(&shown.span) {
                        self.note(name.span, Target::Declared(id), false);
                        if let Some(new_name) = new_name {
                            self.note(new_name.span, Target::Declared(id), false);
                        }
                    }
                }
            }
        }
        self.result
            .occurrences
            .sort_by_key(|occurrence| occurrence.span);
        self.result.occurrences.dedup();
    }
}

/// The parameter of this name; those of an alias are its base's.
pub(crate) fn parameter(program: &Program, entity: Entity, name: &str) -> Option<Target> {
    let mut id = match entity {
        Entity::Layer(layer) => {
            let index = layer.attributes.iter().position(|a| a.name == name)?;
            return Some(Target::Attribute(layer, index));
        }
        Entity::Declared(id) => id,
    };
    // Aliases may lead in a circle. No longer chain is expanded either.
    for _ in 0..=limits::CALL_DEPTH {
        let params = match program.declaration(id) {
            Declaration::Fn(function) => &function.params,
            Declaration::Template(template) => match &template.definition {
                Definition::Body(_) => &template.params,
                Definition::Alias(call) => {
                    match program.lookup(file_of(program, id), &call.callee.name)? {
                        Entity::Declared(base) => id = base,
                        layer => return parameter(program, layer, name),
                    }
                    continue;
                }
            },
        };
        let param = params.iter().find(|param| param.name.name == name)?;
        return Some(Target::Local(param.name.span, LocalKind::Parameter));
    }
    None
}

fn file_of(program: &Program, id: DeclarationId) -> crate::source::FileId {
    program.info(id).file
}
