//! The nets of a program, and the expansion of one of them.

use std::collections::BTreeSet;

use super::arguments::{Formal, FormalDefault, formals, missing_arguments};
use super::expand::{Expander, Tensor};
use super::faults::{Hidden, capped};
use super::lifts::Lifts;
use super::program::{DeclarationId, Program};
use super::proof::{check_only, unknown_size, unproved};
use super::prove::{SetSizes, SizeInfo};
use super::trace::{Trace, Traced};
use super::value::{Applied, Value};
use crate::check::label_fault;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::graph::{Graph, Output};
use crate::limits;
use crate::syntax::ast::{Declaration, Param, Template, TemplateKind};

/// A net of the root file.
#[derive(Clone, Debug, PartialEq)]
pub struct NetInfo {
    /// Its name.
    pub name: String,
    /// The `///` lines before it.
    pub doc: String,
    /// Whether all its parameters have values, so that it can be compiled; others are templates.
    pub complete: bool,
    /// Its parameters that are not fixed yet.
    pub params: Vec<NetParam>,
}

/// A parameter of a net.
#[derive(Clone, Debug, PartialEq)]
pub struct NetParam {
    /// Its name.
    pub name: String,
    /// Its type, as it is written.
    pub ty: String,
    /// Its default value, as it is written.
    pub default: Option<String>,
}

/// The nets of the root file, in order. One whose declaration is at fault is a template here.
pub fn nets(program: &Program) -> Vec<NetInfo> {
    let mut expander = Expander::new(program);
    root_nets(program)
        .map(|(id, template)| {
            let applied = expander.apply_declaration(id, &template.name.name, template.name.span);
            let free: Vec<Formal> = match &applied {
                Some(applied) => formals(program, applied.callee)
                    .into_iter()
                    .zip(&applied.fixed)
                    .filter(|(_, fixed)| fixed.is_none())
                    .map(|(formal, _)| formal)
                    .collect(),
                None => Vec::new(),
            };
            // A faulty declaration counts as complete, so that its faults are found by whoever expands what is complete.
            NetInfo {
                name: template.name.name.clone(),
                doc: template.doc.clone(),
                complete: !free.iter().any(Formal::is_required),
                params: free.iter().map(|formal| param(program, formal)).collect(),
            }
        })
        .collect()
}

/// The nets of the root file with parameters that may still be given.
pub(super) fn parametrised(program: &Program) -> BTreeSet<String> {
    let nets = nets(program).into_iter();
    nets.filter(|net| !net.params.is_empty())
        .map(|net| net.name)
        .collect()
}

fn param(program: &Program, formal: &Formal) -> NetParam {
    NetParam {
        name: formal.name.to_string(),
        ty: formal.kind.to_string(),
        default: match &formal.default {
            FormalDefault::Expr(default) => Some(program.sources.text(default.span).to_string()),
            _ => None,
        },
    }
}

pub(super) fn root_nets(program: &Program) -> impl Iterator<Item = (DeclarationId, &Template)> {
    program
        .declaration_ids()
        .filter(|id| program.info(*id).file == program.root())
        .filter_map(|id| Some((id, program.template(id)?)))
        .filter(|(_, template)| template.kind == TemplateKind::Net)
}

/// The net of the root file with a name: the first, if several have it.
pub(super) fn root_net<'p>(
    program: &'p Program,
    name: &str,
) -> Option<(DeclarationId, &'p Template)> {
    let id = *program.nets.get(name)?;
    Some((id, program.template(id)?))
}

/// The graph of a net of the root file, or why there is none: faults of the files, of their names and of this net, in the order
/// of the files. Other nets are not looked at.
///
/// Open sizes have their defaults, for which the graph is, but the net must be right for all of them.
pub fn expand(program: &Program, net: &str) -> (Option<Graph>, Vec<Diagnostic>) {
    expand_with(program, net, &SetSizes::new())
}

