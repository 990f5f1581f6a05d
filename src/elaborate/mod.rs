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
mod functions;
mod image;
mod join;
pub mod layers;
mod lint;
mod names;
mod nets;
mod operators;
mod program;
mod recursion;
mod repeat;
mod resolve;
mod step;
mod value;

#[cfg(test)]
mod tests;

pub use nets::{NetInfo, NetParam, expand, nets};
pub use program::{DeclarationId, LoadError, Loader, NoLoader, Program};
pub use value::Kind;

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::graph::Graph;

/// Everything that there is to say about a program: faults of its files, of its names, of every net that can be expanded, and, if there
/// are none, warnings. In the order of the files.
pub fn check(program: &Program) -> Vec<Diagnostic> {
    let resolution = &program.resolution;
    let mut runs = vec![program.diagnostics.clone(), resolution.diagnostics.clone()];
    runs.push(nets::compile_functions(program));
    let mut graphs: Vec<Graph> = Vec::new();
    let mut stated_bias = BTreeSet::new();
    for expansion in nets::expand_all(program) {
        runs.push(expansion.faults);
        graphs.extend(expansion.graph);
        stated_bias.extend(expansion.stated_bias);
    }
    let mut all = faults::merge(runs);
    if !all.iter().any(Diagnostic::is_error) {
        let lints = lint::lint(&graphs, &stated_bias);
        all = faults::merge([all, resolution.lints.clone(), lints]);
    }
    all
}
