//! What a net costs, layer by layer.

use serde::Serialize;

use super::macs;
use crate::graph::{Graph, NodeId, Recipe};

/// The costs of a net, for one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the net.
    pub net: String,
    /// Its inputs.
    pub inputs: Vec<PortSummary>,
    /// Its outputs.
    pub outputs: Vec<PortSummary>,
    /// Learned numbers.
    pub params: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-accumulates of convolutions and dense layers.
    pub macs: u64,
    /// All nodes but the inputs, in order of execution.
    pub layers: Vec<LayerSummary>,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortSummary {
    /// Its name.
    pub name: String,
    /// Its shape, per image.
    pub shape: Vec<u64>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerSummary {
    /// Path of labels and numbers.
    pub name: String,
    /// The layer's name in the language.
    pub op: String,
    /// Shape of the result, per image.
    pub output: Vec<u64>,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// Sums up a graph as the front end makes it (parameters that passes derive count for nothing).
pub fn summarise(graph: &Graph) -> Summary {
    let port = |name: &str, node: NodeId| PortSummary {
        name: name.to_string(),
        shape: graph.node(node).shape.sizes().collect(),
    };
    let layers: Vec<LayerSummary> = graph
        .node_ids()
        .filter(|id| !graph.inputs.iter().any(|input| input.node == *id))
        .map(|id| layer(graph, id))
        .collect();
    let count = |wanted: bool| -> u64 {
        graph
            .params
            .iter()
            .filter(
                |param| matches!(param.recipe, Recipe::Stored { learned, .. } if learned == wanted),
            )
            .map(|param| param.elements() as u64)
            .sum()
    };
    Summary {
        net: graph.name.clone(),
        inputs: graph
            .inputs
            .iter()
            .map(|input| port(&input.name, input.node))
            .collect(),
        outputs: graph
            .outputs
            .iter()
            .map(|output| port(&output.name, output.node))
            .collect(),
        params: count(true),
        buffers: count(false),
        macs: layers
            .iter()
            .fold(0, |sum: u64, layer| sum.saturating_add(layer.macs)),
        layers,
    }
}

fn layer(graph: &Graph, id: NodeId) -> LayerSummary {
    let node = graph.node(id);
    let costs = costs(graph, id);
    LayerSummary {
        name: node.name.clone(),
        op: node.op.name().to_string(),
        output: node.shape.sizes().collect(),
        params: costs.params,
        macs: costs.macs,
    }
}

/// What a node costs, for one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates of a convolution or dense layer.
    pub macs: u64,
}

/// The costs of a node of a graph as the front end makes it.
pub fn costs(graph: &Graph, id: NodeId) -> Costs {
    let node = graph.node(id);
    let params = node.params.iter().map(|param| graph.param(*param));
    let learned = |recipe: &Recipe| matches!(recipe, Recipe::Stored { learned: true, .. });
    Costs {
        params: params
            .filter(|param| learned(&param.recipe))
            .map(|param| param.elements() as u64)
            .sum(),
        macs: node.op_inputs().first().map_or(0, |input| {
            macs(&node.op, &graph.node(*input).shape, &node.shape)
        }),
    }
}

impl std::iter::Sum for Costs {
    fn sum<I: Iterator<Item = Costs>>(costs: I) -> Costs {
        costs.fold(Costs::default(), |sum, costs| Costs {
            params: sum.params.saturating_add(costs.params),
            macs: sum.macs.saturating_add(costs.macs),
        })
    }
}
