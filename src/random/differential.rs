//! Every way to run a net, against the meaning of its graph.

use std::time::Duration;

use super::weights::weights;
use super::{Entropy, Net};
use crate::codegen::forward::memory::Library;
use crate::codegen::machines;
use crate::graph::reference::{evaluate, evaluate_inexactly};
use crate::graph::{Graph, ParamId, evaluate_recipe_exact};
use crate::kernels::conv::alternatives;
use crate::kernels::{ConvShape, KernelSpec, Tuning};
use crate::optimize::optimize;
use crate::plan::{Machine, Plan, plan, print_plan};
use crate::runtime::{Edge, Session, Tensor};
use crate::weights::WeightSource;

/// Statements of a net.
const MOST_STEPS: usize = 14;

/// Beyond this, values may leave the range of f32 on the way.
const LARGEST: f64 = 1e6;

/// How far a computed element may be off, of what is added up to it: as sums in f32, and with Winograd's algorithms.
const UNITS: [(bool, f64); 2] = [(true, 5e-7), (false, 5e-6)];

/// How far an output may be off, of what it is when every element on the way is off so far.
const MARGIN: f64 = 4.0;

/// Draws a net and runs it with every set of instructions that this machine has, `precise` and not,
/// on one thread and on two, as a session and as a library. An error holds the text of the net.
pub fn differential(entropy: &mut Entropy) -> Result<(), String> {
    let n_steps = 1 + entropy.below(MOST_STEPS);
    let net = Net::draw(entropy, n_steps);
    let (batch, seed) = (1 + entropy.below(3), entropy.below(1 << 16) as u64);
    compare(&net, batch, seed)
        .map(drop)
        .map_err(|fault| format!("{fault}\nbatch {batch}, seed {seed}\n{}", net.text))
}

/// What is right for a batch, and how far from it a result may be.
struct Right {
    /// By image, by output.
    values: Vec<Vec<Vec<f64>>>,
    /// By kind of arithmetic ([`UNITS`]), by output.
    tolerances: [Vec<f64>; 2],
}

/// Whether there was something to compare: that values stay moderate is not certain.
pub(super) fn compare(net: &Net, batch: usize, seed: u64) -> Result<bool, String> {
    let graph = &net.graph;
    let source = weights(graph, seed)?;
    let images = images(graph, batch, seed);
    let Some(right) = right(graph, &source, &images)? else {
        return Ok(false);
    };
    let inputs = tensors(graph, &images)?;
    for machine in machines().map_err(|error| error.to_string())? {
        for (index, (precise, _)) in UNITS.into_iter().enumerate() {
            let machine = Machine { precise, ..machine };
            let tolerances = &right.tolerances[index];
            let tuning = any_algorithms(graph, &machine, seed)?;
            run(graph, &machine, &tuning, &source, &inputs, |outputs| {
                check(&right.values, tolerances, outputs)
            })
            .map_err(|fault| format!("{fault}, on {machine:?}"))?;
        }
    }
    Ok(true)
}

/// A tuning by which each convolution takes any algorithm that there is for it: maps as small as these would
/// seldom take Winograd's.
fn any_algorithms(graph: &Graph, machine: &Machine, seed: u64) -> Result<Tuning, String> {
    let mut graph = graph.clone();
    optimize(&mut graph)?;
    let Plan { kernels, .. } = plan(&graph, machine, &Tuning::default());
    let (mut tuning, mut entropy) = (Tuning::default(), Entropy::seeded(seed));
    for kernel in &kernels {
        let conv = match kernel {
            KernelSpec::Conv(conv) => conv,
            KernelSpec::Winograd(winograd) => &winograd.conv,
            _ => continue,
        };
        let all = alternatives(conv, machine.batch).into_iter();
        let times = all.map(|(algorithm, _)| {
            let time = Duration::from_nanos(entropy.below(1000) as u64);
            (algorithm, time)
        });
        tuning.record(ConvShape::of(conv), times.collect());
    }
    Ok(tuning)
}

fn run(
    graph: &Graph,
    machine: &Machine,
    tuning: &Tuning,
    source: &WeightSource,
    inputs: &[Tensor],
    check: impl Fn(&[Tensor]) -> Result<(), String>,
) -> Result<(), String> {
    let compiled =
        crate::compile_tuned(graph, machine, tuning).map_err(|error| error.to_string())?;
    let session = compiled.bind_with(source, 1, &|_| {});
    let mut session = session.map_err(|error| error.to_string())?;
    let plan = print_plan(session.plan());
    let outputs = session.run(inputs).map_err(|error| error.to_string())?;
    check(&outputs).map_err(|fault| format!("{plan}\n{fault}, on one thread"))?;
    as_library(&session, inputs, &outputs).map_err(|fault| format!("{plan}\n{fault}"))?;
    session.set_threads(2).map_err(|error| error.to_string())?;
    let on_two = session.run(inputs).map_err(|error| error.to_string())?;
    same_bits(on_two.iter().map(Tensor::values), &outputs)
        .map_err(|fault| format!("{plan}\n{fault}, on two threads"))
}

