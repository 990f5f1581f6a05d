//! The kernels: for each algorithm what it needs to know (its *spec*, which is all that code generation sees), how it splits into tasks, how its
//! parameters are packed, and its reference in plain f64.
//!
//! # How a kernel is called
//!
//! `extern "C" fn(operands: *const *mut f32, begin: usize, end: usize, batch: usize)` does the tasks `begin..end` of `0..spec.n_tasks(batch)`. Tasks
//! write disjoint parts of the result and may run in any order and on any thread. `operands` are, in this order: the inputs of the operation, its packed
//! parameters, the operands of the epilogue, the calling thread's scratch memory if the kernel [asks](KernelSpec::scratch_size) for any, the result. Each tensor's spec is a [`View`](crate::plan::View); the pointer is to the first float of the first image's tensor, halo
//! included. A kernel that writes a tensor with a halo writes the halo's zeros too: see `codegen::clif`.

mod chain;
pub mod conv;
pub mod conv_transpose;
pub mod dense;
mod packing;
pub mod pairs;
pub mod reference;
mod schedule;
mod spec;
mod tasks;
#[cfg(test)]
mod testing;
mod tuning;
pub mod winograd;

pub use chain::Chain;
pub use conv::{LANEWISE_TAPS, Sharing};
pub use dense::WeightType;
pub use packing::{ConvPacking, DensePacking, Packing, WinogradPacking};
pub use schedule::{NEAR_CACHE, Schedule, Strip};
pub use spec::{
    ConvSpec, CopySpec, DenseSpec, DepthwiseSpec, Epilogue, KernelSpec, Lattice, LrnSpec, MapSpec,
    PoolSpec, PoolWindows, ResizeSpec, SoftmaxSpec, TransposedTaps,
};
pub use tasks::{TaskCount, as_row, n_strips, rows_per_task};
pub use tuning::{ConvShape, Times, Tuning};
pub use winograd::{WinogradCut, WinogradSpec};

/// A family of register tiles for convolution and dense layers: vector width, registers, block of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileFamily {
    /// 128-bit vectors, all in Cranelift: every machine has it.
    Clif128,
    /// 256-bit vectors, assembled: x86-64 with AVX2 and FMA.
    Avx2,
    /// 512-bit vectors, assembled: x86-64 with AVX-512 F and VL.
    Avx512,
    /// The same where additions of such vectors take nothing from multiply-adds, so that [products of pairs](pairs) pay: Zen 4.
    Zen4,
}

impl TileFamily {
    /// All of them, from the narrowest to the widest, of equal width the more special last: where several run, the last is the fastest.
    pub const ALL: [TileFamily; 4] = [
        TileFamily::Clif128,
        TileFamily::Avx2,
        TileFamily::Avx512,
        TileFamily::Zen4,
    ];

    /// Its name in options and plans.
    pub fn name(self) -> &'static str {
        match self {
            TileFamily::Clif128 => "clif128",
            TileFamily::Avx2 => "avx2",
            TileFamily::Avx512 => "avx512",
            TileFamily::Zen4 => "zen4",
        }
    }

    /// Floats of a vector.
    pub fn lanes(self) -> usize {
        match self {
            TileFamily::Clif128 => 4,
            TileFamily::Avx2 => 8,
            TileFamily::Avx512 | TileFamily::Zen4 => 16,
        }
    }

    /// Vector registers.
    pub fn registers(self) -> usize {
        match self {
            TileFamily::Clif128 | TileFamily::Avx2 => 16,
            TileFamily::Avx512 | TileFamily::Zen4 => 32,
        }
    }

    /// Vectors of sums that a tile keeps in registers beside `weights` vectors of weights.
    pub fn accumulators(self, weights: usize) -> usize {
        match self {
            // Of 16 registers, two hold weights, one an input and one its copy (Cranelift's multiply-adds overwrite a factor). Twelve would just fit, but
            // its register allocator then spills now and then: 74% of the peak instead of 88% (Zen 4). Loading the input anew for each use saves the copy,
            // but makes 14 loads for 12 multiply-adds: 80%.
            TileFamily::Clif128 => 10,
            // All but the weights and an input.
            TileFamily::Avx2 | TileFamily::Avx512 | TileFamily::Zen4 => {
                self.registers() - 1 - weights
            }
        }
    }

    /// Channels that lie side by side in its tensors.
    pub fn channel_block(self) -> usize {
        match self {
            TileFamily::Clif128 | TileFamily::Avx2 => 8,
            TileFamily::Avx512 | TileFamily::Zen4 => 16,
        }
    }

    /// Whether its tiles are functions that the loop nests call, rather than parts of these.
    pub fn is_assembled(self) -> bool {
        self != TileFamily::Clif128
    }
}
