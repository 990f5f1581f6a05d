//! From what corresponds to what was changed.

use std::collections::{BTreeMap, BTreeSet};

use super::align::{Part, align, parts};
use super::{Change, Reshaped, What, more};
use crate::check::{Costs, costs};
use crate::graph::{Graph, NodeId, Op};
use crate::outline::{self, Group, Member, tree};

/// Everything that is different.
pub(super) struct Findings {
    pub changes: Vec<Change>,
    pub shapes: Vec<Reshaped>,
    /// Parameters and multiply-accumulates that unchanged layers have more, because they work on other shapes.
    pub further: [i64; 2],
}

/// Compares two graphs.
pub(super) fn changes(before: &Graph, after: &Graph) -> Findings {
    let mut comparison = Comparison {
        before,
        after,
        pairs: BTreeMap::new(),
        replaced: BTreeSet::new(),
        changes: Vec::new(),
    };
    comparison.groups(&tree(before), &tree(after));
    comparison.wiring();
    comparison.outputs();
    Findings {
        shapes: comparison.shapes(),
        further: comparison.further(),
        changes: merged(comparison.changes),
    }
}

struct Comparison<'g> {
    before: &'g Graph,
    after: &'g Graph,
    /// Nodes of the first net and those of the second that correspond.
    pairs: BTreeMap<NodeId, NodeId>,
    /// Nodes of the second net in blocks that were replaced as a whole: what they read is no change of its own.
    replaced: BTreeSet<NodeId>,
    changes: Vec<Change>,
}

