//! Layers that move numbers and compute none: concat, slice, pad, reshape, flatten, resize.

use super::elementwise::{axis_name, axis_size};
use super::{ShapeError, wants_map};
use crate::diagnostic::codes;
use crate::graph::{Margins, Shape};

/// Inputs joined along the axis; all other dimensions agree.
pub fn concat(axis: usize, inputs: &[&Shape]) -> Result<Shape, ShapeError> {
    let Some((first, rest)) = inputs.split_first() else {
        return Err(ShapeError::new(codes::CONCAT, "nothing to join"));
    };
    wants_axis("concat", axis, first)?;
    if let Some([like, odd]) = odd_one(axis, inputs) {
        return Err(cannot_join(axis, inputs, inputs[like], inputs[odd]));
    }
    let mut sizes: Vec<u64> = first.sizes().collect();
    for shape in rest {
        if let (Some(size), Some(other)) = (sizes.get_mut(axis), shape.sizes().nth(axis)) {
            *size = size.saturating_add(other);
        }
    }
    Ok(Shape::new(sizes))
}

/// Whether two shapes can stand beside each other.
fn is_joinable(axis: usize, a: &Shape, b: &Shape) -> bool {
    let mut pairs = a.sizes().zip(b.sizes()).enumerate();
    a.rank() == b.rank() && pairs.all(|(dimension, (a, b))| dimension == axis || a == b)
}

/// Of inputs that cannot be joined, one like the most others, and the first that differs from it.
pub fn odd_one(axis: usize, inputs: &[&Shape]) -> Option<[usize; 2]> {
    let n_alike = |a: &Shape| inputs.iter().filter(|b| is_joinable(axis, a, b)).count();
    // Of several, `max_by_key` takes the last.
    let like = (0..inputs.len())
        .rev()
        .max_by_key(|i| n_alike(inputs[*i]))?;
    let odd = inputs
        .iter()
        .position(|shape| !is_joinable(axis, inputs[like], shape))?;
    Some([like, odd])
}

fn cannot_join(axis: usize, inputs: &[&Shape], like: &Shape, odd: &Shape) -> ShapeError {
    let n_alike = inputs
        .iter()
        .filter(|shape| is_joinable(axis, like, shape))
        .count();
    let rank = like.rank();
    let what = axis_name(axis, rank);
    let message = match n_alike {
        1 => format!("{like} and {odd} cannot be joined along the {what}"),
        n => format!("{odd} cannot be joined along the {what} with {n} others such as {like}"),
    };
    let error = ShapeError::new(codes::CONCAT, message);
    if rank != odd.rank() {
        let note = format!("{like} has {rank} dimensions, {odd} has {}", odd.rank());
        return error.note(note);
    }
    let differing = like.sizes().zip(odd.sizes()).enumerate();
    let differing = differing.filter(|(dimension, (a, b))| *dimension != axis && a != b);
    differing.fold(error, |error, (dimension, (size, other))| {
        let name = axis_name(dimension, rank);
        error.note(match n_alike {
            1 => format!("{name}: {size} and {other}"),
            _ => format!("{name}: {other}, the others have {size}"),
        })
    })
}

fn wants_axis(layer: &str, axis: usize, input: &Shape) -> Result<(), ShapeError> {
    if axis < input.rank() {
        return Ok(());
    }
    Err(ShapeError::new(
        codes::ATTRIBUTE_RANGE,
        format!(
            "`{layer}` along axis {axis} of {input}, which has {} dimensions",
            input.rank()
        ),
    )
    .at("axis")
    .help("axes count from 0, the channels"))
}

/// `start..end` along the axis.
pub fn slice(axis: usize, start: usize, end: usize, input: &Shape) -> Result<Shape, ShapeError> {
    wants_axis("slice", axis, input)?;
    let mut sizes: Vec<u64> = input.sizes().collect();
    if let Some(size) = sizes.get_mut(axis) {
        if start >= end || end as u64 > *size {
            let whole = axis_size(axis, *size, input.rank());
            let attribute = if end as u64 > *size { "end" } else { "start" };
            return Err(ShapeError::new(
                codes::SLICE,
                format!("{start}..{end} is no part of the {whole}"),
            )
            .at(attribute));
        }
        *size = (end - start) as u64;
    }
    Ok(Shape::new(sizes))
}

/// Grown by constants: channels of anything, rows and columns of maps.
pub fn pad(spatial: Margins, channels: [usize; 2], input: &Shape) -> Result<Shape, ShapeError> {
    let grow = |size: u64, before: usize, after: usize| {
        size.saturating_add(before as u64)
            .saturating_add(after as u64)
    };
    if input.rank() == 1 && spatial.is_zero() {
        return Ok(Shape::features(grow(
            input.channels(),
            channels[0],
            channels[1],
        )));
    }
    wants_map("pad", input)?;
    Ok(Shape::chw(
        grow(input.channels(), channels[0], channels[1]),
        grow(input.height(), spatial.top, spatial.bottom),
        grow(input.width(), spatial.left, spatial.right),
    ))
}

/// The declared shape, if it has as many elements.
pub fn reshape(declared: &Shape, input: &Shape) -> Result<Shape, ShapeError> {
    let (from, to) = (input.checked_elements(), declared.checked_elements());
    if from.is_some() && from == to {
        return Ok(declared.clone());
    }
    let count = |elements: Option<u64>| elements.map_or("too many".to_string(), |n| n.to_string());
    Err(ShapeError::new(
        codes::RESHAPE,
        format!("{input} cannot be reshaped to {declared}"),
    )
    .at("shape")
    .note(format!(
        "{input} has {} elements, {declared} has {}",
        count(from),
        count(to)
    )))
}

/// All elements in one dimension.
pub fn flatten(input: &Shape) -> Result<Shape, ShapeError> {
    Ok(Shape::features(
        input.checked_elements().unwrap_or(u64::MAX),
    ))
}

/// A map of another size.
pub fn resize(size: [usize; 2], input: &Shape) -> Result<Shape, ShapeError> {
    wants_map("upsample", input)?;
    Ok(Shape::chw(input.channels(), size[0] as u64, size[1] as u64))
}
