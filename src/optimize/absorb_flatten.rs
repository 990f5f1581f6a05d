//! Lets dense layers read maps, so that nothing is moved to flatten one: the weights are packed in the map's order instead.

use crate::graph::{Graph, Op};

/// Lets every dense layer that reads a flattened map read the map.
pub(super) fn absorb_flatten(graph: &mut Graph) {
    for id in graph.node_ids() {
        let node = graph.node(id);
        let (Op::Dense { .. }, Some(&flat)) = (&node.op, node.inputs.first()) else {
            continue;
        };
        let flat = graph.node(flat);
        if let (Op::Flatten | Op::Reshape, Some(&map)) = (&flat.op, flat.inputs.first())
            && graph.node(map).shape.rank() == 3
        {
            graph.nodes[id.index()].inputs[0] = map;
        }
    }
}
