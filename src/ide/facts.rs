//! What is known of a step: where it was instantiated, what came in, what goes out, what it costs.

use std::fmt::Write;

use super::analysis::View;
use super::shapes::merged;
use crate::check::{explain, macs, receptive_fields};
use crate::elaborate::{Observation, Traced};
use crate::graph::{Graph, NodeId, Recipe, Shape};
use crate::source::Span;

/// Rows of a table; nobody reads forty.
const ROWS: usize = 8;

/// One instantiation of a step.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    net: &'a Traced,
    seen: &'a Observation,
}

/// All instantiations of the step at `span`, whose file is that of each view.
pub fn instances<'a>(views: &[View<'a>], span: Span) -> Vec<Instance<'a>> {
    let mut all = Vec::new();
    for view in views {
        let span = Span {
            file: view.file,
            ..span
        };
        for net in &view.analysis.nets {
            let seen = net.trace.steps.get(&span).into_iter().flatten();
            all.extend(seen.map(|seen| Instance { net, seen }));
        }
    }
    all
}

impl<'a> Instance<'a> {
    /// What it gives.
    pub fn shape(&self) -> &'a Shape {
        &self.net.graph.node(self.seen.value).shape
    }

    /// Whether the value keeps its shape.
    pub fn is_same(&self) -> bool {
        self.arriving() == Some(self.shape())
    }

    fn arriving(&self) -> Option<&'a Shape> {
        let arriving = self.seen.arriving?;
        Some(&self.net.graph.node(arriving).shape)
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.seen.nodes.clone().map(NodeId)
    }

    fn costs(&self) -> Costs {
        let mut costs = Costs::default();
        for node in self.nodes() {
            costs.add(&self.net.graph, node);
        }
        costs
    }

    /// The net and the path of labels and numbers.
    fn path(&self) -> String {
        let first = self.nodes().next().unwrap_or(self.seen.value);
        let name = &self.net.graph.node(first).name;
        format!("{}: {name}", self.net.name)
    }
}

/// Parameters and multiply-accumulates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates of one image.
    pub macs: u64,
}

impl Costs {
    /// Adds those of a node.
    pub fn add(&mut self, graph: &Graph, id: NodeId) {
        let node = graph.node(id);
        for param in &node.params {
            let param = graph.param(*param);
            if matches!(param.recipe, Recipe::Stored { learned: true, .. }) {
                self.params = self.params.saturating_add(param.elements() as u64);
            }
        }
        if let Some(input) = node.op_inputs().first() {
            let input = &graph.node(*input).shape;
            let more = macs(&node.op, input, &node.shape);
            self.macs = self.macs.saturating_add(more);
        }
    }
}

/// A number as people say it: `1,234`, `25.6 M`, `4.1 G`.
pub fn human(number: u64) -> String {
    match number {
        0..10_000 => grouped(number),
        10_000..1_000_000 => format!("{:.1} k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.1} G", number as f64 / 1e9),
    }
}

fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

/// The facts of a step in Markdown; empty if it was instantiated nowhere.
pub fn describe(instances: &[Instance<'_>]) -> String {
    let mut text = String::new();
    let [first, rest @ ..] = instances else {
        return text;
    };
    if rest.is_empty() {
        let _ = writeln!(text, "{}", flow(first));
        let costs = first.costs();
        if costs != Costs::default() {
            let _ = writeln!(text, "\n{}", said(costs));
        }
        if let Some(field) = receptive_field(first) {
            let _ = writeln!(text, "\n{field}");
        }
        for line in arithmetic(first) {
            let _ = writeln!(text, "\n`{line}`");
        }
        let _ = writeln!(text, "\n_{}_", first.path());
        return text;
    }
    let shapes: Vec<&Shape> = instances.iter().map(Instance::shape).collect();
    let _ = writeln!(text, "`{}`, {} times\n", merged(&shapes), instances.len());
    text.push_str("| where | shape | params | MACs |\n|---|---|--:|--:|\n");
    let groups = alike(instances);
    for (one, n) in groups.iter().take(ROWS) {
        let costs = one.costs();
        let more = match n {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let _ = writeln!(
            text,
            "| {}{more} | {} | {} | {} |",
            one.path(),
            flow(one),
            human(costs.params),
            human(costs.macs)
        );
    }
    if groups.len() > ROWS {
        let _ = writeln!(text, "\nand {} other shapes", groups.len() - ROWS);
    }
    text
}

fn flow(instance: &Instance<'_>) -> String {
    match instance.arriving() {
        Some(arriving) => format!("`{arriving}` → `{}`", instance.shape()),
        None => format!("`{}`", instance.shape()),
    }
}

fn said(costs: Costs) -> String {
    format!(
        "{} parameters, {} multiply-accumulates",
        human(costs.params),
        human(costs.macs)
    )
}

/// What part of the input one position of the value sees.
fn receptive_field(instance: &Instance<'_>) -> Option<String> {
    let fields = receptive_fields(&instance.net.graph);
    let field = fields.get(instance.seen.value.index()).copied().flatten()?;
    let by = |[height, width]: [f64; 2]| match height == width {
        true => format!("{height}"),
        false => format!("{height}x{width}"),
    };
    let stride = field
        .stride
        .map(|stride| format!(", effective stride {}", by(stride)));
    let size = by(field.size);
    Some(format!(
        "receptive field {size}{}",
        stride.unwrap_or_default()
    ))
}

/// How the shape came about, if the step is one operation.
fn arithmetic(instance: &Instance<'_>) -> Vec<String> {
    let mut nodes = instance.nodes();
    let (Some(node), None, Some(arriving)) = (nodes.next(), nodes.next(), instance.arriving())
    else {
        return Vec::new();
    };
    explain(&instance.net.graph.node(node).op, arriving)
}

/// The first of each group of instantiations that say the same, and how many they are.
fn alike<'a>(instances: &[Instance<'a>]) -> Vec<(Instance<'a>, usize)> {
    let mut groups: Vec<(Instance<'a>, usize)> = Vec::new();
    for instance in instances {
        let same = |other: &Instance<'_>| {
            (other.shape(), other.arriving()) == (instance.shape(), instance.arriving())
                && other.costs() == instance.costs()
        };
        match groups.iter_mut().find(|(other, _)| same(other)) {
            Some((_, n)) => *n += 1,
            None => groups.push((*instance, 1)),
        }
    }
    groups
}
