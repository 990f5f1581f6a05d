//! How long the algorithms take for a convolution: each kernel alone, in turns with the others.

use std::sync::Arc;
use std::time::Duration;

use super::{Candidates, TuneError};
use crate::CompileError;
use crate::codegen::jit;
use crate::kernels::conv::{halo, with_algorithm};
use crate::kernels::{ConvSpec, KernelSpec, Times};
use crate::plan::{ALIGNMENT_FLOATS, KernelId, Machine, View};
use crate::runtime::{AlignedBuffer, Session};

/// Turns that each candidate takes.
const TURNS: usize = 6;

/// Turns after which a candidate that is clearly slower takes no more.
const FIRST_TURNS: usize = 2;

/// How much slower that is: more than others on the machine are likely to make of two turns.
const CLEARLY: f64 = 1.5;

/// What a candidate's turn should take by the cost model: some milliseconds.
const SLOTS_PER_TURN: f64 = 1.5e7;

/// Runs of a turn. The first one brings the tensors back into the caches, so there is never only one.
const RUNS: (usize, usize) = (2, 40);

/// Floats that weights are taken from, 128 MiB: more than caches hold.
const VALUES: usize = 1 << 25;

/// What times convolutions on a machine.
pub(super) struct Timer<'a> {
    machine: &'a Machine,
    values: Arc<AlignedBuffer>,
}

impl Timer<'_> {
    /// One for these convolutions and no larger ones.
    pub fn new<'a, 'b>(
        machine: &'a Machine,
        all: impl Iterator<Item = &'b Candidates>,
    ) -> Result<Timer<'a>, TuneError> {
        let kernels = all.flat_map(|candidates| candidates.kernels());
        let sizes = kernels.flat_map(|kernel| kernel.packings());
        let largest = sizes.map(|packing| packing.packed_len()).max().unwrap_or(0);
        let len = VALUES.max(largest.next_multiple_of(ALIGNMENT_FLOATS));
        let mut values = AlignedBuffer::zeroed(len).map_err(TuneError::Run)?;
        // Any finite values will do that are not so small as to be slow.
        for (index, value) in values.iter_mut().enumerate() {
            *value = (index % 251) as f32 / 125.0 - 1.0;
        }
        let values = Arc::new(values);
        Ok(Timer { machine, values })
    }

    /// The best time of each algorithm.
    pub fn time(&self, candidates: &Candidates) -> Result<Times, TuneError> {
        let kernels = candidates.kernels();
        let code = jit::compile(&kernels, self.machine)
            .map_err(|error| TuneError::Compile(CompileError::Codegen(error)))?;
        let code = Arc::new(code);
        let mut sessions = Vec::new();
        for (index, (algorithm, slots)) in candidates.algorithms.iter().enumerate() {
            let n_runs = ((SLOTS_PER_TURN / slots) as usize).clamp(RUNS.0, RUNS.1);
            let (kernel, values) = (KernelId(index as u32), self.values.clone());
            let session = Session::of_kernel(code.clone(), kernel, self.machine, n_runs, values);
            sessions.push((*algorithm, session.map_err(TuneError::Run)?));
        }
        let mut best = Times::new();
        for turn in 0..TURNS {
            for (algorithm, session) in &sessions {
                let (_, times) = session.run_timed(&[]).map_err(TuneError::Run)?;
                let least = times.into_iter().min().unwrap_or(Duration::MAX);
                let best = best.entry(*algorithm).or_insert(least);
                *best = least.min(*best);
            }
            if turn + 1 >= FIRST_TURNS
                && let Some(least) = best.values().min()
            {
                let limit = least.mul_f64(CLEARLY);
                sessions.retain(|(algorithm, _)| best[algorithm] <= limit);
            }
            if sessions.len() < 2 {
                break;
            }
        }
        Ok(best)
    }
}

impl Candidates {
    /// The kernel of each algorithm, without bias.
    fn kernels(&self) -> Vec<KernelSpec> {
        let kernel = |algorithm| {
            let halo = halo(&self.spec, algorithm);
            let mut input = View {
                halo,
                ..self.spec.input
            };
            input.image_stride = input.size();
            let spec = ConvSpec {
                input,
                bias: false,
                ..self.spec.clone()
            };
            with_algorithm(spec, algorithm, 1)
        };
        let algorithms = self.algorithms.iter();
        algorithms
            .map(|(algorithm, _)| kernel(*algorithm))
            .collect()
    }
}
