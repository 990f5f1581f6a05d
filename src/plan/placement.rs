//! Where each value lives: a place of its own, or a part of another value's.
//!
//! What goes into a concat is written straight into the concat's tensor, what a slice takes out is read where it lies, and a reshape that moves nothing is a
//! second name. Values tied together this way form a tree whose root owns the memory; all share one halo.

use super::layout::{blocks, wanted_halo};
use super::{ALIGNMENT_FLOATS, Machine, View};
use crate::graph::{Graph, Margins, NodeId, Op};
use crate::kernels::Tuning;

/// A value as a part of another.
#[derive(Clone, Copy, Debug)]
struct Part {
    of: NodeId,
    /// Its first channel there, a multiple of the block.
    channel: usize,
}

/// Who owns a value's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// A buffer of the arena.
    Buffer,
    /// The user's input with this index.
    Input(usize),
    /// The user's output with this index.
    Output(usize),
    /// A parameter.
    Param,
}

/// Where a value lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home {
    /// The value that owns the memory: itself, or what it is a part of.
    pub root: NodeId,
    /// From the root's first float to this value's.
    pub offset: usize,
    /// How it lies there.
    pub view: View,
    /// Whose memory it is.
    pub memory: Memory,
    /// Whether it is there already, as a part of the value that it is made from: no step writes it.
    pub is_there: bool,
}

/// The homes of all values.
pub(super) fn place(graph: &Graph, machine: &Machine, tuning: &Tuning) -> Vec<Home> {
    let blocks = blocks(graph, machine);
    let mut parts = channel_parts(graph, &blocks);
    let halos = halos(graph, &parts, &blocks, machine, tuning);
    let mut has_parts = reshapes(graph, &blocks, &halos, &mut parts);
    for part in parts.iter().flatten() {
        has_parts[part.of.index()] = true;
    }
    let memory = owners(graph, &blocks, &halos, &parts, &has_parts);
    // Parts point both ways (a concat comes after what it joins, a slice after what it cuts), so each walks up to its root.
    let mut homes: Vec<Option<Home>> = vec![None; graph.nodes.len()];
    for id in graph.node_ids() {
        let mut path = vec![id];
        while let (None, Some(part)) = {
            let last = path[path.len() - 1];
            (homes[last.index()], parts[last.index()])
        } {
            path.push(part.of);
        }
        for id in path.into_iter().rev() {
            if homes[id.index()].is_none() {
                homes[id.index()] = Some(home(graph, id, &blocks, &halos, &parts, &memory, &homes));
            }
        }
    }
    homes.into_iter().flatten().collect()
}

fn home(
    graph: &Graph,
    id: NodeId,
    blocks: &[usize],
    halos: &[Margins],
    parts: &[Option<Part>],
    memory: &[Memory],
    homes: &[Option<Home>],
) -> Home {
    let block = blocks[id.index()];
    let mut view = View::dense(&graph.node(id).shape, block, halos[id.index()]);
    let whole = parts[id.index()].and_then(|part| Some((part, homes[part.of.index()]?)));
    let Some((part, whole)) = whole else {
        let memory = memory[id.index()];
        match memory {
            Memory::Buffer => {}
            // The user's tensors have no gaps between images, a parameter is the same for all of them.
            Memory::Input(_) | Memory::Output(_) => {
                view.image_stride = graph.node(id).shape.elements() as usize;
            }
            Memory::Param => view.image_stride = 0,
        }
        return Home {
            root: id,
            offset: 0,
            view,
            memory,
            is_there: false,
        };
    };
    view.image_stride = whole.view.image_stride;
    Home {
        root: whole.root,
        offset: whole.offset + part.channel / block * whole.view.plane_stride(),
        view,
        memory: whole.memory,
        // A part of what comes later is written for it.
        is_there: part.of < id,
    }
}

/// The parts that begin at a block of channels: slices, and what concats join (the first that asks).
fn channel_parts(graph: &Graph, blocks: &[usize]) -> Vec<Option<Part>> {
    let mut parts: Vec<Option<Part>> = vec![None; graph.nodes.len()];
    for id in graph.node_ids() {
        let node = graph.node(id);
        let block = blocks[id.index()];
        match &node.op {
            Op::Slice { axis: 0, start, .. } if start % block == 0 => {
                parts[id.index()] = Some(Part {
                    of: node.inputs[0],
                    channel: *start,
                });
            }
            Op::Dropout | Op::Identity => {
                parts[id.index()] = Some(Part {
                    of: node.inputs[0],
                    channel: 0,
                });
            }
            Op::Concat { axis: 0 } => {
                let mut channel = 0;
                for &input in &node.inputs {
                    let fits = channel % block == 0 && blocks[input.index()] == block;
                    let is_free =
                        parts[input.index()].is_none() && graph.node(input).op != Op::Param;
                    if fits && is_free {
                        parts[input.index()] = Some(Part { of: id, channel });
                    }
                    channel += graph.node(input).shape.channels() as usize;
                }
            }
            _ => {}
        }
    }
    parts
}

