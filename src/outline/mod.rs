//! A net as a person reads it: blocks inside blocks, a layer with what follows it as one unit, and equal neighbours as one item with a
//! count. Drawings, reports and comparisons are made of it.
//!
//! [`tree`](fn@tree) is the nesting alone, as the paths in the nodes' names and the calls of the trail state it.

mod links;
mod repeats;
#[cfg(test)]
mod tests;
mod tree;
mod units;
mod words;

pub use links::{End, Link};
pub use tree::{Group, Member, label, tree};
pub use words::{call, glance};

use crate::graph::{BlockCall, Graph, NodeId};

/// A net in items.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// What it is made of. The exits are the outputs of the net, in their order, and there are no entries.
    pub body: Body,
}

/// Items side by side, and what flows between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// In order of execution.
    pub items: Vec<Item>,
    /// Values from outside that the items read, without repetition.
    pub entries: Vec<NodeId>,
    /// Values of the items that are read outside; one may occur twice among the outputs of a net.
    pub exits: Vec<NodeId>,
    /// What flows, without repetition.
    pub links: Vec<Link>,
}

/// A unit, a block, or several equal ones behind one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The call, if it is a block that was called (and not a labelled group or a unit).
    pub call: Option<BlockCall>,
    /// What is in it.
    pub content: Content,
    /// The equal ones behind one another, of which the content shows the first. Mostly there is one.
    pub instances: Vec<Instance>,
}

/// What is in an [`Item`].
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A layer and what follows it: the nodes of the first instance.
    Unit,
    /// Further items.
    Block(Body),
}

/// One of the equal items.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Path of labels and numbers.
    pub name: String,
    /// Its nodes in order of execution. Those of equal items correspond, place by place.
    pub nodes: Vec<NodeId>,
}

impl Item {
    /// The nodes of all instances.
    pub fn all_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.instances.iter().flat_map(|i| i.nodes.iter().copied())
    }

    /// The first instance, which the content shows.
    pub fn first(&self) -> &Instance {
        &self.instances[0]
    }

    /// The last instance, which is the first where there is only one.
    pub fn last(&self) -> &Instance {
        &self.instances[self.instances.len() - 1]
    }

    /// `layer1.0`, or `layer3.1 … layer3.22` of several.
    pub fn name(&self) -> String {
        match self.instances.len() {
            1 => self.first().name.clone(),
            _ => format!("{} … {}", self.first().name, self.last().name),
        }
    }
}

/// The outline of a graph as the front end makes it.
pub fn outline(graph: &Graph) -> Outline {
    let readers = links::Readers::new(graph);
    let items = units::items(graph, &readers, tree(graph));
    let exits = graph.outputs.iter().map(|output| output.node).collect();
    let members: Vec<NodeId> = graph.node_ids().collect();
    Outline {
        body: links::body(graph, items, &members, exits),
    }
}
