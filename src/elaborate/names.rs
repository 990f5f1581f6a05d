//! The names that each file sees: its own declarations and what it uses.

use std::collections::BTreeMap;

use super::layers;
use super::program::{DeclarationId, DeclarationInfo, Program};
use crate::diagnostic::{Diagnostic, codes, guess};
use crate::limits;
use crate::source::{FileId, Span};
use crate::syntax::ast;

/// Numbers all declarations and fills the names of every unit; `prelude` is the file of the functions that all see.
pub(super) fn declare(program: &mut Program, prelude: FileId) {
    let syntax_faults: Vec<Span> = program
        .diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.primary.as_ref())
        .map(|label| label.span)
        .collect();
    let n_units = program.units.len();
    let mut own: Vec<BTreeMap<String, DeclarationId>> = Vec::with_capacity(n_units);
    for file in (0..n_units as u32).map(FileId) {
        let faults = syntax_faults.iter().filter(|fault| fault.file == file);
        let faults: Vec<Span> = faults.copied().collect();
        own.push(own_names(program, file, prelude, &faults));
    }
    for id in program.declaration_ids() {
        let is_of_root = program.info(id).file == program.root();
        if let Some(template) = program.template(id).filter(|_| is_of_root)
            && template.kind == ast::TemplateKind::Net
        {
            let name = template.name.name.clone();
            program.nets.entry(name).or_insert(id);
        }
    }
    if let Some(names) = own.get(prelude.0 as usize) {
        program.prelude = names.clone();
    }
    for file in (0..n_units as u32).map(FileId).filter(|f| *f != prelude) {
        import(program, file, &own);
    }
}

fn own_names(
    program: &mut Program,
    file: FileId,
    prelude: FileId,
    syntax_faults: &[Span],
) -> BTreeMap<String, DeclarationId> {
    let mut names: BTreeMap<String, DeclarationId> = BTreeMap::new();
    let mut faults = Vec::new();
    for (index, declaration) in program.units[file.0 as usize]
        .ast
        .declarations
        .iter()
        .enumerate()
    {
        let span = match declaration {
            ast::Declaration::Fn(function) => function.span,
            ast::Declaration::Template(template) => template.span,
        };
        let id = DeclarationId(program.declarations.len() as u32);
        program.declarations.push(DeclarationInfo {
            file,
            index,
            damaged: syntax_faults
                .iter()
                .any(|fault| span.start <= fault.start && fault.start <= span.end),
            recursive: false,
        });
        let name = declaration.name();
        if file != prelude && is_builtin(program, &name.name) {
            faults.push(builtin_name(name));
        } else if let Some(first) = names.get(&name.name) {
            let first = program.declaration(*first).name().span;
            faults.push(declared_twice(name, first));
        } else {
            names.insert(name.name.clone(), id);
        }
    }
    program.diagnostics.extend(faults);
    names
}

/// Layers and the functions of the prelude. The prelude's unit is the last, so its names are asked of its tree.
fn is_builtin(program: &Program, name: &str) -> bool {
    let prelude = program.units.last();
    layers::find(name).is_some()
        || prelude.is_some_and(|unit| {
            unit.ast
                .declarations
                .iter()
                .any(|declaration| declaration.name().name == name)
        })
}

fn builtin_name(name: &ast::Ident) -> Diagnostic {
    Diagnostic::new(
        codes::BUILTIN_NAME,
        format!("`{}` is built in and cannot be declared again", name.name),
        name.span,
        "the name of a layer or function of the language",
    )
    .with_help("choose another name")
}

fn declared_twice(name: &ast::Ident, first: Span) -> Diagnostic {
    Diagnostic::new(
        codes::DUPLICATE,
        format!("`{}` is declared twice", name.name),
        name.span,
        "again here",
    )
    .with_secondary(first, "first here")
}

/// Adds to a unit's own names what its `use`s bring.
fn import(program: &mut Program, file: FileId, own: &[BTreeMap<String, DeclarationId>]) {
    let unit = &program.units[file.0 as usize];
    let mut names = own.get(file.0 as usize).cloned().unwrap_or_default();
    let mut places: BTreeMap<String, Span> = names
        .iter()
        .map(|(name, id)| (name.clone(), program.declaration(*id).name().span))
        .collect();
    let mut faults = Vec::new();
    let mut imports = Vec::new();
    for (used, target) in unit.ast.uses.iter().zip(&unit.uses) {
        let Some(target) = target else { continue };
        let Some(theirs) = own.get(target.0 as usize) else {
            continue;
        };
        let chosen = match &used.names {
            None => theirs
                .iter()
                .map(|(name, id)| (name.clone(), used.path_span, *id))
                .collect(),
            Some(list) => choose(program, used, list, *target, theirs, &mut faults),
        };
        for (name, span, id) in chosen {
            let ident = ast::Ident {
                name: name.clone(),
                span,
            };
            match names.get(&name) {
                Some(known) if *known == id => {}
                Some(_) => {
                    let first = places.get(&name).copied().unwrap_or(span);
                    faults.push(declared_twice(&ident, first).with_help(format!(
                        "give it another name: `use \"{}\" ({name} as Other{name})`",
                        used.path
                    )));
                }
                None if is_builtin(program, &name) => faults.push(builtin_name(&ident)),
                None => {
                    places.insert(name.clone(), span);
                    names.insert(name, id);
                }
            }
            if used.names.is_some() {
                imports.push((ident, id));
            }
        }
    }
    program.diagnostics.extend(faults);
    let unit = &mut program.units[file.0 as usize];
    unit.names = names;
    unit.imports = imports;
}

fn choose(
    program: &Program,
    used: &ast::Use,
    list: &[(ast::Ident, Option<ast::Ident>)],
    target: FileId,
    theirs: &BTreeMap<String, DeclarationId>,
    faults: &mut Vec<Diagnostic>,
) -> Vec<(String, Span, DeclarationId)> {
    let mut chosen = Vec::new();
    for (name, new_name) in list {
        let shown = new_name.as_ref().unwrap_or(name);
        if let Some(id) = theirs.get(&name.name) {
            chosen.push((shown.name.clone(), shown.span, *id));
        } else if !program.unit(target).lossy {
            let fault = Diagnostic::new(
                codes::UNDEFINED,
                format!("`{}` does not declare `{}`", used.path, name.name),
                name.span,
                "not declared there",
            );
            let near = (faults.len() < limits::DIAGNOSTICS)
                .then(|| guess(&name.name, theirs.keys().map(String::as_str)))
                .flatten();
            faults.push(match near {
                Some(meant) => fault.with_guess(name.span, meant),
                None => fault,
            });
        }
    }
    chosen
}
