//! Which parts of two bodies correspond.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::graph::Graph;
use crate::outline::{self, Group, Member};

/// Cells of the table of alignments up to which it is filled; beyond, only equal beginnings and ends correspond.
const MAX_CELLS: usize = 4_000_000;

/// A member with what its alignment depends on.
pub(super) struct Part<'a> {
    pub member: &'a Member,
    /// The last part of its name.
    pub label: &'a str,
    /// Whether the label is a number, which says nothing but the place.
    pub is_number: bool,
    /// What kind of layer, or which block; empty for a labelled group.
    pub kind: &'a str,
    /// Equal for members of equal content.
    content: u64,
}

/// The members of a group as parts.
pub(super) fn parts<'a>(graph: &'a Graph, group: &'a Group) -> Vec<Part<'a>> {
    group
        .members
        .iter()
        .map(|member| part(graph, member))
        .collect()
}

fn part<'a>(graph: &'a Graph, member: &'a Member) -> Part<'a> {
    let (name, kind) = match member {
        Member::Node(id) => {
            let node = graph.node(*id);
            (node.name.as_str(), node.op.name())
        }
        Member::Group(group) => {
            let block = group.call.as_ref().map(|(call, _)| call.block.as_str());
            (group.name.as_str(), block.unwrap_or_default())
        }
    };
    let label = outline::label(name);
    let mut hasher = DefaultHasher::new();
    hash(graph, member, &mut hasher);
    Part {
        member,
        label,
        is_number: label.starts_with(|c: char| c.is_ascii_digit()),
        kind,
        content: hasher.finish(),
    }
}

/// Operations, and the labels inside. What they read is compared once it is known what corresponds.
fn hash(graph: &Graph, member: &Member, hasher: &mut DefaultHasher) {
    match member {
        Member::Node(id) => outline::call(&graph.node(*id).op).hash(hasher),
        Member::Group(group) => {
            group
                .call
                .as_ref()
                .map(|(call, _)| &call.block)
                .hash(hasher);
            group.members.len().hash(hasher);
            for member in &group.members {
                let part = part(graph, member);
                if !part.is_number {
                    part.label.hash(hasher);
                }
                part.content.hash(hasher);
            }
        }
    }
}

impl Part<'_> {
    pub fn is_group(&self) -> bool {
        matches!(self.member, Member::Group(_))
    }

    pub fn equals(&self, other: &Part) -> bool {
        self.is_group() == other.is_group() && self.content == other.content
    }

    fn has_label_of(&self, other: &Part) -> bool {
        self.label == other.label
    }

    /// How much speaks for the two being the same thing; 0: nothing.
    fn likeness(&self, other: &Part) -> u32 {
        if self.is_group() != other.is_group() {
            return 0;
        }
        let same_label = u32::from(self.has_label_of(other));
        let named_alike = same_label == 1 && !self.is_number;
        if self.equals(other) {
            6 + same_label
        } else if self.kind == other.kind && (named_alike || !self.kind.is_empty()) {
            3 + same_label + u32::from(named_alike)
        } else if named_alike {
            3
        } else if self.is_group() && same_label == 1 {
            2
        } else {
            0
        }
    }
}

/// Pairs of indices that correspond, ascending on both sides.
pub(super) fn align(before: &[Part], after: &[Part]) -> Vec<(usize, usize)> {
    let same = |(a, b): &(&Part, &Part)| a.equals(b) && a.has_label_of(b);
    let head = before.iter().zip(after).take_while(same).count();
    let (a, b) = (&before[head..], &after[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|index| (index, index)).collect();
    if a.len().saturating_mul(b.len()) <= MAX_CELLS {
        pairs.extend(longest(a, b).into_iter().map(|(i, j)| (i + head, j + head)));
    }
    pairs.extend(
        (0..tail)
            .rev()
            .map(|k| (before.len() - 1 - k, after.len() - 1 - k)),
    );
    pairs
}

/// The alignment with the most likeness; of equal ones the earliest pairs.
fn longest(a: &[Part], b: &[Part]) -> Vec<(usize, usize)> {
    let columns = b.len() + 1;
    // From each pair of places to the ends.
    let mut most = vec![0u32; (a.len() + 1) * columns];
    let at = |i: usize, j: usize| i * columns + j;
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let likeness = a[i].likeness(&b[j]);
            let paired = match likeness {
                0 => 0,
                likeness => likeness + most[at(i + 1, j + 1)],
            };
            most[at(i, j)] = paired.max(most[at(i + 1, j)]).max(most[at(i, j + 1)]);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        let likeness = a[i].likeness(&b[j]);
        if likeness > 0 && most[at(i, j)] == likeness + most[at(i + 1, j + 1)] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if most[at(i, j)] == most[at(i + 1, j)] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
