//! What is known of a step: where it was instantiated, what came in, what goes out, what it costs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::rc::Rc;

use super::analysis::View;
use super::shapes::{Dims, Forms, merged};
use crate::check::{explain, macs, open_macs};
use crate::elaborate::{Observation, Traced};
use crate::graph::{Graph, NodeId, Recipe, Shape};
use crate::source::Span;
use crate::symbolic::{Polynomial, SymShape};

/// Rows of a table; nobody reads forty.
const ROWS: usize = 8;

/// One instantiation of a step.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    forms: &'a Forms,
    net: &'a Traced,
    seen: &'a Observation,
}

/// The instantiations of the step at `span`, whose file is that of each view: one of each group that say the same, and how many those are.
pub fn instances<'a>(views: &[View<'a>], span: Span) -> Vec<(Instance<'a>, usize)> {
    let mut groups: Vec<(Instance<'a>, usize)> = Vec::new();
    let mut known: HashMap<Likeness<'a>, usize> = HashMap::new();
    for view in views {
        let span = Span {
            file: view.file,
            ..span
        };
        for net in view.analysis.nets_of(span) {
            let forms = &view.analysis.forms;
            let names: Rc<[&str]> = net.open.iter().map(|open| open.name.as_str()).collect();
            for seen in net.trace.steps.get(&span).into_iter().flatten() {
                let instance = Instance { forms, net, seen };
                match known.entry(instance.likeness(&names)) {
                    Entry::Occupied(group) => groups[*group.get()].1 += 1,
                    Entry::Vacant(place) => {
                        place.insert(groups.len());
                        groups.push((instance, 1));
                    }
                }
            }
        }
    }
    groups
}

/// What an instance says; those that say the same are equal.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'a> {
    value: (&'a Shape, Option<&'a SymShape>),
    arriving: Option<(&'a Shape, Option<&'a SymShape>)>,
    costs: Costs,
    /// The names of the open sizes of its net.
    names: Rc<[&'a str]>,
    lacks_size: bool,
}

impl<'a> Instance<'a> {
    /// What it gives, as it is shown: with numbers where the sizes have values.
    fn label(&self) -> Dims {
        self.shown(self.seen.value)
    }

    fn shown(&self, value: NodeId) -> Dims {
        match self.net.lacks_size {
            true => self.open_dims(value),
            false => Dims::of(&self.net.graph.node(value).shape),
        }
    }

    /// What a value is for all sizes, if that says more than its shape.
    fn open(&self, value: NodeId) -> Option<Dims> {
        let shape = self.net.shapes.get(value.index())?;
        (!shape.is_known()).then(|| self.open_dims(value))
    }

    fn open_dims(&self, value: NodeId) -> Dims {
        match self.net.shapes.get(value.index()) {
            Some(shape) => Dims::open(shape, &self.net.open, self.forms),
            None => Dims::default(),
        }
    }

    fn likeness(&self, names: &Rc<[&'a str]>) -> Likeness<'a> {
        let net = self.net;
        let shape = |value: NodeId| {
            let index = value.index();
            (&net.graph.nodes[index].shape, net.shapes.get(index))
        };
        Likeness {
            value: shape(self.seen.value),
            arriving: self.seen.arriving.map(shape),
            costs: self.costs(),
            names: names.clone(),
            lacks_size: net.lacks_size,
        }
    }

    /// Whether the value keeps its shape.
    pub fn is_same(&self) -> bool {
        let value = self.seen.value;
        let is_same = |arriving: NodeId| {
            let nodes = &self.net.graph.nodes;
            let shapes = &self.net.shapes;
            nodes[arriving.index()].shape == nodes[value.index()].shape
                && shapes.get(arriving.index()) == shapes.get(value.index())
        };
        self.seen.arriving.is_some_and(is_same)
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.seen.nodes.clone().map(NodeId)
    }

    /// Multiply-accumulates, as they are shown.
    fn macs(&self) -> String {
        let net = self.net;
        if !net.lacks_size {
            return human(self.costs().macs);
        }
        let mut sum = Polynomial::default();
        for node in self.nodes() {
            sum.add_all(&open_macs(&net.graph, &net.open, &net.shapes, node));
        }
        format!("`{}`", sum.form(&net.open))
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

/// What they give, in one.
pub fn label(instances: &[(Instance<'_>, usize)]) -> String {
    let shapes: Vec<Dims> = instances.iter().map(|(one, _)| one.label()).collect();
    merged(&shapes)
}

/// The facts of a step in Markdown; empty if it was instantiated nowhere.
pub fn describe(instances: &[(Instance<'_>, usize)]) -> String {
    let mut text = String::new();
    let n_all: usize = instances.iter().map(|(_, n)| n).sum();
    let Some((first, _)) = instances.first() else {
        return text;
    };
    if n_all == 1 {
        let _ = writeln!(text, "{}", flow(first));
        if let Some(flow) = open_flow(first) {
            let _ = writeln!(text, "\nfor all sizes {flow}");
        }
        let costs = first.costs();
        if costs != Costs::default() {
            let params = human(costs.params);
            let macs = first.macs();
            let _ = writeln!(text, "\n{params} parameters, {macs} multiply-accumulates");
        }
        // What follows is told in numbers.
        if !first.net.lacks_size {
            if let Some(field) = receptive_field(first) {
                let _ = writeln!(text, "\n{field}");
            }
            for line in arithmetic(first) {
                let _ = writeln!(text, "\n`{line}`");
            }
        }
        let _ = writeln!(text, "\n_{}_", first.path());
        return text;
    }
    let _ = writeln!(text, "`{}`, {n_all} times\n", label(instances));
    let shown = &instances[..instances.len().min(ROWS)];
    let is_open = shown.iter().any(|(one, _)| open_flow(one).is_some());
    let (head, line) = match is_open {
        true => (" for all sizes |", "---|"),
        false => ("", ""),
    };
    let _ = writeln!(text, "| where | shape |{head} params | MACs |");
    let _ = writeln!(text, "|---|---|{line}--:|--:|");
    for (one, n) in shown {
        let more = match n {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let open = match is_open {
            true => format!(" {} |", open_flow(one).unwrap_or_default()),
            false => String::new(),
        };
        let _ = writeln!(
            text,
            "| {}{more} | {} |{open} {} | {} |",
            one.path(),
            flow(one),
            human(one.costs().params),
            one.macs()
        );
    }
    if instances.len() > ROWS {
        let _ = writeln!(text, "\nand {} other shapes", instances.len() - ROWS);
    }
    text
}

fn flow(instance: &Instance<'_>) -> String {
    let arriving = instance.seen.arriving.map(|value| instance.shown(value));
    arrow(arriving, &instance.label())
}

/// For all sizes, where numbers are not all that there is to say.
fn open_flow(instance: &Instance<'_>) -> Option<String> {
    if instance.net.lacks_size {
        return None;
    }
    let value = instance.open(instance.seen.value);
    let arriving = instance.seen.arriving;
    let arriving_open = arriving.and_then(|value| instance.open(value));
    if value.is_none() && arriving_open.is_none() {
        return None;
    }
    let arriving = arriving.map(|value| arriving_open.unwrap_or_else(|| instance.shown(value)));
    Some(arrow(arriving, &value.unwrap_or_else(|| instance.label())))
}

fn arrow(arriving: Option<Dims>, value: &Dims) -> String {
    match arriving {
        Some(arriving) => format!("`{arriving}` → `{value}`"),
        None => format!("`{value}`"),
    }
}

/// What part of the input one position of the value sees.
fn receptive_field(instance: &Instance<'_>) -> Option<String> {
    let fields = instance.forms.receptive_fields(instance.net);
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
    let (Some(node), None, Some(arriving)) = (nodes.next(), nodes.next(), instance.seen.arriving)
    else {
        return Vec::new();
    };
    let graph = &instance.net.graph;
    explain(&graph.node(node).op, &graph.node(arriving).shape)
}
