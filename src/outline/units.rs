//! From the nesting to items: layers take what follows them along, and what holds a single item is that item.

use super::links::{self, Readers};
use super::repeats;
use super::tree::{Group, Member};
use super::{Content, Instance, Item};
use crate::graph::{Graph, NodeId, Op};

/// The items of a group.
pub(super) fn items(graph: &Graph, readers: &Readers, group: Group) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for member in group.members {
        match member {
            Member::Node(node) => match joins(graph, readers, &items, node) {
                Some(unit) => items[unit].instances[0].nodes.push(node),
                None => items.push(Item {
                    call: None,
                    content: Content::Unit,
                    instances: vec![Instance {
                        name: graph.node(node).name.clone(),
                        nodes: vec![node],
                    }],
                }),
            },
            Member::Group(inner) => items.push(block(graph, readers, inner)),
        }
    }
    repeats::fold(graph, readers, items)
}

/// A group as an item.
fn block(graph: &Graph, readers: &Readers, group: Group) -> Item {
    let nodes = group.nodes();
    let name = group.name.clone();
    let call = group.call.as_ref().map(|(call, _)| call.clone());
    let mut inner = items(graph, readers, group);
    if let [only] = inner.as_mut_slice() {
        // The frame would say nothing that its content does not.
        let mut only = only.clone();
        if let [instance] = only.instances.as_mut_slice() {
            instance.name = name;
        }
        only.call = call.or(only.call);
        return only;
    }
    let exits = readers.exits(&nodes);
    Item {
        call,
        content: Content::Block(links::body(graph, inner, &nodes, exits)),
        instances: vec![Instance { name, nodes }],
    }
}

/// The unit that a node goes on with: that of its only input, if nothing else reads it.
fn joins(graph: &Graph, readers: &Readers, items: &[Item], node: NodeId) -> Option<usize> {
    let [input] = graph.node(node).inputs.as_slice() else {
        return None;
    };
    if !follows(&graph.node(node).op) || !readers.is_only(*input, node) {
        return None;
    }
    let is_its = |item: &Item| {
        matches!(item.content, Content::Unit) && item.first().nodes.last() == Some(input)
    };
    let unit = items.iter().rposition(is_its)?;
    let head = items[unit].first().nodes[0];
    (!matches!(graph.node(head).op, Op::Input(_))).then_some(unit)
}

/// Whether an operation is read as an addition to the layer before it.
fn follows(op: &Op) -> bool {
    match op {
        Op::BatchNorm { .. } | Op::Lrn { .. } | Op::Softmax | Op::Dropout | Op::Identity => true,
        Op::Flatten => true,
        Op::Map(function) => function.n_args() == 1,
        _ => false,
    }
}
