//! What a net costs as expressions of its open sizes.

use serde::Serialize;

use super::{macs, summarise};
use crate::graph::{Graph, NodeId, Op};
use crate::symbolic::{Assignment, Open, Polynomial, SymShape};

/// The costs of a net for all its open sizes, for one image. Expressions are those of the language.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenSummary {
    /// Name of the net.
    pub net: String,
    /// Its open sizes.
    pub sizes: Vec<OpenSize>,
    /// Its inputs.
    pub inputs: Vec<OpenPort>,
    /// Its outputs.
    pub outputs: Vec<OpenPort>,
    /// Learned numbers: the same for all sizes.
    pub params: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-accumulates of convolutions and dense layers.
    pub macs: String,
    /// All nodes but the inputs, in order of execution.
    pub layers: Vec<OpenLayer>,
}

/// An open size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenSize {
    /// Its name.
    pub name: String,
    /// The condition on it.
    pub allowed: String,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenPort {
    /// Its name.
    pub name: String,
    /// Its shape, per image.
    pub shape: Vec<String>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenLayer {
    /// Path of labels and numbers.
    pub name: String,
    /// The layer's name in the language.
    pub op: String,
    /// Shape of the result, per image.
    pub output: Vec<String>,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: String,
}

/// Sums up a net that is proved for its open sizes: the graph stands at their witnesses, `shapes` are those of its nodes.
pub fn summarise_open(graph: &Graph, open: &[Open], shapes: &[SymShape]) -> OpenSummary {
    let at_witnesses = summarise(graph);
    let form = |node: NodeId| -> Vec<String> {
        let dims = shapes.get(node.index()).map_or(&[][..], SymShape::dims);
        dims.iter().map(|dim| dim.form(open)).collect()
    };
    let port = |name: &str, node: NodeId| OpenPort {
        name: name.to_string(),
        shape: form(node),
    };
    let mut total = Polynomial::default();
    let nodes = graph.node_ids().filter(|id| !is_input(graph, *id));
    let layers = nodes
        .zip(at_witnesses.layers)
        .map(|(id, layer)| {
            let cost = open_macs(graph, open, shapes, id);
            total.add_all(&cost);
            OpenLayer {
                name: layer.name,
                op: layer.op,
                output: form(id),
                params: layer.params,
                macs: cost.form(open),
            }
        })
        .collect();
    OpenSummary {
        net: at_witnesses.net,
        sizes: open.iter().flat_map(sizes).collect(),
        inputs: graph.inputs.iter().map(|i| port(&i.name, i.node)).collect(),
        outputs: graph
            .outputs
            .iter()
            .map(|o| port(&o.name, o.node))
            .collect(),
        params: at_witnesses.params,
        buffers: at_witnesses.buffers,
        macs: total.form(open),
        layers,
    }
}

/// An open size, and those that are the same.
fn sizes(open: &Open) -> impl Iterator<Item = OpenSize> {
    let one = OpenSize {
        name: open.name.clone(),
        allowed: open.allowed.condition(&open.name),
    };
    let others = open.also.iter().map(|other| OpenSize {
        name: other.clone(),
        allowed: format!("{other} == {}", open.name),
    });
    std::iter::once(one).chain(others)
}

fn is_input(graph: &Graph, id: NodeId) -> bool {
    graph.inputs.iter().any(|input| input.node == id)
}

/// The multiply-accumulates of a node for all open sizes: a number for each element of its result, or, of what spreads its input, of that.
pub fn open_macs(graph: &Graph, open: &[Open], shapes: &[SymShape], id: NodeId) -> Polynomial {
    let mut sum = Polynomial::default();
    let node = graph.node(id);
    let Some(input) = node.op_inputs().first() else {
        return sum;
    };
    let counted = match node.op {
        Op::Conv(_) => id,
        _ => *input,
    };
    let total = macs(&node.op, &graph.node(*input).shape, &node.shape);
    let witnesses = Assignment::witnesses(open);
    if let Some(shape) = shapes.get(counted.index())
        && let Some(elements) = shape.at(&witnesses).and_then(|s| s.checked_elements())
        && let Some(each) = total.checked_div(elements)
    {
        sum.add(each, shape);
    }
    sum
}
