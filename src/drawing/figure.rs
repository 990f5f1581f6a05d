//! What is drawn, before anything has a place: boxes with their texts and sizes, and the lines between them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::metrics::{Face, METRICS, human, shortened, width};
use crate::check::{Costs, costs};
use crate::graph::{Graph, NodeId, Op, Shape};
use crate::outline::{self, Body, Content, End, Item, Outline};
use crate::source::{SourceMap, Span};

/// A net as boxes and lines.
#[derive(Clone, Debug, Serialize)]
pub struct Drawing {
    /// Its name.
    pub net: String,
    /// What it costs, `25.6 M params, 4.09 G MACs`.
    pub facts: String,
    /// Everything in it.
    pub panel: Panel,
}

/// Boxes and the lines between them: a net, or the inside of a block.
#[derive(Clone, Debug, Serialize)]
pub struct Panel {
    /// Boxes, in order of execution.
    pub figures: Vec<Figure>,
    /// Values that come from outside.
    pub n_entries: usize,
    /// Values that leave.
    pub n_exits: usize,
    /// What connects.
    pub lines: Vec<Line>,
}

/// A box.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Its number in the drawing.
    pub id: usize,
    /// Which colour it has.
    pub family: Family,
    /// Path of labels and numbers, of equal ones that of the first.
    pub path: String,
    /// The same for people, `layer3.1 … layer3.22` of equal ones.
    pub name: String,
    /// The first line, in bold.
    pub title: String,
    /// Further lines.
    pub rows: Vec<String>,
    /// How many equal ones behind one another it stands for.
    pub count: usize,
    /// Width with its texts, closed if it is a block; pixels.
    pub width: f64,
    /// Height with its texts, closed if it is a block; pixels.
    pub height: f64,
    /// The nodes of the graph that it shows: of equal ones the first.
    pub nodes: Vec<usize>,
    /// The nodes of the graph that it stands for.
    pub all_nodes: Vec<usize>,
    /// Where in the source it stands.
    pub place: Option<Place>,
    /// What is in it, if it is a block.
    pub inner: Option<Panel>,
}

/// Which colour a box has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // kinds of layers
pub enum Family {
    Conv,
    Dense,
    Pool,
    Norm,
    Activation,
    Join,
    Shape,
    Input,
    Output,
    Block,
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file's number.
    pub file: u32,
    /// The line, from 1.
    pub line: usize,
    /// The last line, from 1.
    pub end: usize,
}

/// A value on its way.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Where it comes from.
    pub from: Anchor,
    /// Where it goes.
    pub to: Anchor,
    /// Its shape, where that is to be read; else empty.
    pub label: String,
    /// Width of the label, pixels.
    pub label_width: f64,
    /// Its shape, always.
    pub shape: String,
    /// Whether the layout leads it around boxes. Of very many long lines the longest are drawn straight.
    pub routed: bool,
}

/// An end of a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// The box with this index in its panel; `None` for the border around the panel.
    pub figure: Option<usize>,
    /// Which entry or exit, of the border or of the box if that is an open block.
    pub port: usize,
}

/// Titles of closed blocks are cut at this many pixels.
const WIDEST_TITLE: f64 = 430.0;

/// Makes the boxes and lines of a graph as the front end makes it.
pub fn drawing(graph: &Graph, outline: &Outline, sources: &SourceMap) -> Drawing {
    let mut draft = Draft {
        graph,
        sources,
        next: 0,
    };
    let mut panel = draft.panel(&outline.body, "");
    draft.add_outputs(&mut panel);
    let costs: Costs = graph.node_ids().map(|id| costs(graph, id)).sum();
    Drawing {
        net: graph.name.clone(),
        facts: facts(costs),
        panel,
    }
}

