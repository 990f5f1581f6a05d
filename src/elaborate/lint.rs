//! Warnings about expanded nets. All nets of a file are looked at together: a step is warned of only if what is said holds wherever
//! the step was instantiated.

use std::collections::BTreeMap;

use crate::check::explain;
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{Graph, Node, NodeId, Op, Pool};
use crate::source::Span;

/// What is known of one step of the source, from all its instantiations.
#[derive(Default)]
struct Finding {
    /// The first warning, if every instantiation so far gave one.
    warning: Option<Diagnostic>,
    n_clean: usize,
}

/// A table of findings by code and step.
type Findings = BTreeMap<(&'static str, Span), Finding>;

type Lint = fn(&Graph, NodeId, &Facts) -> Option<Diagnostic>;

const LINTS: &[(&str, Lint)] = &[
    ("W0001", unused_value),
    ("W0005", lost_pixels),
    ("W0006", bias_before_batchnorm),
    ("W0008", redundant_step),
    ("W0009", softmax_not_last),
];

/// What every lint wants to know of a graph.
struct Facts {
    /// The nodes that read each node.
    readers: Vec<Vec<NodeId>>,
    is_output: Vec<bool>,
    /// Whether an output needs it.
    is_live: Vec<bool>,
}

/// All warnings about the nets of a file.
pub(super) fn lint<'g>(graphs: impl Iterator<Item = &'g Graph>) -> Vec<Diagnostic> {
    let mut findings = Findings::new();
    for graph in graphs {
        let facts = facts(graph);
        for id in graph.node_ids() {
            let Some(origin) = graph.origins.get(id.index()) else {
                continue;
            };
            for (code, lint) in LINTS {
                let finding = findings.entry((code, origin.span)).or_default();
                match lint(graph, id, &facts) {
                    Some(mut warning) if finding.warning.is_none() => {
                        warning.trail = origin.trail.labels().cloned().collect();
                        finding.warning = Some(warning);
                    }
                    Some(_) => {}
                    None => finding.n_clean += 1,
                }
            }
        }
    }
    findings
        .into_values()
        .filter(|finding| finding.n_clean == 0)
        .filter_map(|finding| finding.warning)
        .collect()
}

fn facts(graph: &Graph) -> Facts {
    let n = graph.nodes.len();
    let mut facts = Facts {
        readers: vec![Vec::new(); n],
        is_output: vec![false; n],
        is_live: vec![false; n],
    };
    for output in &graph.outputs {
        facts.is_output[output.node.index()] = true;
        facts.is_live[output.node.index()] = true;
    }
    for id in graph.node_ids().rev() {
        for input in &graph.node(id).inputs {
            facts.readers[input.index()].push(id);
            facts.is_live[input.index()] |= facts.is_live[id.index()];
        }
    }
    facts
}

fn span(graph: &Graph, id: NodeId) -> Option<Span> {
    graph.origins.get(id.index()).map(|origin| origin.span)
}

fn single_input(node: &Node) -> Option<NodeId> {
    match node.inputs[..] {
        [input] => Some(input),
        _ => None,
    }
}

/// Only the end of what is not needed: the steps before it are not needed for the same reason.
fn unused_value(graph: &Graph, id: NodeId, facts: &Facts) -> Option<Diagnostic> {
    if facts.is_live[id.index()] || !facts.readers[id.index()].is_empty() {
        return None;
    }
    let node = graph.node(id);
    let message = match node.op {
        Op::Input(_) => format!("no output needs the input `{}`", node.name),
        _ => format!("no output needs this {}", node.shape),
    };
    let warning = Diagnostic::new(codes::UNUSED_VALUE, message, span(graph, id)?, "not needed");
    Some(warning.with_help("use it, or remove the steps that make it"))
}

/// Windows that leave rows or columns unread: at the edge of a pool, or between windows further apart than they are large.
/// Convolutions lose an edge as a matter of course (every strided 3x3 of a ResNet does), and a 1x1 window with a stride is the
/// usual way to say "every second pixel", so neither is warned of.
fn lost_pixels(graph: &Graph, id: NodeId, _: &Facts) -> Option<Diagnostic> {
    let node = graph.node(id);
    let input = &graph.node(single_input(node)?).shape;
    let (kernel, stride, dilation) = match &node.op {
        Op::Conv(conv) => (conv.kernel, conv.stride, conv.dilation),
        Op::Pool(pool) => (pool.kernel, pool.stride, pool.dilation),
        _ => return None,
    };
    let place = span(graph, id)?;
    let gap = (0..2).any(|axis| {
        let (k, s, d) = (kernel.get(axis), stride.get(axis), dilation.get(axis));
        matches!((k, s, d), (Some(k), Some(s), Some(d)) if *k > 1 && d.saturating_mul(k - 1) + 1 < *s)
    });
    if gap {
        let message = "the windows are further apart than they are large";
        let warning = Diagnostic::new(
            codes::LOST_PIXELS,
            message,
            place,
            "pixels between are never read",
        );
        return Some(warning.with_note(format!(
            "kernel {}x{}, stride {}x{}",
            kernel[0], kernel[1], stride[0], stride[1]
        )));
    }
    let Op::Pool(pool) = &node.op else {
        return None;
    };
    let lost = [
        unread(pool, 0, input.height(), node.shape.height()),
        unread(pool, 1, input.width(), node.shape.width()),
    ];
    if lost == [0, 0] || pool.kernel == [1, 1] {
        return None;
    }
    let message = format!(
        "the last {} of {input} are never read",
        match lost {
            [rows, 0] => counted(rows, "row"),
            [0, columns] => counted(columns, "column"),
            [rows, columns] => format!(
                "{} and {}",
                counted(rows, "row"),
                counted(columns, "column")
            ),
        }
    );
    let mut warning = Diagnostic::new(
        codes::LOST_PIXELS,
        message,
        place,
        "windows end before them",
    );
    warning.notes = explain(&node.op, input);
    Some(warning.with_help("`ceil=true` reads them in a smaller window"))
}

