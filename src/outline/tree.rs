//! The nesting of blocks and labelled groups.

use std::collections::BTreeMap;

use crate::graph::{BlockCall, Graph, NodeId};
use crate::source::Span;

/// A scope of names: the net, a block that was called, a labelled group, or a round of a labelled `repeat`.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Path of labels and numbers; empty for the net.
    pub name: String,
    /// The call, and where it stands, if it is a block that was called.
    pub call: Option<(BlockCall, Span)>,
    /// What it holds, by order of execution of what comes first.
    pub members: Vec<Member>,
}

/// A part of a [`Group`].
#[derive(Clone, Debug, PartialEq)]
pub enum Member {
    /// A node.
    Node(NodeId),
    /// A scope in the scope.
    Group(Group),
}

impl Group {
    /// All nodes inside, in order of execution.
    pub fn nodes(&self) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        self.collect(&mut nodes);
        nodes.sort_unstable();
        nodes
    }

    fn collect(&self, nodes: &mut Vec<NodeId>) {
        for member in &self.members {
            match member {
                Member::Node(node) => nodes.push(*node),
                Member::Group(group) => group.collect(nodes),
            }
        }
    }

    /// The last part of its name.
    pub fn label(&self) -> &str {
        label(&self.name)
    }
}

/// The last part of a path of labels and numbers.
pub fn label(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, label)| label)
}

/// A group whose members are handles until all are known.
struct Draft {
    name: String,
    call: Option<(BlockCall, Span)>,
    members: Vec<Handle>,
}

#[derive(Clone, Copy)]
enum Handle {
    Node(NodeId),
    Group(usize),
}

/// The nesting of a graph whose nodes have origins, as the front end makes it.
pub fn tree(graph: &Graph) -> Group {
    let mut drafts = vec![Draft {
        name: String::new(),
        call: None,
        members: Vec::new(),
    }];
    let mut known: BTreeMap<&str, usize> = BTreeMap::from([("", 0)]);
    for id in graph.node_ids() {
        let name = graph.node(id).name.as_str();
        // What joins the parts of a labelled group, such as the sum of a residual, has the name of the group.
        let scope = match known.contains_key(name) {
            true => name,
            false => name.rsplit_once('.').map_or("", |(scope, _)| scope),
        };
        let group = open(graph, id, scope, &mut drafts, &mut known);
        drafts[group].members.push(Handle::Node(id));
    }
    finish(&drafts, 0)
}

/// The draft with this path; it and those around it are begun where they are not yet.
fn open<'g>(
    graph: &'g Graph,
    id: NodeId,
    scope: &'g str,
    drafts: &mut Vec<Draft>,
    known: &mut BTreeMap<&'g str, usize>,
) -> usize {
    let mut group = 0;
    let ends = scope.match_indices('.').map(|(end, _)| end);
    for end in ends.chain((!scope.is_empty()).then_some(scope.len())) {
        let path = &scope[..end];
        group = match known.get(path) {
            Some(known) => *known,
            None => {
                let trail = graph.origins.get(id.index()).map(|origin| &origin.trail);
                let call = trail.and_then(|trail| trail.calls().find(|(c, _)| c.scope == path));
                drafts.push(Draft {
                    name: path.to_owned(),
                    call: call.map(|(call, span)| (call.clone(), span)),
                    members: Vec::new(),
                });
                let new = drafts.len() - 1;
                drafts[group].members.push(Handle::Group(new));
                known.insert(path, new);
                new
            }
        };
    }
    group
}

fn finish(drafts: &[Draft], index: usize) -> Group {
    let draft = &drafts[index];
    let members = draft.members.iter().map(|member| match member {
        Handle::Node(node) => Member::Node(*node),
        Handle::Group(group) => Member::Group(finish(drafts, *group)),
    });
    Group {
        name: draft.name.clone(),
        call: draft.call.clone(),
        members: members.collect(),
    }
}
