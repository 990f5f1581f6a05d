//! The orders in which kernels want their parameters.

use super::KernelSpec;

/// How a parameter is laid out for a kernel. Evaluating it is a pure function of the parameter's values in row-major order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// As it is, a vector.
    Vector,
}

impl Packing {
    /// Floats of a packed parameter that has `elements` values.
    pub fn packed_len(&self, elements: usize) -> usize {
        match self {
            Packing::Vector => elements,
        }
    }
}

impl KernelSpec {
    /// The packing of each of the node's parameters, in order.
    pub fn packings(&self) -> Vec<Packing> {
        let bias = match self {
            KernelSpec::Conv(spec) => spec.bias,
            KernelSpec::Depthwise(spec) => spec.bias,
            KernelSpec::Dense(spec) => spec.bias,
            _ => return Vec::new(),
        };
        vec![Packing::Vector; 1 + usize::from(bias)]
    }
}
