//! From a target to a session that runs: what `run`, `eval` and `bench` share.

use super::console::{self, Failure};
use super::target::Target;
use crate::data::Array;
use crate::runtime::{Session, Tensor};
use crate::weights::WeightSource;

/// A compiled net with its weights.
pub struct Engine {
    session: Session,
    /// Seconds that compiling took, and binding the weights.
    pub seconds: [f64; 2],
}

impl Engine {
    /// Compiles the net and binds its weights.
    pub fn build(
        target: &Target,
        source: &WeightSource,
        threads: Option<u16>,
    ) -> Result<Engine, Failure> {
        let start = std::time::Instant::now();
        let compiled =
            crate::compile(&target.graph).map_err(|error| Failure::Internal(error.to_string()))?;
        let compile_seconds = start.elapsed().as_secs_f64();
        let bar = console::progress("binding weights", compiled.n_packed_floats() as u64);
        let bound = compiled.bind_with(source, &|n_floats| bar.inc(n_floats as u64));
        bar.finish_and_clear();
        let mut session = bound?;
        if let Some(threads) = threads {
            session.set_threads(usize::from(threads));
        }
        let bind_seconds = start.elapsed().as_secs_f64() - compile_seconds;
        Ok(Engine {
            session,
            seconds: [compile_seconds, bind_seconds],
        })
    }

    /// Runs a batch: one array for each input of the net, one for each output.
    pub fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, Failure> {
        let inputs: Vec<Tensor> = inputs
            .iter()
            .map(|input| Tensor::new(input.shape.clone(), input.values.clone()))
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let outputs = self
            .session
            .run(&inputs)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(outputs
            .into_iter()
            .map(|output| Array {
                shape: output.shape().to_vec(),
                values: output.values().to_vec(),
            })
            .collect())
    }
}