/// [`expand`] with values for open sizes.
pub fn expand_with(
    program: &Program,
    net: &str,
    sizes: &SetSizes,
) -> (Option<Graph>, Vec<Diagnostic>) {
    let expansion = expand_only(program, net, sizes, false);
    let mut faults = expansion.faults;
    if !faults.iter().any(Diagnostic::is_error) {
        faults.extend(unproved(program, net, sizes, &expansion.sizes));
        faults.extend(unknown_size(net, sizes, &expansion.sizes));
    }
    let Traced {
        graph, is_complete, ..
    } = expansion.net;
    with_known_faults(program, is_complete.then_some(graph), faults)
}

pub(super) fn with_known_faults<T>(
    program: &Program,
    result: Option<T>,
    faults: Vec<Diagnostic>,
) -> (Option<T>, Vec<Diagnostic>) {
    let known = program.diagnostics.clone();
    let all = super::faults::merge([known, program.resolution.diagnostics.clone(), faults]);
    let is_good = !all.iter().any(Diagnostic::is_error);
    (
        result.filter(|_| is_good),
        capped(all, program.resolution.hidden.clone()),
    )
}

/// What comes of the expansion of a net.
pub(super) struct Expansion {
    pub net: Traced,
    pub faults: Vec<Diagnostic>,
    /// What is doubtful about its text, if nothing is wrong.
    pub warnings: Vec<Diagnostic>,
    /// Errors past the cap.
    pub hidden: Hidden,
    /// The open sizes that the net declares.
    pub sizes: Vec<SizeInfo>,
    /// The work that it took.
    pub steps: usize,
}

/// [`expand`] without what is known of the files already. `traced`: with what became of every step.
pub(super) fn expand_only(
    program: &Program,
    net: &str,
    sizes: &SetSizes,
    traced: bool,
) -> Expansion {
    let mut expander = Expander::new(program);
    expander.trace = traced.then(Trace::default);
    expander.sizes.set = sizes.clone();
    let graph = match root_net(program, net) {
        Some((id, template)) => run(&mut expander, id, template),
        None => {
            expander.report(no_such_net(program, net));
            None
        }
    };
    Expansion {
        net: Traced {
            name: net.to_string(),
            is_complete: graph.is_some(),
            graph: graph.unwrap_or(expander.graph),
            trace: expander.trace.unwrap_or_default(),
            open: Vec::new(),
            shapes: Vec::new(),
            lacks_size: expander.sizes.lacks_value,
        },
        sizes: expander.sizes.declared,
        hidden: expander.faults.take_hidden(),
        faults: expander.faults.finish(),
        warnings: expander.warnings.finish(),
        steps: expander.steps,
    }
}

/// The graph of a net; `None` if there is any fault.
pub(super) fn run<'p>(
    expander: &mut Expander<'p>,
    id: DeclarationId,
    template: &'p Template,
) -> Option<Graph> {
    let name = &template.name;
    let applied = expander.apply_declaration(id, &name.name, name.span)?;
    let graph = expand_applied(expander, &applied, template);
    graph.filter(|_| !expander.faults.has_errors() && !expander.halted)
}

fn expand_applied<'p>(
    expander: &mut Expander<'p>,
    applied: &Applied,
    template: &'p Template,
) -> Option<Graph> {
    let super::value::Callee::Declared(id) = applied.callee else {
        return None;
    };
    let name = &template.name;
    let formals = formals(expander.program, applied.callee);
    let given = |index: usize| applied.fixed.get(index).is_some_and(Option::is_some);
    if let Some(fault) = missing_arguments(&name.name, name.span, &formals, given) {
        let help = format!(
            "`{}` is a template; `net Mine = {}(...)` gives its parameters values",
            name.name, name.name
        );
        expander.report(fault.with_help(help));
        return None;
    }
    let fixed: Vec<Option<Value>> = applied.fixed.clone();
    let last = expander.apply_block(id, fixed, name.span, None, Tensor::Nothing);
    if expander.faults.has_errors() || expander.halted {
        return None;
    }
    finish(expander, last, template)
}

