//! The proof of a net for all of its open sizes, and what is said where there is none.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::expand::Expander;
use super::faults;
use super::faults::Hidden;
use super::lifts::Lifts;
use super::lint::Reach;
use super::nets::{Expansion, expand_only, no_such_net, root_net, run};
use super::program::Program;
use super::prove::{Interrupted, Proving, SetSizes, SizeInfo};
use super::repair;
use super::trace::{Trace, Traced};
use crate::diagnostic::{Diagnostic, Fix, codes, did_you_mean};
use crate::graph::Graph;
use crate::limits;
use crate::symbolic::{Open, SymShape, Variable};

/// How often the sizes may be narrowed: by a `where` for each, and by the steps that fit fewer and fewer.
const NARROWINGS: usize = 256;

/// A net that is right for all its open sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The open sizes, and what is allowed of each. None if all were set.
    pub open: Vec<Open>,
    /// The net at the witness of each.
    pub graph: Graph,
    /// The shape of each node, by node.
    pub shapes: Vec<SymShape>,
}

/// The proof of a net of the root file for all open sizes that are not set; or, with the faults of the files and of their names,
/// why there is none.
pub fn prove(program: &Program, net: &str, sizes: &SetSizes) -> (Option<Proof>, Vec<Diagnostic>) {
    let mut expansion = prove_only(program, net, sizes, false, &mut Lifts::new());
    if !expansion.faults.iter().any(Diagnostic::is_error) {
        let unknown = unknown_size(net, sizes, &expansion.sizes);
        expansion.faults.extend(unknown);
    }
    let Traced {
        graph,
        is_complete,
        open,
        shapes,
        ..
    } = expansion.net;
    let proof = is_complete.then_some(Proof {
        open,
        graph,
        shapes,
    });
    super::nets::with_known_faults(program, proof, expansion.faults)
}

/// Everything that is wrong with one net of the root file, for all its open sizes that are not set.
pub fn check_net(program: &Program, net: &str, sizes: &SetSizes) -> Vec<Diagnostic> {
    let mut expansion = check_only(program, net, sizes, false, &mut Lifts::new());
    let unknown = unknown_size(net, sizes, &expansion.sizes);
    expansion.faults.extend(unknown);
    let (is_good, mut all) = super::nets::with_known_faults(program, Some(()), expansion.faults);
    if is_good.is_some() {
        let net = &expansion.net;
        let has_parameters = super::nets::parametrised(program).contains(&net.name);
        let reach = Reach::of(net, !expansion.sizes.is_empty(), has_parameters);
        let whole = net.is_complete.then_some((&net.graph, reach));
        let lints = super::lint::lint(whole.into_iter());
        let lints = super::known_everywhere(program, std::slice::from_ref(net), lints);
        all = faults::merge([all, expansion.warnings, lints]);
    }
    all
}

/// What is wrong with a net that can be expanded, at other open sizes than those it was expanded at. Whoever means to have it for one
/// size alone says so.
pub(super) fn unproved(
    program: &Program,
    net: &str,
    sizes: &SetSizes,
    declared: &[SizeInfo],
) -> Vec<Diagnostic> {
    let open: Vec<&SizeInfo> = declared
        .iter()
        .filter(|size| !sizes.contains_key(&size.name))
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    let mut faults = prove_only(program, net, sizes, false, &mut Lifts::new()).faults;
    let values: Option<Vec<String>> = open
        .iter()
        .map(|size| Some(format!("--set {}={}", size.name, size.default?)))
        .collect();
    if let Some(values) = values {
        let note = format!(
            "with `{}`, the net is for these sizes alone, and need not be right for others",
            values.join(" ")
        );
        for fault in &mut faults {
            fault.notes.push(note.clone());
        }
    }
    faults
}

