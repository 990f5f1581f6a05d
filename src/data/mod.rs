//! What goes into a network and comes out of it: pictures, `.npy` arrays and safetensors files.

mod left_out;
mod npy;
mod picture;
mod resize;

use std::io::Read;
use std::path::Path;

pub use left_out::LeftOut;
pub use npy::{read_npy, write_npy};
pub use picture::read_picture;
pub use resize::{Pixels, Sample, resize_bilinear};

use crate::container::{self, Kind};
use crate::diagnostic::{Diagnostic, codes};
use crate::files;
use crate::graph::{ImageSpec, Shape};
use crate::limits;
use crate::weights::{WeightsFile, same_but_for_ones};

/// Numbers in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes, the batch first.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Vec<f32>,
}

/// What an input wants: its name, its shape per image, and how a picture becomes it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Name of the input.
    pub name: &'a str,
    /// Shape of one image.
    pub shape: &'a Shape,
    /// Preprocessing of pictures, if anything states it.
    pub image: Option<&'a ImageSpec>,
}

/// Reads one file as images of an input: a picture is one; an array is as many as it holds. The shape answered begins with the number of images.
///
/// `.npy` and `.safetensors` are known by their names, everything else is taken for a picture, which its first bytes tell. What is left out of a picture is noted.
pub fn read_input(
    path: &Path,
    wanted: Wanted<'_>,
    left_out: &mut LeftOut,
) -> Result<Array, Diagnostic> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.map(str::to_ascii_lowercase);
    refuse_other(path, extension.as_deref())?;
    match extension.as_deref() {
        Some("npy") => into_batch(read_npy(path)?, path, wanted),
        Some("safetensors") => into_batch(read_tensor(path, wanted.name)?, path, wanted),
        _ => {
            let Some(spec) = wanted.image else {
                return Err(unusable(
                    path,
                    format!("nothing says how a picture becomes the input `{}`", wanted.name),
                )
                .with_help("state `from image(...)` after the input in the .net file, or `image:` in a manifest beside the weights; or give the input as .npy"));
            };
            let array = picture::read(path, spec, wanted.shape, left_out)?;
            into_batch(array, path, wanted)
        }
    }
}

/// Refuses a file whose first bytes say that it is not what its name says, and tells what it is.
fn refuse_other(path: &Path, extension: Option<&str>) -> Result<(), Diagnostic> {
    let begin = files::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(container::PREFIX as u64)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    // Whoever reads the file says why it cannot.
    let Some(kind) = begin.ok().as_deref().and_then(container::recognise) else {
        return Ok(());
    };
    let is_wanted = match extension {
        Some("npy") => kind == Kind::Npy,
        Some("safetensors") => kind == Kind::Safetensors,
        _ => matches!(kind, Kind::Png | Kind::Jpeg),
    };
    if is_wanted {
        return Ok(());
    }
    let help = match kind {
        Kind::Npz => "give one array of it: numpy.save(\"x.npy\", numpy.load(\"x.npz\")[\"NAME\"])",
        Kind::Npy => "let its name end in .npy",
        Kind::Safetensors => "let its name end in .safetensors",
        Kind::Png | Kind::Jpeg => "give it the ending of a picture",
        kind => kind
            .unpacking()
            .unwrap_or("an input is a .npy or .safetensors array, or a PNG or JPEG picture"),
    };
    Err(unusable(path, format!("it is {}", kind.name())).with_help(help))
}

/// Reads several files as one batch, in their order.
pub fn read_batch(
    paths: &[&Path],
    wanted: Wanted<'_>,
    left_out: &mut LeftOut,
) -> Result<Array, Diagnostic> {
    let mut batch = Array {
        shape: std::iter::once(0).chain(sizes(wanted.shape)).collect(),
        values: Vec::new(),
    };
    for path in paths {
        let images = read_input(path, wanted, left_out)?;
        let n_elements = batch.values.len() + images.values.len();
        if n_elements as u64 > limits::TENSOR_ELEMENTS {
            return Err(unusable(path, "the batch is larger than a tensor may be"));
        }
        batch.shape[0] += images.shape[0];
        batch.values.extend(images.values);
    }
    Ok(batch)
}

fn sizes(shape: &Shape) -> impl Iterator<Item = usize> + '_ {
    shape.sizes().map(|size| size as usize)
}

/// One image gets a batch of 1 around it; E0902 for any other shape.
///
/// An array of another number of dimensions is taken if it only has other dimensions of 1, as a signal `[C, W]` for an input `[C, 1, W]`: its values are in the same order.
fn into_batch(mut array: Array, path: &Path, wanted: Wanted<'_>) -> Result<Array, Diagnostic> {
    let image: Vec<usize> = sizes(wanted.shape).collect();
    let is_image = |shape: &[usize]| same_but_for_ones(shape, &image);
    let n_images = match array.shape.as_slice() {
        shape if shape == image => Some(1),
        [n_images, rest @ ..] if rest == image => Some(*n_images),
        shape if is_image(shape) => Some(1),
        [n_images, rest @ ..] if is_image(rest) => Some(*n_images),
        _ => None,
    };
    if let Some(n_images) = n_images {
        array.shape = std::iter::once(n_images).chain(image).collect();
        return Ok(array);
    }
    Err(Diagnostic::without_place(
        codes::INPUT_SHAPE,
        format!(
            "`{}` has the shape {:?}, but the input `{}` is {} per image",
            path.display(),
            array.shape,
            wanted.name,
            wanted.shape
        ),
    )
    .with_help(format!("give an array of the shape {} for one image, or with the number of images before it for a batch", wanted.shape)))
}

/// The tensor of a safetensors file that has the input's name, or its only one.
fn read_tensor(path: &Path, name: &str) -> Result<Array, Diagnostic> {
    // To the caller this file is an input, whatever the reader of weights calls it.
    let file = WeightsFile::open(path).map_err(|mut diagnostic| {
        diagnostic.code = codes::INPUT_FILE;
        diagnostic.message = diagnostic.message.replace("weights file ", "");
        diagnostic
    })?;
    let mut names = file.tensors().map(|(name, _)| name);
    let only = match (names.next(), names.next()) {
        (Some(only), None) => only,
        _ => name,
    };
    let chosen = if file.get(name).is_some() { name } else { only };
    let Some(tensor) = file.get(chosen) else {
        return Err(unusable(path, format!("it has no tensor `{name}`")));
    };
    if let Some((index, value)) = file.overflow(chosen) {
        return Err(unusable(path, too_large(value, index)));
    }
    match file.read_f32(chosen) {
        Some(values) => Ok(Array {
            shape: tensor.shape.clone(),
            values,
        }),
        None => Err(unusable(
            path,
            format!(
                "its tensor `{chosen}` is {}, not of floats",
                tensor.element_type
            ),
        )),
    }
}

/// Why an array of wider numbers cannot be an input: rounded to f32, such a number would be infinite.
fn too_large(value: f64, index: usize) -> String {
    format!("its number {value:e} (the one with index {index}) is too large for 32 bits")
}

/// E0901 about a file.
fn unusable(path: &Path, reason: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::without_place(
        codes::INPUT_FILE,
        format!("cannot use the input `{}`: {reason}", path.display()),
    )
}

#[cfg(test)]
mod tests;
