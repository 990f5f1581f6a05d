//! What a user means by a net, as options of the command line.

use std::path::{Path, PathBuf};

use super::console::{self, Failure};
use crate::diagnostic::{Diagnostic, codes};
use crate::drawing;
use crate::elaborate::{Program, Proof, SetSizes};
use crate::limits;
use crate::source::SourceMap;
use crate::target::{self, Reading, SIZE_MAX, WeightChoice};
use crate::weights::WeightSource;

pub use crate::target::{Target, check_net, file_and_net};

/// Directories from which `use` may read besides the file's own.
#[derive(Clone, Debug, clap::Args)]
pub struct Directories {
    /// A directory that `use` may read from, besides that of the file itself
    #[arg(long = "include", value_name = "DIR")]
    pub directories: Vec<PathBuf>,
}

/// How a net is read: those directories, and values of open sizes.
#[derive(Clone, Debug, clap::Args)]
pub struct Include {
    #[command(flatten)]
    pub from: Directories,

    /// Fix an open size of the net's inputs, such as H=256
    #[arg(long = "set", value_name = "SIZE=N", value_parser = size)]
    pub sizes: Vec<(String, u64)>,
}

impl Include {
    /// The values of open sizes; of several for one, the last.
    pub fn sizes(&self) -> SetSizes {
        self.sizes.iter().cloned().collect()
    }

    fn reading(&self) -> Reading {
        Reading {
            directories: self.from.directories.clone(),
            sizes: self.sizes(),
        }
    }
}

/// `H=256`
fn size(text: &str) -> Result<(String, u64), String> {
    let (name, size) = text
        .split_once('=')
        .ok_or("a name and a number are wanted, such as H=256")?;
    match size.trim().parse() {
        Ok(size) if (1..=SIZE_MAX).contains(&size) => Ok((name.trim().to_string(), size)),
        _ => Err(format!(
            "`{size}` is no size: a number from 1 to {SIZE_MAX}"
        )),
    }
}

/// Where weights come from.
#[derive(Clone, Debug, clap::Args)]
pub struct Weights {
    /// A safetensors file; a manifest of the same name with .yaml beside it is read as well
    #[arg(long, value_name = "FILE", conflicts_with = "init")]
    pub weights: Option<PathBuf>,

    /// Random weights (He et al. 2015) from this seed
    #[arg(long, value_name = "SEED")]
    pub init: Option<u64>,
}

impl Weights {
    /// What is chosen.
    pub fn choice(&self) -> WeightChoice {
        WeightChoice {
            file: self.weights.clone(),
            seed: self.init,
        }
    }

    /// The same, but random ones where nothing is chosen: how long a run takes does not depend on them.
    pub fn or_random(&self) -> Weights {
        let mut weights = self.clone();
        if weights.weights.is_none() {
            weights.init.get_or_insert(0);
        }
        weights
    }
}

/// Reads a file that the user named.
pub fn read_source(path: &Path) -> Result<String, Failure> {
    Ok(target::read_source(path)?)
}

/// Reads and parses a file and all that it uses. Its diagnostics are in the program.
pub fn load_program(path: &Path, from: &Directories) -> Result<Program, Failure> {
    Ok(target::load_program(path, &from.directories)?)
}

/// Opens the net that `target` names. The manifest is the target itself, or lies beside the weights. Warnings about the net are for `check` to tell; those about the
/// manifest, which nothing else checks, are told here.
pub fn open(target: &str, weights: Option<&Path>, include: &Include) -> Result<Target, Failure> {
    let target = target::open(target, weights, &include.reading())?;
    console::report(&target.manifest.warnings, &target.manifest_sources);
    Ok(target)
}

/// The proof of the net that `target` names for all its open sizes.
pub fn prove(target: &str, include: &Include) -> Result<Proof, Failure> {
    Ok(target::prove(target, &include.reading())?)
}

impl Target {
    /// What drawings and reports show.
    pub fn data(&self) -> Result<drawing::Data, Diagnostic> {
        let data = drawing::data(&self.graph, &self.sources);
        let n_boxes = data.drawing.panel.most_figures();
        if n_boxes <= limits::DRAWN_BOXES {
            return Ok(data);
        }
        Err(Diagnostic::without_place(
            codes::LIMIT_NODES,
            format!(
                "`{}` has {n_boxes} layers or blocks side by side; at most {} are drawn",
                self.graph.name,
                limits::DRAWN_BOXES
            ),
        )
        .with_help("write it in blocks: each is one box"))
    }

    /// The weights that the user or else the manifest names, compared with the net. Tells warnings.
    pub fn chosen_weights(&self, chosen: &Weights) -> Result<WeightSource, Failure> {
        let help = "give `--weights FILE.safetensors`, or `--init SEED` for random ones";
        let (source, warnings) = self.weights(&chosen.choice(), help)?;
        console::report(&warnings, &SourceMap::new());
        Ok(source)
    }
}
