//! From kernel specs to machine code.
//!
//! `clif` writes a kernel as Cranelift IR, `x86` assembles the innermost parts in wider vectors, `isa` knows this machine and `target` the others. [`jit`] makes code
//! in memory of it, `object` an object file, with a function that calls the kernels in a plan's order (`forward`). Emitting is a pure function of the spec and the
//! machine's features, so equal layers share one kernel.

mod clif;
mod forward;
mod isa;
pub mod jit;
mod listing;
mod module;
pub mod object;
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

/// Why code could not be made. Never the user's fault: the machine lacks something, or the compiler is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodegenError(pub String);

impl std::fmt::Display for CodegenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CodegenError {}