/// The code that is shipped, its memory between pages that fault.
fn as_library(session: &Session, inputs: &[Tensor], outputs: &[Tensor]) -> Result<(), String> {
    let plan = session.plan();
    let library = Library::compile(plan).map_err(|error| error.to_string())?;
    let batch = inputs.first().map_or(1, |input| input.shape()[0]);
    let inputs: Vec<&[f32]> = inputs.iter().map(Tensor::values).collect();
    for (n_parts, edge) in [(None, Edge::End), (Some(2), Edge::Start)] {
        // SAFETY: the library was compiled of this plan, for which the session's weights were packed, and the inputs are those of a run of it.
        let found = unsafe { library.run(plan, session.packed(), &inputs, (batch, n_parts), edge) };
        let found = found.map_err(|error| error.to_string())?;
        same_bits(found.iter().map(|output| &output[..]), outputs)
            .map_err(|fault| format!("{fault}, of a library in {n_parts:?} parts"))?;
    }
    Ok(())
}

fn same_bits<'f>(found: impl Iterator<Item = &'f [f32]>, wanted: &[Tensor]) -> Result<(), String> {
    for (index, (found, wanted)) in found.zip(wanted).enumerate() {
        let mut pairs = found.iter().zip(wanted.values());
        if let Some((a, b)) = pairs.find(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(format!("output {index} has {a} instead of {b}"));
        }
    }
    Ok(())
}

fn check(images: &[Vec<Vec<f64>>], tolerances: &[f64], outputs: &[Tensor]) -> Result<(), String> {
    for (image, wanted) in images.iter().enumerate() {
        for (index, (wanted, tolerance)) in wanted.iter().zip(tolerances).enumerate() {
            let found = outputs.get(index).map_or(&[][..], Tensor::values);
            let found = found.get(image * wanted.len()..(image + 1) * wanted.len());
            let Some(found) = found else {
                return Err(format!("output {index} is too short"));
            };
            for (place, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                let off = (f64::from(*found) - wanted).abs();
                if off.is_nan() || off > *tolerance {
                    return Err(format!(
                        "output {index} of image {image} has {found} at {place} instead of {wanted}: \
                         {off:.1e} off, {tolerance:.1e} allowed"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Inputs by image, by input.
fn images(graph: &Graph, batch: usize, seed: u64) -> Vec<Vec<Vec<f64>>> {
    let mut entropy = Entropy::seeded(seed);
    let mut image = || -> Vec<Vec<f64>> {
        let shapes = graph
            .inputs
            .iter()
            .map(|input| &graph.node(input.node).shape);
        shapes
            .map(|shape| (0..shape.elements()).map(|_| entropy.number()).collect())
            .collect()
    };
    (0..batch).map(|_| image()).collect()
}

fn tensors(graph: &Graph, images: &[Vec<Vec<f64>>]) -> Result<Vec<Tensor>, String> {
    let tensor = |index: usize| {
        let sizes = graph.node(graph.inputs[index].node).shape.sizes();
        let shape = std::iter::once(images.len()).chain(sizes.map(|size| size as usize));
        let values = images.iter().flat_map(|image| &image[index]);
        let values: Vec<f32> = values.map(|value| *value as f32).collect();
        Tensor::new(shape.collect(), values).map_err(|error| error.to_string())
    };
    (0..graph.inputs.len()).map(tensor).collect()
}

/// `None` where values leave the moderate.
fn right(
    graph: &Graph,
    source: &WeightSource,
    images: &[Vec<Vec<f64>>],
) -> Result<Option<Right>, String> {
    let mut params = Vec::new();
    for id in 0..graph.params.len() as u32 {
        let mut stored = |name: &str, shape: &[usize]| source.values(name, shape);
        let values = evaluate_recipe_exact(graph, ParamId(id), &mut stored);
        params.push(values.map_err(|fault| fault.message)?);
    }
    let params = |id: ParamId| params[id.index()].clone();
    let mut right = Right {
        values: images
            .iter()
            .map(|image| evaluate(graph, &params, image))
            .collect(),
        tolerances: [(); 2].map(|()| vec![0.0; graph.outputs.len()]),
    };
    let mut entropy = Entropy::seeded(0);
    for (tolerances, (_, unit)) in right.tolerances.iter_mut().zip(UNITS) {
        for (image, wanted) in images.iter().zip(&right.values) {
            for _ in 0..2 {
                let mut error = || if entropy.number() < 0.0 { -unit } else { unit };
                let found = evaluate_inexactly(graph, &params, image, &mut error);
                for ((tolerance, found), wanted) in tolerances.iter_mut().zip(&found).zip(wanted) {
                    let pairs = found.iter().zip(wanted);
                    let off = pairs.map(|(a, b)| MARGIN * (a - b).abs());
                    *tolerance = off.fold(*tolerance, f64::max);
                }
            }
        }
    }
    let mut all = right.values.iter().flatten().flatten();
    let is_moderate = all.all(|x| x.abs() < LARGEST);
    Ok(is_moderate.then_some(right))
}
