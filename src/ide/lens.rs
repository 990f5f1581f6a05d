//! The totals of each net, above its declaration.

use std::collections::HashMap;
use std::ops::Range;

use super::analysis::View;
use super::facts::{Costs, human};
use super::shapes::{Dims, Forms};
use crate::elaborate::Traced;
use crate::graph::{Graph, NodeId};
use crate::syntax::ast::{Declaration, TemplateKind};

/// A line above a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// The name that it is about.
    pub range: Range<usize>,
    /// What it says.
    pub title: String,
}

/// The totals of the nets of a file that can be expanded.
pub fn lenses(view: View<'_>) -> Vec<Lens> {
    let mut nets: HashMap<&str, &Traced> = HashMap::new();
    for net in &view.analysis.nets {
        nets.entry(&net.name).or_insert(net);
    }
    let declarations = view.analysis.program.tree(view.file).declarations.iter();
    declarations
        .filter_map(|declaration| match declaration {
            Declaration::Template(t) if t.kind == TemplateKind::Net => Some(&t.name),
            _ => None,
        })
        .filter_map(|name| {
            let net = *nets.get(name.name.as_str())?;
            let title = match net.lacks_size {
                false if net.is_complete => totals(net),
                true if !net.graph.outputs.is_empty() => open_totals(net, &view.analysis.forms),
                _ => return None,
            };
            Some(Lens {
                range: name.span.range(),
                title,
            })
        })
        .collect()
}

fn totals(net: &Traced) -> String {
    let graph = &net.graph;
    let dims = |node: NodeId| Dims::of(&graph.node(node).shape);
    let costs = costs(graph);
    format!(
        "{} · {} parameters · {} MACs · {}",
        ports(graph, &dims),
        human(costs.params),
        human(costs.macs),
        steps(graph)
    )
}

/// Of a net whose sizes have no values: what it costs is a long expression, which `netc summary --symbolic` tells.
fn open_totals(net: &Traced, forms: &Forms) -> String {
    let dims = |node: NodeId| match net.shapes.get(node.index()) {
        Some(shape) => Dims::open(shape, &net.open, forms),
        None => Dims::default(),
    };
    format!(
        "{} · {} parameters · {}",
        ports(&net.graph, &dims),
        human(costs(&net.graph).params),
        steps(&net.graph)
    )
}

fn costs(graph: &Graph) -> Costs {
    let mut costs = Costs::default();
    graph.node_ids().for_each(|node| costs.add(graph, node));
    costs
}

fn steps(graph: &Graph) -> String {
    format!("{} steps", graph.nodes.len() - graph.inputs.len())
}

fn ports(graph: &Graph, dims: &dyn Fn(NodeId) -> Dims) -> String {
    let shown = |nodes: &mut dyn Iterator<Item = NodeId>| {
        let shapes: Vec<String> = nodes.map(|node| dims(node).to_string()).collect();
        shapes.join(", ")
    };
    format!(
        "{} → {}",
        shown(&mut graph.inputs.iter().map(|input| input.node)),
        shown(&mut graph.outputs.iter().map(|output| output.node))
    )
}
