//! `netc weights`

use std::path::PathBuf;

use super::console::{self, Failure, grouped, human_bytes};
use super::target::{self, Include, Weights};
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::graph::Recipe;
use crate::source::SourceMap;
use crate::target::WeightChoice;
use crate::weights::{NamedTensor, WeightSource, WeightsFile, write_safetensors};

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

    /// Compare with this net: names, shapes, types, and that every value is finite
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
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut n_tensors = 0;
    let bar = console::progress("reading weights", target.graph.params.len() as u64);
    for param in &target.graph.params {
        if let Recipe::Stored { name, .. } = &param.recipe {
            n_tensors += 1;
            faults.extend(source.values(name, &param.shape).err());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if !faults.is_empty() {
        return Err(Failure::Diagnostics(faults, SourceMap::new()));
    }
    console::print(&format!(
        "{} fits {}: {n_tensors} tensors, all values finite\n",
        args.file.display(),
        target.graph.name
    ))
}
