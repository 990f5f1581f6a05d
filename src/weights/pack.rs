//! From values to the one block of packed parameters that kernels read.

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::Range;
use std::sync::OnceLock;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use super::bind::{WeightSource, bad_variance, place};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{
    Graph, Param, ParamId, Recipe, evaluate_recipe, evaluate_recipe_exact, scale_rows,
};
use crate::kernels::Packing;
use crate::plan::{PackedParam, Plan};

/// Packed floats that are made at once, about: a thread holds no more of a parameter, where it can be packed by rows.
const PART: usize = 1 << 18;

/// Floats of a stretch that is packed only to be looked at.
const STRETCH: usize = 4 << 20;

/// Fills the block of packed parameters that `plan` lays out. `graph` is the optimized graph that the plan was made from; what it derives is
/// derived here. `progress` is called after each parameter, or rows of one, with the number of floats that it filled, from several threads.
///
/// `block` has `plan.packed_size` floats. Answers every tensor whose values cannot be used, in the order of the plan.
pub fn bind(
    graph: &Graph,
    plan: &Plan,
    source: &WeightSource,
    block: &mut [f32],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<(), Vec<Diagnostic>> {
    let whole = stretches(graph, plan, source, usize::MAX);
    let faults = whole.iter().flat_map(|whole| {
        let block = &mut block[whole.floats.clone()];
        whole.fill(graph, source, block, progress)
    });
    let faults = faults.collect();
    usable(graph, source, faults)
}

/// Tells what [`bind`] would, without keeping what it packs: the same is done, a stretch at a time.
pub fn verify(
    graph: &Graph,
    plan: &Plan,
    source: &WeightSource,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<(), Vec<Diagnostic>> {
    let mut block = Vec::new();
    let mut faults = Vec::new();
    for stretch in stretches(graph, plan, source, STRETCH) {
        block.resize(stretch.n_floats().max(block.len()), 0.0);
        let block = &mut block[..stretch.n_floats()];
        faults.extend(stretch.fill(graph, source, block, progress));
    }
    usable(graph, source, faults)
}

/// Nothing, if there are no faults: neither those that filling [stretches](Stretch) answered nor others.
pub fn usable(
    graph: &Graph,
    source: &WeightSource,
    mut faults: Vec<Diagnostic>,
) -> Result<(), Vec<Diagnostic>> {
    faults.extend(bad_variances(graph, source));
    // A tensor that two derived parameters need would be told twice, and one that is read by rows once for each part of it.
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert(fault.message.clone()));
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults),
    }
}

/// A part of a plan's block of packed parameters that can be filled for itself.
pub struct Stretch<'p> {
    parts: Vec<Part<'p>>,
    /// Which floats of the block.
    floats: Range<usize>,
}

/// Cuts a plan's block into stretches, one after the other, of at most `floats` floats each, or of the least that can be packed for itself.
pub fn stretches<'p>(
    graph: &Graph,
    plan: &'p Plan,
    source: &WeightSource,
    floats: usize,
) -> Vec<Stretch<'p>> {
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    for part in plan
        .packed
        .iter()
        .flat_map(|packed| cut(graph, packed, source))
    {
        let end = part.offset + part.packing.packed_len();
        match stretches.last_mut() {
            Some(last) if end - last.floats.start <= floats => {
                last.floats.end = end;
                last.parts.push(part);
            }
            last => {
                let start = last.map_or(0, |last| last.floats.end);
                stretches.push(Stretch {
                    parts: vec![part],
                    floats: start..end,
                });
            }
        }
    }
    if let Some(last) = stretches.last_mut() {
        last.floats.end = plan.packed_size;
    }
    stretches
}

