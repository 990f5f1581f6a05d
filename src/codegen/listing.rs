//! Kernels as text: what `netc dump --stage clif` and `--stage asm` print.

use std::fmt::Write;

use cranelift::codegen::Context;
use cranelift::codegen::control::ControlPlane;
use cranelift::codegen::ir::{ExtFuncData, ExternalName, FuncRef, Function, UserExternalName};
use cranelift::codegen::isa::TargetIsa;

use super::clif::{self, Linker};
use super::module::words;
use super::{CodegenError, x86};
use crate::kernels::KernelSpec;
use crate::plan::Machine;

/// A function that prints kernels.
pub type Lister = fn(&[KernelSpec], &Machine, &dyn TargetIsa) -> Result<String, CodegenError>;

/// Keeps the assembled functions that a kernel calls, to print them after it.
struct Listing<'a> {
    isa: &'a dyn TargetIsa,
    functions: Vec<Vec<u8>>,
}

impl Linker for Listing<'_> {
    fn link(
        &mut self,
        caller: &mut Function,
        code: Vec<u8>,
        n_arguments: usize,
    ) -> Result<FuncRef, CodegenError> {
        let signature = caller.import_signature(words(self.isa, n_arguments));
        let index = self.functions.len() as u32;
        let name = UserExternalName::new(1, index);
        let name = ExternalName::user(caller.declare_imported_user_function(name));
        self.functions.push(code);
        Ok(caller.import_function(ExtFuncData {
            name,
            signature,
            colocated: true,
            patchable: false,
        }))
    }
}

/// A kernel as Cranelift IR, and the assembled functions that it calls.
fn emit(
    spec: &KernelSpec,
    machine: &Machine,
    isa: &dyn TargetIsa,
    index: usize,
) -> Result<(Function, Vec<Vec<u8>>), CodegenError> {
    let mut listing = Listing {
        isa,
        functions: Vec::new(),
    };
    let function = clif::emit(spec, machine, isa, index as u32, &mut listing)?;
    Ok((function, listing.functions))
}

fn push_assembled(text: &mut String, functions: &[Vec<u8>]) {
    for (index, code) in functions.iter().enumerate() {
        let _ = writeln!(text, "; u1:{index}, assembled\n{}", x86::disassemble(code));
    }
}

/// The kernels as Cranelift IR; what they call is printed as assembly.
pub fn print_clif(
    kernels: &[KernelSpec],
    machine: &Machine,
    isa: &dyn TargetIsa,
) -> Result<String, CodegenError> {
    let mut text = String::new();
    for (index, spec) in kernels.iter().enumerate() {
        let (function, assembled) = emit(spec, machine, isa, index)?;
        let _ = writeln!(text, "; kernel {index}: {spec:?}\n{}", function.display());
        push_assembled(&mut text, &assembled);
    }
    Ok(text)
}

/// The kernels as assembly.
pub fn print_asm(
    kernels: &[KernelSpec],
    machine: &Machine,
    isa: &dyn TargetIsa,
) -> Result<String, CodegenError> {
    let mut text = String::new();
    for (index, spec) in kernels.iter().enumerate() {
        let (function, assembled) = emit(spec, machine, isa, index)?;
        let mut context = Context::for_function(function);
        context.set_disasm(true);
        let code = context
            .compile(isa, &mut ControlPlane::default())
            .map_err(|error| {
                CodegenError::Internal(format!("kernel {index}: {:?}", error.inner))
            })?;
        let _ = writeln!(
            text,
            "; kernel {index}: {spec:?}\n{}",
            code.vcode.as_deref().unwrap_or_default()
        );
        push_assembled(&mut text, &assembled);
    }
    Ok(text)
}
