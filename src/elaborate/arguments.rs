//! Which argument belongs to which parameter: by position, then by name. Needs no values, so that the static pass and the
//! expansion share it.

use super::foreign;
use super::layers;
use super::program::Program;
use super::value::{Callee, Kind};
use crate::diagnostic::{Diagnostic, Guess, codes, guess};
use crate::source::Span;
use crate::syntax::ast;

/// A parameter of a layer, function, block or net.
#[derive(Clone, Debug)]
pub(crate) struct Formal<'p> {
    pub name: &'p str,
    pub kind: Kind,
    pub default: FormalDefault<'p>,
    pub range: layers::Range,
    /// The first tensor of a function: a step gives it the value that arrives, and arguments skip it.
    pub arriving: bool,
}

/// Where the value comes from if there is no argument.
#[derive(Clone, Debug)]
pub(crate) enum FormalDefault<'p> {
    /// Nowhere.
    Required,
    /// An expression over the parameters before it.
    Expr(&'p ast::Expr),
    /// A layer's table.
    Table(layers::Preset),
}

impl Formal<'_> {
    pub fn is_required(&self) -> bool {
        !self.arriving
            && matches!(
                self.default,
                FormalDefault::Required | FormalDefault::Table(layers::Preset::Required)
            )
    }
}

/// The parameters of a layer's table.
pub(super) fn layer_formals(layer: &'static layers::Layer) -> Vec<Formal<'static>> {
    layer
        .attributes
        .iter()
        .map(|attribute| Formal {
            name: attribute.name,
            kind: attribute.kind.clone(),
            default: FormalDefault::Table(attribute.default),
            range: attribute.range,
            arriving: false,
        })
        .collect()
}

/// The parameters of what a step applies.
pub(crate) fn formals(program: &Program, callee: Callee) -> Vec<Formal<'_>> {
    let id = match callee {
        Callee::Layer(layer) => return layer_formals(layer),
        Callee::Declared(id) => id,
    };
    let params = match program.declaration(id) {
        ast::Declaration::Fn(function) => &function.params,
        ast::Declaration::Template(template) => &template.params,
    };
    let first_tensor = params.iter().position(|param| param.ty.is_none());
    params
        .iter()
        .enumerate()
        .map(|(index, param)| Formal {
            name: &param.name.name,
            kind: param.ty.clone().map_or(Kind::Tensor, Kind::Type),
            default: match &param.default {
                Some(default) => FormalDefault::Expr(default),
                None => FormalDefault::Required,
            },
            range: layers::Range::Any,
            arriving: first_tensor == Some(index),
        })
        .collect()
}

/// The result of matching.
pub(super) struct Matched<'p> {
    /// The argument of each parameter.
    pub by_formal: Vec<Option<&'p ast::Argument>>,
    /// Arguments that are values, of layers such as `add`.
    pub values: Vec<&'p ast::Argument>,
    /// What does not match.
    pub faults: Vec<Diagnostic>,
}

/// Gives each argument to its parameter. `taken` tells which parameters have their value already.
pub(super) fn match_arguments<'p>(
    callee: &str,
    formals: &[Formal<'_>],
    taken: impl Fn(usize) -> bool,
    takes_values: bool,
    arguments: &'p [ast::Argument],
) -> Matched<'p> {
    let mut matched = Matched {
        by_formal: vec![None; formals.len()],
        values: Vec::new(),
        faults: Vec::new(),
    };
    let mut free = (0..formals.len()).filter(|index| !taken(*index));
    let free_names: Vec<&str> = free.clone().map(|index| formals[index].name).collect();
    let mut too_many = false;
    for argument in arguments {
        let Some(name) = &argument.name else {
            if takes_values {
                matched.values.push(argument);
            } else if let Some(slot) = free.next().and_then(|i| matched.by_formal.get_mut(i)) {
                *slot = Some(argument);
            } else if !too_many {
                too_many = true;
                matched
                    .faults
                    .push(too_many_arguments(callee, &free_names, argument));
            }
            continue;
        };
        let position = formals
            .iter()
            .position(|formal| formal.name == name.name && !formal.arriving);
        let Some(index) = position else {
            let mut fault = unknown_argument(callee, formals, name);
            // A parameter has one argument: which of two is meant is not certain.
            if let Some(fix) = &mut fault.fix {
                let is_given = |it: &ast::Argument| {
                    it.name
                        .as_ref()
                        .is_some_and(|name| name.name == fix.replacement)
                };
                let is_offered = |fault: &Diagnostic| {
                    let other = fault.fix.as_ref();
                    other.is_some_and(|other| other.replacement == fix.replacement)
                };
                fix.is_safe &=
                    !arguments.iter().any(is_given) && !matched.faults.iter().any(is_offered);
            }
            matched.faults.push(fault);
            continue;
        };
        match matched.by_formal.get_mut(index) {
            Some(slot @ None) if !taken(index) => *slot = Some(argument),
            Some(Some(first)) => matched.faults.push(
                Diagnostic::new(
                    codes::REPEATED_ARGUMENT,
                    format!("`{}` is given twice", name.name),
                    name.span,
                    "again here",
                )
                .with_secondary(first.span, "first here"),
            ),
            _ => matched.faults.push(Diagnostic::new(
                codes::REPEATED_ARGUMENT,
                format!("`{}` of `{callee}` is fixed already", name.name),
                name.span,
                "cannot be given again",
            )),
        }
    }
    matched
}

