//! Kernels as Cranelift IR: one file a kernel, the rest is what they share. With its parent's files the sole user of Cranelift.
//!
//! Every kernel is `fn(operands, begin, end, batch)` over tasks; see [`crate::kernels`].

mod conv;
mod copy;
mod dense;
mod emitter;
mod epilogue;
mod halo;
mod lrn;
mod map;
mod math;
mod math_pow;
mod operand;
mod pool;
mod resize;
mod scalar;
mod softmax;
mod strip;
mod tile;
mod winograd;

use cranelift::codegen::ir::{Function, UserFuncName};
use cranelift::codegen::isa::TargetIsa;
use cranelift::frontend::{FunctionBuilder, FunctionBuilderContext};

use super::CodegenError;
use super::module::words;
use crate::kernels::KernelSpec;
use crate::plan::Machine;
use emitter::Emitter;

pub use emitter::Linker;

/// The types of a kernel's arguments: all are words of the target.
pub const KERNEL_SIGNATURE: [&str; 4] = ["operands", "begin", "end", "batch"];

/// The kernel as a function of Cranelift IR.
pub fn emit(
    spec: &KernelSpec,
    machine: &Machine,
    isa: &dyn TargetIsa,
    index: u32,
    linker: &mut dyn Linker,
) -> Result<Function, CodegenError> {
    let signature = words(isa, KERNEL_SIGNATURE.len());
    let mut function = Function::with_name_signature(UserFuncName::user(0, index), signature);
    let mut context = FunctionBuilderContext::new();
    let builder = FunctionBuilder::new(&mut function, &mut context);
    let mut emitter = Emitter::start(builder, machine, linker);
    match spec {
        KernelSpec::Conv(spec) => conv::emit(&mut emitter, spec),
        KernelSpec::Winograd(spec) => winograd::emit(&mut emitter, spec),
        KernelSpec::Depthwise(spec) => conv::emit(&mut emitter, &spec.as_conv()),
        KernelSpec::Dense(spec) => dense::emit(&mut emitter, spec),
        KernelSpec::Copy(spec) => copy::emit(&mut emitter, spec),
        KernelSpec::Lrn(spec) => lrn::emit(&mut emitter, spec),
        KernelSpec::Map(spec) => map::emit(&mut emitter, spec),
        KernelSpec::Pool(spec) => pool::emit(&mut emitter, spec),
        KernelSpec::Resize(spec) => resize::emit(&mut emitter, spec),
        KernelSpec::Softmax(spec) => softmax::emit(&mut emitter, spec),
    }
    emitter.finish(isa)?;
    Ok(function)
}
