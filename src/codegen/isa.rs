//! The target: its features, and Cranelift's settings.

use cranelift::codegen::isa::OwnedTargetIsa;
use cranelift::codegen::settings::{self, Configurable, Flags};

use super::CodegenError;
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
            .map_err(|error| CodegenError(error.to_string()))?;
    }
    Ok(Flags::new(flags))
}

/// The machine that this program runs on, with Cranelift's settings for kernels.
pub fn host_isa() -> Result<OwnedTargetIsa, CodegenError> {
    cranelift::native::builder()
        .map_err(|message| CodegenError(format!("this machine is not supported: {message}")))?
        .finish(flags(false)?)
        .map_err(|error| CodegenError(error.to_string()))
}

/// The machine that this program runs on, with the widest tiles it can run.
pub fn detect_machine() -> Result<Machine, CodegenError> {
    let mut all = machines()?;
    all.pop()
        .ok_or_else(|| CodegenError("no family of tiles runs here".to_owned()))
}

/// The same with tiles of `family`, if it can run them.
pub fn machine_for(family: TileFamily) -> Result<Machine, CodegenError> {
    let all = machines()?;
    all.into_iter()
        .find(|machine| machine.family == family)
        .ok_or_else(|| CodegenError(format!("this machine cannot run {} tiles", family.name())))
}

/// The machine that this program runs on, with every family of tiles that it can run, the narrowest first.
pub fn machines() -> Result<Vec<Machine>, CodegenError> {
    let isa = host_isa()?;
    let has = |name: &str| {
        let flags = isa.isa_flags();
        flags
            .iter()
            .any(|flag| flag.name == name && flag.as_bool() == Some(true))
    };
    // `fma` without the instruction becomes a call per lane; aarch64 always has it.
    let (is_x86, has_fma) = match isa.triple().architecture.to_string().as_str() {
        "x86_64" => (true, has("has_fma")),
        architecture => (false, architecture == "aarch64"),
    };
    let has_avx512 = is_x86 && has_fma && has("has_avx512vl") && has("has_avx512f");
    let runs = |family: &TileFamily| match family {
        TileFamily::Clif128 => true,
        TileFamily::Avx2 => is_x86 && has_fma && has("has_avx2"),
        TileFamily::Avx512 => has_avx512,
        TileFamily::Zen4 => has_avx512 && is_zen4(),
    };
    let families = TileFamily::ALL.into_iter().filter(runs);
    Ok(families
        .map(|family| machine_with(family, has_fma))
        .collect())
}

/// Whether a machine with AVX-512 is of AMD's make, and one before Zen 5, whose multiply-adds are as wide as its loads.
fn is_zen4() -> bool {
    #[cfg(target_arch = "x86_64")]
    let found =
        is_x86_feature_detected!("sse4a") && !is_x86_feature_detected!("avx512vp2intersect");
    #[cfg(not(target_arch = "x86_64"))]
    let found = false;
    found
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
