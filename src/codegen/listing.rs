//! Kernels as text: what `netc dump --stage clif` and `--stage asm` print.

use std::fmt::Write;

use cranelift::codegen::Context;
use cranelift::codegen::control::ControlPlane;

use super::{CodegenError, clif, host_isa};
use crate::kernels::KernelSpec;
use crate::plan::Machine;

/// The kernels as Cranelift IR.
pub fn print_clif(kernels: &[KernelSpec], machine: &Machine) -> Result<String, CodegenError> {
    let isa = host_isa()?;
    let mut text = String::new();
    for (index, spec) in kernels.iter().enumerate() {
        let function = clif::emit(spec, machine, isa.as_ref(), index as u32);
        let _ = writeln!(text, "; kernel {index}: {spec:?}\n{}", function.display());
    }
    Ok(text)
}

/// The kernels as assembly of the host.
pub fn print_asm(kernels: &[KernelSpec], machine: &Machine) -> Result<String, CodegenError> {
    let isa = host_isa()?;
    let mut text = String::new();
    for (index, spec) in kernels.iter().enumerate() {
        let mut context =
            Context::for_function(clif::emit(spec, machine, isa.as_ref(), index as u32));
        context.set_disasm(true);
        let code = context
            .compile(isa.as_ref(), &mut ControlPlane::default())
            .map_err(|error| CodegenError(format!("kernel {index}: {:?}", error.inner)))?;
        let _ = writeln!(
            text,
            "; kernel {index}: {spec:?}\n{}",
            code.vcode.as_deref().unwrap_or_default()
        );
    }
    Ok(text)
}
