//! Code in memory.

use std::fmt::Write;

use cranelift::jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift::module::{FuncId, default_libcall_names};

use super::module::{define_kernels, failed};
use super::{CodegenError, host_isa};
use crate::kernels::KernelSpec;
use crate::plan::{KernelId, Machine};

/// A kernel in memory: see the calling convention in [`crate::kernels`].
pub type KernelFn =
    unsafe extern "C" fn(operands: *const *mut f32, begin: usize, end: usize, batch: usize);

/// Address space set aside for code, so that no kernel lands out of reach of a near call. Only what is used takes memory. Where a process may not have as much address
/// space, the next smaller is tried: most nets take less than the last.
const CODE_RESERVES: [usize; 4] = [1 << 30, 256 << 20, 32 << 20, 4 << 20];

/// The machine code of a plan's kernels. It lives as long as this.
pub struct Executable {
    specs: Vec<KernelSpec>,
    functions: Vec<KernelFn>,
    /// Bytes of each kernel's code.
    sizes: Vec<usize>,
    /// Address and bytes of each assembled function that kernels call.
    tiles: Vec<(usize, usize)>,
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
        let tiles = self.tiles.iter().map(|(_, size)| size);
        self.sizes.iter().chain(tiles).sum()
    }

    /// The code as Linux's `perf` wants to be told of it in `/tmp/perf-PID.map`: a line a function, with its place and its name. `names` are the kernels', and
    /// `prefix` begins those of the assembled functions.
    pub fn perf_map(&self, names: &[String], prefix: &str) -> String {
        let mut text = String::new();
        let places = self.functions.iter().map(|function| *function as usize);
        let kernels = places.zip(&self.sizes).zip(names);
        for ((address, size), name) in kernels {
            let _ = writeln!(text, "{address:x} {size:x} {name}");
        }
        for (index, (address, size)) in self.tiles.iter().enumerate() {
            let _ = writeln!(text, "{address:x} {size:x} {prefix}tile_{index}");
        }
        text
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

/// Address space for code.
fn code_memory() -> Result<ArenaMemoryProvider, CodegenError> {
    let mut reserves = CODE_RESERVES.iter();
    let arena = reserves.find_map(|reserve| ArenaMemoryProvider::new_with_size(*reserve).ok());
    arena.ok_or_else(|| CodegenError::Memory("no memory for machine code".to_owned()))
}

/// Compiles the kernels for this machine.
pub fn compile(kernels: &[KernelSpec], machine: &Machine) -> Result<Executable, CodegenError> {
    let host = host_isa()?;
    let mut builder = JITBuilder::with_isa(host.clone(), default_libcall_names());
    builder.memory_provider(Box::new(code_memory()?));
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
    let tile = |(id, size): &(FuncId, usize)| (module.get_finalized_function(*id).addr(), *size);
    Ok(Executable {
        specs: kernels.to_vec(),
        functions,
        sizes: defined.functions.iter().map(|(_, size)| *size).collect(),
        tiles: defined.tiles.iter().map(tile).collect(),
        module: Some(module),
    })
}
