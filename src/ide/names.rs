//! Where names are declared and used, and how they are renamed.

use std::collections::BTreeSet;

use super::analysis::View;
use super::walk::holds;
use crate::elaborate::{
    Callee, Entity, LocalKind, Occurrence, Program, Target, may_be_open, parameter,
};
use crate::source::{FileId, Span};
use crate::syntax::ast::Argument;
use crate::syntax::{self, ast};

/// A place in a file of an analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The name.
    pub span: Span,
    /// Whether it is declared here.
    pub declares: bool,
}

/// The name at a place: the word as it is written there, and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Where.
    pub span: Span,
    /// What it stands for; several where a parameter stood for several blocks.
    pub targets: Vec<Target>,
}

/// Why a name cannot be renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameError(pub String);

/// The name at a byte.
pub fn name_at(view: View<'_>, at: usize) -> Option<Named> {
    let program = &view.analysis.program;
    let all = occurrences(view);
    let here = all
        .iter()
        .filter(|o| o.span.file == view.file && holds(o.span, at));
    let innermost = here
        .map(|o| o.span)
        .min_by_key(|span| span.end - span.start)?;
    let mut targets: Vec<Target> = Vec::new();
    for occurrence in all.iter().filter(|o| o.span == innermost) {
        if !targets.contains(&occurrence.target) {
            targets.push(occurrence.target);
        }
    }
    debug_assert!(innermost.end as usize <= program.sources.file(view.file).text.len());
    Some(Named {
        span: innermost,
        targets,
    })
}

/// All places that name something, those included that only the expansion knows: the names of arguments that are given to a parameter
/// of type `block`.
pub(super) fn occurrences(view: View<'_>) -> Vec<Occurrence> {
    let program = &view.analysis.program;
    let mut all = program.occurrences().to_vec();
    for (file, _) in program.sources.iter() {
        super::walk::walk(program.tree(file), &mut |node| {
            let super::walk::Node::Step(step) = node else {
                return;
            };
            if let ast::StepKind::Call(call) = &step.kind {
                all.extend(applied_arguments(view, call));
            }
        });
    }
    all
}

fn applied_arguments(view: View<'_>, call: &ast::Call) -> Vec<Occurrence> {
    let names: Vec<_> = call.arguments.iter().filter_map(named).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let expanded = &view.analysis.expanded;
    let mut found = Vec::new();
    for callee in view.analysis.applied(call.callee.span) {
        let entity = match callee {
            Callee::Layer(layer) => Entity::Layer(layer),
            Callee::Declared(id) => Entity::Declared(id),
        };
        found.extend(names.iter().filter_map(|name| {
            Some(Occurrence {
                span: name.span,
                target: parameter(expanded, entity, &name.name)?,
                declares: false,
            })
        }));
    }
    found
}

fn named(argument: &Argument) -> Option<&ast::Ident> {
    argument.name.as_ref()
}

/// The file that the `use` with its path at a byte means.
pub fn used_file(view: View<'_>, at: usize) -> Option<FileId> {
    let program = &view.analysis.program;
    let uses = program.tree(view.file).uses.iter();
    let files = program.used_files(view.file);
    let mut pairs = uses.zip(files);
    let (_, file) = pairs.find(|(used, _)| holds(used.path_span, at))?;
    *file
}

/// Where what a name stands for is declared. Layers are declared nowhere; functions of the prelude in a file that has no path.
pub fn definitions(view: View<'_>, named: &Named) -> Vec<Span> {
    let program = &view.analysis.program;
    named
        .targets
        .iter()
        .filter_map(|target| match target {
            Target::Declared(id) => Some(program.declaration(*id).name().span),
            Target::Local(span, _) => Some(*span),
            Target::Layer(_) | Target::Attribute(..) | Target::Builtin => None,
        })
        .collect()
}

/// Every place of the analysis that names what one of `definitions` declares, and what shares a name with that: the parameters of blocks that
/// one argument is given to. `definitions` are spans of this analysis.
pub fn references(view: View<'_>, definitions: &[Span]) -> Vec<Site> {
    let program = &view.analysis.program;
    let all = occurrences(view);
    let mut wanted: BTreeSet<Span> = definitions.iter().copied().collect();
    loop {
        let hits: BTreeSet<Span> = all
            .iter()
            .filter(|o| declared_at(program, o.target).is_some_and(|d| wanted.contains(&d)))
            .map(|o| o.span)
            .collect();
        let shared = all.iter().filter(|o| hits.contains(&o.span));
        let more: BTreeSet<Span> = shared
            .filter_map(|o| declared_at(program, o.target))
            .filter(|d| !wanted.contains(d))
            .collect();
        if more.is_empty() {
            let sites = all.iter().filter(|o| hits.contains(&o.span));
            let sites: BTreeSet<Site> = sites
                .map(|o| Site {
                    span: o.span,
                    declares: o.declares,
                })
                .collect();
            return sites.into_iter().collect();
        }
        wanted.extend(more);
    }
}

/// Where what a name stands for is declared; also tells parameters apart that have one name.
pub fn declared_at(program: &Program, target: Target) -> Option<Span> {
    match target {
        Target::Declared(id) => Some(program.declaration(id).name().span),
        Target::Local(span, _) => Some(span),
        Target::Layer(_) | Target::Attribute(..) | Target::Builtin => None,
    }
}

/// Whether the name at a place can be renamed to another as far as that name alone tells, and if so the word that is replaced.
/// `None`: ask for the word only. Whether other names keep their meaning is for [`keeps_meaning`](super::keeps_meaning) to see.
pub fn rename(
    view: View<'_>,
    named: &Named,
    new_name: Option<&str>,
) -> Result<String, RenameError> {
    let fail = |message: String| Err(RenameError(message));
    let program = &view.analysis.program;
    let old = program.sources.text(named.span).to_string();
    let prelude = |span: Span| span.file != view.file && is_prelude(program, span.file);
    for target in &named.targets {
        let is_own = declared_at(program, *target).is_some_and(|span| !prelude(span));
        if !is_own {
            return fail(format!("`{old}` is built in"));
        }
        if let Target::Local(span, LocalKind::Value) = target
            && program.sources.text(*span) != old
        {
            return fail("the label depends on an expression".into());
        }
    }
    if !is_name(&old) {
        return fail("the label depends on an expression".into());
    }
    let Some(new_name) = new_name else {
        return Ok(old);
    };
    if !is_name(new_name) || syntax::is_reserved(new_name) {
        return fail(format!("`{new_name}` is no name"));
    }
    let is_size = |target: &Target| matches!(target, Target::Local(_, LocalKind::Size));
    if named.targets.iter().any(is_size) && !may_be_open(new_name) {
        return fail("the name of an open size begins with a capital letter".into());
    }
    let file = named.span.file;
    let clashes = program.lookup(file, new_name).is_some() && new_name != old;
    match clashes {
        true => fail(format!("`{new_name}` has a meaning already")),
        false => Ok(old),
    }
}

fn is_prelude(program: &Program, file: FileId) -> bool {
    program.sources.path(file).as_os_str() == "<prelude>"
}

fn is_name(word: &str) -> bool {
    let mut chars = word.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
