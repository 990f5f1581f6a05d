//! A net that is loaded to be measured: what `bench` and `profile` share.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::console::Failure;
use super::engine::{Engine, Running};
use super::inputs;
use super::machine::Code;
use super::target::{self, Include, Target, Weights};
use crate::diagnostic::{Diagnostic, codes};
use crate::runtime::Tensor;

/// Under which conditions a net is measured.
#[derive(Debug, clap::Args)]
pub struct Setting {
    #[command(flatten)]
    pub weights: Weights,

    /// Images at a time [default: 1, or as many as --input holds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    batch: Option<u16>,

    /// What to run on, as for `netc run`; several files make one batch [default: noise]
    #[arg(long, value_name = "FILE")]
    input: Vec<String>,

    #[command(flatten)]
    running: Running,

    #[command(flatten)]
    pub code: Code,

    #[command(flatten)]
    pub include: Include,
}

/// A net with weights, and what it runs on.
pub struct Measured {
    /// The net.
    pub target: Target,
    /// The same, compiled.
    pub engine: Engine,
    /// A tensor for each input.
    pub inputs: Vec<Tensor>,
    /// Images in each.
    pub batch: usize,
}

/// Runs that fill caches and memory before the first measured one.
const WARM_UPS: usize = 2;

impl Setting {
    /// The files that are named besides the net and its weights.
    pub fn named_files(&self) -> impl Iterator<Item = &Path> {
        let inputs = self.input.iter().map(|word| inputs::file(word));
        inputs.chain(self.code.tune_file())
    }

    /// Images at a time, as far as the options tell.
    pub fn batch(&self) -> usize {
        self.batch.map_or(1, usize::from)
    }

    /// Compiles a net, binds its weights and runs it for the first times.
    pub fn load(&self, net: &str) -> Result<Measured, Failure> {
        let target = target::open(net, self.weights.weights.as_deref(), &self.include)?;
        let inputs = images(&target, &self.input, self.batch)?;
        let batch = inputs.first().map_or(1, |input| input.shape()[0]);
        let source = target.chosen_weights(&self.weights.or_random())?;
        let engine = Engine::build(&target, &source, batch, &self.running, &self.code)?;
        for _ in 0..WARM_UPS {
            engine.run_tensors(&inputs)?;
        }
        Ok(Measured {
            target,
            engine,
            inputs,
            batch,
        })
    }
}

/// The first `batch` images of the named files (all of them without `batch`), or `batch` (else 1) images of noise where none is named.
fn images(target: &Target, words: &[String], batch: Option<u16>) -> Result<Vec<Tensor>, Failure> {
    let batch = batch.map(usize::from);
    if words.is_empty() {
        return noise(target, batch.unwrap_or(1));
    }
    let mut tensors = Vec::new();
    for mut array in inputs::read(target, &inputs::assign(target, words)?)? {
        let n_images = array.shape[0];
        let wanted = batch.unwrap_or(n_images);
        if wanted > n_images {
            return Err(Diagnostic::without_place(
                codes::INPUT_SHAPE,
                format!("the input holds {n_images} images, fewer than the batch of {wanted}"),
            )
            .into());
        }
        array
            .values
            .truncate(array.values.len() / n_images * wanted);
        array.shape[0] = wanted;
        tensors.push(Tensor::new(array.shape, &array.values)?);
    }
    Ok(tensors)
}

/// Normally distributed numbers, the same every time.
fn noise(target: &Target, batch: usize) -> Result<Vec<Tensor>, Failure> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut inputs = Vec::new();
    for input in &target.graph.inputs {
        let sizes = target.graph.node(input.node).shape.sizes();
        let shape = std::iter::once(batch).chain(sizes.map(|size| size as usize));
        let mut tensor = Tensor::zeroed(shape.collect())?;
        for value in tensor.values_mut() {
            *value = StandardNormal.sample(&mut random);
        }
        inputs.push(tensor);
    }
    Ok(inputs)
}
