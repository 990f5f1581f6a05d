//! From a target to a session that runs: what `run`, `eval` and the commands that measure share.

use std::path::Path;
use std::time::Instant;

use super::console::{self, Failure};
use super::machine::Code;
use super::target::Target;
use crate::data::Array;
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::runtime::{Session, Tensor};
use crate::weights::WeightSource;

/// How a net runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Running {
    /// Threads to run on, at most 256 [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Write /tmp/perf-PID.map, from which Linux's `perf` tells the layers of generated code
    #[arg(long)]
    perf_map: bool,
}

/// A compiled net with its weights.
pub struct Engine {
    /// What runs.
    pub session: Session,
    /// On so many threads.
    pub n_threads: usize,
    /// How long compiling took, seconds.
    pub compile_seconds: f64,
    /// How long reading, deriving and packing the weights took, seconds.
    pub bind_seconds: f64,
}

/// Tells `perf` of this process's code, in the file where it looks for it.
fn write_perf_map(map: &str) -> Result<(), Diagnostic> {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let path = Path::new(&path);
    files::write(path, map.as_bytes()).map_err(|error| files::cannot_write(path, &error))
}

impl Engine {
    /// Compiles the net for batches of so many images and binds its weights.
    pub fn build(
        target: &Target,
        source: &WeightSource,
        batch: usize,
        running: &Running,
        code: &Code,
    ) -> Result<Engine, Failure> {
        let machine = code.machine(batch)?;
        // Measuring is no part of compiling: the next time it is known.
        let tuning = code.tuning(&target.graph, &machine)?;
        let start = Instant::now();
        let compiled = crate::compile_tuned(&target.graph, &machine, &tuning)?;
        let compile_seconds = start.elapsed().as_secs_f64();
        if running.perf_map {
            write_perf_map(&compiled.perf_map())?;
        }
        let n_threads = match running.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let bar = console::progress("binding weights", compiled.plan().packed_size as u64);
        let bound = compiled.bind_with(source, n_threads, &|n_floats| bar.inc(n_floats as u64));
        bar.finish_and_clear();
        let session = bound?;
        Ok(Engine {
            session,
            n_threads,
            compile_seconds,
            bind_seconds: start.elapsed().as_secs_f64() - compile_seconds,
        })
    }

    /// Runs a batch: one array for each input of the net, one for each output.
    pub fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, Failure> {
        let tensor = |input: &Array| Tensor::new(input.shape.clone(), &input.values);
        let inputs: Vec<Tensor> = inputs.iter().map(tensor).collect::<Result<_, _>>()?;
        let outputs = self.run_tensors(&inputs)?;
        let array = |output: &Tensor| Array {
            shape: output.shape().to_vec(),
            values: output.values().to_vec(),
        };
        Ok(outputs.iter().map(array).collect())
    }

    /// The same without copies.
    pub fn run_tensors(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        Ok(self.session.run(inputs)?)
    }
}