impl Drawing {
    /// Leaves only the box with this path, of equal ones that of the first; false if there is none.
    pub fn keep_only(&mut self, path: &str) -> bool {
        let Some(figure) = self.panel.find(path) else {
            return false;
        };
        self.panel = Panel {
            figures: vec![figure.clone()],
            n_entries: 0,
            n_exits: 0,
            lines: Vec::new(),
        };
        true
    }

    /// The paths of all boxes.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.panel.collect_paths(&mut paths);
        paths
    }
}

impl Panel {
    /// The most boxes that lie directly in one panel.
    pub fn most_figures(&self) -> usize {
        let inner = self
            .figures
            .iter()
            .filter_map(|figure| figure.inner.as_ref());
        inner
            .map(Panel::most_figures)
            .fold(self.figures.len(), usize::max)
    }

    fn find(&self, path: &str) -> Option<&Figure> {
        self.figures
            .iter()
            .find_map(|figure| match figure.path == path {
                true => Some(figure),
                false => figure.inner.as_ref()?.find(path),
            })
    }

    fn collect_paths(&self, paths: &mut Vec<String>) {
        for figure in &self.figures {
            paths.push(figure.path.clone());
            if let Some(inner) = &figure.inner {
                inner.collect_paths(paths);
            }
        }
    }
}

struct Draft<'a> {
    graph: &'a Graph,
    sources: &'a SourceMap,
    next: usize,
}

