//! `netc weights`

use std::path::PathBuf;

use super::console::{self, Failure, grouped, human_bytes};
use super::target::{self, Include, Weights};
use crate::codegen::detect_machine;
use crate::files;
use crate::graph::{Param, Recipe};
use crate::kernels::Tuning;
use crate::optimize::optimize;
use crate::plan::plan;
use crate::source::SourceMap;
use crate::target::WeightChoice;
use crate::weights::{self, NamedTensor, WeightSource, WeightsFile, write_safetensors};

/// Make and inspect weights files
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Init(InitArgs),
    Inspect(InspectArgs),
}

/// Write random weights for a net (He et al. 2015; batch-norms get the statistics that such weights lead to)
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// The same seed gives the same weights
    #[arg(long, value_name = "SEED")]
    seed: u64,

    /// The safetensors file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    include: Include,
}

/// List the tensors of a weights file, or compare them with a net
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// A safetensors file
    file: PathBuf,

    /// Compare with this net: names, shapes, types, and that every value which the net computes of them is finite
    #[arg(long, value_name = "NET")]
    net: Option<String>,

    #[command(flatten)]
    include: Include,
}

/// Runs a subcommand.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init(args),
        Command::Inspect(args) => inspect(args),
    }
}

fn init(args: &InitArgs) -> Result<(), Failure> {
    let target = target::open(&args.net, None, &args.include)?;
    files::refuse_inputs(&args.output, target.read_files(&WeightChoice::default()))
        .map_err(|error| files::cannot_write(&args.output, &error))?;
    let source = WeightSource::seeded(&target.graph, args.seed);
    let stored: Vec<(&str, &[usize])> = target
        .graph
        .params
        .iter()
        .filter_map(|param| match &param.recipe {
            Recipe::Stored { name, .. } => Some((name.as_str(), param.shape.as_slice())),
            _ => None,
        })
        .collect();
    let bar = console::progress("drawing weights", stored.len() as u64);
    let mut values = Vec::with_capacity(stored.len());
    for (name, shape) in &stored {
        values.push(source.values(name, shape)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let tensors: Vec<NamedTensor<'_>> = stored
        .iter()
        .zip(&values)
        .map(|((name, shape), values)| NamedTensor {
            name: (*name).to_owned(),
            shape: shape.to_vec(),
            values,
        })
        .collect();
    write_safetensors(&args.output, &tensors)?;
    let n: usize = values.iter().map(Vec::len).sum();
    console::remark(&format!(
        "wrote {} tensors with {} values to {}",
        tensors.len(),
        grouped(n as u64),
        args.output.display()
    ));
    Ok(())
}

fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    match &args.net {
        None => list(&WeightsFile::open(&args.file)?),
        Some(net) => compare(args, net),
    }
}

fn list(file: &WeightsFile) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = file
        .tensors()
        .map(|(name, tensor)| {
            vec![
                console::visible(name),
                tensor.element_type.to_string(),
                format!("{:?}", tensor.shape),
                grouped(tensor.elements() as u64),
            ]
        })
        .collect();
    let n: u64 = file
        .tensors()
        .map(|(_, tensor)| tensor.elements() as u64)
        .sum();
    console::print(&format!(
        "{}{} tensors, {} values, {}\n",
        console::table(&rows, &[false, false, false, true]),
        rows.len(),
        grouped(n),
        human_bytes(file.n_bytes() as u64),
    ))
}

fn compare(args: &InspectArgs, net: &str) -> Result<(), Failure> {
    let target = target::open(net, Some(&args.file), &args.include)?;
    let source = target.chosen_weights(&Weights {
        weights: Some(args.file.clone()),
        init: None,
    })?;
    // What a run would do with the weights on this machine, so that it finds no fault which is not found here.
    let machine = detect_machine().map_err(|error| Failure::Internal(error.to_string()))?;
    let mut graph = target.graph.clone();
    optimize(&mut graph).map_err(Failure::Internal)?;
    let plan = plan(&graph, &machine, &Tuning::default());
    let bar = console::progress("reading weights", plan.packed_size as u64);
    let verified = weights::verify(&graph, &plan, &source, &|n| bar.inc(n as u64));
    bar.finish_and_clear();
    verified.map_err(|faults| Failure::Diagnostics(faults, SourceMap::new()))?;
    let is_stored = |param: &&Param| matches!(param.recipe, Recipe::Stored { .. });
    let n_tensors = target.graph.params.iter().filter(is_stored).count();
    console::print(&format!(
        "{} fits {}: {n_tensors} tensors, and all that is computed of them is finite\n",
        args.file.display(),
        target.graph.name
    ))
}
