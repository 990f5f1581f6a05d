//! The target: its features, and Cranelift's settings.

use cranelift::codegen::isa::OwnedTargetIsa;
use cranelift::codegen::settings::{self, Configurable, Flags};

use super::{CodegenError, processor};
use crate::kernels::{TileFamily, WeightType};
use crate::plan::Machine;

/// Cranelift's settings for kernels, which may lie anywhere (`is_pic`) or stay where they were made.
///
/// `opt_level=none` is the faster one here: the optimiser merges and sinks the loads of a register tile, which then spills.
pub(super) fn flags(is_pic: bool) -> Result<Flags, CodegenError> {
    let mut flags = settings::builder();
    let verifier = if cfg!(debug_assertions) {
        "true"
    } else {
        "false"
    };
    for (name, value) in [
        ("opt_level", "none"),
        ("enable_verifier", verifier),
        ("is_pic", if is_pic { "true" } else { "false" }),
        ("use_colocated_libcalls", "false"),
        ("enable_probestack", "false"),
    ] {
        flags
            .set(name, value)
            .map_err(|error| CodegenError::Internal(error.to_string()))?;
    }
    Ok(Flags::new(flags))
}

/// The machine that this program runs on, with Cranelift's settings for kernels.
pub fn host_isa() -> Result<OwnedTargetIsa, CodegenError> {
    cranelift::native::builder()
        .map_err(|message| CodegenError::Isa(format!("this machine is not supported: {message}")))?
        .finish(flags(false)?)
        .map_err(|error| CodegenError::Internal(error.to_string()))
}

/// The machine that this program runs on, with the widest tiles it can run.
pub fn detect_machine() -> Result<Machine, CodegenError> {
    let mut all = machines()?;
    all.pop().ok_or_else(|| {
        CodegenError::Isa("this machine lacks SSE4.2, which all kernels need".to_owned())
    })
}

/// The same with tiles of `family`, if it can run them.
pub fn machine_for(family: TileFamily) -> Result<Machine, CodegenError> {
    let all = machines()?;
    all.into_iter()
        .find(|machine| machine.family == family)
        .ok_or_else(|| {
            CodegenError::Isa(format!("this machine cannot run {} tiles", family.name()))
        })
}

/// The machine that this program runs on, with every family of tiles that it can run, the narrowest first.
pub fn machines() -> Result<Vec<Machine>, CodegenError> {
    let isa = host_isa()?;
    // `fma` without the instruction becomes a call per lane; aarch64 always has it.
    let (families, has_fma) = match isa.triple().architecture.to_string().as_str() {
        "x86_64" => {
            let found = processor::host();
            (processor::families(&found), processor::has_fma(&found))
        }
        architecture => (vec![TileFamily::Clif128], architecture == "aarch64"),
    };
    let families = families.into_iter();
    Ok(families
        .map(|family| machine_with(family, has_fma))
        .collect())
}

/// A machine of which these facts are known, without choices.
pub(super) fn machine_with(family: TileFamily, has_fma: bool) -> Machine {
    Machine {
        family,
        has_fma,
        precise: false,
        dense_weights: WeightType::default(),
        batch: 1,
    }
}