impl Draft<'_> {
    /// `scope` is the path of what is around the body.
    fn panel(&mut self, body: &Body, scope: &str) -> Panel {
        let figures = body
            .items
            .iter()
            .map(|item| self.figure(item, scope))
            .collect();
        let mut labelled = BTreeSet::new();
        let lines = body.links.iter().map(|link| {
            let shape = self.graph.node(link.value).shape.to_string();
            // A shape is written once: where the value leaves its box, and not again at the border that it crosses.
            let is_inside = matches!((link.from, link.to), (End::Item(_), End::Item(_)));
            let label = match is_inside && labelled.insert(link.value) {
                true => shape.clone(),
                false => String::new(),
            };
            Line {
                from: anchor(body, link.from, link.value, |inner| &inner.exits),
                to: anchor(body, link.to, link.value, |inner| &inner.entries),
                label_width: width(&label, Face::Small),
                label,
                shape,
                routed: true,
            }
        });
        let mut lines: Vec<Line> = lines.collect();
        leave_straight(body.items.len(), &mut lines);
        Panel {
            figures,
            n_entries: body.entries.len(),
            n_exits: body.exits.len(),
            lines,
        }
    }

    /// The outputs of the net become boxes.
    fn add_outputs(&mut self, panel: &mut Panel) {
        for line in &mut panel.lines {
            let Anchor { figure: None, port } = line.to else {
                continue;
            };
            let Some(output) = self.graph.outputs.get(port) else {
                continue;
            };
            let shape = self.graph.node(output.node).shape.clone();
            let text = Text {
                title: output.name.clone(),
                rows: vec![format!("output {shape}")],
            };
            line.to = Anchor {
                figure: Some(panel.figures.len()),
                port: 0,
            };
            let nodes = Vec::new();
            panel
                .figures
                .push(self.boxed(Family::Output, &output.name, text, nodes));
        }
        panel.n_exits = 0;
    }

    fn figure(&mut self, item: &Item, scope: &str) -> Figure {
        let first = item.first();
        let costs: Costs = item.all_nodes().map(|node| costs(self.graph, node)).sum();
        let head = self.graph.node(first.nodes[0]);
        let (family, text) = match (&item.content, &head.op) {
            (Content::Block(_), _) => (Family::Block, block_text(item, scope, costs)),
            (Content::Unit, Op::Input(_)) => (Family::Input, input_text(&head.name, &head.shape)),
            (Content::Unit, op) => (family(op), self.unit_text(item, scope, costs)),
        };
        let nodes = first.nodes.iter().map(|node| node.index()).collect();
        let mut figure = self.boxed(family, &first.name, text, nodes);
        figure.name = item.name();
        if family == Family::Block {
            figure.width += METRICS.knob;
        }
        figure.count = item.instances.len();
        figure.all_nodes = item.all_nodes().map(|node| node.index()).collect();
        figure.place = self.place(item);
        if let Content::Block(body) = &item.content {
            figure.inner = Some(self.panel(body, &first.name));
        }
        figure
    }

    fn unit_text(&self, item: &Item, scope: &str, costs: Costs) -> Text {
        let nodes = &item.first().nodes;
        let words: Vec<String> = nodes
            .iter()
            .map(|node| outline::glance(&self.graph.node(*node).op))
            .collect();
        let (head, followers) = words.split_at(1);
        let mut rows = Vec::new();
        if !followers.is_empty() {
            rows.push(followers.join(" · "));
        }
        let mut last = Vec::new();
        let name = short_name(item, scope);
        // Numbers and what is called like its layer would only repeat what is there.
        if !name.starts_with(|c: char| c.is_ascii_digit()) && name != head.concat() {
            last.push(name);
        }
        if let Some(call) = &item.call {
            last.push(call.block.clone());
        }
        if costs != Costs::default() {
            last.push(facts(costs));
        }
        if !last.is_empty() {
            rows.push(last.join(" · "));
        }
        let title = match item.instances.len() {
            1 => head.concat(),
            count => format!("{count} × {}", head.concat()),
        };
        Text { title, rows }
    }

    /// A box as wide as its texts.
    fn boxed(&mut self, family: Family, name: &str, text: Text, nodes: Vec<usize>) -> Figure {
        let Text { title, rows } = text;
        let widest = rows
            .iter()
            .map(|row| width(row, Face::Small))
            .fold(width(&title, Face::Title), f64::max);
        let id = self.next;
        self.next += 1;
        Figure {
            id,
            family,
            path: name.to_owned(),
            name: name.to_owned(),
            width: (widest + 2.0 * METRICS.margin + 4.0).ceil(),
            height: METRICS.line * (1 + rows.len()) as f64 + METRICS.margin,
            title,
            rows,
            count: 1,
            all_nodes: nodes.clone(),
            nodes,
            place: None,
            inner: None,
        }
    }

    /// Where the item stands: the call of a block, the step of a unit's first layer.
    fn place(&self, item: &Item) -> Option<Place> {
        let node = item.first().nodes[0];
        let origin = self.graph.origins.get(node.index())?;
        let call = item.call.as_ref().and_then(|call| {
            let mut calls = origin.trail.calls();
            calls.find(|(known, _)| known.scope == call.scope)
        });
        Some(place(
            self.sources,
            call.map_or(origin.span, |(_, span)| span),
        ))
    }
}

/// Ranks of boxes that the lines of a panel may pass, together: the layout takes time in the square of it.
const PASSED_RANKS: usize = 2_000;

/// Takes the longest lines out of the layout where there are too many. What leads to a box from nearest stays, and with it the order
/// from above to below.
fn leave_straight(n_figures: usize, lines: &mut [Line]) {
    // Lines are in the order of what they lead to, and so are ranks complete before they are read.
    let mut ranks = vec![0; n_figures];
    let above = |ranks: &[usize], line: &Line| line.from.figure.map_or(0, |from| ranks[from] + 1);
    for line in lines.iter() {
        if let Some(to) = line.to.figure {
            ranks[to] = above(&ranks, line).max(ranks[to]);
        }
    }
    let passed = |line: &Line| {
        let to = line.to.figure.map(|to| ranks[to]);
        to.map_or(0, |to| to.saturating_sub(above(&ranks, line)))
    };
    let mut all: usize = lines.iter().map(passed).sum();
    let mut longest: Vec<usize> = (0..lines.len())
        .filter(|i| passed(&lines[*i]) > 0)
        .collect();
    longest.sort_by_key(|index| std::cmp::Reverse(passed(&lines[*index])));
    for index in longest {
        if all <= PASSED_RANKS {
            break;
        }
        all -= passed(&lines[index]);
        let line = &mut lines[index];
        line.routed = false;
        line.label.clear();
        line.label_width = 0.0;
    }
}

