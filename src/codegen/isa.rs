//! The target: its features, and Cranelift's settings.

use cranelift::codegen::isa::OwnedTargetIsa;
use cranelift::codegen::settings::{self, Configurable, Flags};

use super::CodegenError;
use crate::kernels::TileFamily;
use crate::plan::Machine;

/// The machine that this program runs on, with Cranelift's settings for kernels.
///
/// `opt_level=none` is the faster one here: the optimiser merges and sinks the loads of a register tile, which then spills.
pub fn host_isa() -> Result<OwnedTargetIsa, CodegenError> {
    let mut flags = settings::builder();
    let verifier = if cfg!(debug_assertions) {
        "true"
    } else {
        "false"
    };
    for (name, value) in [
        ("opt_level", "none"),
        ("enable_verifier", verifier),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("enable_probestack", "false"),
    ] {
        flags
            .set(name, value)
            .map_err(|error| CodegenError(error.to_string()))?;
    }
    cranelift::native::builder()
        .map_err(|message| CodegenError(format!("this machine is not supported: {message}")))?
        .finish(Flags::new(flags))
        .map_err(|error| CodegenError(error.to_string()))
}

/// What the planner needs to know of the machine that this program runs on.
pub fn detect_machine() -> Result<Machine, CodegenError> {
    let isa = host_isa()?;
    // `fma` without the instruction becomes a call per lane; aarch64 always has it.
    let has_fma = match isa.triple().architecture.to_string().as_str() {
        "x86_64" => isa
            .isa_flags()
            .iter()
            .any(|flag| flag.name == "has_fma" && flag.as_bool() == Some(true)),
        architecture => architecture == "aarch64",
    };
    Ok(Machine {
        family: TileFamily::Clif128,
        has_fma,
    })
}
