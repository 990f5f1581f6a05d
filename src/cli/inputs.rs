//! What a net is run on: the files that the user names.

use std::path::Path;

use super::console;
use super::target::Target;
use crate::data::{Array, LeftOut, Wanted, read_batch};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::SourceMap;

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

/// The file of `NAME=FILE` or `FILE`. A path may hold a `=` of its own.
pub fn file(word: &str) -> &Path {
    match word.split_once('=') {
        Some((_, file)) if !Path::new(word).exists() => Path::new(file),
        _ => Path::new(word),
    }
}

/// Reads every input; all must hold as many images. Tells what is left out of pictures.
pub fn read(target: &Target, files: &[Vec<&Path>]) -> Result<Vec<Array>, Diagnostic> {
    let mut batches: Vec<Array> = Vec::new();
    let mut left_out = LeftOut::default();
    for (index, (input, files)) in target.graph.inputs.iter().zip(files).enumerate() {
        let wanted = Wanted {
            name: &input.name,
            shape: &target.graph.node(input.node).shape,
            image: target.image(index),
        };
        let batch = read_batch(files, wanted, &mut left_out)?;
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
    console::report(&left_out.warnings(), &SourceMap::new());
    Ok(batches)
}
