//! Makes one elementwise function of several in a row, so that the values between them never see memory.

use super::operands::merge_arguments;
use crate::graph::{Graph, Op};
use crate::limits;

/// Inlines every map whose only reader is a map of the same shape. (A map that is broadcast stays: it would be computed anew for every element.)
pub(super) fn compose_maps(graph: &mut Graph) {
    // Readers as if the nodes that this pass leaves behind were gone: an inlined map's own inputs keep their counts, for its reader takes them over.
    let mut counts = graph.use_counts();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let Op::Map(function) = &node.op else {
            continue;
        };
        let mut inputs = node.inputs.clone();
        let mut function = merge_arguments(function.clone(), &mut inputs, |input| {
            counts[input.index()] -= 1;
        });
        let mut slot = 0;
        while let Some(&input) = inputs.get(slot) {
            let inner = graph.node(input);
            match &inner.op {
                Op::Map(inside)
                    if counts[input.index()] == 1
                        && inner.shape == graph.node(id).shape
                        && function.ops().len() + inside.ops().len() <= limits::FUSED_OPS
                        && inputs.len() + inner.inputs.len() <= limits::FUSED_ARGUMENTS =>
                {
                    function = function.compose(slot, inside);
                    inputs.splice(slot..=slot, inner.inputs.iter().copied());
                    function = merge_arguments(function, &mut inputs, |input| {
                        counts[input.index()] -= 1;
                    });
                }
                _ => slot += 1,
            }
        }
        let node = &mut graph.nodes[id.index()];
        node.op = Op::Map(function);
        node.inputs = inputs;
    }
}
