//! From values to the one block of packed parameters that kernels read.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rayon::prelude::*;

use super::bind::{WeightSource, bad_variance};
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, ParamId, Recipe, evaluate_recipe};
use crate::kernels::{DensePacking, Packing};
use crate::plan::Plan;

/// Floats of a dense layer's weight that are read at once, about.
const PART: usize = 1 << 20;

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
        places.push((places.len(), packed, place));
    }
    // The largest first: while their values are in memory twice, most of the block is not touched yet.
    places.sort_by_key(|(index, packed, _)| (Reverse(packed.packing.len()), *index));
    let places = places.into_iter().par_bridge();
    let mut faults: Vec<(usize, Diagnostic)> = places
        .filter_map(|(index, packed, place)| {
            if pack_by_parts(graph, packed.param, &packed.packing, source, place) {
                progress(place.len());
                return None;
            }
            let mut stored = |name: &str, shape: &[usize]| source.values(name, shape);
            let values = match evaluate_recipe(graph, packed.param, &mut stored) {
                Ok(values) => values,
                Err(fault) => return Some((index, fault)),
            };
            packed.packing.pack(&values, place);
            progress(place.len());
            None
        })
        .collect();
    faults.sort_by_key(|(index, _)| *index);
    let mut faults: Vec<Diagnostic> = faults.into_iter().map(|(_, fault)| fault).collect();
    faults.extend(bad_variances(graph, source));
    // A tensor that two derived parameters need would be told twice.
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert(fault.message.clone()));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Packs a large weight of a dense layer a part at a time, so that it is in memory once. `false` where it must be read as a whole.
///
/// The packed form of such a weight is that of its first features, then that of the next: each part can be packed for itself.
fn pack_by_parts(
    graph: &Graph,
    param: ParamId,
    packing: &Packing,
    source: &WeightSource,
    place: &mut [f32],
) -> bool {
    let param = graph.param(param);
    let (Packing::Dense(all), Recipe::Stored { name, .. }) = (packing, &param.recipe) else {
        return false;
    };
    let n_inputs = (all.channels * all.pixels).max(1);
    let n_features = (PART / n_inputs).max(1).next_multiple_of(all.unit);
    if all.features <= n_features || packing.len() != param.elements() {
        return false;
    }
    let floats = all.weights.floats(n_features) * n_inputs;
    place
        .par_chunks_mut(floats)
        .enumerate()
        .all(|(index, place)| {
            let first = index * n_features;
            let last = (first + n_features).min(all.features);
            let part = first * n_inputs..last * n_inputs;
            let Some(values) = source.part(name, &param.shape, part) else {
                return false;
            };
            let features = last - first;
            Packing::Dense(DensePacking { features, ..*all }).pack(&values, place);
            true
        })
}

/// A batch-norm's negative variance would make every result NaN, silently.
fn bad_variances(graph: &Graph, source: &WeightSource) -> Vec<Diagnostic> {
    let fault = |recipe: &Recipe| {
        let Recipe::NormScale { variance, eps, .. } = recipe else {
            return None;
        };
        let param = graph.param(*variance);
        let Recipe::Stored { name, .. } = &param.recipe else {
            return None;
        };
        // Values that cannot be read were told where they are packed.
        let values = source.values(name, &param.shape).ok()?;
        bad_variance(name, &values, *eps)
    };
    graph
        .params
        .iter()
        .filter_map(|param| fault(&param.recipe))
        .collect()
}
