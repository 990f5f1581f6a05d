//! Code in memory.

use cranelift::jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift::module::default_libcall_names;

use super::module::{define_kernels, failed};
use super::{CodegenError, host_isa};
use crate::kernels::KernelSpec;
use crate::plan::{KernelId, Machine};

/// A kernel in memory: see the calling convention in [`crate::kernels`].
pub type KernelFn =
    unsafe extern "C" fn(operands: *const *mut f32, begin: usize, end: usize, batch: usize);

/// Address space set aside for code, so that no kernel lands out of reach of a near call. Only what is used takes memory.
const CODE_RESERVE: usize = 256 << 20;

/// The machine code of a plan's kernels. It lives as long as this.
pub struct Executable {
    specs: Vec<KernelSpec>,
    functions: Vec<KernelFn>,
    code_size: usize,
    module: Option<JITModule>,
}

// SAFETY: after `compile` the module is never touched again until it is freed in `drop`, which has exclusive access; what is shared is read-only code.
unsafe impl Sync for Executable {}

impl Executable {
    /// What each kernel is.
    pub fn specs(&self) -> &[KernelSpec] {
        &self.specs
    }

    /// The kernel's entry. Valid while `self` lives.
    pub fn function(&self, kernel: KernelId) -> KernelFn {
        self.functions[kernel.0 as usize]
    }

    /// Bytes of machine code.
    pub fn code_size(&self) -> usize {
        self.code_size
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the functions are only reachable through `self`, and calls borrow it.
            unsafe { module.free_memory() }
        }
    }
}

/// Compiles the kernels for this machine.
pub fn compile(kernels: &[KernelSpec], machine: &Machine) -> Result<Executable, CodegenError> {
    let host = host_isa()?;
    let mut builder = JITBuilder::with_isa(host.clone(), default_libcall_names());
    let arena = ArenaMemoryProvider::new_with_size(CODE_RESERVE).map_err(failed)?;
    builder.memory_provider(Box::new(arena));
    let mut module = JITModule::new(builder);
    let names: Vec<String> = (0..kernels.len())
        .map(|index| format!("kernel_{index}"))
        .collect();
    let defined = define_kernels(&mut module, host.as_ref(), kernels, machine, &names, "")?;
    module.finalize_definitions().map_err(failed)?;
    let functions = defined.functions.iter();
    let functions = functions
        .map(|(id, _)| {
            let address = module.get_finalized_function(*id);
            // SAFETY: the function was emitted with `KERNEL_SIGNATURE`, which is this type.
            unsafe { std::mem::transmute::<*const u8, KernelFn>(address) }
        })
        .collect();
    Ok(Executable {
        specs: kernels.to_vec(),
        functions,
        code_size: defined.code_size(),
        module: Some(module),
    })
}