/// Expands a net at its default sizes (`traced`: with what became of every step) and, if that is without a fault, proves it for the others.
pub(super) fn check_only(
    program: &Program,
    net: &str,
    sizes: &SetSizes,
    traced: bool,
    lifts: &mut Lifts,
) -> Expansion {
    let mut expansion = expand_only(program, net, sizes, traced);
    let lacks_size = expansion.net.lacks_size;
    let is_good = !expansion.faults.iter().any(Diagnostic::is_error);
    let has_open = expansion
        .sizes
        .iter()
        .any(|size| !sizes.contains_key(&size.name));
    if lacks_size || (is_good && has_open) {
        let proved = prove_only(program, net, sizes, traced && lacks_size, lifts);
        expansion.steps = expansion.steps.saturating_add(proved.steps);
        if lacks_size {
            // That a size has no value is no fault while it is proved for all.
            expansion.faults = proved.faults;
            expansion.warnings = proved.warnings;
            expansion.hidden = proved.hidden;
            expansion.net = Traced {
                is_complete: false,
                lacks_size,
                ..proved.net
            };
        } else {
            expansion.faults = faults::merge([expansion.faults, proved.faults]);
            // Both are expansions of one text; with a fault, the proof ends earlier.
            if proved.net.shapes.len() == expansion.net.graph.nodes.len() {
                expansion.net.open = proved.net.open;
                expansion.net.shapes = proved.net.shapes;
            }
        }
    }
    expansion
}

/// A step that fits only some sizes.
struct Condition {
    variable: Variable,
    /// Of residues, not of a least size.
    is_periodic: bool,
    fault: Diagnostic,
}

/// Proves a net for all open sizes that are not set. What comes of it is complete if it is a proof.
fn prove_only(
    program: &Program,
    net: &str,
    sizes: &SetSizes,
    traced: bool,
    lifts: &mut Lifts,
) -> Expansion {
    let mut expansion = Expansion {
        hidden: Hidden::new(),
        net: Traced {
            name: net.to_string(),
            ..Traced::default()
        },
        faults: Vec::new(),
        warnings: Vec::new(),
        sizes: Vec::new(),
        steps: 0,
    };
    let Some((id, template)) = root_net(program, net) else {
        expansion.faults = vec![no_such_net(program, net)];
        return expansion;
    };
    let mut conditions: Vec<Condition> = Vec::new();
    let (mut n_narrowings, mut work) = (0, 0);
    while n_narrowings < NARROWINGS && expansion.steps <= limits::EXPANSION_STEPS {
        n_narrowings += 1;
        let mut expander = Expander::new(program);
        expander.trace = traced.then(Trace::default);
        expander.sizes.set = sizes.clone();
        expander.sizes.proving = Some(Proving {
            open: std::mem::take(&mut expansion.net.open),
            lifts: std::mem::take(lifts),
            work,
            ..Proving::default()
        });
        let graph = run(&mut expander, id, template);
        let proving = expander.sizes.proving.take().unwrap_or_default();
        *lifts = proving.lifts;
        // An evaluation takes a fraction of the time of a step.
        expansion.steps += expander.steps + (proving.work - work) / 4;
        work = proving.work;
        expansion.sizes = expander.sizes.declared;
        let is_whole = graph.is_some();
        let net = &mut expansion.net;
        net.graph = graph.unwrap_or(expander.graph);
        net.trace = expander.trace.unwrap_or_default();
        net.open = proving.open;
        net.shapes = proving.shapes;
        let narrowed = match proving.interrupted {
            None => {
                let mut faults = expander.faults.finish();
                // Other faults come first: which sizes fit is known once they are gone.
                let clause = faults.is_empty().then(|| wanted(&conditions, &net.open));
                let last = expansion.sizes.last();
                let fix = clause
                    .as_ref()
                    .zip(last)
                    .and_then(|(clause, size)| repair::where_clause(program, size.span, clause));
                let help = clause.map(|c| format!("add `where {c}`: the whole net fits those"));
                faults.extend(said(conditions, help, fix));
                net.is_complete = is_whole && faults.is_empty();
                expansion.faults = faults;
                expansion.warnings = expander.warnings.finish();
                return expansion;
            }
            Some(Interrupted::Limited(variable, sizes)) => Some((variable, sizes)),
            Some(Interrupted::Equal(one, other, sizes)) => {
                unite(&mut net.open, &mut conditions, one, other);
                Some((one, sizes))
            }
            Some(Interrupted::Condition(variable, sizes, fault)) => {
                let before = net.open.get(variable.0);
                let before = before.map_or(1, |open| open.allowed.rate().1);
                conditions.push(Condition {
                    variable,
                    is_periodic: sizes.rate().1 != before,
                    fault: *fault,
                });
                (!sizes.is_empty()).then_some((variable, sizes))
            }
        };
        let Some((variable, sizes)) = narrowed else {
            let help = "no such sizes fit the whole net".to_string();
            expansion.faults = said(conditions, Some(help), None);
            return expansion;
        };
        if let Some(open) = net.open.get_mut(variable.0) {
            open.allowed = sizes;
        }
    }
    let message = format!("the open sizes were narrowed {n_narrowings} times and still do not fit");
    let place = template.name.span;
    let fault = Diagnostic::new(codes::UNDECIDED, message, place, "not told for all sizes");
    expansion.faults = said(conditions, None, None);
    expansion.faults.push(
        fault.with_help("say what the sizes are in fewer conditions, or fix them with `--set`"),
    );
    expansion
}