fn too_many_arguments(callee: &str, free: &[&str], argument: &ast::Argument) -> Diagnostic {
    let takes = match free.len() {
        0 => format!("`{callee}` takes no argument"),
        1 => format!("`{callee}` takes 1 argument"),
        n => format!("`{callee}` takes {n} arguments"),
    };
    let fault = Diagnostic::new(
        codes::TOO_MANY_ARGUMENTS,
        takes,
        argument.span,
        "one too many",
    );
    match free {
        [] => fault,
        names => fault.with_note(format!("the parameters are: {}", listed(names))),
    }
}

/// Names that a message lists: each call can have a fault, so that a list must not grow with the declaration.
const LISTED: usize = 20;

fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn unknown_argument(callee: &str, formals: &[Formal<'_>], name: &ast::Ident) -> Diagnostic {
    let fault = Diagnostic::new(
        codes::UNKNOWN_ARGUMENT,
        format!("`{callee}` has no parameter `{}`", name.name),
        name.span,
        "unknown",
    );
    let own: Vec<&str> = names(formals).collect();
    let is_of_layer = |formal: &Formal<'_>| matches!(formal.default, FormalDefault::Table(_));
    // What a parameter of the author's own means is not known.
    let known = formals
        .iter()
        .any(is_of_layer)
        .then(|| foreign::attribute(&name.name, &own))
        .flatten();
    match known {
        Some(foreign::Attribute::Is(word)) => {
            let is_certain = true;
            return fault.with_guess(name.span, Guess { word, is_certain });
        }
        Some(foreign::Attribute::Write(how)) => return fault.with_help(how),
        None => {}
    }
    if let Some(meant) = guess(&name.name, names(formals)) {
        return fault.with_guess(name.span, meant);
    }
    match own.is_empty() {
        true => fault,
        false => fault.with_note(format!("the parameters are: {}", listed(&own))),
    }
}

fn names<'a>(formals: &'a [Formal<'_>]) -> impl Iterator<Item = &'a str> {
    formals
        .iter()
        .filter(|formal| !formal.arriving)
        .map(|formal| formal.name)
}

/// The fault of an argument that must name a value and does not.
pub(super) fn no_value_name(span: Span) -> Diagnostic {
    let message = "the name of a value is wanted";
    Diagnostic::new(codes::TYPE, message, span, "this is none")
        .with_help("label the step that makes the value, and name it here")
}

/// The fault of parameters that have no value; `given` tells which have one.
pub(super) fn missing_arguments(
    callee: &str,
    span: Span,
    formals: &[Formal<'_>],
    given: impl Fn(usize) -> bool,
) -> Option<Diagnostic> {
    let missing: Vec<String> = formals
        .iter()
        .enumerate()
        .filter(|(index, formal)| formal.is_required() && !given(*index))
        .map(|(_, formal)| format!("`{}: {}`", formal.name, formal.kind))
        .collect();
    if missing.is_empty() {
        return None;
    }
    Some(Diagnostic::new(
        codes::MISSING_ARGUMENT,
        format!("`{callee}` wants {}", listed(&missing)),
        span,
        if missing.len() == 1 {
            "an argument is missing"
        } else {
            "arguments are missing"
        },
    ))
}
