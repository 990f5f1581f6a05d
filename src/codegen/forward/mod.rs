//! A plan as functions that a C program calls: what [`crate::runtime::Session`] does on one thread, written out as code.
//!
//! All functions are re-entrant: they know nothing but their arguments, and allocate nothing. `entry` has the calls, `open` takes in weights, `steps` calls kernels,
//! `words` is the layer over Cranelift.

mod entry;
#[cfg(any(test, feature = "random"))]
pub(crate) mod memory;
mod open;
mod steps;
#[cfg(test)]
mod tests;
mod words;

use cranelift::codegen::ir::Value;
use cranelift::module::{DataId, FuncId, Module};

use crate::codegen::{CodegenError, Target};
use crate::kernels::TileFamily;
use crate::plan::Plan;
use steps::FLOAT;
use words::{WORD, Words};

/// What functions answer: 0 or what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `text` says it
pub enum Status {
    Ok,
    Null,
    Alignment,
    Batch,
    Parts,
    Isa,
    Weights,
    WeightsSize,
    WeightsMagic,
    WeightsVersion,
    WeightsNet,
    WeightsChecksum,
}

impl Status {
    /// All, in the order of their numbers.
    pub const ALL: [Status; 12] = [
        Status::Ok,
        Status::Null,
        Status::Alignment,
        Status::Batch,
        Status::Parts,
        Status::Isa,
        Status::Weights,
        Status::WeightsSize,
        Status::WeightsMagic,
        Status::WeightsVersion,
        Status::WeightsNet,
        Status::WeightsChecksum,
    ];

    /// Its number.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// Its name in C, after the net's.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Null => "ERROR_NULL",
            Status::Alignment => "ERROR_ALIGNMENT",
            Status::Batch => "ERROR_BATCH",
            Status::Parts => "ERROR_PARTS",
            Status::Isa => "ERROR_ISA",
            Status::Weights => "ERROR_WEIGHTS",
            Status::WeightsSize => "ERROR_WEIGHTS_SIZE",
            Status::WeightsMagic => "ERROR_WEIGHTS_MAGIC",
            Status::WeightsVersion => "ERROR_WEIGHTS_VERSION",
            Status::WeightsNet => "ERROR_WEIGHTS_NET",
            Status::WeightsChecksum => "ERROR_WEIGHTS_CHECKSUM",
        }
    }

    /// What it means.
    pub fn text(self) -> &'static str {
        match self {
            Status::Ok => "it is done",
            Status::Null => "a pointer is null",
            Status::Alignment => "a region does not begin at a multiple of 64 bytes",
            Status::Batch => "the batch is too large for the address space",
            Status::Parts => "the number of parts is 0 or too large",
            Status::Isa => "this machine lacks the instructions that the code was made of",
            Status::Weights => "the weights were not opened",
            Status::WeightsSize => "the weights have another size",
            Status::WeightsMagic => "these are no weights that netc packed",
            Status::WeightsVersion => "the weights have another layout version",
            Status::WeightsNet => "the weights were packed for another net or other code",
            Status::WeightsChecksum => "the weights are damaged",
        }
    }
}

/// Boundary, in bytes, that a workspace and weights begin at.
pub const ALIGNMENT: usize = 64;

/// Into how many parts a step can be cut, at most.
pub const PARTS_MAX: usize = 4096;

/// A plan for one family of tiles.
pub struct Variant<'a> {
    /// What runs.
    pub plan: &'a Plan,
    /// What this plan's symbols begin with.
    pub prefix: String,
    /// Where the packed parameters lie among the weights, bytes.
    pub weights_at: usize,
}

impl Variant<'_> {
    /// Its family of tiles.
    pub fn family(&self) -> TileFamily {
        self.plan.machine.family
    }

    /// Scratch memory that a caller of kernels needs.
    fn scratch_bytes(&self) -> usize {
        (FLOAT * self.plan.scratch_size).next_multiple_of(ALIGNMENT)
    }
}

