//! How a kernel's work splits into tasks.

use super::{CopySpec, KernelSpec, MapSpec};
use crate::graph::Margins;
use crate::plan::View;

/// Floats of a strip, about: 8 KB of results are worth the microsecond of taking a task, and leave enough tasks to share.
const STRIP_FLOATS: usize = 2048;

/// Rows of a plane that are one task of a kernel that computes `output` strip by strip.
pub fn rows_per_task(output: &View) -> usize {
    (STRIP_FLOATS / (output.width * output.block).max(1)).clamp(1, output.height.max(1))
}

/// Strips of one plane.
pub fn n_strips(output: &View) -> usize {
    output.height.div_ceil(rows_per_task(output))
}

impl KernelSpec {
    /// The tensor that the kernel writes.
    pub fn output(&self) -> &View {
        match self {
            KernelSpec::Conv(spec) => &spec.output,
            KernelSpec::Winograd(spec) => &spec.conv.output,
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

    /// How many tasks there are. Task numbers count images slowest, then blocks of channels, then rows (or strips of rows), unless stated otherwise.
    pub fn task_count(&self) -> TaskCount {
        let output = self.output();
        let strips = |view: &View| TaskCount::each(view.n_blocks() * n_strips(view));
        match self {
            // One task is a group of rows of a group of output channels; the order is that of the schedule.
            KernelSpec::Conv(spec) => TaskCount::each(spec.schedule.tasks_per_image()),
            KernelSpec::Winograd(spec) => spec.task_count(),
            KernelSpec::Depthwise(spec) => {
                TaskCount::each(spec.as_conv().schedule.tasks_per_image())
            }
            // One task is a strip of rows of one plane.
            KernelSpec::Pool(_) | KernelSpec::Lrn(_) | KernelSpec::Resize(_) => strips(output),
            KernelSpec::Map(spec) => strips(&spec.as_rows().output),
            // One task is a strip of a group of planes.
            KernelSpec::Copy(spec) => {
                let spec = spec.as_rows();
                let groups = spec.planes().len().div_ceil(spec.planes_per_task());
                TaskCount::each(groups * n_strips(&spec.output))
            }
            // This needs all channels of a pixel: one task is a row.
            KernelSpec::Softmax(_) => TaskCount::each(output.height),
            // One task is a block of output features for the whole batch, so that each weight is read once.
            KernelSpec::Dense(spec) => TaskCount::Fixed(output.channels.div_ceil(spec.unit())),
        }
    }

    /// Tasks for a batch.
    pub fn n_tasks(&self, batch: usize) -> usize {
        self.task_count().of(batch)
    }
}

/// How a kernel's number of tasks grows with the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskCount {
    /// It does not.
    Fixed(usize),
    /// The parts of all images in groups, the last perhaps not full, and so many tasks for each.
    Groups {
        /// Parts of one image.
        parts_per_image: usize,
        /// Parts of a group.
        parts_per_group: usize,
        /// Tasks for a group.
        tasks_per_group: usize,
    },
}

impl TaskCount {
    fn each(tasks_per_image: usize) -> TaskCount {
        TaskCount::Groups {
            parts_per_image: tasks_per_image,
            parts_per_group: 1,
            tasks_per_group: 1,
        }
    }

    /// The tasks for a batch.
    pub fn of(self, batch: usize) -> usize {
        match self {
            TaskCount::Fixed(n_tasks) => n_tasks,
            TaskCount::Groups {
                parts_per_image,
                parts_per_group,
                tasks_per_group,
            } => (batch * parts_per_image).div_ceil(parts_per_group) * tasks_per_group,
        }
    }
}

impl KernelSpec {
    /// Floats that a thread needs to itself while it does tasks of this kernel. If there are any, the last operand but one points to them; they hold anything
    /// when a call begins.
    pub fn scratch_size(&self) -> usize {
        match self {
            KernelSpec::Winograd(spec) => spec.scratch_size(),
            KernelSpec::Conv(_)
            | KernelSpec::Depthwise(_)
            | KernelSpec::Dense(_)
            | KernelSpec::Pool(_)
            | KernelSpec::Map(_)
            | KernelSpec::Lrn(_)
            | KernelSpec::Softmax(_)
            | KernelSpec::Copy(_)
            | KernelSpec::Resize(_) => 0,
        }
    }
}

/// A tensor of one pixel without halo has its channels side by side, whatever its block: as a plane of one row, it has long vectors.
pub fn as_row(view: &View) -> Option<View> {
    let is_pixel = view.height == 1 && view.width == 1 && view.halo.is_zero();
    is_pixel.then(|| View {
        channels: 1,
        height: 1,
        width: view.channels,
        block: 1,
        halo: Margins::default(),
        image_stride: view.image_stride,
    })
}

impl MapSpec {
    /// The same kernel, on rows if all its tensors can be seen as rows.
    pub fn as_rows(&self) -> MapSpec {
        let operands: Option<Vec<View>> = self.operands.iter().map(as_row).collect();
        match (operands, as_row(&self.output)) {
            (Some(operands), Some(output)) => MapSpec {
                function: self.function.clone(),
                operands,
                output,
            },
            _ => self.clone(),
        }
    }
}

/// Planes that a copy from blocks of channels to plain order does together: four lanes are four planes.
const TRANSPOSED_PLANES: usize = 4;

impl CopySpec {
    /// The same kernel, on rows if both tensors can be seen as rows.
    pub fn as_rows(&self) -> CopySpec {
        let turned = |[channel, row, _]: [usize; 3]| [row, row, channel];
        match (as_row(&self.input), as_row(&self.output)) {
            (Some(input), Some(output)) => CopySpec {
                input,
                output,
                source: turned(self.source),
                target: turned(self.target),
                size: [1, 1, self.size[0]],
                fill: self.fill,
            },
            _ => self.clone(),
        }
    }

    /// The planes of the output that the copy touches.
    pub fn planes(&self) -> std::ops::Range<usize> {
        match self.fill {
            Some(_) => 0..self.output.n_blocks(),
            None => {
                let end = self.target[0] + self.size[0];
                self.target[0] / self.output.block..end.div_ceil(self.output.block)
            }
        }
    }

    /// Whether each run of four output planes has its channels in four lanes that begin at a multiple of four of one input block.
    pub fn is_unblocking(&self) -> bool {
        self.output.block == 1
            && self.input.block.is_multiple_of(TRANSPOSED_PLANES)
            && self.source[0].is_multiple_of(TRANSPOSED_PLANES)
            && self.fill.is_none()
    }

    /// Planes of one task.
    pub fn planes_per_task(&self) -> usize {
        if self.is_unblocking() {
            TRANSPOSED_PLANES
        } else {
            1
        }
    }
}