/// `row`, `2 rows`
fn counted(n: u64, what: &str) -> String {
    match n {
        1 => what.into(),
        n => format!("{n} {what}s"),
    }
}

fn unread(pool: &Pool, axis: usize, size: u64, count: u64) -> u64 {
    let get = |pair: [usize; 2]| if axis == 0 { pair[0] } else { pair[1] } as u64;
    let before = if axis == 0 {
        pool.pad.top
    } else {
        pool.pad.left
    } as u64;
    let extent = get(pool.dilation).saturating_mul(get(pool.kernel).saturating_sub(1)) + 1;
    let end = count
        .saturating_sub(1)
        .saturating_mul(get(pool.stride))
        .saturating_add(extent);
    size.saturating_add(before).saturating_sub(end).min(size)
}

fn bias_before_batchnorm(graph: &Graph, id: NodeId, facts: &Facts) -> Option<Diagnostic> {
    let node = graph.node(id);
    let has_bias = match &node.op {
        Op::Conv(conv) => conv.bias,
        Op::ConvTranspose(conv) => conv.bias,
        Op::Dense { bias, .. } => *bias,
        _ => false,
    };
    let [reader] = facts.readers[id.index()][..] else {
        return None;
    };
    let is_normalised = matches!(graph.node(reader).op, Op::BatchNorm { .. });
    let is_meant = graph
        .origins
        .get(id.index())
        .is_some_and(|origin| origin.states_bias);
    if !has_bias || is_meant || !is_normalised || facts.is_output[id.index()] {
        return None;
    }
    let message = format!("the bias of this `{}` has no effect", node.op.name());
    let warning = Diagnostic::new(
        codes::BIAS_BEFORE_BATCHNORM,
        message,
        span(graph, id)?,
        "adds a bias",
    );
    let warning = match span(graph, reader) {
        Some(place) => warning.with_secondary(place, "subtracts the mean, and the bias with it"),
        None => warning,
    };
    Some(warning.with_help("write `bias=false`, or `bias=true` if it is meant"))
}

/// Steps that change nothing, wherever they are instantiated. `identity` is not among them: whoever writes it means it.
fn redundant_step(graph: &Graph, id: NodeId, _: &Facts) -> Option<Diagnostic> {
    let node = graph.node(id);
    let input = single_input(node)?;
    let before = graph.node(input);
    let why = match &node.op {
        Op::Flatten | Op::Reshape if before.shape == node.shape => {
            format!("{} has this shape already", before.shape)
        }
        Op::Map(function) if is_idempotent(function.name()) && node.op == before.op => {
            format!("`{0}` of `{0}` is the same", function.name())
        }
        Op::Resize(_) if before.shape == node.shape => "the size stays what it was".into(),
        Op::Pad {
            spatial,
            channels: [0, 0],
            ..
        } if spatial.is_zero() => "nothing is added".into(),
        Op::Slice { .. } if before.shape == node.shape => "it takes all of its input".into(),
        Op::Dropout if before.op == Op::Dropout => "`dropout` of `dropout`".into(),
        _ => return None,
    };
    let message = format!("this `{}` has no effect", node.op.name());
    let warning = Diagnostic::new(codes::REDUNDANT_STEP, message, span(graph, id)?, why);
    Some(warning.with_help("remove it"))
}

fn is_idempotent(function: &str) -> bool {
    matches!(function, "relu" | "relu6")
}

/// A softmax whose result goes on into a layer that learns or into another nonlinearity. Weights of an attention (which multiply or sum) do not.
fn softmax_not_last(graph: &Graph, id: NodeId, facts: &Facts) -> Option<Diagnostic> {
    if graph.node(id).op != Op::Softmax {
        return None;
    }
    let reader = facts.readers[id.index()].iter().find(|reader| {
        let node = graph.node(**reader);
        match &node.op {
            Op::Conv(_) | Op::Dense { .. } | Op::BatchNorm { .. } | Op::Softmax => true,
            Op::Map(function) => function.n_args() == 1,
            _ => false,
        }
    })?;
    let message = "a softmax in the middle of the net";
    let warning = Diagnostic::new(
        codes::SOFTMAX_NOT_LAST,
        message,
        span(graph, id)?,
        "makes probabilities",
    );
    let warning = match span(graph, *reader) {
        Some(place) => warning.with_secondary(place, "goes on from them"),
        None => warning,
    };
    Some(warning.with_help("a softmax belongs before an output"))
}
