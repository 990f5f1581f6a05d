//! `netc run`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::console::{self, Failure};
use super::engine::{Engine, Running};
use super::inputs;
use super::machine::Code;
use super::ranking;
use super::target::{self, Include, Target, Weights};
use crate::data::{Array, write_npy};
use crate::diagnostic::{Diagnostic, codes};
use crate::files;
use crate::weights::{NamedTensor, write_safetensors};

/// Run a net on pictures or arrays
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Several INPUTs make one batch. A net with several inputs takes NAME=FILE for each. Pictures (PNG, JPEG) need \
preprocessing, stated in the .net file or in a manifest; .npy and .safetensors are taken as they are.

Without --output the likeliest classes are printed: the softmax of the output, unless the output is one already.")]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// Pictures, .npy or .safetensors files; NAME=FILE where the net has several inputs
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,

    #[command(flatten)]
    weights: Weights,

    /// Write the outputs to this .npy or .safetensors file; several outputs as .npy go to one file each, FILE.NAME.npy
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    running: Running,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// How many classes to print
    #[arg(long, value_name = "K", default_value_t = 5)]
    top: usize,

    #[command(flatten)]
    code: Code,

    #[command(flatten)]
    include: Include,
}

/// Runs a net once.
pub fn run(args: &Args) -> Result<(), Failure> {
    let target = target::open(&args.net, args.weights.weights.as_deref(), &args.include)?;
    // Cheap faults come first: a wrong output name or input must not wait for a large net to compile.
    let named = inputs::assign(&target, &args.inputs)?;
    let sink = args
        .output
        .as_deref()
        .map(|path| Sink::new(path, target.graph.outputs.len()));
    let sink = sink.transpose()?;
    if let Some(sink) = &sink {
        let choice = args.weights.choice();
        let given = named.iter().flatten().copied().chain(args.code.tune_file());
        let inputs: Vec<&Path> = target.read_files(&choice).chain(given).collect();
        for path in sink.paths(&target) {
            files::refuse_inputs(&path, inputs.iter().copied())
                .map_err(|error| files::cannot_write(&path, &error))?;
        }
    }
    let inputs = inputs::read(&target, &named)?;
    let source = target.chosen_weights(&args.weights)?;
    // For one image at a time, so that what is said of an image does not depend on those beside it.
    let engine = Engine::build(&target, &source, 1, &args.running, &args.code)?;
    let outputs = engine.run(&inputs)?;

    if let Some(sink) = &sink {
        sink.write(&target, &outputs)?;
    }
    let n_images = inputs.first().map_or(0, |input| input.shape[0]);
    let names = image_names(&named[0], n_images);
    if args.json {
        console::print_json(&as_json(args, &target, &names, &outputs))
    } else if sink.is_none() {
        console::print(&as_text(args, &target, &names, &outputs))
    } else {
        Ok(())
    }
}

/// What to call each image of a batch: its file, with an index where a file holds several.
fn image_names(files: &[&Path], n_images: usize) -> Vec<String> {
    let name = |file: &Path| console::visible(&file.display().to_string());
    if files.len() == n_images {
        return files.iter().map(|file| name(file)).collect();
    }
    match files {
        [file] => (0..n_images)
            .map(|index| format!("{}[{index}]", name(file)))
            .collect(),
        _ => (0..n_images)
            .map(|index| format!("image {index}"))
            .collect(),
    }
}

/// One image's part of an output.
fn image_of(output: &Array, index: usize) -> &[f32] {
    let n = output.values.len() / output.shape[0].max(1);
    output
        .values
        .get(index * n..(index + 1) * n)
        .unwrap_or_default()
}

/// The likeliest classes of an image, if the output is one number a class.
fn classes(
    args: &Args,
    target: &Target,
    output: usize,
    array: &Array,
    image: usize,
) -> Option<Vec<ranking::Class>> {
    let is_vector = array.shape.iter().skip(2).all(|size| *size == 1) && array.shape.get(1)? > &1;
    if !is_vector {
        return None;
    }
    let scores = image_of(array, image);
    let probabilities =
        match ranking::is_probability(&target.graph, target.graph.outputs[output].node) {
            true => scores.to_vec(),
            false => ranking::softmax(scores),
        };
    // Labels of another number are those of another output: `label_fault` sees to it that one has as many.
    let labels = match target.labels() {
        labels if labels.len() == scores.len() => labels,
        _ => &[],
    };
    Some(ranking::top(&probabilities, labels, args.top))
}

