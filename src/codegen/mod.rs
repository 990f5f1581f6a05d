//! From kernel specs to machine code.
//!
//! `clif` writes a kernel as Cranelift IR, `x86` assembles the innermost parts in wider vectors, `processor` knows what each family of
//! tiles asks of a machine, `isa` this machine and `target` the others. [`jit`] makes code
//! in memory of it, `object` an object file, with a function that calls the kernels in a plan's order (`forward`). Emitting is a pure function of the spec and the
//! machine's features, so equal layers share one kernel.

mod clif;
pub(crate) mod forward;
mod isa;
pub mod jit;
mod listing;
mod module;
pub mod object;
mod processor;
mod symbols;
mod target;
#[cfg(test)]
mod tests;
mod transforms;
mod x86;

pub use clif::KERNEL_SIGNATURE;
pub use isa::{detect_machine, host_isa, machine_for, machines};
pub use listing::{Lister, print_asm, print_clif};
pub use symbols::{kernel_names, symbol_prefix};
pub use target::Target;

/// Why code could not be made. Never the fault of a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodegenError {
    /// This machine, or this kind of machine, lacks the instructions.
    Isa(String),
    /// Memory for code could not be allocated.
    Memory(String),
    /// The compiler is wrong.
    Internal(String),
}

impl std::fmt::Display for CodegenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CodegenError::Isa(reason)
            | CodegenError::Memory(reason)
            | CodegenError::Internal(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for CodegenError {}
