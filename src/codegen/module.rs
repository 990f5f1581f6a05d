//! Kernels in a module of Cranelift's, be it code in memory or an object file.

use std::collections::HashMap;

use cranelift::codegen::Context;
use cranelift::codegen::control::ControlPlane;
use cranelift::codegen::ir::{AbiParam, FuncRef, Function, Signature, types};
use cranelift::codegen::isa::TargetIsa;
use cranelift::module::{FuncId, Linkage, Module, ModuleError, ModuleReloc};

use super::CodegenError;
use super::clif::{self, Linker};
use crate::kernels::KernelSpec;
use crate::plan::Machine;

/// Boundary that assembled functions begin at: a cache line, so that their loops do.
const CODE_ALIGNMENT: u64 = 64;

/// The kernels of one list in a module.
pub(super) struct Kernels {
    /// Each kernel's function and bytes of code.
    pub functions: Vec<(FuncId, usize)>,
    /// The same of the assembled functions that they call.
    pub tiles: Vec<(FuncId, usize)>,
}

impl Kernels {
    /// Bytes of machine code.
    pub fn code_size(&self) -> usize {
        let all = self.functions.iter().chain(&self.tiles);
        all.map(|(_, size)| size).sum()
    }
}

/// What is wrong with a module, as this crate tells it.
pub(super) fn failed(error: ModuleError) -> CodegenError {
    match error {
        ModuleError::Allocation { err } => {
            CodegenError::Memory(format!("no memory for machine code: {err}"))
        }
        error => CodegenError::Internal(error.to_string()),
    }
}

/// Takes assembled functions into a module; equal ones once.
struct ModuleLinker<'a> {
    module: &'a mut dyn Module,
    prefix: &'a str,
    known: HashMap<Vec<u8>, FuncId>,
    tiles: Vec<(FuncId, usize)>,
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
                let name = format!("{}tile_{}", self.prefix, self.tiles.len());
                let id = define_assembled(self.module, &name, &code, n_arguments)?;
                self.tiles.push((id, code.len()));
                self.known.insert(code, id);
                id
            }
        };
        Ok(self.module.declare_func_in_func(id, caller))
    }
}

/// Defines an assembled function of so many words.
pub(super) fn define_assembled(
    module: &mut dyn Module,
    name: &str,
    code: &[u8],
    n_arguments: usize,
) -> Result<FuncId, CodegenError> {
    let signature = words(module.isa(), n_arguments);
    let id = module
        .declare_function(name, Linkage::Local, &signature)
        .map_err(failed)?;
    module
        .define_function_bytes(id, CODE_ALIGNMENT, code, &[])
        .map_err(failed)?;
    Ok(id)
}

/// The signature of a function of so many words that answers nothing.
pub(super) fn words(isa: &dyn TargetIsa, n_arguments: usize) -> Signature {
    let mut signature = Signature::new(isa.default_call_conv());
    signature.params = vec![AbiParam::new(types::I64); n_arguments];
    signature
}

/// Compiles kernels for `isa`, which may have more instructions than the module's own. `names` are their symbols; those of assembled functions begin with
/// `prefix`.
pub(super) fn define_kernels(
    module: &mut dyn Module,
    isa: &dyn TargetIsa,
    kernels: &[KernelSpec],
    machine: &Machine,
    names: &[String],
    prefix: &str,
) -> Result<Kernels, CodegenError> {
    let mut context = Context::new();
    let mut linker = ModuleLinker {
        module,
        prefix,
        known: HashMap::new(),
        tiles: Vec::new(),
    };
    let mut functions = Vec::with_capacity(kernels.len());
    for (index, (spec, name)) in kernels.iter().zip(names).enumerate() {
        context.func = clif::emit(spec, machine, isa, index as u32, &mut linker)?;
        let module = &mut *linker.module;
        let id = module
            .declare_function(name, Linkage::Local, &context.func.signature)
            .map_err(failed)?;
        if let Err(error) = context.compile(isa, &mut ControlPlane::default()) {
            return Err(CodegenError::Internal(format!(
                "{name} ({spec:?}): {:?}",
                error.inner
            )));
        }
        let Some(compiled) = context.compiled_code() else {
            return Err(CodegenError::Internal(format!("{name} has no code")));
        };
        let buffer = &compiled.buffer;
        let (alignment, code) = (u64::from(buffer.alignment), buffer.data().to_vec());
        let relocs: Vec<ModuleReloc> = buffer
            .relocs()
            .iter()
            .map(|reloc| ModuleReloc::from_mach_reloc(reloc, &context.func, id))
            .collect();
        module
            .define_function_bytes(id, alignment, &code, &relocs)
            .map_err(failed)?;
        functions.push((id, code.len()));
        context.clear();
    }
    Ok(Kernels {
        functions,
        tiles: linker.tiles,
    })
}