/// How much memory a call needs, in bytes: `scratch + min(batch, group) * arena + batch * shared`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Whatever the batch.
    pub scratch: usize,
    /// For each image that is on its way through the first steps.
    pub arena: usize,
    /// So many are at once, at most.
    pub group: usize,
    /// For each image of the batch.
    pub shared: usize,
    /// For each image of the batch, where parts of the steps run side by side.
    pub whole: usize,
    /// For any of these sizes, with all of a batch's tensors, the largest batch whose addresses fit.
    pub batch_max: usize,
}

impl Workspace {
    /// What is enough for each of the plans.
    pub fn of<'p>(variants: impl Iterator<Item = &'p Variant<'p>>) -> Workspace {
        let mut all = Workspace {
            scratch: 0,
            arena: 0,
            group: 1,
            shared: 0,
            whole: 0,
            // Products of two batches fit a word.
            batch_max: 1 << 31,
        };
        for variant in variants {
            let plan = variant.plan;
            let group = plan.lead.as_ref().map_or(all.batch_max, |lead| lead.group);
            let shared = plan.lead.as_ref().map_or(0, |lead| lead.arena_size);
            let ports = plan.inputs.iter().chain(&plan.outputs);
            let port = ports.map(|port| port.shape.elements() as usize).max();
            let arena = FLOAT * plan.arena_size;
            let image = arena + FLOAT * (shared + port.unwrap_or(0)) + 1;
            all = Workspace {
                scratch: all.scratch.max(variant.scratch_bytes()),
                arena: all.arena.max(arena),
                group: all.group.max(group),
                shared: all.shared.max(FLOAT * shared),
                whole: all.whole.max(arena),
                // Numbers of tasks are below those of floats, and products with a number of parts must fit as well.
                batch_max: all.batch_max.min((1 << 47) / image),
            };
        }
        all.group = all.group.min(all.batch_max);
        all
    }
}

/// The words that all steps of a call read, in this order; they lie on the stack of the call.
#[derive(Clone, Copy)]
enum Context {
    /// Packed parameters.
    Weights,
    /// Scratch memory, one part's after another.
    Scratch,
    /// The arena of the images that run.
    Arena,
    /// That of all images.
    Shared,
    /// How many images there are.
    Batch,
    /// Into how many parts steps are cut.
    Parts,
    /// The inputs, then the outputs.
    Port(usize),
}

impl Context {
    fn place(self) -> i64 {
        let words = match self {
            Context::Weights => 0,
            Context::Scratch => 1,
            Context::Arena => 2,
            Context::Shared => 3,
            Context::Batch => 4,
            Context::Parts => 5,
            Context::Port(index) => 6 + index as i64,
        };
        WORD * words
    }

    fn load(self, function: &mut Words<'_>, context: Value) -> Value {
        function.load(context, self.place())
    }

    fn store(self, function: &mut Words<'_>, context: Value, value: Value) {
        function.store(value, context, self.place());
    }
}

/// What is known of weights before they are there.
#[derive(Clone, Copy)]
pub struct ImageHeader<'a> {
    /// How an image of weights begins; the word of the checksum is 0 here.
    pub bytes: &'a [u8],
    /// Where the checksum stands.
    pub checksum_at: usize,
    /// Where the bytes begin that it is of.
    pub payload_at: usize,
    /// Bytes of the whole.
    pub len: usize,
}

/// What the functions are made of.
pub struct Forward<'a> {
    /// What public symbols begin with.
    pub name: &'a str,
    /// What they run on.
    pub target: Target,
    /// The plans, the narrowest family first: with the same inputs and outputs.
    pub variants: &'a [Variant<'a>],
    /// How weights begin.
    pub header: ImageHeader<'a>,
    /// The weights, if they are part of the object.
    pub embedded: Option<DataId>,
    /// Whether there is an entry that runs steps in parts.
    pub parallel: bool,
    /// What `NAME_info` points to.
    pub description: DataId,
}

/// Defines all functions. `kernels` are each variant's.
pub fn define(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    kernels: &[Vec<FuncId>],
) -> Result<(), CodegenError> {
    open::define(module, forward)?;
    entry::define(module, forward, kernels)
}
