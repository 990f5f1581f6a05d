//! Warnings about expanded nets. All nets of a file are looked at together: a step is warned of only if what is said holds wherever
//! the step was instantiated, and for all sizes that its net leaves open.

use std::collections::BTreeMap;

use super::trace::Traced;
use crate::check::explain;
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{Graph, Node, NodeId, Op, Pool};
use crate::source::Span;
use crate::symbolic::{Function, SymDim, SymShape, settle};

/// What is known of one step of the source, from all its instantiations.
#[derive(Default)]
struct Finding {
    /// The first warning, if every instantiation so far gave one.
    warning: Option<Diagnostic>,
    n_clean: usize,
}

/// A table of findings by code and step.
type Findings = BTreeMap<(&'static str, Span), Finding>;

type Lint = fn(&Graph, NodeId, &Facts<'_>) -> Option<Diagnostic>;

const LINTS: &[(&str, Lint)] = &[
    ("W0001", unused_value),
    ("W0005", lost_pixels),
    ("W0006", bias_before_batchnorm),
    ("W0008", redundant_step),
    ("W0009", softmax_not_last),
];

/// For which sizes a graph stands.
#[derive(Clone, Copy)]
pub(super) enum Reach<'g> {
    /// It has one size.
    One,
    /// For all that its net allows: the shape of each node.
    All(&'g [SymShape]),
    /// It is one instance of a net that has others, of which nothing is known.
    Instance,
}

impl<'g> Reach<'g> {
    /// That of the graph of an expansion, whose net takes parameters or not.
    pub fn of(net: &'g Traced, has_sizes: bool, has_parameters: bool) -> Reach<'g> {
        let is_proved = !net.open.is_empty() && net.shapes.len() == net.graph.nodes.len();
        match (has_sizes, has_parameters) {
            (false, false) => Reach::One,
            (true, false) if is_proved => Reach::All(&net.shapes),
            _ => Reach::Instance,
        }
    }
}

/// What every lint wants to know of a graph.
struct Facts<'g> {
    reach: Reach<'g>,
    /// The nodes that read each node.
    readers: Vec<Vec<NodeId>>,
    is_output: Vec<bool>,
    /// Whether an output needs it.
    is_live: Vec<bool>,
}

/// All warnings about the nets of a file.
pub(super) fn lint<'g>(graphs: impl Iterator<Item = (&'g Graph, Reach<'g>)>) -> Vec<Diagnostic> {
    let mut findings = Findings::new();
    for (graph, reach) in graphs {
        let facts = facts(graph, reach);
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

fn facts<'g>(graph: &Graph, reach: Reach<'g>) -> Facts<'g> {
    let n = graph.nodes.len();
    let mut facts = Facts {
        reach,
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

impl Facts<'_> {
    /// Whether two nodes have one shape, whatever the sizes are.
    fn have_one_shape(&self, graph: &Graph, a: NodeId, b: NodeId) -> bool {
        match self.reach {
            Reach::One => graph.node(a).shape == graph.node(b).shape,
            Reach::All(shapes) => shapes
                .get(a.index())
                .zip(shapes.get(b.index()))
                .is_some_and(|(a, b)| a == b),
            Reach::Instance => false,
        }
    }

    /// Whether a function of a dimension of two nodes has one value, whatever the sizes are.
    fn is_constant(
        &self,
        nodes: [NodeId; 2],
        axis: usize,
        value: impl Fn([u64; 2]) -> u64,
    ) -> bool {
        let Reach::All(shapes) = self.reach else {
            return matches!(self.reach, Reach::One);
        };
        let dim = |node: NodeId| shapes.get(node.index())?.dims().get(axis);
        let [Some(a), Some(b)] = nodes.map(dim) else {
            return false;
        };
        let functions: Vec<_> = [a, b].into_iter().flat_map(SymDim::functions).collect();
        let Some((variable, _)) = functions.first() else {
            return true;
        };
        let is_plain = |dim: &SymDim| !matches!(dim, SymDim::Product(..));
        let is_of_one = functions.iter().all(|(other, _)| other == variable);
        let tables: Vec<&Function> = functions.iter().map(|(_, function)| *function).collect();
        let at = |dim: &SymDim, size: u64| match dim {
            SymDim::Known(known) => Some(*known),
            SymDim::Of(_, function) => u64::try_from(function.at(size)?).ok(),
            SymDim::Product(..) => None,
        };
        let sampled = settle(&tables, 2, 1).and_then(|rate| {
            Function::sample(rate, |size| {
                i64::try_from(value([at(a, size)?, at(b, size)?])).ok()
            })
        });
        is_plain(a) && is_plain(b) && is_of_one && sampled.is_ok_and(|f| f.constant().is_some())
    }
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
fn unused_value(graph: &Graph, id: NodeId, facts: &Facts<'_>) -> Option<Diagnostic> {
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
fn lost_pixels(graph: &Graph, id: NodeId, facts: &Facts<'_>) -> Option<Diagnostic> {
    let node = graph.node(id);
    let before = single_input(node)?;
    let input = &graph.node(before).shape;
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
    let is_lost_always = |axis: usize| {
        let lost = |[size, count]: [u64; 2]| unread(pool, axis, size, count);
        facts.is_constant([before, id], axis + 1, lost)
    };
    if !is_lost_always(0) || !is_lost_always(1) {
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

/// A bias that a new net need not have. It is not without effect: the stored mean was taken of values with it, so that weights that have
/// it need it.
fn bias_before_batchnorm(graph: &Graph, id: NodeId, facts: &Facts<'_>) -> Option<Diagnostic> {
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
    let message = format!(
        "a new net needs no bias in this `{}`, before a `batchnorm`",
        node.op.name()
    );
    let warning = Diagnostic::new(
        codes::BIAS_BEFORE_BATCHNORM,
        message,
        span(graph, id)?,
        "adds a bias",
    );
    let warning = match span(graph, reader) {
        Some(place) => warning.with_secondary(place, "its stored mean is of values with this bias"),
        None => warning,
    };
    Some(warning.with_help(
        "write `bias=false` for a net that is still to be trained; a checkpoint that has this bias needs it: `bias=true`",
    ))
}

/// Steps that change nothing, wherever they are instantiated. `identity` is not among them: whoever writes it means it.
fn redundant_step(graph: &Graph, id: NodeId, facts: &Facts<'_>) -> Option<Diagnostic> {
    let node = graph.node(id);
    let input = single_input(node)?;
    let before = graph.node(input);
    let keeps_shape = || facts.have_one_shape(graph, input, id);
    let why = match &node.op {
        Op::Flatten | Op::Reshape if keeps_shape() => {
            format!("{} has this shape already", before.shape)
        }
        Op::Map(function) if is_idempotent(function.name()) && node.op == before.op => {
            format!("`{0}` of `{0}` is the same", function.name())
        }
        Op::Resize(_) if keeps_shape() => "the size stays what it was".into(),
        Op::Pad {
            spatial,
            channels: [0, 0],
            ..
        } if spatial.is_zero() && keeps_shape() => "nothing is added".into(),
        Op::Slice { .. } if keeps_shape() => "it takes all of its input".into(),
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
fn softmax_not_last(graph: &Graph, id: NodeId, facts: &Facts<'_>) -> Option<Diagnostic> {
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
