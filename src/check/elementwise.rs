//! Layers that keep the shape, and broadcasting.

use super::{ShapeError, wants_map};
use crate::diagnostic::codes;
use crate::graph::Shape;

/// The shape that all of `shapes` broadcast to: equal ranks, and in each dimension one size or 1.
pub fn broadcast(shapes: &[&Shape]) -> Result<Shape, ShapeError> {
    let Some((first, rest)) = shapes.split_first() else {
        return Err(ShapeError::new(codes::MISMATCH, "no input"));
    };
    let mut sizes: Vec<u64> = first.sizes().collect();
    for shape in rest {
        let so_far = Shape::new(sizes.iter().copied());
        if shape.rank() != so_far.rank() {
            return Err(disagree(&so_far, shape).note(format!(
                "rank {} and rank {}",
                so_far.rank(),
                shape.rank()
            )));
        }
        for (axis, (size, other)) in sizes.iter_mut().zip(shape.sizes()).enumerate() {
            if *size != other && *size != 1 && other != 1 {
                let name = axis_name(axis, so_far.rank());
                return Err(disagree(&so_far, shape).note(format!("{name}: {size} and {other}")));
            }
            if *size == 1 {
                *size = other;
            }
        }
    }
    Ok(Shape::new(sizes))
}

fn disagree(a: &Shape, b: &Shape) -> ShapeError {
    ShapeError::new(codes::MISMATCH, format!("{a} and {b} do not agree"))
}

/// What people call an axis.
pub fn axis_name(axis: usize, rank: usize) -> String {
    match (axis, rank) {
        (0, 1) => "features".into(),
        (0, _) => "channels".into(),
        (1, 3) => "height".into(),
        (2, 3) => "width".into(),
        _ => format!("dimension {axis}"),
    }
}

/// `64 channels`, `7 rows`
pub fn axis_size(axis: usize, size: u64, rank: usize) -> String {
    let name = match (axis, rank) {
        (0, 1) => "feature",
        (0, _) => "channel",
        (1, 3) => "row",
        (2, 3) => "column",
        _ => "element",
    };
    format!("{size} {name}{}", if size == 1 { "" } else { "s" })
}

/// Layers of maps only.
pub fn of_map(layer: &str, input: &Shape) -> Result<Shape, ShapeError> {
    wants_map(layer, input)?;
    Ok(input.clone())
}

/// Layers that look at the first dimension.
pub fn of_channels(layer: &str, input: &Shape) -> Result<Shape, ShapeError> {
    if input.rank() == 0 {
        return Err(ShapeError::new(
            codes::RANK,
            format!("`{layer}` takes [C, H, W] or [F], not []"),
        ));
    }
    Ok(input.clone())
}
