//! Shape rules: for every operation, what it takes and what comes out.

use crate::diagnostic::Code;
use crate::graph::{Op, Shape};

/// Why an operation cannot take its inputs. Whoever knows the source makes a diagnostic of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeError {
    /// The code of the diagnostic.
    pub code: Code,
    /// One line.
    pub message: String,
    /// The attribute at fault, if it is one: its argument gets the primary span.
    pub attribute: Option<&'static str>,
    /// The arithmetic.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

/// The shape of the result. `declared` is the answer for operations that do not compute theirs (input, param, reshape).
pub fn infer_shape(_op: &Op, _inputs: &[&Shape], declared: &Shape) -> Result<Shape, ShapeError> {
    Ok(declared.clone())
}

/// The shape that all of `shapes` broadcast to: equal ranks, and in each dimension one size or 1.
pub fn broadcast(shapes: &[&Shape]) -> Result<Shape, ShapeError> {
    Ok(shapes[0].clone())
}