/// The root of each value's tree. Trees may be as deep as the graph is long, so the walk is a loop, and shortens the way for the next.
fn roots(parts: &[Option<Part>]) -> Vec<usize> {
    let mut roots: Vec<usize> = (0..parts.len())
        .map(|index| parts[index].map_or(index, |part| part.of.index()))
        .collect();
    for index in 0..roots.len() {
        let mut root = index;
        while roots[root] != root {
            root = roots[root];
        }
        let mut member = index;
        while roots[member] != root {
            member = std::mem::replace(&mut roots[member], root);
        }
    }
    roots
}

/// The halo of each value: as much as any reader of any value of its tree wants.
fn halos(
    graph: &Graph,
    parts: &[Option<Part>],
    blocks: &[usize],
    machine: &Machine,
    tuning: &Tuning,
) -> Vec<Margins> {
    let roots = roots(parts);
    let mut halos = vec![Margins::default(); parts.len()];
    for node in &graph.nodes {
        if let Some(input) = node.inputs.first() {
            let root = &mut halos[roots[input.index()]];
            let (shape, block) = (&graph.node(*input).shape, blocks[input.index()]);
            *root = root.max(wanted_halo(node, shape, block, machine, tuning));
        }
    }
    roots.iter().map(|root| halos[*root]).collect()
}

/// Makes a reshape a second name of its input where both lie in plain order. Answers which values have such a part.
fn reshapes(
    graph: &Graph,
    blocks: &[usize],
    halos: &[Margins],
    parts: &mut [Option<Part>],
) -> Vec<bool> {
    let view =
        |id: NodeId| View::dense(&graph.node(id).shape, blocks[id.index()], halos[id.index()]);
    let mut has_parts = vec![false; parts.len()];
    for id in graph.node_ids() {
        let node = graph.node(id);
        if !matches!(node.op, Op::Flatten | Op::Reshape) || parts[id.index()].is_some() {
            continue;
        }
        let source = node.inputs[0];
        // The surplus lanes of the new shape's last block must be there too. A value of its own ends with its buffer.
        let room = match parts[source.index()] {
            None => view(source).size().next_multiple_of(ALIGNMENT_FLOATS),
            Some(_) => view(source).size(),
        };
        if graph.node(source).op != Op::Param
            && view(id).is_plain_order()
            && view(source).is_plain_order()
            && view(id).size() <= room
        {
            parts[id.index()] = Some(Part {
                of: source,
                channel: 0,
            });
            has_parts[source.index()] = true;
        }
    }
    has_parts
}

/// Whose memory each root is. The user's tensors are plain and exactly as long as their shape: a value can live there if its view says the same, without a
/// surplus lane that lies beyond the end.
fn owners(
    graph: &Graph,
    blocks: &[usize],
    halos: &[Margins],
    parts: &[Option<Part>],
    has_parts: &[bool],
) -> Vec<Memory> {
    let is_plain = |id: NodeId| {
        let view = View::dense(&graph.node(id).shape, blocks[id.index()], halos[id.index()]);
        view.is_plain_order() && view.channels.is_multiple_of(view.block)
    };
    let mut memory = vec![Memory::Buffer; graph.nodes.len()];
    for id in graph.node_ids() {
        let stands_alone = parts[id.index()].is_none() && !has_parts[id.index()];
        match graph.node(id).op {
            Op::Param => memory[id.index()] = Memory::Param,
            Op::Input(index) if stands_alone && is_plain(id) => {
                memory[id.index()] = Memory::Input(index);
            }
            _ => {}
        }
    }
    for (index, output) in graph.outputs.iter().enumerate() {
        let id = output.node;
        let stands_alone = parts[id.index()].is_none() && !has_parts[id.index()];
        let is_computed = !matches!(graph.node(id).op, Op::Input(_) | Op::Param);
        if is_computed
            && stands_alone
            && graph.node(id).shape.rank() == 1
            && is_plain(id)
            && memory[id.index()] == Memory::Buffer
        {
            memory[id.index()] = Memory::Output(index);
        }
    }
    memory
}
