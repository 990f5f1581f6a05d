//! The totals of each net, above its declaration.

use std::ops::Range;

use super::analysis::View;
use super::facts::{Costs, human};
use super::shapes::merged;
use crate::elaborate::Traced;
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
    let declarations = view.analysis.program.tree(view.file).declarations.iter();
    declarations
        .filter_map(|declaration| match declaration {
            Declaration::Template(t) if t.kind == TemplateKind::Net => Some(&t.name),
            _ => None,
        })
        .filter_map(|name| {
            let mut nets = view.analysis.nets.iter();
            let net = nets.find(|net| net.name == name.name && net.is_complete)?;
            Some(Lens {
                range: name.span.range(),
                title: totals(net),
            })
        })
        .collect()
}

fn totals(net: &Traced) -> String {
    let graph = &net.graph;
    let mut costs = Costs::default();
    graph.node_ids().for_each(|node| costs.add(graph, node));
    let n_layers = graph.nodes.len() - graph.inputs.len();
    let ports = |nodes: &mut dyn Iterator<Item = crate::graph::NodeId>| {
        let shapes: Vec<String> = nodes.map(|id| merged(&[&graph.node(id).shape])).collect();
        shapes.join(", ")
    };
    format!(
        "{} → {} · {} parameters · {} MACs · {n_layers} steps",
        ports(&mut graph.inputs.iter().map(|input| input.node)),
        ports(&mut graph.outputs.iter().map(|output| output.node)),
        human(costs.params),
        human(costs.macs),
    )
}
