//! `netc eval`

use serde_json::json;

use super::console::{self, Failure};
use super::engine::{Engine, Running};
use super::machine::Code;
use super::target::{self, Include, Weights};
use crate::data::Array;
use crate::diagnostic::{Diagnostic, codes};
use crate::weights::WeightsFile;

/// Measure the accuracy of a classifier over the held-out set of its manifest
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A manifest with `heldout:`
    manifest: String,

    #[command(flatten)]
    weights: Weights,

    /// Images to run at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    #[command(flatten)]
    running: Running,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    code: Code,

    #[command(flatten)]
    include: Include,
}

/// Runs the whole held-out set. Fails if the accuracy is below what the manifest states.
pub fn run(args: &Args) -> Result<(), Failure> {
    let target = target::open(
        &args.manifest,
        args.weights.weights.as_deref(),
        &args.include,
    )?;
    let Some(heldout) = &target.manifest.heldout else {
        return Err(Diagnostic::without_place(
            codes::MANIFEST,
            format!("`{}` states no held-out set", args.manifest),
        )
        .with_help("give a manifest with `heldout: {images: FILE.safetensors}`")
        .into());
    };
    let shape: Vec<usize> = match target.graph.inputs.as_slice() {
        [input] => target
            .graph
            .node(input.node)
            .shape
            .sizes()
            .map(|size| size as usize)
            .collect(),
        _ => {
            return Err(Diagnostic::without_place(
                codes::INPUT_SHAPE,
                "only a net with one input can be evaluated",
            )
            .into());
        }
    };
    let (images, labels) = read_heldout(&heldout.images, &shape)?;
    let source = target.chosen_weights(&args.weights)?;
    let n_images = labels.len();
    let batch = usize::from(args.batch);
    let engine = Engine::build(
        &target,
        &source,
        batch.min(n_images),
        &args.running,
        &args.code,
    )?;

    let n_elements: usize = shape.iter().product();
    let bar = console::progress("evaluating", n_images as u64);
    let mut n_right = 0;
    for (values, labels) in images
        .values
        .chunks(batch * n_elements.max(1))
        .zip(labels.chunks(batch))
    {
        let input = Array {
            shape: std::iter::once(labels.len())
                .chain(shape.iter().copied())
                .collect(),
            values: values.to_vec(),
        };
        let outputs = engine.run(&[input])?;
        let Some(output) = outputs.first() else {
            return Err(Failure::Internal("a net without output ran".into()));
        };
        let n_classes = output.values.len() / labels.len().max(1);
        for (scores, label) in output.values.chunks(n_classes.max(1)).zip(labels) {
            n_right += usize::from(usize::try_from(*label) == Ok(best(scores)));
        }
        bar.inc(labels.len() as u64);
    }
    bar.finish_and_clear();

    let accuracy = n_right as f64 / n_images.max(1) as f64;
    if args.json {
        console::print_json(&json!({
            "net": target.graph.name, "images": n_images, "right": n_right,
            "accuracy": accuracy, "stated": heldout.accuracy,
        }))?;
    } else {
        let stated = heldout.accuracy.map_or(String::new(), |stated| {
            format!(" (stated: {:.2}%)", 100.0 * stated)
        });
        console::print(&format!(
            "{}: {n_right} of {n_images} right, accuracy {:.2}%{stated}\n",
            target.graph.name,
            100.0 * accuracy,
        ))?;
    }
    // One image of tolerance: scores that nearly tie may round either way.
    match heldout.accuracy {
        Some(stated) if (stated - accuracy) * n_images as f64 > 1.5 => {
            Err(Diagnostic::without_place(
                codes::MANIFEST,
                format!(
                    "the accuracy {accuracy:.6} is below the {stated:.6} that the manifest states"
                ),
            )
            .into())
        }
        _ => Ok(()),
    }
}

/// Index of the largest score, the first of equals.
fn best(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}

fn read_heldout(path: &std::path::Path, shape: &[usize]) -> Result<(Array, Vec<i64>), Diagnostic> {
    let file = WeightsFile::open(path)?;
    let fail = |reason: String| {
        Diagnostic::without_place(
            codes::INPUT_FILE,
            format!("cannot use the held-out set `{}`: {reason}", path.display()),
        )
    };
    let (Some(images), Some(values)) = (file.get("images"), file.read_f32("images")) else {
        return Err(fail("it has no floats `images`".into()));
    };
    let Some(labels) = file.read_integers("labels") else {
        return Err(fail("it has no integers `labels`".into()));
    };
    if images.shape.split_first() != Some((&labels.len(), shape)) || labels.is_empty() {
        return Err(fail(format!(
            "its `images` have the shape {:?}, but {} labels and the net's input {shape:?} ask for another",
            images.shape,
            labels.len()
        )));
    }
    Ok((
        Array {
            shape: images.shape.clone(),
            values,
        },
        labels,
    ))
}
