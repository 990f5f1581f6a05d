//! Equal neighbours become one item with a count.

use super::links::Readers;
use super::{Content, Item};
use crate::graph::Graph;

/// From so many on, units are folded. Two equal convolutions are read faster than a count.
const FEWEST_UNITS: usize = 3;
/// From so many on, blocks are folded.
const FEWEST_BLOCKS: usize = 2;

/// Folds runs of items that do the same, each to the result of the one before it.
pub(super) fn fold(graph: &Graph, readers: &Readers, items: Vec<Item>) -> Vec<Item> {
    let mut folded: Vec<Item> = Vec::with_capacity(items.len());
    let mut items = items.into_iter().peekable();
    while let Some(first) = items.next() {
        let mut run = vec![first];
        while let Some(next) = items.next_if(|next| continues(graph, readers, &run, next)) {
            run.push(next);
        }
        let fewest = match run[0].content {
            Content::Unit => FEWEST_UNITS,
            Content::Block(_) => FEWEST_BLOCKS,
        };
        if run.len() < fewest {
            folded.extend(run);
            continue;
        }
        let mut run = run.into_iter();
        if let Some(mut whole) = run.next() {
            whole.instances.extend(run.flat_map(|item| item.instances));
            folded.push(whole);
        }
    }
    folded
}

/// Whether an item does to the result of the last of the run what that does to its own input.
///
/// The operations are equal, and so are the sizes of all maps. The number of channels that a layer takes may differ: the layers of a
/// DenseNet are equal but for that.
fn continues(graph: &Graph, readers: &Readers, run: &[Item], next: &Item) -> bool {
    let Some(last) = run.last() else {
        return false;
    };
    let is_unit = |item: &Item| matches!(item.content, Content::Unit);
    let ([before], [after]) = (last.instances.as_slice(), next.instances.as_slice()) else {
        return false;
    };
    let (before, after) = (&before.nodes, &after.nodes);
    if is_unit(last) != is_unit(next) || before.len() != after.len() {
        return false;
    }
    let (given, result) = (readers.exits(before), readers.exits(after));
    let ([given], [result]) = (given.as_slice(), result.as_slice()) else {
        return false;
    };
    // The result of each is the same node of it.
    if before.binary_search(given).ok() != after.binary_search(result).ok() {
        return false;
    }
    let mut taken = None;
    before.iter().zip(after).all(|(a, b)| {
        let (a, b) = (graph.node(*a), graph.node(*b));
        let inputs = || a.inputs.iter().zip(&b.inputs);
        a.op == b.op
            && a.shape.rank() == b.shape.rank()
            && a.shape.sizes().skip(1).eq(b.shape.sizes().skip(1))
            && a.inputs.len() == b.inputs.len()
            && inputs().all(|(x, y)| match before.binary_search(x) {
                Ok(place) => after.get(place) == Some(y),
                Err(_) => y == given && *taken.get_or_insert(*x) == *x,
            })
    }) && readers.are_all_in(*given, after)
}