impl Stretch<'_> {
    /// Floats that it has.
    pub fn n_floats(&self) -> usize {
        self.floats.len()
    }

    /// Fills `block`, which has so many floats and may hold anything. Answers what is wrong with the values.
    pub fn fill(
        &self,
        graph: &Graph,
        source: &WeightSource,
        block: &mut [f32],
        progress: &(dyn Fn(usize) + Sync),
    ) -> Vec<Diagnostic> {
        let mut places = Vec::with_capacity(self.parts.len());
        let mut rest = block;
        let mut at = self.floats.start;
        for part in &self.parts {
            // Offsets rise from one part to the next, so the block splits into disjoint places.
            let (gap, tail) = std::mem::take(&mut rest).split_at_mut(part.offset - at);
            gap.fill(0.0);
            let (place, tail) = tail.split_at_mut(part.packing.packed_len());
            at = part.offset + place.len();
            rest = tail;
            places.push((part, place));
        }
        rest.fill(0.0);
        let fill = |(part, place): (&Part<'_>, &mut [f32])| {
            let values = match part.values(graph, source) {
                Ok(values) => values,
                Err(fault) => return Some(fault),
            };
            part.packing.pack(&values, place);
            progress(place.len());
            match part.packing.is_finite(place) {
                true => None,
                false => Some(part.overflow(graph, source, &values)),
            }
        };
        match has_threads() {
            true => places.into_par_iter().filter_map(fill).collect(),
            false => places.into_iter().filter_map(fill).collect(),
        }
    }
}

/// Whether there are threads to pack on. Where the system gives none, the caller's own does.
fn has_threads() -> bool {
    static HAS_THREADS: OnceLock<bool> = OnceLock::new();
    *HAS_THREADS.get_or_init(|| match ThreadPoolBuilder::new().build_global() {
        Ok(()) => true,
        // An error without a source: the program has started them itself.
        Err(error) => error.source().is_none(),
    })
}

/// Does both, side by side where there are threads.
pub fn join<A: Send, B: Send>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    match has_threads() {
        true => rayon::join(one, other),
        false => (one(), other()),
    }
}

/// What is packed at once: a parameter or rows of it.
struct Part<'p> {
    packed: &'p PackedParam,
    /// Along the parameter's first dimension; all of them, if none are named.
    rows: Option<Range<usize>>,
    /// Of these rows.
    packing: Packing,
    /// In the block.
    offset: usize,
}

/// Cuts a large parameter, where its rows can be read for themselves.
fn cut<'p>(graph: &Graph, packed: &'p PackedParam, source: &WeightSource) -> Vec<Part<'p>> {
    let param = graph.param(packed.param);
    let parts = match source {
        WeightSource::File(_) if stored_rows(graph, param).is_some() => packed.packing.cut(PART),
        _ => Vec::new(),
    };
    let is_cut =
        parts.len() > 1 && parts.last().map(|(rows, _)| rows.end) == param.shape.first().copied();
    if !is_cut {
        return vec![Part {
            packed,
            rows: None,
            packing: packed.packing.clone(),
            offset: packed.offset,
        }];
    }
    let mut offset = packed.offset;
    let parts = parts.into_iter().map(|(rows, packing)| {
        let part = Part {
            packed,
            rows: Some(rows),
            offset,
            packing,
        };
        offset += part.packing.packed_len();
        part
    });
    parts.collect()
}

/// Of a parameter whose rows are stored ones: the tensor's name, and by what they are multiplied, if by anything.
fn stored_rows<'g>(graph: &'g Graph, param: &'g Param) -> Option<(&'g str, Option<ParamId>)> {
    match &param.recipe {
        Recipe::Stored { name, .. } => Some((name, None)),
        Recipe::ScaledRows { tensor, scale } => match &graph.param(*tensor).recipe {
            Recipe::Stored { name, .. } => Some((name, Some(*scale))),
            _ => None,
        },
        _ => None,
    }
}

