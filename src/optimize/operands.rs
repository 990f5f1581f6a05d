//! What the passes share: replacing values, and operands that are named twice.

use crate::graph::{Graph, NodeId, ScalarFn};

/// Every handle mapped to itself: where a pass starts to record replacements.
pub(super) fn unchanged(graph: &Graph) -> Vec<NodeId> {
    graph.node_ids().collect()
}

/// Lets every node and output read `to[x]` instead of `x`. Nothing that is replaced may be replaced by something that is replaced itself.
pub(super) fn replace(graph: &mut Graph, to: &[NodeId]) {
    for node in &mut graph.nodes {
        for input in &mut node.inputs {
            *input = to[input.index()];
        }
    }
    for output in &mut graph.outputs {
        output.node = to[output.node.index()];
    }
}

/// Merges arguments of `function` that are the same value; `values[i]` is argument `i`'s. Calls `dropped` for each one that goes.
pub(super) fn merge_arguments<T: Copy + PartialEq>(
    function: ScalarFn,
    values: &mut Vec<T>,
    mut dropped: impl FnMut(T),
) -> ScalarFn {
    let mut distinct: Vec<T> = Vec::with_capacity(values.len());
    let to: Vec<usize> = values
        .iter()
        .map(
            |value| match distinct.iter().position(|known| known == value) {
                Some(known) => {
                    dropped(*value);
                    known
                }
                None => {
                    distinct.push(*value);
                    distinct.len() - 1
                }
            },
        )
        .collect();
    if distinct.len() == values.len() {
        return function;
    }
    *values = distinct;
    function.with_args(values.len(), &to)
}
