//! What a session calls: the code of a plan's kernels.

use crate::codegen::jit::Executable;
use crate::kernels::KernelSpec;
use crate::plan::KernelId;

/// Code for a list of kernels.
///
/// # Safety
///
/// `call` with tensors laid out as [`Kernels::specs`] says does what the spec says, and touches nothing else: it reads and writes only the tensors' floats
/// (surplus lanes and halo included), reads packed parameters as `KernelSpec::packings` says, and tasks write disjoint parts of the result.
pub unsafe trait Kernels: Send + Sync {
    /// What each kernel is, by [`KernelId`].
    fn specs(&self) -> &[KernelSpec];

    /// Does the tasks `begin..end`; see [`crate::kernels`].
    ///
    /// # Safety
    ///
    /// `kernel` is one of them. `operands` points to as many pointers as the kernel's spec has operands, each to a tensor of `batch` images laid out as the
    /// spec says (or to a packed parameter), which nobody else writes meanwhile, except this kernel's other tasks. `end` is at most `n_tasks(batch)`.
    unsafe fn call(
        &self,
        kernel: KernelId,
        operands: *const *mut f32,
        begin: usize,
        end: usize,
        batch: usize,
    );
}

// SAFETY: the code was emitted from the specs, and the tests compare each kernel with its reference.
unsafe impl Kernels for Executable {
    fn specs(&self) -> &[KernelSpec] {
        Executable::specs(self)
    }

    unsafe fn call(
        &self,
        kernel: KernelId,
        operands: *const *mut f32,
        begin: usize,
        end: usize,
        batch: usize,
    ) {
        // SAFETY: the caller keeps the contract of the calling convention, and the code lives as long as `self`.
        unsafe { self.function(kernel)(operands, begin, end, batch) }
    }
}
