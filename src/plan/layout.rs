//! In which order each value's elements lie: its block of channels, and the zeros around it that its readers want.

use super::Machine;
use crate::graph::{Graph, Margins, Node, Op, Shape};
use crate::kernels::{ConvSpec, Tuning, conv, conv_transpose};

/// The block of channels of every value.
///
/// Convolutions and dense layers write in the machine's block. A map of few channels (a picture) stays plain, since most lanes of a block would be
/// surplus; what works channel by channel keeps its input's block.
pub(super) fn blocks(graph: &Graph, machine: &Machine) -> Vec<usize> {
    let full = machine.family.channel_block();
    let mut blocks: Vec<usize> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let by_size = if node.shape.rank() > 1 && node.shape.channels() as usize * 2 <= full {
            1
        } else {
            full
        };
        let block = match &node.op {
            Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense { .. } | Op::Param => full,
            Op::Input(_) | Op::Reshape | Op::Flatten => by_size,
            Op::Map(_) => of_operands(graph, node, &blocks).unwrap_or(by_size),
            Op::Concat { .. } | Op::Pad { .. } => {
                let plain = node.inputs.iter().all(|input| blocks[input.index()] == 1);
                if plain { by_size } else { full }
            }
            Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAveragePool { .. }
            | Op::BatchNorm { .. }
            | Op::Lrn { .. }
            | Op::Softmax
            | Op::Dropout
            | Op::Identity
            | Op::Slice { .. }
            | Op::Resize(_) => node.inputs.first().map_or(full, |x| blocks[x.index()]),
        };
        blocks.push(block);
    }
    blocks
}

/// The largest block among the operands that have all of the result's channels and an order of their own; the others can follow it.
fn of_operands(graph: &Graph, node: &Node, blocks: &[usize]) -> Option<usize> {
    let operands = node.inputs.iter();
    let ordered = operands.filter(|input| {
        let shape = &graph.node(**input).shape;
        shape.channels() == node.shape.channels() && shape.height() * shape.width() > 1
    });
    ordered.map(|input| blocks[input.index()]).max()
}

/// The zeros that a reader wants around its first input, where it reads it in place.
pub(super) fn wanted_halo(
    node: &Node,
    input: &Shape,
    block: usize,
    machine: &Machine,
    tuning: &Tuning,
) -> Margins {
    match &node.op {
        Op::Conv(conv) => conv::required_halo(conv, input, block, machine, tuning),
        Op::ConvTranspose(conv) => conv_transpose::required_halo(conv, input),
        _ => Margins::default(),
    }
}

/// The convolutions of an optimised graph, as the planner sees them when it chooses their algorithms.
pub fn convolutions(graph: &Graph, machine: &Machine) -> Vec<ConvSpec> {
    let blocks = blocks(graph, machine);
    let specs = graph.nodes.iter().filter_map(|node| {
        let Op::Conv(conv) = &node.op else {
            return None;
        };
        let input = node.inputs[0];
        let shape = &graph.node(input).shape;
        Some(conv::in_outline(
            conv,
            shape,
            blocks[input.index()],
            machine,
        ))
    });
    specs.collect()
}
