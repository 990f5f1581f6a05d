//! Several shapes as one: what a step gives that is instantiated more than once.

use std::collections::BTreeSet;

use crate::graph::{Dim, Shape};

/// `[64, 56, 56]`; where shapes differ, `[64|128, 56|28, _]`: two sizes as they are, more as `smallest..largest`. Shapes of several ranks
/// are put side by side.
pub fn merged(shapes: &[&Shape]) -> String {
    let distinct: BTreeSet<&Shape> = shapes.iter().copied().collect();
    let ranks: BTreeSet<usize> = distinct.iter().map(|shape| shape.rank()).collect();
    let of_rank = |rank: usize| {
        let shapes: Vec<&Shape> = distinct
            .iter()
            .copied()
            .filter(|s| s.rank() == rank)
            .collect();
        let dims: Vec<String> = (0..rank).map(|axis| merged_dim(&shapes, axis)).collect();
        format!("[{}]", dims.join(", "))
    };
    let ranks: Vec<String> = ranks.into_iter().map(of_rank).collect();
    ranks.join(" | ")
}

fn merged_dim(shapes: &[&Shape], axis: usize) -> String {
    let sizes: BTreeSet<Dim> = shapes.iter().map(|shape| shape.dims()[axis]).collect();
    let shown: Vec<String> = sizes.iter().map(Dim::to_string).collect();
    match shown.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a}|{b}"),
        [first, .., last] => format!("{first}..{last}"),
    }
}
