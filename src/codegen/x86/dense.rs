//! A tile of a dense layer: images by vectors of features, over some inputs.
//!
//! `fn(input, weight, sums, rounds, ahead)` adds the products of `rounds` times [`DenseTile::steps`] inputs to sums in memory. `input` is the first image's
//! first input, `weight` that input's weights, `sums` the first image's sums; images' sums are a unit apart. From `ahead` on lie weights that are
//! wanted later: each input asks for [some](DenseTile::floats_ahead) of them.

use super::assembler::{Arithmetic, Assembler, Vector};
use super::step::Step;
use crate::codegen::CodegenError;
use crate::kernels::DenseSpec;

/// Floats of a cache line.
const LINE: usize = 64 / size_of::<f32>();

/// Images that together ask for all weights of a stretch before its turn. For fewer, memory is the limit whoever asks, and the machine's own prefetcher
/// does better: at batch 1 every distance of asking was slower than none.
const ASKING_IMAGES: usize = 8;

/// A tile.
#[derive(Clone, Copy)]
pub struct DenseTile<'s> {
    /// The layer.
    pub spec: &'s DenseSpec,
    /// Images.
    pub images: usize,
    /// Vectors of features.
    pub vectors: usize,
    /// Inputs of a round.
    pub steps: usize,
}

impl DenseTile<'_> {
    /// Lines of weights that each input asks for.
    fn lines_ahead(&self) -> usize {
        match self.images {
            1 => 0,
            images => (images * self.spec.weight_stride()).div_ceil(ASKING_IMAGES * LINE),
        }
    }

    /// Floats of weights that `inputs` inputs ask for.
    pub fn floats_ahead(&self, inputs: usize) -> usize {
        inputs * self.lines_ahead() * LINE
    }
}

/// Assembles a tile.
pub fn dense_tile(tile: &DenseTile) -> Result<Vec<u8>, CodegenError> {
    let spec = tile.spec;
    let (mut a, [input, weight, sums, rounds, ahead]) = Assembler::start(spec.family);
    let (unit, lanes) = (spec.unit(), a.lanes());
    let in_memory: Vec<i64> = (0..tile.images)
        .flat_map(|image| (0..tile.vectors).map(move |v| (image * unit + v * lanes) as i64))
        .collect();
    // A sum of its own, added to the others at the end: many short chains round less than a long one.
    let registers: Vec<Vector> = in_memory.iter().map(|_| a.zero()).collect();
    let places: Vec<i64> = (0..tile.images)
        .map(|image| (image * spec.input.image_stride) as i64)
        .collect();
    let n_lines = tile.lines_ahead();
    a.count_down(&rounds, |a| {
        let step = Step {
            input: &input,
            places: &places,
            weight: &weight,
            vectors: tile.vectors,
            weights: spec.weights,
        };
        for index in 0..tile.steps {
            for line in index * n_lines..(index + 1) * n_lines {
                a.prefetch(&ahead, (line * LINE) as i64);
            }
            step.add_products(a, &registers, index as i64, (index * unit) as i64);
        }
        a.advance(&input, tile.steps as i64);
        a.advance(&weight, (tile.steps * spec.weight_stride()) as i64);
        a.advance(&ahead, tile.floats_ahead(tile.steps) as i64);
    });
    for (sum, &place) in registers.iter().zip(&in_memory) {
        let all = a.load(&sums, place);
        a.compute_into(&all, Arithmetic::Add, &all, sum);
        a.store(&all, &sums, place);
    }
    a.finish()
}