/// Makes the second of two open sizes another name of the first. Those behind it move up.
fn unite(open: &mut Vec<Open>, conditions: &mut [Condition], one: Variable, other: Variable) {
    let gone = open.remove(other.0);
    if let Some(open) = open.get_mut(one.0) {
        open.also.push(gone.name);
        open.also.extend(gone.also);
    }
    for condition in conditions {
        let variable = &mut condition.variable;
        match (*variable).cmp(&other) {
            Ordering::Less => {}
            Ordering::Equal => *variable = one,
            Ordering::Greater => variable.0 -= 1,
        }
    }
}

/// The condition that is missing.
fn wanted(conditions: &[Condition], open: &[Open]) -> String {
    let mut limited: Vec<Variable> = conditions.iter().map(|c| c.variable).collect();
    limited.sort();
    limited.dedup();
    let clauses: Vec<String> = limited
        .iter()
        .filter_map(|variable| open.get(variable.0))
        .map(|open| open.allowed.clause(&open.name))
        .collect();
    clauses.join(" and ")
}

/// The first conditions on each size, of either kind, unless that is the same step again.
fn said(conditions: Vec<Condition>, help: Option<String>, fix: Option<Fix>) -> Vec<Diagnostic> {
    let mut known = BTreeSet::new();
    let mut told: Vec<Diagnostic> = Vec::new();
    for condition in conditions {
        let place = |fault: &Diagnostic| fault.primary.as_ref().map(|label| label.span);
        let is_new = known.insert((condition.variable, condition.is_periodic));
        let is_there = told.iter().any(|t| place(t) == place(&condition.fault));
        if is_new && !is_there {
            told.push(Diagnostic {
                help: help.clone(),
                fix: fix.clone(),
                ..condition.fault
            });
        }
    }
    told
}

/// The fault of a value for a size that a net does not have.
pub(super) fn unknown_size(
    net: &str,
    sizes: &SetSizes,
    declared: &[SizeInfo],
) -> Option<Diagnostic> {
    let names = || declared.iter().map(|size| size.name.as_str());
    let unknown = sizes.keys().find(|name| !names().any(|n| n == *name))?;
    let message = format!("`{net}` has no open size `{unknown}`");
    let fault = Diagnostic::without_place(codes::NO_SIZE, message);
    let known: Vec<&str> = names().collect();
    let fault = match known.is_empty() {
        true => fault.with_note("all its sizes are fixed"),
        false => fault.with_note(format!("its open sizes: {}", known.join(", "))),
    };
    Some(match did_you_mean(unknown, names()) {
        Some(near) => fault.with_help(format!("did you mean `{near}`?")),
        None => fault,
    })
}
