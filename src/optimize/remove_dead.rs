//! Removes what nothing reads.

use crate::graph::{Graph, NodeId};

/// Keeps the net's inputs, its outputs and what those are computed from.
pub(super) fn remove_dead(graph: &mut Graph) {
    let mut live = vec![false; graph.nodes.len()];
    for output in &graph.outputs {
        live[output.node.index()] = true;
    }
    for input in &graph.inputs {
        live[input.node.index()] = true;
    }
    for id in graph.node_ids().rev() {
        if live[id.index()] {
            for input in &graph.node(id).inputs {
                live[input.index()] = true;
            }
        }
    }
    if live.iter().all(|live| *live) {
        return;
    }
    let mut to = vec![NodeId(0); live.len()];
    let old = std::mem::take(&mut graph.nodes);
    for (index, mut node) in old.into_iter().enumerate() {
        if live[index] {
            for input in &mut node.inputs {
                *input = to[input.index()];
            }
            to[index] = graph.push(node);
        }
    }
    let outputs = graph.outputs.iter_mut().map(|output| &mut output.node);
    let inputs = graph.inputs.iter_mut().map(|input| &mut input.node);
    for node in outputs.chain(inputs) {
        *node = to[node.index()];
    }
}
