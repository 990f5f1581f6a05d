//! What a net is run on: files that the user names, or noise.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::console::Failure;
use super::target::Target;
use crate::data::{Array, Wanted, read_batch};
use crate::diagnostic::{Diagnostic, codes};
use crate::runtime::Tensor;

/// The files of each input of the net, in the net's order.
pub fn assign<'a>(target: &Target, words: &'a [String]) -> Result<Vec<Vec<&'a Path>>, Diagnostic> {
    let inputs = &target.graph.inputs;
    let mut files: Vec<Vec<&Path>> = vec![Vec::new(); inputs.len()];
    let known = || {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        format!(
            "the inputs of `{}`: {}",
            target.graph.name,
            names.join(", ")
        )
    };
    for word in words {
        let named = word.split_once('=').and_then(|(name, file)| {
            let index = inputs.iter().position(|input| input.name == name)?;
            Some((index, file))
        });
        match named {
            Some((index, file)) => files[index].push(Path::new(file)),
            None if inputs.len() == 1 => files[0].push(Path::new(word)),
            None => {
                return Err(Diagnostic::without_place(
                    codes::INPUT_FILE,
                    format!("`{word}` does not say which input it is for"),
                )
                .with_note(known())
                .with_help("write NAME=FILE"));
            }
        }
    }
    match files.iter().position(Vec::is_empty) {
        None if !files.is_empty() => Ok(files),
        None => Err(Diagnostic::without_place(
            codes::INPUT_FILE,
            "the net has no input",
        )),
        Some(index) => Err(Diagnostic::without_place(
            codes::INPUT_FILE,
            format!("the input `{}` is not given", inputs[index].name),
        )
        .with_note(known())
        .with_help(format!("add `{}=FILE`", inputs[index].name))),
    }
}

/// Reads every input; all must hold as many images.
pub fn read(target: &Target, files: &[Vec<&Path>]) -> Result<Vec<Array>, Diagnostic> {
    let mut batches: Vec<Array> = Vec::new();
    for (index, (input, files)) in target.graph.inputs.iter().zip(files).enumerate() {
        let wanted = Wanted {
            name: &input.name,
            shape: &target.graph.node(input.node).shape,
            image: target.image(index),
        };
        let batch = read_batch(files, wanted)?;
        if batch.shape[0] == 0 {
            return Err(Diagnostic::without_place(
                codes::INPUT_SHAPE,
                format!("the input `{}` holds no image", input.name),
            ));
        }
        if let Some(first) = batches.first()
            && first.shape[0] != batch.shape[0]
        {
            return Err(Diagnostic::without_place(
                codes::INPUT_SHAPE,
                format!(
                    "the input `{}` has {} images, `{}` has {}",
                    target.graph.inputs[0].name, first.shape[0], input.name, batch.shape[0]
                ),
            ));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// What to measure on: the first `batch` images of the named files (all of them without `batch`), or `batch` (else 1) images of noise where none is named.
pub fn to_measure(
    target: &Target,
    words: &[String],
    batch: Option<u16>,
) -> Result<Vec<Tensor>, Failure> {
    let batch = batch.map(usize::from);
    if words.is_empty() {
        return noise(target, batch.unwrap_or(1));
    }
    let mut inputs = Vec::new();
    for mut array in read(target, &assign(target, words)?)? {
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
        inputs.push(Tensor::new(array.shape, &array.values)?);
    }
    Ok(inputs)
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
