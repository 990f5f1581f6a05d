//! Removes nodes that hand on their input as it is.

use super::operands::{replace, unchanged};
use crate::graph::{Graph, Node, Op, Pool, ScalarBinary, ScalarFn, ScalarId, ScalarOp};

/// Lets readers of a node that does nothing read its input instead.
pub(super) fn remove_identity(graph: &mut Graph) {
    let mut to = unchanged(graph);
    for id in graph.node_ids() {
        for slot in 0..graph.node(id).inputs.len() {
            let input = graph.node(id).inputs[slot];
            graph.nodes[id.index()].inputs[slot] = to[input.index()];
        }
        // Of two changes of shape in a row the first is lost.
        if let (true, Some(&input)) = (is_reshape(graph.node(id)), graph.node(id).inputs.first())
            && is_reshape(graph.node(input))
        {
            graph.nodes[id.index()].inputs[0] = graph.node(input).inputs[0];
        }
        let node = graph.node(id);
        if let Some(&input) = node.inputs.first()
            && does_nothing(node, graph.node(input))
        {
            to[id.index()] = input;
        }
    }
    replace(graph, &to);
}

fn is_reshape(node: &Node) -> bool {
    matches!(node.op, Op::Flatten | Op::Reshape)
}

fn does_nothing(node: &Node, input: &Node) -> bool {
    let same_shape = node.shape == input.shape;
    match &node.op {
        Op::Dropout | Op::Identity => true,
        // Each of these only moves elements, and all of them to where they were.
        Op::Flatten | Op::Reshape | Op::Pad { .. } | Op::Slice { .. } | Op::Resize(_) => same_shape,
        Op::AdaptiveAveragePool { .. } | Op::GlobalPool(_) => same_shape,
        Op::Pool(Pool {
            kernel,
            stride,
            pad,
            ..
        }) => *kernel == [1, 1] && *stride == [1, 1] && pad.is_zero(),
        Op::Concat { .. } => node.inputs.len() == 1,
        Op::Map(function) => is_identity(function),
        _ => false,
    }
}

fn is_identity(function: &ScalarFn) -> bool {
    // How `ScalarBuilder::finish` writes a function that answers its argument.
    let zero = ScalarOp::Const((-0.0f32).to_bits());
    let add = ScalarOp::Binary(ScalarBinary::Add, ScalarId(0), ScalarId(1));
    function.ops() == [ScalarOp::Arg(0)] || function.ops() == [ScalarOp::Arg(0), zero, add]
}
