//! Dense layers: from a node's attributes to a kernel.

use super::{DenseSpec, Epilogue, KernelSpec};
use crate::plan::{Machine, View};

/// The kernel that computes a dense layer from `input` to `output`.
pub fn configure(
    input: View,
    output: View,
    bias: bool,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> KernelSpec {
    KernelSpec::Dense(DenseSpec {
        family: machine.family,
        input,
        output,
        bias,
        epilogue,
    })
}
