//! Computes once what is written twice.

use std::collections::HashMap;

use super::operands::unchanged;
use crate::graph::{Graph, NodeId, Op, ParamId, Shape};

/// What makes two nodes one. The operation as text: its numbers are printed exactly, and floats have no hash.
type Key = (String, Vec<NodeId>, Vec<ParamId>, Shape);

/// Lets readers of a node read an earlier one that computes the same from the same.
pub(super) fn merge_equal(graph: &mut Graph) {
    let mut known: HashMap<Key, NodeId> = HashMap::new();
    let mut to = unchanged(graph);
    for id in graph.node_ids() {
        let node = &mut graph.nodes[id.index()];
        for input in &mut node.inputs {
            *input = to[input.index()];
        }
        // Inputs stay apart; an epilogue is not part of the key.
        if matches!(node.op, Op::Input(_)) || node.epilogue.is_some() {
            continue;
        }
        let key = (
            format!("{:?}", node.op),
            node.inputs.clone(),
            node.params.clone(),
            node.shape.clone(),
        );
        to[id.index()] = *known.entry(key).or_insert(id);
    }
    for output in &mut graph.outputs {
        output.node = to[output.node.index()];
    }
}
