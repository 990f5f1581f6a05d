//! From values to the one block of packed parameters that kernels read.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::bind::WeightSource;
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, evaluate_recipe};
use crate::plan::Plan;

/// Fills the block of packed parameters that `plan` lays out. `graph` is the optimized graph that the plan was made from; what it derives is
/// derived here. `progress` is called after each parameter with the number of floats that it filled, from several threads.
///
/// `block` has `plan.packed_size` floats. Answers every tensor whose values cannot be used, in the order of the plan.
pub fn bind(
    graph: &Graph,
    plan: &Plan,
    source: &WeightSource,
    block: &mut [f32],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<(), Vec<Diagnostic>> {
    let mut places = Vec::with_capacity(plan.packed.len());
    let mut rest = block;
    let mut start = 0;
    for packed in &plan.packed {
        // Offsets rise from one parameter to the next, so the block splits into disjoint parts.
        let (_, tail) = std::mem::take(&mut rest).split_at_mut(packed.offset - start);
        let (place, tail) = tail.split_at_mut(packed.packing.packed_len());
        start = packed.offset + place.len();
        rest = tail;
        places.push((packed, place));
    }
    let mut faults: Vec<Diagnostic> = places
        .into_par_iter()
        .filter_map(|(packed, place)| {
            let mut stored = |name: &str, shape: &[usize]| source.values(name, shape);
            let values = match evaluate_recipe(graph, packed.param, &mut stored) {
                Ok(values) => values,
                Err(fault) => return Some(fault),
            };
            packed.packing.pack(&values, place);
            progress(place.len());
            None
        })
        .collect();
    // A tensor that two derived parameters need would be told twice.
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert(fault.message.clone()));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}
