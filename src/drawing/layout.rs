//! Where boxes and lines lie: each open block is laid out by itself, as a layered graph, and is then one large box of the panel around
//! it. `page/graph.js` does the same in the browser, where blocks open and close.

use dagre::graph::{Graph, GraphOptions};
use dagre::layout::types::LabelPos;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel};

use super::figure::{Anchor, Figure, Line, Panel};
use super::metrics::METRICS;

/// A panel with places, in pixels from its upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Where each figure lies.
    pub spots: Vec<Spot>,
    /// The points that each line goes through, from above to below.
    pub lines: Vec<Vec<[f64; 2]>>,
    /// Where each line's label begins, and the middle of its height.
    pub labels: Vec<[f64; 2]>,
    /// How far from the left each entry lies.
    pub entries: Vec<f64>,
    /// How far from the left each exit lies.
    pub exits: Vec<f64>,
}

/// The place of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// Left side; of equal boxes behind one another the first lies [`Metrics::stack`](super::metrics::Metrics) further in on both sides.
    pub x: f64,
    /// Upper side.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// What lies in it, if it is an open block; its corner is at the left padding, below the head.
    pub inner: Option<Placed>,
}

/// Lays out a panel. `open` says of a block whether its inside is drawn.
pub fn layout(panel: &Panel, open: &dyn Fn(&Figure) -> bool) -> Placed {
    let mut spots: Vec<Spot> = panel.figures.iter().map(|f| spot(f, open)).collect();
    let mut graph = layered(panel, &spots);
    dagre::layout(
        &mut graph,
        Some(LayoutOptions {
            nodesep: METRICS.beside,
            edgesep: METRICS.lines_apart,
            ranksep: METRICS.below,
            ..LayoutOptions::default()
        }),
    );
    let middle = |name: &str| {
        let node = graph.node(name);
        let at = |of: fn(&NodeLabel) -> Option<f64>| node.and_then(of).unwrap_or(0.0);
        [at(|n| n.x), at(|n| n.y)]
    };
    for (index, spot) in spots.iter_mut().enumerate() {
        let [x, y] = middle(&figure_name(index));
        (spot.x, spot.y) = (x - spot.width / 2.0, y - spot.height / 2.0);
    }
    let ports = |n: usize, kind: &str| -> Vec<f64> {
        (0..n)
            .map(|port| middle(&port_name(kind, port))[0])
            .collect()
    };
    let mut placed = Placed {
        width: 0.0,
        height: 0.0,
        entries: ports(panel.n_entries, "entry"),
        exits: ports(panel.n_exits, "exit"),
        spots,
        lines: Vec::new(),
        labels: Vec::new(),
    };
    for (index, line) in panel.lines.iter().enumerate() {
        let [from, to] = ends(line);
        if !line.routed {
            placed.lines.push(vec![middle(&from), middle(&to)]);
            placed.labels.push([0.0, 0.0]);
            continue;
        }
        let edge = graph.edge(&from, &to, Some(&index.to_string()));
        let mut points: Vec<[f64; 2]> = edge.map_or_else(Vec::new, |edge| {
            edge.points.iter().map(|p| [p.x, p.y]).collect()
        });
        let at_label = edge.and_then(|edge| edge.y).unwrap_or_default();
        let beside = points
            .iter_mut()
            .find(|point| (point[1] - at_label).abs() < 0.5);
        placed.labels.push(match beside {
            Some(point) if !line.label.is_empty() => {
                let label = *point;
                // The line bends below its label, not beside it.
                point[1] += METRICS.label / 2.0;
                label
            }
            _ => [0.0, 0.0],
        });
        placed.lines.push(points);
    }
    if is_reversed(&placed.spots) {
        placed.mirror();
    }
    fit(panel, &mut placed);
    placed
}

/// Size of a figure; a block that is open has that of its inside.
fn spot(figure: &Figure, open: &dyn Fn(&Figure) -> bool) -> Spot {
    let behind = if figure.count > 1 { METRICS.stack } else { 0.0 };
    let mut spot = Spot {
        x: 0.0,
        y: 0.0,
        width: figure.width + 2.0 * behind,
        height: figure.height + behind,
        inner: None,
    };
    if let Some(inner) = figure.inner.as_ref().filter(|_| open(figure)) {
        let mut inner = layout(inner, open);
        let wanted = figure.width - 2.0 * METRICS.padding;
        // What flows through comes and goes in the middle, so that lines between blocks are straight.
        let flow = inner.entries.first().or(inner.exits.first());
        let middle = flow.copied().unwrap_or(inner.width / 2.0);
        let half = middle.max(inner.width - middle).max(wanted / 2.0);
        inner.shift(half - middle, 0.0);
        inner.width = 2.0 * half;
        spot.width = inner.width + 2.0 * (METRICS.padding + behind);
        spot.height = inner.height + METRICS.head + METRICS.padding + behind;
        spot.inner = Some(inner);
    }
    spot
}

fn figure_name(index: usize) -> String {
    format!("figure {index}")
}

fn port_name(kind: &str, port: usize) -> String {
    format!("{kind} {port}")
}

/// The names of what a line connects.
fn ends(line: &Line) -> [String; 2] {
    let name = |anchor: Anchor, kind: &str| match anchor.figure {
        Some(index) => figure_name(index),
        None => port_name(kind, anchor.port),
    };
    [name(line.from, "entry"), name(line.to, "exit")]
}