impl Comparison<'_> {
    fn groups(&mut self, before: &Group, after: &Group) {
        let (a, b) = (parts(self.before, before), parts(self.after, after));
        let pairs = align(&a, &b);
        let mut removed: Vec<bool> = vec![true; a.len()];
        let mut added: Vec<bool> = vec![true; b.len()];
        for (i, j) in &pairs {
            (removed[*i], added[*j]) = (false, false);
        }
        let place = after.name.clone();
        if let Some(change) = self.repeats(&place, [&a, &b], [&removed, &added]) {
            self.changes.push(change);
            removed.fill(false);
            added.fill(false);
        }
        if let Some(change) = self.other_block(&place, &a, &b) {
            self.changes.push(change);
            for (i, j) in pairs {
                self.replace(a[i].member, b[j].member);
            }
            return;
        }
        if self.is_rewritten(&a, &b, pairs.len()) && !before.name.is_empty() {
            let sum =
                |graph, parts: &[Part]| parts.iter().map(|p| member_costs(graph, p.member)).sum();
            let call = after.call.as_ref().map(|(call, _)| call.block.clone());
            let what = What::Rewritten {
                block: call.unwrap_or_default(),
            };
            let (gone, come) = (sum(self.before, &a), sum(self.after, &b));
            self.changes.push(change(&place, what, gone, come));
            self.replace(
                &Member::Group(before.clone()),
                &Member::Group(after.clone()),
            );
            return;
        }
        // In the order of the second net, what is gone before what stands in its place.
        let (mut i, mut j) = (0, 0);
        for (next_i, next_j) in pairs.into_iter().chain([(a.len(), b.len())]) {
            self.alone(&a[i..next_i], &removed[i..next_i], true);
            self.alone(&b[j..next_j], &added[j..next_j], false);
            if let (Some(one), Some(other)) = (a.get(next_i), b.get(next_j)) {
                self.pair(one, other);
            }
            (i, j) = (next_i + 1, next_j + 1);
        }
    }

    /// One block that stands behind itself more or fewer times, if that is all that came or went.
    fn repeats(&self, place: &str, sides: [&[Part]; 2], alone: [&[bool]; 2]) -> Option<Change> {
        let of = |side: usize| {
            let marked = sides[side].iter().zip(alone[side]);
            marked.filter(|(_, alone)| **alone).map(|(part, _)| part)
        };
        let left = match (of(0).count(), of(1).count()) {
            (0, n) if n > 0 => 1,
            (n, 0) if n > 0 => 0,
            _ => return None,
        };
        let block = of(left).next()?.kind;
        let is_block = |part: &&Part| part.is_group() && part.kind == block && part.is_number;
        let [before, after] = sides.map(|parts| parts.iter().filter(is_block).count());
        if block.is_empty() || before == 0 || after == 0 || !of(left).all(|part| is_block(&part)) {
            return None;
        }
        let graph = [self.before, self.after][left];
        let costs = of(left).map(|part| member_costs(graph, part.member)).sum();
        let [gone, come] = match left {
            0 => [costs, Costs::default()],
            _ => [Costs::default(), costs],
        };
        let what = What::Repeats {
            block: block.to_owned(),
            before,
            after,
        };
        Some(change(place, what, gone, come))
    }

    /// Another block in every part that is called by a number.
    fn other_block(&self, place: &str, a: &[Part], b: &[Part]) -> Option<Change> {
        let blocks = |parts: &[Part]| -> Option<String> {
            let first = parts.first()?.kind;
            let all = parts
                .iter()
                .all(|p| p.is_group() && p.is_number && p.kind == first);
            (all && !first.is_empty()).then(|| first.to_owned())
        };
        let (before, after) = (blocks(a)?, blocks(b)?);
        if before == after {
            return None;
        }
        let counted = |block: String, parts: &[Part]| match a.len() == b.len() {
            true => block,
            false => format!("{} {block}", parts.len()),
        };
        let (before, after) = (counted(before, a), counted(after, b));
        let sum = |graph, parts: &[Part]| parts.iter().map(|p| member_costs(graph, p.member)).sum();
        let (gone, come) = (sum(self.before, a), sum(self.after, b));
        Some(change(place, What::MadeOf { before, after }, gone, come))
    }

    /// Whether so little corresponds that a list of what came and went would only be both bodies.
    fn is_rewritten(&self, a: &[Part], b: &[Part], n_pairs: usize) -> bool {
        const FEWEST: usize = 3;
        a.len().min(b.len()) >= FEWEST && 4 * n_pairs < a.len().min(b.len())
    }

    /// What stands on one side only, as one change.
    fn alone(&mut self, parts: &[Part], alone: &[bool], is_gone: bool) {
        let graph = if is_gone { self.before } else { self.after };
        let marked = || parts.iter().zip(alone).filter(|(_, alone)| **alone);
        let Some((first, _)) = marked().next() else {
            return;
        };
        let words = marked().map(|(part, _)| words(graph, part)).collect();
        let costs = marked()
            .map(|(part, _)| member_costs(graph, part.member))
            .sum();
        let place = member_name(graph, first.member);
        self.changes.push(match is_gone {
            true => change(
                &place,
                What::Removed { before: words },
                costs,
                Costs::default(),
            ),
            false => change(
                &place,
                What::Added { after: words },
                Costs::default(),
                costs,
            ),
        });
    }

    fn pair(&mut self, one: &Part, other: &Part) {
        let place = member_name(self.after, other.member);
        let costs = [
            member_costs(self.before, one.member),
            member_costs(self.after, other.member),
        ];
        let nothing = Costs::default();
        if one.label != other.label && !(one.is_number && other.is_number) {
            let what = What::Label {
                before: member_name(self.before, one.member),
                after: place.clone(),
            };
            self.changes.push(change(&place, what, nothing, nothing));
        }
        match (one.member, other.member) {
            (Member::Node(a), Member::Node(b)) => {
                self.pairs.insert(*a, *b);
                self.node(*a, *b, &place, costs);
            }
            (Member::Group(a), Member::Group(b)) => {
                let call = |group: &Group| group.call.as_ref().map(|(call, _)| call.to_string());
                let calls = (call(a), call(b));
                if one.equals(other) || calls.0 == calls.1 {
                    self.groups(a, b);
                } else if let (Some(before), Some(after)) = calls {
                    // The call says it all; what it makes different inside is its consequence.
                    let what = What::Call { before, after };
                    self.changes.push(change(&place, what, costs[0], costs[1]));
                    self.replace(one.member, other.member);
                } else {
                    self.groups(a, b);
                }
            }
            _ => {}
        }
    }

    fn node(&mut self, a: NodeId, b: NodeId, place: &str, costs: [Costs; 2]) {
        let (one, other) = (self.before.node(a), self.after.node(b));
        let what = match (&one.op, &other.op) {
            (Op::Input(_), Op::Input(_)) if one.shape != other.shape => What::Input {
                before: one.shape.to_string(),
                after: other.shape.to_string(),
            },
            (Op::Reshape, Op::Reshape) => return,
            (x, y) if x != y => What::Layer {
                before: outline::call(x),
                after: outline::call(y),
            },
            _ => return,
        };
        self.changes.push(change(place, what, costs[0], costs[1]));
    }

    /// Pairs the nodes of blocks that were replaced as far as they correspond, without a word about them.
    fn replace(&mut self, before: &Member, after: &Member) {
        let nodes = |member: &Member| match member {
            Member::Node(node) => vec![*node],
            Member::Group(group) => group.nodes(),
        };
        let (a, b) = (nodes(before), nodes(after));
        self.replaced.extend(&b);
        // The results correspond, so that what reads them is no change.
        self.pairs.extend(a.last().copied().zip(b.last().copied()));
    }

    /// Layers that correspond but read something else. What came or went in between was told already.
    fn wiring(&mut self) {
        let known_after: BTreeMap<NodeId, NodeId> =
            self.pairs.iter().map(|(a, b)| (*b, *a)).collect();
        let kept: Vec<(NodeId, NodeId)> = self.kept().collect();
        for (a, b) in kept {
            let (one, other) = (self.before.node(a), self.after.node(b));
            let differ = |x: &NodeId, y: &NodeId| {
                self.pairs.get(x).is_some_and(|expected| expected != y)
                    && known_after.contains_key(y)
            };
            let mut inputs = one.inputs.iter().zip(&other.inputs);
            let Some((x, y)) = inputs.find(|(x, y)| differ(x, y)) else {
                continue;
            };
            let what = What::Reads {
                before: self.before.node(*x).name.clone(),
                after: self.after.node(*y).name.clone(),
            };
            let nothing = Costs::default();
            self.changes
                .push(change(&other.name, what, nothing, nothing));
        }
    }

    fn outputs(&mut self) {
        let names = |graph: &Graph| -> Vec<String> {
            graph
                .outputs
                .iter()
                .map(|output| output.name.clone())
                .collect()
        };
        let (before, after) = (names(self.before), names(self.after));
        if before != after {
            let what = What::Outputs { before, after };
            let nothing = Costs::default();
            self.changes.push(change("", what, nothing, nothing));
        }
    }

    /// Nodes that correspond, without those of blocks that were replaced.
    fn kept(&self) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let pairs = self.pairs.iter().map(|(a, b)| (*a, *b));
        pairs.filter(|(_, b)| !self.replaced.contains(b))
    }

    fn further(&self) -> [i64; 2] {
        let mut sum = [0i64; 2];
        for (a, b) in self.kept() {
            if self.before.node(a).op == self.after.node(b).op {
                let (before, after) = (costs(self.before, a), costs(self.after, b));
                sum[0] = sum[0].saturating_add(more(before.params, after.params));
                sum[1] = sum[1].saturating_add(more(before.macs, after.macs));
            }
        }
        sum
    }

    fn shapes(&self) -> Vec<Reshaped> {
        let differ = self.kept().filter_map(|(a, b)| {
            let (one, other) = (self.before.node(a), self.after.node(b));
            (one.shape != other.shape).then(|| Reshaped {
                layer: other.name.clone(),
                before: one.shape.to_string(),
                after: other.shape.to_string(),
            })
        });
        differ.collect()
    }
}

