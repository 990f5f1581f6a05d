//! Code in memory.

use std::collections::HashMap;

use cranelift::codegen::Context;
use cranelift::codegen::ir::{AbiParam, FuncRef, Function, types};
use cranelift::jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift::module::{FuncId, Linkage, Module, default_libcall_names};

use super::clif::{self, Linker};
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

/// Boundary that assembled functions begin at: a cache line, so that their loops do.
const CODE_ALIGNMENT: u64 = 64;

/// Takes assembled functions into a module; equal ones once.
struct ModuleLinker<'a> {
    module: &'a mut JITModule,
    known: &'a mut HashMap<Vec<u8>, FuncId>,
    code_size: &'a mut usize,
}

impl Linker for ModuleLinker<'_> {
    fn link(
        &mut self,
        caller: &mut Function,
        code: Vec<u8>,
        n_arguments: usize,
    ) -> Result<FuncRef, CodegenError> {
        let id = match self.known.get(&code) {
            Some(id) => *id,
            None => {
                let mut signature = self.module.make_signature();
                signature.params = vec![AbiParam::new(types::I64); n_arguments];
                let name = format!("tile_{}", self.known.len());
                let id = self
                    .module
                    .declare_function(&name, Linkage::Local, &signature)
                    .map_err(|error| CodegenError(error.to_string()))?;
                self.module
                    .define_function_bytes(id, CODE_ALIGNMENT, &code, &[])
                    .map_err(|error| CodegenError(error.to_string()))?;
                *self.code_size += code.len();
                self.known.insert(code, id);
                id
            }
        };
        Ok(self.module.declare_func_in_func(id, caller))
    }
}

/// Compiles the kernels for this machine.
pub fn compile(kernels: &[KernelSpec], machine: &Machine) -> Result<Executable, CodegenError> {
    let fail = |error: &dyn std::fmt::Display| CodegenError(error.to_string());
    let host = host_isa()?;
    let mut builder = JITBuilder::with_isa(host.clone(), default_libcall_names());
    let arena = ArenaMemoryProvider::new_with_size(CODE_RESERVE).map_err(|error| fail(&error))?;
    builder.memory_provider(Box::new(arena));
    let mut module = JITModule::new(builder);
    let mut context = Context::new();
    let mut ids = Vec::with_capacity(kernels.len());
    let mut known = HashMap::new();
    let mut code_size = 0;
    for (index, spec) in kernels.iter().enumerate() {
        let isa = host.clone();
        let mut linker = ModuleLinker {
            module: &mut module,
            known: &mut known,
            code_size: &mut code_size,
        };
        context.func = clif::emit(spec, machine, isa.as_ref(), index as u32, &mut linker)?;
        let id = module
            .declare_function(
                &format!("kernel_{index}"),
                Linkage::Local,
                &context.func.signature,
            )
            .map_err(|error| fail(&error))?;
        module
            .define_function(id, &mut context)
            .map_err(|error| CodegenError(format!("kernel {index} ({spec:?}): {error:?}")))?;
        code_size += context
            .compiled_code()
            .map_or(0, |code| code.code_buffer().len());
        module.clear_context(&mut context);
        ids.push(id);
    }
    module
        .finalize_definitions()
        .map_err(|error| fail(&error))?;
    let functions = ids
        .into_iter()
        .map(|id| {
            let address = module.get_finalized_function(id);
            // SAFETY: the function was emitted with `KERNEL_SIGNATURE`, which is this type.
            unsafe { std::mem::transmute::<*const u8, KernelFn>(address) }
        })
        .collect();
    Ok(Executable {
        specs: kernels.to_vec(),
        functions,
        code_size,
        module: Some(module),
    })
}