fn as_text(args: &Args, target: &Target, names: &[String], outputs: &[Array]) -> String {
    let mut text = String::new();
    for (image, name) in names.iter().enumerate() {
        for (index, output) in outputs.iter().enumerate() {
            let port = &target.graph.outputs[index];
            text.push_str(name);
            if outputs.len() > 1 {
                text.push_str(&format!(", output {}", port.name));
            }
            text.push('\n');
            match classes(args, target, index, output, image) {
                Some(classes) => {
                    let row = |class: &ranking::Class| {
                        let label = class.label.as_deref().map(console::visible);
                        let label = label.unwrap_or_else(|| format!("class {}", class.index));
                        vec![format!("{:>7.2}%", 100.0 * class.probability), label]
                    };
                    let rows: Vec<_> = classes.iter().map(row).collect();
                    text.push_str(&console::table(&rows, &[true, false]));
                }
                None => text.push_str(&format!(
                    "  {}\n",
                    range(image_of(output, image), &output.shape[1..])
                )),
            }
        }
    }
    text
}

/// What can be said of an output that is no list of classes.
fn range(values: &[f32], shape: &[usize]) -> String {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let n_bad = values.iter().filter(|value| !value.is_finite()).count();
    let bad = if n_bad == 0 {
        String::new()
    } else {
        format!(", {n_bad} not finite")
    };
    format!("{shape:?}, values from {least} to {most}{bad} (--output FILE writes them)")
}

fn as_json(args: &Args, target: &Target, names: &[String], outputs: &[Array]) -> Value {
    let images = names.iter().enumerate().map(|(image, name)| {
        let outputs = outputs.iter().enumerate().map(|(index, output)| {
            let mut value = json!({
                "name": target.graph.outputs[index].name,
                "shape": output.shape[1..],
            });
            if let Some(classes) = classes(args, target, index, output, image) {
                value["top"] = json!(classes);
            }
            // What goes to a file is not printed as well.
            if args.output.is_none() {
                value["values"] = json!(image_of(output, image));
            }
            value
        });
        json!({ "input": name, "outputs": outputs.collect::<Vec<_>>() })
    });
    json!({ "net": target.graph.name, "images": images.collect::<Vec<_>>() })
}

/// Where outputs are written.
enum Sink<'a> {
    Npy(&'a Path),
    SafeTensors(&'a Path),
}

impl<'a> Sink<'a> {
    fn new(path: &'a Path, n_outputs: usize) -> Result<Sink<'a>, Diagnostic> {
        let fail = |reason: &str| {
            let message = format!("cannot write `{}`: {reason}", path.display());
            Err(Diagnostic::without_place(codes::OUTPUT_FILE, message))
        };
        // Better told now than after the run.
        match path.parent() {
            Some(parent) if parent != Path::new("") && !parent.is_dir() => {
                return fail("its directory does not exist");
            }
            _ if path.is_dir() => return fail("it is a directory"),
            _ => {}
        }
        // A pipe or a device has no name that tells the format.
        let is_stream = files::descriptor(path).is_some() || (path.exists() && !path.is_file());
        match path.extension().and_then(|extension| extension.to_str()) {
            None if is_stream && n_outputs == 1 => Ok(Sink::Npy(path)),
            None if is_stream => Ok(Sink::SafeTensors(path)),
            Some("npy") => Ok(Sink::Npy(path)),
            Some("safetensors") => Ok(Sink::SafeTensors(path)),
            _ => Err(Diagnostic::without_place(
                codes::OUTPUT_FILE,
                format!(
                    "`{}` ends neither in .npy nor in .safetensors",
                    path.display()
                ),
            )),
        }
    }

    /// The files to write.
    fn paths(&self, target: &Target) -> Vec<PathBuf> {
        match (self, target.graph.outputs.as_slice()) {
            (Sink::Npy(path), outputs) if outputs.len() > 1 => outputs
                .iter()
                .map(|port| path.with_extension(format!("{}.npy", port.name)))
                .collect(),
            (Sink::Npy(path) | Sink::SafeTensors(path), _) => vec![path.to_path_buf()],
        }
    }

    fn write(&self, target: &Target, outputs: &[Array]) -> Result<(), Diagnostic> {
        let ports = target.graph.outputs.iter().zip(outputs);
        match self {
            Sink::Npy(_) => {
                for (path, (_, output)) in self.paths(target).iter().zip(ports) {
                    write_npy(path, &output.shape, &output.values)?;
                }
                Ok(())
            }
            Sink::SafeTensors(path) => {
                let tensors: Vec<NamedTensor<'_>> = ports
                    .map(|(port, output)| NamedTensor {
                        name: port.name.clone(),
                        shape: output.shape.clone(),
                        values: &output.values,
                    })
                    .collect();
                write_safetensors(path, &tensors)
            }
        }
    }
}
