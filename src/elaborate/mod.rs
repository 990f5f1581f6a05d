//! From files to graphs: names, the values of parameters, and the expansion of blocks and repeats.
//!
//! ```text
//! Program::load   files and the names they declare                 program, names, recursion
//! check           everything that can be said about them           resolve (without values), expand every net, lint
//! expand          the graph of one net                             expand, body, step, call, eval, functions
//! ```
//!
//! Faults are collected, never returned early: a step that failed gives an unknown value, and what is made of that is unknown in
//! silence, so that one cause makes one message.

mod arguments;
mod attributes;
mod bind;
mod body;
mod build;
mod call;
mod eval;
mod expand;
mod faults;
mod foreign;
mod functions;
mod image;
pub mod layers;
mod lifts;
mod lint;
mod names;
mod nets;
mod occurrences;
mod open;
mod operators;
mod padding;
mod program;
mod proof;
mod prove;
mod readings;
mod recursion;
mod repair;
mod rescaled;
mod resolve;
mod rounds;
mod step;
mod templates;
mod trace;
mod value;
mod wiring;

#[cfg(test)]
mod tests;

pub use lifts::Lifts;
pub use nets::{NetInfo, NetParam, expand, expand_with, nets};
pub use occurrences::{LocalKind, Occurrence, Target};
pub use program::{DeclarationId, LoadError, Loader, NoLoader, Program};
pub use proof::{Proof, check_net, prove};
pub use prove::{SetSizes, SizeInfo};
pub use repair::{Repaired, repair};
pub use trace::{Observation, Trace, Traced};
pub use value::{Callee, Kind};

pub(crate) use arguments::{Formal, FormalDefault, formals};
#[cfg(test)]
pub(crate) use functions::INTRINSICS;
pub(crate) use open::may_be_open;
pub(crate) use operators::FUNCTIONS;
pub(crate) use program::Entity;
#[cfg(any(test, feature = "random"))]
pub(crate) use program::PRELUDE;
pub(crate) use resolve::parameter;

use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::source::Span;

/// Everything that there is to say about a program: faults of its files, of its names, of every net that can be expanded, and, if there
/// are none, warnings. In the order of the files.
///
/// A net with open sizes is proved for all of them.
pub fn check(program: &Program) -> Vec<Diagnostic> {
    check_with(program, &SetSizes::new())
}

/// [`check`] with values for open sizes. A net that does not have a size takes no notice of it, but one must.
pub fn check_with(program: &Program, sizes: &SetSizes) -> Vec<Diagnostic> {
    examine(program, sizes, false, &mut Lifts::new()).0
}

/// The same as [`check`], with what became of every step of every net that can be expanded, as far as its errors let it come. Open sizes have their defaults there.
///
/// `lifts` is what was proved before, of whatever program, and takes in what is proved now.
pub fn trace(program: &Program, lifts: &mut Lifts) -> (Vec<Diagnostic>, Vec<Traced>) {
    examine(program, &SetSizes::new(), true, lifts)
}

/// What is doubtful about an expanded net, whatever its open sizes and parameters are: of the warnings that [`check`] tells besides those
/// of its text, those that do not depend on its shapes.
pub fn lint(graph: &Graph) -> Vec<Diagnostic> {
    lint::lint(std::iter::once((graph, lint::Reach::Instance)))
}

fn examine(
    program: &Program,
    sizes: &SetSizes,
    traced: bool,
    lifts: &mut Lifts,
) -> (Vec<Diagnostic>, Vec<Traced>) {
    let resolution = &program.resolution;
    let mut runs = vec![program.diagnostics.clone(), resolution.diagnostics.clone()];
    let mut hidden = resolution.hidden.clone();
    let of_functions = nets::compile_functions(program);
    let reached_limit = |fault: &Diagnostic| fault.code.is_limit();
    let functions_too_large = of_functions.iter().any(reached_limit);
    runs.push(of_functions);
    let mut nets = Vec::new();
    let mut declared = Vec::new();
    let mut warnings = vec![resolution.lints.clone()];
    let mut has_sizes = Vec::new();
    for mut expansion in nets::expand_all(program, sizes, traced, lifts) {
        // A net that needs such a function stops at some place inside it: the same cause again.
        let in_function = |fault: &Diagnostic| {
            let place = fault.primary.as_ref().map(|label| label.span);
            place.is_some_and(|span| program.is_in_function(span))
        };
        let faults = &mut expansion.faults;
        faults.retain(|f| !(functions_too_large && reached_limit(f) && in_function(f)));
        runs.push(expansion.faults);
        warnings.push(expansion.warnings);
        hidden.extend(expansion.hidden);
        has_sizes.push(!expansion.sizes.is_empty());
        declared.extend(expansion.sizes);
        nets.push(expansion.net);
    }
    let path = program.sources.path(program.root()).display().to_string();
    runs.push(
        proof::unknown_size(&path, sizes, &declared)
            .into_iter()
            .collect(),
    );
    let mut all = faults::merge(runs);
    if !all.iter().any(Diagnostic::is_error) {
        let parametrised = nets::parametrised(program);
        let whole = nets
            .iter()
            .zip(has_sizes)
            .filter(|(net, _)| net.is_complete);
        let lints = lint::lint(whole.map(|(net, has_sizes): (&Traced, bool)| {
            let has_parameters = parametrised.contains(&net.name);
            (&net.graph, lint::Reach::of(net, has_sizes, has_parameters))
        }));
        warnings.push(known_everywhere(program, &nets, lints));
        all = faults::merge(std::iter::once(all).chain(warnings));
    }
    (faults::capped(all, hidden), nets)
}

/// The lints of steps of which every use is known. A block that is also used by a template or by a block that no net reaches may get
/// other arguments there.
fn known_everywhere(program: &Program, nets: &[Traced], lints: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_expanded = |name: &str| nets.iter().any(|net| net.is_complete && net.name == name);
    let doubtful: Vec<Span> = resolve::used_elsewhere(program, is_expanded)
        .into_iter()
        .filter_map(|id| program.template(id))
        .map(|template| template.span)
        .collect();
    let is_doubtful = |lint: &Diagnostic| {
        let place = lint.primary.as_ref().map(|label| label.span);
        place.is_some_and(|place| {
            let holds = |span: &Span| {
                span.file == place.file && span.start <= place.start && place.end <= span.end
            };
            doubtful.iter().any(holds)
        })
    };
    let mut lints = lints;
    lints.retain(|lint| !is_doubtful(lint));
    lints
}