/// Makes the outputs, and sees that there is a net at all.
fn finish(expander: &mut Expander<'_>, last: Tensor, template: &Template) -> Option<Graph> {
    expander.check_outputs();
    let outputs = std::mem::take(&mut expander.outputs);
    // What failed was reported, if not by this expansion then when the files were read.
    let failed = |value: Tensor| value == Tensor::Unknown;
    if failed(last) || outputs.iter().any(|output| failed(output.value)) {
        return None;
    }
    let lacks = if expander.graph.inputs.is_empty() {
        Some("input")
    } else if expander.graph.nodes.len() == expander.graph.inputs.len() {
        Some("step")
    } else {
        None
    };
    if let Some(lacks) = lacks {
        let message = format!("the net `{}` has no {lacks}", template.name.name);
        let fault = Diagnostic::new(codes::EMPTY_NET, message, template.name.span, "");
        expander.report(fault);
        return None;
    }
    let named = outputs
        .into_iter()
        .map(|output| (output.name.name.clone(), output.value));
    let mut outputs: Vec<(String, Tensor)> = named.collect();
    if outputs.is_empty() {
        outputs.push(("output".into(), last));
    }
    let mut graph = std::mem::take(&mut expander.graph);
    graph.name = template.name.name.clone();
    for (name, value) in outputs {
        let Tensor::Node(node) = value else {
            return None;
        };
        graph.outputs.push(Output { name, node });
    }
    if let Some(span) = expander.labels_at
        && let Some(message) = label_fault(&graph, graph.class_labels.len())
    {
        let fault = Diagnostic::new(codes::MISMATCH, message, span, "");
        expander.report(fault);
    }
    Some(graph)
}

pub(super) fn no_such_net(program: &Program, net: &str) -> Diagnostic {
    let names: Vec<&str> = root_nets(program)
        .map(|(_, t)| t.name.name.as_str())
        .collect();
    let path = program.sources.path(program.root()).display().to_string();
    let fault = Diagnostic::without_place(codes::NO_NET, format!("`{path}` has no net `{net}`"));
    let fault = match names.is_empty() {
        true => fault.with_note("it has no net at all"),
        false => fault.with_note(format!("its nets are: {}", names.join(", "))),
    };
    match did_you_mean(net, names.iter().copied()) {
        Some(near) => fault.with_help(format!("did you mean `{near}`?")),
        None => fault,
    }
}

/// Compiles every function whose typed parameters all have defaults, used or not, for its faults.
///
/// Ends at the first that is too large: those that call it are so for the same reason.
pub(super) fn compile_functions(program: &Program) -> Vec<Diagnostic> {
    let mut runs = Vec::new();
    let mut steps = 0;
    for id in program.declaration_ids() {
        let info = program.info(id);
        let Declaration::Fn(function) = program.declaration(id) else {
            continue;
        };
        let is_open = |param: &Param| param.ty.is_some() && param.default.is_none();
        if info.damaged || info.recursive || function.params.iter().any(is_open) {
            continue;
        }
        let mut expander = Expander::new(program);
        let n_params = function.params.len();
        expander.compiled(id, vec![None; n_params], function.name.span);
        steps += expander.steps;
        runs.push(expander.faults.finish());
        if expander.halted || steps > limits::EXPANSION_STEPS {
            break;
        }
    }
    super::faults::merge(runs)
}

/// Expands every net that is complete. Files of many large nets are looked at only so far.
pub(super) fn expand_all(
    program: &Program,
    sizes: &SetSizes,
    traced: bool,
    lifts: &mut Lifts,
) -> Vec<Expansion> {
    const ALL_STEPS: usize = 4 * limits::EXPANSION_STEPS;
    let mut steps = 0;
    let mut expansions = Vec::new();
    for net in nets(program).iter().filter(|net| net.complete) {
        let mut expansion = check_only(program, &net.name, sizes, traced, lifts);
        steps += expansion.steps;
        let is_last = steps > ALL_STEPS;
        if is_last {
            let name = root_net(program, &net.name);
            expansion.faults.extend(name.map(|(_, template)| {
                Diagnostic::new(
                    codes::LIMIT_NODES,
                    format!("the nets of this file take more than {ALL_STEPS} steps"),
                    template.name.span,
                    "nets after this one are not checked",
                )
            }));
        }
        expansions.push(expansion);
        if is_last {
            break;
        }
    }
    expansions
}