/// The panel as the library wants it.
fn layered(panel: &Panel, spots: &[Spot]) -> Graph<NodeLabel, EdgeLabel> {
    let mut graph: Graph<NodeLabel, EdgeLabel> = Graph::with_options(GraphOptions {
        directed: true,
        multigraph: true,
        compound: false,
    });
    let node = |width: f64, height: f64| {
        Some(NodeLabel {
            width,
            height,
            ..NodeLabel::default()
        })
    };
    for port in 0..panel.n_entries {
        graph.set_node(port_name("entry", port), node(1.0, 1.0));
    }
    for (index, spot) in spots.iter().enumerate() {
        graph.set_node(figure_name(index), node(spot.width, spot.height));
    }
    for port in 0..panel.n_exits {
        graph.set_node(port_name("exit", port), node(1.0, 1.0));
    }
    for (index, line) in panel
        .lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.routed)
    {
        let [from, to] = ends(line);
        let is_labelled = !line.label.is_empty();
        let label = EdgeLabel {
            // Room on both sides: the label stands to the right, but the drawing may be mirrored.
            labelpos: LabelPos::Center,
            width: 2.0 * line.label_width,
            height: if is_labelled { METRICS.label } else { 0.0 },
            ..EdgeLabel::default()
        };
        graph.set_edge(from, to, Some(label), Some(&index.to_string()));
    }
    graph
}

/// Moves the panel's contents to its corner, leads lines to where they belong, and finds out how large everything is.
fn fit(panel: &Panel, placed: &mut Placed) {
    for (line, points) in panel.lines.iter().zip(&mut placed.lines) {
        attach(line, points, &placed.spots);
    }
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for ((line, points), label) in panel
        .lines
        .iter()
        .zip(&placed.lines)
        .zip(&mut placed.labels)
    {
        // A line that comes from the right would cut through a label on its right.
        let before = points.iter().take_while(|point| point[1] < label[1]).last();
        label[0] += match before {
            Some([x, _]) if *x > label[0] + 1.0 => -METRICS.label_offset - line.label_width,
            _ => METRICS.label_offset,
        };
    }
    let mut cover = |x: f64, y: f64| {
        low = [low[0].min(x), low[1].min(y)];
        high = [high[0].max(x), high[1].max(y)];
    };
    for spot in &placed.spots {
        cover(spot.x, spot.y);
        cover(spot.x + spot.width, spot.y + spot.height);
    }
    for points in &placed.lines {
        points.iter().for_each(|[x, y]| cover(*x, *y));
    }
    for (line, [x, y]) in panel.lines.iter().zip(&placed.labels) {
        if !line.label.is_empty() {
            cover(*x, *y);
            cover(x + line.label_width, *y);
        }
    }
    if low[0] > high[0] {
        return;
    }
    placed.shift(-low[0], -low[1]);
    (placed.width, placed.height) = (high[0] - low[0], high[1] - low[1]);
    // Lines to and from the border end on it.
    for (line, points) in panel.lines.iter().zip(&mut placed.lines) {
        if let (None, Some(first)) = (line.from.figure, points.first_mut()) {
            first[1] = 0.0;
        }
        if let (None, Some(last)) = (line.to.figure, points.last_mut()) {
            last[1] = placed.height;
        }
    }
}

/// Ends a line at the lower side of where it comes from and at the upper side of where it goes: of an open block at the port, of
/// another box where it meets it.
fn attach(line: &Line, points: &mut [[f64; 2]], spots: &[Spot]) {
    let meets = |anchor: Anchor, ports: fn(&Placed) -> &Vec<f64>, near: f64| {
        let spot = anchor.figure.and_then(|index| spots.get(index))?;
        let port = spot.inner.as_ref().and_then(|inner| {
            let left = spot.x + (spot.width - inner.width) / 2.0;
            Some(left + ports(inner).get(anchor.port)?)
        });
        let inset = 12.0f64.min(spot.width / 2.0);
        let x = match port {
            Some(x) => x,
            None => near.clamp(spot.x + inset, spot.x + spot.width - inset),
        };
        Some((x, spot))
    };
    if let [first, second, ..] = points
        && let Some((x, spot)) = meets(line.from, |inner| &inner.exits, second[0])
    {
        *first = [x, spot.y + spot.height];
    }
    if let [.., second, last] = points
        && let Some((x, spot)) = meets(line.to, |inner| &inner.entries, second[0])
    {
        *last = [x, spot.y];
    }
}

/// Whether more of the figures side by side stand against the order of the source than in it.
fn is_reversed(spots: &[Spot]) -> bool {
    let mut balance = 0i64;
    for (index, left) in spots.iter().enumerate() {
        for right in &spots[index + 1..] {
            let side_by_side = left.y < right.y + right.height && right.y < left.y + left.height;
            if side_by_side {
                balance += if left.x < right.x { 1 } else { -1 };
            }
        }
    }
    balance < 0
}

impl Placed {
    /// Exchanges left and right.
    fn mirror(&mut self) {
        for spot in &mut self.spots {
            spot.x = -spot.x - spot.width;
        }
        let points = self.lines.iter_mut().flatten().chain(&mut self.labels);
        for x in points.map(|[x, _]| x) {
            *x = -*x;
        }
        for x in self.entries.iter_mut().chain(&mut self.exits) {
            *x = -*x;
        }
    }

    /// Moves everything.
    fn shift(&mut self, right: f64, down: f64) {
        for spot in &mut self.spots {
            spot.x += right;
            spot.y += down;
        }
        let points = self.lines.iter_mut().flatten().chain(&mut self.labels);
        for [x, y] in points {
            *x += right;
            *y += down;
        }
        for x in self.entries.iter_mut().chain(&mut self.exits) {
            *x += right;
        }
    }
}