fn change(place: &str, what: What, before: Costs, after: Costs) -> Change {
    Change {
        places: vec![place.to_owned()],
        what,
        params: more(before.params, after.params),
        macs: more(before.macs, after.macs),
    }
}

/// The same change at several places is told once.
fn merged(changes: Vec<Change>) -> Vec<Change> {
    let mut merged: Vec<Change> = Vec::new();
    for change in changes {
        match merged.iter_mut().find(|known| known.what == change.what) {
            Some(known) => {
                known.places.extend(change.places);
                known.params = known.params.saturating_add(change.params);
                known.macs = known.macs.saturating_add(change.macs);
            }
            None => merged.push(change),
        }
    }
    merged
}

fn member_name(graph: &Graph, member: &Member) -> String {
    match member {
        Member::Node(node) => graph.node(*node).name.clone(),
        Member::Group(group) => group.name.clone(),
    }
}

fn member_costs(graph: &Graph, member: &Member) -> Costs {
    match member {
        Member::Node(node) => costs(graph, *node),
        Member::Group(group) => group.nodes().iter().map(|node| costs(graph, *node)).sum(),
    }
}

/// A part in a few words: `conv1: conv(64, 3x3)`, `2: Bottleneck(planes=64)`.
fn words(graph: &Graph, part: &Part) -> String {
    let what = match part.member {
        Member::Node(node) => outline::call(&graph.node(*node).op),
        Member::Group(group) => match &group.call {
            Some((call, _)) => call.to_string(),
            None => "a group".to_owned(),
        },
    };
    match part.is_number || part.label == what {
        true => what,
        false => format!("{}: {what}", part.label),
    }
}
