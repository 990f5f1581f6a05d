//! What flows between the items of a body.

use std::collections::{BTreeMap, BTreeSet};

use super::{Body, Item};
use crate::graph::{Graph, NodeId};

/// A value on its way from one end to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it comes from.
    pub from: End,
    /// Where it goes.
    pub to: End,
    /// The value.
    pub value: NodeId,
}

/// An end of a [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The item with this index.
    Item(usize),
    /// From outside, or to it: the entry or exit with this index.
    Port(usize),
}

/// Who reads each node.
pub(super) struct Readers {
    by_node: Vec<Vec<NodeId>>,
    is_output: Vec<bool>,
}

impl Readers {
    pub fn new(graph: &Graph) -> Readers {
        let mut by_node = vec![Vec::new(); graph.nodes.len()];
        for id in graph.node_ids() {
            for input in &graph.node(id).inputs {
                by_node[input.index()].push(id);
            }
        }
        let mut is_output = vec![false; graph.nodes.len()];
        for output in &graph.outputs {
            is_output[output.node.index()] = true;
        }
        Readers { by_node, is_output }
    }

    /// Whether `reader` alone reads `node`, and once.
    pub fn is_only(&self, node: NodeId, reader: NodeId) -> bool {
        self.by_node[node.index()] == [reader] && !self.is_output[node.index()]
    }

    /// Whether only `nodes`, in ascending order, read a node.
    pub fn are_all_in(&self, node: NodeId, nodes: &[NodeId]) -> bool {
        let inside = |reader: &NodeId| nodes.binary_search(reader).is_ok();
        !self.is_output[node.index()] && self.by_node[node.index()].iter().all(inside)
    }

    /// Those of `nodes`, in ascending order, that others read, or that are outputs of the net.
    pub fn exits(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let outside = |reader: &NodeId| nodes.binary_search(reader).is_err();
        let leaves = |id: &&NodeId| {
            self.is_output[id.index()] || self.by_node[id.index()].iter().any(outside)
        };
        nodes.iter().filter(leaves).copied().collect()
    }
}

/// The body of items that hold `members`, with what flows between them.
pub(super) fn body(
    graph: &Graph,
    items: Vec<Item>,
    members: &[NodeId],
    exits: Vec<NodeId>,
) -> Body {
    let mut owner: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        owner.extend(item.all_nodes().map(|node| (node, index)));
    }
    let mut entries: Vec<NodeId> = Vec::new();
    let mut entry = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut links = Vec::new();
    for reader in members {
        let Some(&to) = owner.get(reader) else {
            continue;
        };
        for &value in &graph.node(*reader).inputs {
            let from = match owner.get(&value) {
                Some(from) if *from == to => continue,
                Some(from) => End::Item(*from),
                None => End::Port(*entry.entry(value).or_insert_with(|| {
                    entries.push(value);
                    entries.len() - 1
                })),
            };
            if seen.insert((value, to)) {
                links.push(Link {
                    from,
                    to: End::Item(to),
                    value,
                });
            }
        }
    }
    for (index, value) in exits.iter().enumerate() {
        if let Some(from) = owner.get(value) {
            links.push(Link {
                from: End::Item(*from),
                to: End::Port(index),
                value: *value,
            });
        }
    }
    Body {
        items,
        entries,
        exits,
        links,
    }
}