impl Part<'_> {
    /// The values to pack.
    fn values(&self, graph: &Graph, source: &WeightSource) -> Result<Vec<f32>, Diagnostic> {
        if let Some(values) = self.row_values(graph, source) {
            return Ok(values);
        }
        // What is wrong is told of the whole tensor.
        let mut stored = |name: &str, shape: &[usize]| source.values(name, shape);
        let mut values = evaluate_recipe(graph, self.packed.param, &mut stored)?;
        if let Some(rows) = &self.rows {
            let row = row_len(graph.param(self.packed.param));
            values.truncate(rows.end * row);
            values.drain(..rows.start * row);
        }
        Ok(values)
    }

    /// The values of rows, which are all that is read of a tensor. Nothing where they are not to be had so.
    fn row_values(&self, graph: &Graph, source: &WeightSource) -> Option<Vec<f32>> {
        let (param, rows) = (graph.param(self.packed.param), self.rows.clone()?);
        let (name, scale) = stored_rows(graph, param)?;
        let row = row_len(param);
        let mut values = source.part(name, &param.shape, rows.start * row..rows.end * row)?;
        if let Some(scale) = scale {
            let mut stored = |name: &str, shape: &[usize]| source.values(name, shape);
            let scale = evaluate_recipe_exact(graph, scale, &mut stored).ok()?;
            scale_rows(&mut values, scale.get(rows)?);
        }
        Some(values)
    }
}

impl Part<'_> {
    /// E0806 about values that were finite as they are stored.
    fn overflow(&self, graph: &Graph, source: &WeightSource, values: &[f32]) -> Diagnostic {
        let param = graph.param(self.packed.param);
        let mut names = Vec::new();
        stored(graph, self.packed.param, &mut names);
        let listed: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
        let of = listed.join(", ");
        let Some(index) = values.iter().position(|value| !value.is_finite()) else {
            let message =
                format!("the numbers in {of} are too large for how the kernel stores them");
            let help = "`--precise` takes kernels that store them as they are, and without `--weights-as` they keep 32 bits";
            return Diagnostic::without_place(codes::WEIGHTS_NOT_FINITE, message).with_help(help);
        };
        let before = self
            .rows
            .as_ref()
            .map_or(0, |rows| rows.start * row_len(param));
        let index = before + index;
        let value = values[index - before];
        let at = place(&param.shape, index);
        let message =
            format!("what is computed of {of} is {value} at {at:?}, too large for 32 bits");
        let mut fault = Diagnostic::without_place(codes::WEIGHTS_NOT_FINITE, message);
        for (name, param_) in &names {
            let index = match param_.elements() == param.elements() {
                true => index,
                false => index / row_len(param).max(1),
            };
            if let Ok(values) = source.values(name, &param_.shape)
                && let Some(value) = values.get(index)
            {
                let at = place(&param_.shape, index);
                fault = fault.with_note(format!("`{name}` is {value:e} at {at:?}"));
            }
        }
        fault.with_help("training diverged, or the file is damaged")
    }
}

/// The stored parameters that a parameter is computed of.
fn stored<'g>(graph: &'g Graph, param: ParamId, found: &mut Vec<(&'g str, &'g Param)>) {
    let of = graph.param(param);
    let mut all = |params: &[Option<ParamId>]| {
        for param in params.iter().flatten() {
            stored(graph, *param, found);
        }
    };
    match &of.recipe {
        Recipe::Stored { name, .. } => {
            if !found.iter().any(|(known, _)| known == name) {
                found.push((name, of));
            }
        }
        Recipe::NormScale {
            weight, variance, ..
        } => all(&[*weight, Some(*variance)]),
        Recipe::NormShift { bias, mean, scale } => all(&[*bias, Some(*mean), Some(*scale)]),
        Recipe::ScaledRows { tensor, scale } => all(&[Some(*tensor), Some(*scale)]),
        Recipe::FoldedBias { bias, scale, shift } => all(&[*bias, Some(*scale), Some(*shift)]),
    }
}

/// Values of a row.
fn row_len(param: &Param) -> usize {
    param.elements() / param.shape.first().copied().unwrap_or(1).max(1)
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
