//! Which code is made: options that all commands share which compile a net.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::console::{self, Failure};
use crate::codegen::{detect_machine, machine_for};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::Graph;
use crate::kernels::{TileFamily, Tuning, WeightType};
use crate::plan::Machine;
use crate::tune;

/// What to compile for.
#[derive(Clone, Debug, clap::Args)]
pub struct Code {
    /// Vectors to compute in [default: the widest that the machine has]
    #[arg(long, value_enum, env = "NETC_ISA", hide_env_values = true)]
    isa: Option<Isa>,

    #[command(flatten)]
    choices: Choices,

    /// Time what computes each convolution on this machine and take the fastest; what is learned is kept in netc/tuning.json of the user's cache directory
    #[arg(long)]
    tune: bool,

    /// The same, kept in a file of one's choice
    #[arg(long, value_name = "FILE")]
    tune_file: Option<PathBuf>,
}

/// What is computed how, whatever the machine.
#[derive(Clone, Debug, clap::Args)]
pub struct Choices {
    /// Compute every layer by its definition, where Winograd's algorithms would be faster but round more, and sum in short chains
    #[arg(long)]
    pub precise: bool,

    /// How weights of dense layers are stored: bf16 takes half the memory, and half the time where reading them is what takes it, but rounds each weight
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = Stored::F32)]
    weights_as: Stored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Stored {
    /// 32 bits, as they are
    F32,
    /// 16 bits, an error of up to 0.2% a weight
    Bf16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Isa {
    /// 128 bits, on every machine
    Clif128,
    /// 256 bits, on x86-64 with AVX2 and FMA
    Avx2,
    /// 512 bits, on x86-64 with AVX-512
    Avx512,
    /// The same, with the algorithms that pay where additions cost nothing beside multiply-adds: Zen 4
    Zen4,
}

impl Isa {
    /// The tiles that it has.
    pub fn family(self) -> TileFamily {
        match self {
            Isa::Clif128 => TileFamily::Clif128,
            Isa::Avx2 => TileFamily::Avx2,
            Isa::Avx512 => TileFamily::Avx512,
            Isa::Zen4 => TileFamily::Zen4,
        }
    }
}

impl Choices {
    /// How weights of dense layers are stored.
    pub fn dense_weights(&self) -> WeightType {
        match self.weights_as {
            Stored::F32 => WeightType::F32,
            Stored::Bf16 => WeightType::Bf16,
        }
    }
}

impl Code {
    /// The machine that runs this, as far as it may be used, for so many images at a time.
    pub fn machine(&self, batch: usize) -> Result<Machine, Failure> {
        let machine = match self.isa {
            None => detect_machine()?,
            Some(isa) => machine_for(isa.family()).map_err(|error| {
                Diagnostic::without_place(codes::ISA, error.to_string())
                    .with_help("leave --isa out to use what the machine has")
            })?,
        };
        Ok(Machine {
            precise: self.choices.precise,
            dense_weights: self.choices.dense_weights(),
            batch: batch.max(1),
            ..machine
        })
    }

    /// The file of measurements that is named.
    pub fn tune_file(&self) -> Option<&Path> {
        self.tune_file.as_deref()
    }

    /// What is known of the machine's speed: nothing unless asked for, else the file's knowledge, and of this net's convolutions all.
    pub fn tuning(&self, graph: &Graph, machine: &Machine) -> Result<Tuning, Failure> {
        let path = match &self.tune_file {
            Some(path) => path.clone(),
            None if !self.tune => return Ok(Tuning::default()),
            None => tune::default_path().ok_or_else(|| {
                Diagnostic::without_place(codes::TUNING_FILE, "there is no directory for caches")
                    .with_help("set XDG_CACHE_HOME, or name a file with --tune-file")
            })?,
        };
        let mut tuning = tune::load(&path, machine)?;
        let start = Instant::now();
        let bar = console::progress("timing convolutions", 0);
        let timed = tune::tune_with(graph, machine, &mut tuning, &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let n_timed = timed?;
        if n_timed > 0 {
            tune::save(&path, machine, &tuning)?;
            let seconds = start.elapsed().as_secs_f64();
            let path = path.display();
            console::remark(&format!(
                "timed {n_timed} convolutions in {seconds:.1} s, kept in {path}"
            ));
        }
        Ok(tuning)
    }
}
