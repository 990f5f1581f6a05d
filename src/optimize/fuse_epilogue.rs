//! Applies elementwise functions while a convolution's result is still in registers.

use super::operands::merge_arguments;
use crate::graph::{Graph, Node, NodeId, Op, ScalarFn};
use crate::limits;

/// Makes a map the epilogue of the layer whose only reader it is. Of several candidates (the sum of two convolutions) the latest is taken. The fused node
/// stands where the map stood, since the map's other inputs may be computed after the layer.
pub(super) fn fuse_epilogue(graph: &mut Graph) {
    let mut counts = graph.use_counts();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let Op::Map(function) = &node.op else {
            continue;
        };
        let candidates = node.inputs.iter().enumerate();
        let latest = candidates
            .filter(|(_, input)| {
                counts[input.index()] == 1 && takes(graph, **input, node, function)
            })
            .max_by_key(|(_, input)| **input);
        let Some((slot, &layer)) = latest else {
            continue;
        };
        let layer = graph.node(layer);
        // The arguments: those of the map before the slot, the layer's result, those of its own epilogue, those of the map after the slot.
        let function = match &layer.epilogue {
            Some(inner) => function.compose(slot, inner),
            None => function.clone(),
        };
        let mut values: Vec<Option<NodeId>> = Vec::with_capacity(function.n_args());
        values.extend(node.inputs[..slot].iter().map(|input| Some(*input)));
        values.push(None);
        values.extend(layer.epilogue_inputs().iter().map(|input| Some(*input)));
        values.extend(node.inputs[slot + 1..].iter().map(|input| Some(*input)));
        // The result becomes argument 0, those before it move up by one.
        let to: Vec<usize> = (0..values.len())
            .map(|index| match index.cmp(&slot) {
                std::cmp::Ordering::Less => index + 1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => index,
            })
            .collect();
        let function = function.with_args(values.len(), &to);
        values[..=slot].rotate_right(1);
        let function = merge_arguments(function, &mut values, |input| {
            if let Some(input) = input {
                counts[input.index()] -= 1;
            }
        });
        let mut inputs = layer.op_inputs().to_vec();
        inputs.extend(values.iter().flatten());
        graph.nodes[id.index()] = Node {
            op: layer.op.clone(),
            inputs,
            params: layer.params.clone(),
            epilogue: Some(function),
            shape: layer.shape.clone(),
            name: layer.name.clone(),
        };
    }
}

/// Whether `layer` can take `map` as its epilogue.
fn takes(graph: &Graph, layer: NodeId, map: &Node, function: &ScalarFn) -> bool {
    let layer = graph.node(layer);
    let (n_ops, n_args) = layer
        .epilogue
        .as_ref()
        .map_or((0, 1), |inner| (inner.ops().len(), inner.n_args()));
    matches!(
        layer.op,
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense { .. }
    ) && layer.shape == map.shape
        && function.ops().len() + n_ops <= limits::FUSED_OPS
        && map.inputs.len() + n_args <= limits::FUSED_ARGUMENTS
}
