//! Choosing algorithms by the clock: times the convolutions of a net on this machine, and keeps what was learned in a file.
//!
//! The planner's cost model knows no particular machine. What is measured here goes into a [`Tuning`], which the planner then reads; nothing else leads from
//! the clock into a plan.

mod cache;
mod processor;
mod timing;

use std::collections::BTreeMap;
use std::fmt;

pub use cache::{default_path, load, save};

use crate::CompileError;
use crate::graph::Graph;
use crate::kernels::conv::{Algorithm, alternatives};
use crate::kernels::{ConvShape, ConvSpec, Tuning};
use crate::optimize::optimize;
use crate::plan::{Machine, convolutions};
use crate::runtime::RunError;

/// Why nothing could be measured.
#[derive(Clone, Debug, PartialEq)]
pub enum TuneError {
    /// The net cannot be compiled at all.
    Compile(CompileError),
    /// Memory or threads could not be allocated.
    Run(RunError),
}

impl fmt::Display for TuneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TuneError::Compile(error) => error.fmt(f),
            TuneError::Run(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TuneError {}

/// Times each algorithm of each convolution that `tuning` does not know yet, for one image on one thread, and notes what it found; answers of how many. This takes
/// some hundredths of a second for each. A machine for batches of several images leaves nothing to measure: the model chooses for those. `machine` is one that runs this.
///
/// ```
/// use netc::kernels::Tuning;
///
/// let program = netc::parse("mine.net", "net Mine { input x: [16, 12, 12]\n conv(16, 3x3, pad=1) -> relu -> conv(16, 3x3, pad=1) }");
/// let graph = netc::expand(&program, "Mine").expect("no errors");
/// let machine = netc::codegen::detect_machine()?;
///
/// let mut tuning = Tuning::default();
/// assert_eq!(netc::tune(&graph, &machine, &mut tuning)?, 1); // both are one shape
/// assert_eq!(netc::tune(&graph, &machine, &mut tuning)?, 0); // which is known now
/// let compiled = netc::compile_tuned(&graph, &machine, &tuning)?;
/// assert_eq!(compiled.plan().tuning, tuning);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn tune(graph: &Graph, machine: &Machine, tuning: &mut Tuning) -> Result<usize, TuneError> {
    tune_with(graph, machine, tuning, &mut |_, _| {})
}

/// The same; `progress` is told, before each convolution, how many are done, of how many.
pub fn tune_with(
    graph: &Graph,
    machine: &Machine,
    tuning: &mut Tuning,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<usize, TuneError> {
    let unknown = unknown(graph, machine, tuning)?;
    let timer = match unknown.is_empty() {
        true => return Ok(0),
        false => timing::Timer::new(machine, unknown.values())?,
    };
    for (done, (shape, candidates)) in unknown.iter().enumerate() {
        progress(done, unknown.len());
        tuning.record(*shape, timer.time(candidates)?);
    }
    Ok(unknown.len())
}

/// A convolution and the algorithms that compute it, each with the slots that the cost model expects.
struct Candidates {
    spec: ConvSpec,
    algorithms: Vec<(Algorithm, f64)>,
}

/// The convolutions of a net that have a choice and were not measured.
fn unknown(
    graph: &Graph,
    machine: &Machine,
    tuning: &Tuning,
) -> Result<BTreeMap<ConvShape, Candidates>, TuneError> {
    let mut unknown = BTreeMap::new();
    if machine.precise || machine.batch > 1 {
        return Ok(unknown);
    }
    let mut graph = graph.clone();
    let optimized = optimize(&mut graph).map_err(CompileError::Optimize);
    optimized.map_err(TuneError::Compile)?;
    for spec in convolutions(&graph, machine) {
        let algorithms = alternatives(&spec, 1);
        let names: Vec<Algorithm> = algorithms.iter().map(|(algorithm, _)| *algorithm).collect();
        if names.len() > 1 && tuning.times(&spec, &names).is_none() {
            unknown.insert(ConvShape::of(&spec), Candidates { spec, algorithms });
        }
    }
    Ok(unknown)
}

#[cfg(test)]
mod tests;
