//! Dense layers.

use super::ShapeError;
use crate::diagnostic::codes;
use crate::graph::Shape;

/// A dense layer as it is written takes `[F]`.
pub fn takes_features(input: &Shape) -> Result<(), ShapeError> {
    if input.rank() == 1 {
        return Ok(());
    }
    let features = input.checked_elements();
    let features = features.map_or(String::new(), |n| format!(": it makes [{n}] of {input}"));
    Err(
        ShapeError::new(codes::RANK, format!("`dense` takes [F], not {input}"))
            .help(format!("put `flatten` before it{features}")),
    )
}

/// `[features]`; the input may be a map that is read in row-major order.
pub fn dense(features: usize, input: &Shape) -> Result<Shape, ShapeError> {
    if input.rank() == 0 {
        return Err(ShapeError::new(codes::RANK, "`dense` takes [F], not []"));
    }
    if features == 0 {
        return Err(
            ShapeError::new(codes::ATTRIBUTE_RANGE, "`features` must be at least 1").at("features"),
        );
    }
    Ok(Shape::features(features as u64))
}