struct Text {
    title: String,
    rows: Vec<String>,
}

/// The lines of a source that a span touches.
pub fn place(sources: &SourceMap, span: Span) -> Place {
    let text = &sources.file(span.file).text;
    let line = |byte: u32| 1 + text[..byte as usize].matches('\n').count();
    Place {
        file: span.file.0,
        line: line(span.start),
        end: line(span.end),
    }
}

fn anchor(body: &Body, end: End, value: NodeId, ports: impl Fn(&Body) -> &Vec<NodeId>) -> Anchor {
    match end {
        End::Port(port) => Anchor { figure: None, port },
        End::Item(index) => Anchor {
            figure: Some(index),
            port: match &body.items[index].content {
                Content::Unit => 0,
                // Of equal blocks the last gives a value of its own, by the only exit that they have.
                Content::Block(inner) => ports(inner).iter().position(|v| *v == value).unwrap_or(0),
            },
        },
    }
}

fn input_text(name: &str, shape: &Shape) -> Text {
    Text {
        title: name.to_owned(),
        rows: vec![format!("input {shape}")],
    }
}

fn block_text(item: &Item, scope: &str, costs: Costs) -> Text {
    let name = short_name(item, scope);
    let (count, facts) = (item.instances.len(), facts(costs));
    let call = item.call.as_ref().map(ToString::to_string);
    let (title, row) = match (call, count) {
        (Some(call), 1) => (format!("{name}: {call}"), facts),
        (None, 1) => (name, facts),
        (Some(call), _) => (
            format!("{count} × {call}"),
            format!("{name} · {facts} in all"),
        ),
        (None, _) => (format!("{count} × {name}"), format!("{facts} in all")),
    };
    Text {
        title: shortened(&title, Face::Title, WIDEST_TITLE),
        rows: vec![row],
    }
}

/// The name within the block around it: `conv1`, `1 … 22`.
fn short_name(item: &Item, scope: &str) -> String {
    let within = |name: &str| -> String {
        let rest = name
            .strip_prefix(scope)
            .and_then(|rest| rest.strip_prefix('.'));
        rest.unwrap_or(name).to_owned()
    };
    let (first, last) = (within(&item.first().name), within(&item.last().name));
    match item.instances.len() {
        1 => first,
        _ => format!("{first} … {last}"),
    }
}

/// `9.41 k params, 118 M MACs`, without what is nought.
fn facts(costs: Costs) -> String {
    let mut parts = Vec::new();
    if costs.params > 0 {
        parts.push(format!("{} params", human(costs.params)));
    }
    if costs.macs > 0 {
        parts.push(format!("{} MACs", human(costs.macs)));
    }
    parts.join(", ")
}

fn family(op: &Op) -> Family {
    match op {
        Op::Input(_) => Family::Input,
        Op::Conv(_) | Op::ConvTranspose(_) => Family::Conv,
        Op::Dense { .. } => Family::Dense,
        Op::Pool(_) | Op::GlobalPool(_) | Op::AdaptiveAveragePool { .. } => Family::Pool,
        Op::BatchNorm { .. } | Op::Lrn { .. } => Family::Norm,
        Op::Map(function) if function.n_args() > 1 => Family::Join,
        Op::Concat { .. } => Family::Join,
        Op::Map(_) | Op::Softmax => Family::Activation,
        Op::Dropout | Op::Identity | Op::Param => Family::Shape,
        Op::Flatten | Op::Reshape | Op::Slice { .. } | Op::Pad { .. } | Op::Resize(_) => {
            Family::Shape
        }
    }
}
