//! The orders in which kernels want their parameters.

/// How a parameter is laid out for a kernel. Evaluating it is a pure function of the parameter's values in row-major order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// As it is, a vector.
    Vector,
}
