//! From a graph to a plan: which kernels run in which order, on which tensors, laid out how and where.
//!
//! Facts about the machine enter here and not before.

mod builder;
mod choices;
mod cost;
mod forms;
mod layout;
mod lead;
mod lower;
mod memory;
mod placement;
#[cfg(test)]
mod tests;
mod text;
mod verify;
mod view;
mod waves;

pub use layout::convolutions;
pub use lead::Lead;
pub use memory::lower_bound;
pub use text::print_plan;
pub(crate) use verify::operand_views;
pub use verify::verify_plan;
pub use view::View;
pub use waves::{PARALLEL_COST, waves, waves_of};

use crate::graph::{Graph, ParamId, Shape};
use crate::kernels::{KernelSpec, Tuning};

/// What the planner knows about the machine it plans for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// The family of tiles that convolutions and dense layers use.
    pub family: crate::kernels::TileFamily,
    /// Whether fused multiply-add is there.
    pub has_fma: bool,
    /// Whether only algorithms count whose error is that of a plain sum in f32, and long sums are cut into short chains.
    pub precise: bool,
    /// How weights of dense layers are stored: not a fact, but a choice.
    pub dense_weights: crate::kernels::WeightType,
    /// Images that are computed at a time, at least 1, as far as is known: algorithms are chosen for so many. Any number can be run.
    pub batch: usize,
}

/// Handle of a kernel in a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelId(pub u32);

/// Handle of a buffer in a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// Handle of a packed parameter in a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackedId(pub u32);

/// A region of the arena. Sizes and offsets are per image: for a batch of n everything is n times as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Floats per image, a multiple of [`ALIGNMENT_FLOATS`].
    pub size: usize,
    /// From one image to the next, floats: the `image_stride` of all views of it. No larger than `size`.
    pub image_stride: usize,
    /// From the start of the arena, floats per image, a multiple of [`ALIGNMENT_FLOATS`].
    pub offset: usize,
    /// The steps during which it is in use: from the first of the [wave](waves) that first touches it to the last of the one that last does.
    pub live: (usize, usize),
}

/// Buffers begin at multiples of this many floats (64 bytes, a cache line).
pub const ALIGNMENT_FLOATS: usize = 16;

/// A pointer that a step passes to its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A place in the arena: the buffer's start plus `offset` floats (which do not grow with the batch: a block of channels within the first image).
    Buffer {
        /// Which.
        buffer: BufferId,
        /// Where in it.
        offset: usize,
    },
    /// The user's input tensor with this index, plain.
    Input(usize),
    /// The user's output tensor with this index, plain.
    Output(usize),
    /// A packed parameter.
    Param(PackedId),
    /// Memory that belongs to the calling thread while it does the step, [`Plan::scratch_size`] floats; of a kernel that asks for it, the last operand but one.
    Scratch,
}

/// One call of a kernel over its whole range of tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What runs.
    pub kernel: KernelId,
    /// Its pointers, in the order that the kernel states.
    pub operands: Vec<Operand>,
    /// The node's name, for people.
    pub name: String,
}

/// A parameter as a kernel wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedParam {
    /// Its values.
    pub param: ParamId,
    /// Their order.
    pub packing: crate::kernels::Packing,
    /// Offset in the block of packed parameters, floats, a multiple of [`ALIGNMENT_FLOATS`].
    pub offset: usize,
}

/// An input or output of the net, as the user sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its shape, without the batch.
    pub shape: Shape,
}

/// A compiled network without its code: everything that code generation, binding and running need.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it was made for.
    pub machine: Machine,
    /// What was known of that machine's speed.
    pub tuning: Tuning,
    /// The distinct kernels.
    pub kernels: Vec<KernelSpec>,
    /// In order of execution.
    pub steps: Vec<Step>,
    /// The regions of the arena.
    pub buffers: Vec<Buffer>,
    /// Size of the arena, floats per image.
    pub arena_size: usize,
    /// Which steps of a batch run image by image, if any.
    pub lead: Option<Lead>,
    /// Parameters to pack, in order of their offsets.
    pub packed: Vec<PackedParam>,
    /// Size of all packed parameters, floats.
    pub packed_size: usize,
    /// Floats that each thread needs to itself: the most that a kernel asks for.
    pub scratch_size: usize,
    /// What [`Operand::Input`] counts.
    pub inputs: Vec<Port>,
    /// What [`Operand::Output`] counts.
    pub outputs: Vec<Port>,
}

/// Plans a graph that [`optimize`](crate::optimize::optimize) has been over (no batch-norm is left by then); shapes have rank 1 to 3.
/// Convolutions are computed as is fastest by `tuning`, or by the cost model where it does not know.
pub fn plan(graph: &Graph, machine: &Machine, tuning: &Tuning) -> Plan {
    let plan = lower::lower(graph, machine, tuning);
    debug_assert_eq!(verify_plan(&plan), Ok(()), "{}", print_plan(&plan));
    plan
}
