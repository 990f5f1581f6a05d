//! How a kernel's work splits into tasks.

use super::KernelSpec;
use crate::plan::View;

impl KernelSpec {
    /// The tensor that the kernel writes.
    pub fn output(&self) -> &View {
        match self {
            KernelSpec::Conv(spec) => &spec.output,
            KernelSpec::Depthwise(spec) => &spec.output,
            KernelSpec::Dense(spec) => &spec.output,
            KernelSpec::Pool(spec) => &spec.output,
            KernelSpec::Map(spec) => &spec.output,
            KernelSpec::Lrn(spec) => &spec.output,
            KernelSpec::Softmax(spec) => &spec.output,
            KernelSpec::Copy(spec) => &spec.output,
            KernelSpec::Resize(spec) => &spec.output,
        }
    }

    /// Tasks for a batch. Task numbers count images slowest, then blocks of channels, then rows, unless stated otherwise.
    pub fn n_tasks(&self, batch: usize) -> usize {
        let output = self.output();
        match self {
            // One task is a group of rows of one block of output channels; the order is that of the schedule.
            KernelSpec::Conv(spec) => batch * output.n_blocks() * spec.schedule().row_groups,
            KernelSpec::Depthwise(spec) => {
                batch * output.n_blocks() * spec.as_conv().schedule().row_groups
            }
            KernelSpec::Pool(_)
            | KernelSpec::Map(_)
            | KernelSpec::Copy(_)
            | KernelSpec::Resize(_) => batch * output.n_blocks() * output.height,
            // These need all channels of a pixel: one task is a row.
            KernelSpec::Lrn(_) | KernelSpec::Softmax(_) => batch * output.height,
            // One task is a block of output features for the whole batch, so that each weight is read once.
            KernelSpec::Dense(_) => output.channels.div_ceil(super::DENSE_FEATURES_PER_TASK),
        }
    }
}
