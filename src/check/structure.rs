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
    let mut sizes: Vec<u64> = first.sizes().collect();
    for shape in rest {
        let fail = |note: String| {
            Err(ShapeError::new(
                codes::CONCAT,
                format!(
                    "{first} and {shape} cannot be joined along the {}",
                    axis_name(axis, first.rank())
                ),
            )
            .note(note))
        };
        if shape.rank() != first.rank() {
            return fail(format!(
                "{first} has {} dimensions, {shape} has {}",
                first.rank(),
                shape.rank()
            ));
        }
        for (dimension, (size, other)) in sizes.iter_mut().zip(shape.sizes()).enumerate() {
            if dimension == axis {
                *size = size.saturating_add(other);
            } else if *size != other {
                let name = axis_name(dimension, first.rank());
                return fail(format!("{name}: {size} and {other}"));
            }
        }
    }
    Ok(Shape::new(sizes))
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
