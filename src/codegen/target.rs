//! Machines that object files are made for: what code may take for granted on them, whatever machine makes it.

use cranelift::codegen::isa::{self, OwnedTargetIsa};
use cranelift::codegen::settings::Configurable;

use super::CodegenError;
use super::isa::{flags, machine_with, machines};
use super::processor::{self, Requirements};
use crate::kernels::TileFamily;
use crate::plan::Machine;

/// A kind of machine with its system's conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `x86_64-unknown-linux-gnu`
    X86_64Linux,
    /// `aarch64-unknown-linux-gnu`
    Aarch64Linux,
}

impl Target {
    /// All of them.
    pub const ALL: [Target; 2] = [Target::X86_64Linux, Target::Aarch64Linux];

    /// The machine that this program runs on, if object files can be made for it.
    pub fn host() -> Option<Target> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        match std::env::consts::ARCH {
            "x86_64" => Some(Target::X86_64Linux),
            "aarch64" => Some(Target::Aarch64Linux),
            _ => None,
        }
    }

    /// Its name, as Rust and LLVM have it.
    pub fn triple(self) -> &'static str {
        match self {
            Target::X86_64Linux => "x86_64-unknown-linux-gnu",
            Target::Aarch64Linux => "aarch64-unknown-linux-gnu",
        }
    }

    /// The families of tiles that there are machines of its kind for, the narrowest first.
    pub fn families(self) -> &'static [TileFamily] {
        match self {
            Target::X86_64Linux => &TileFamily::ALL,
            Target::Aarch64Linux => &[TileFamily::Clif128],
        }
    }

    /// The widest family that the machine which runs this program has, if it is of this kind; else the narrowest.
    pub fn native_family(self) -> Result<TileFamily, CodegenError> {
        let widest = match Target::host() == Some(self) {
            true => machines()?.last().map(|machine| machine.family),
            false => None,
        };
        Ok(widest.unwrap_or(TileFamily::Clif128))
    }

    /// What the planner is to know: the same wherever it plans.
    pub fn machine(self, family: TileFamily) -> Machine {
        let has_fma = match self {
            Target::X86_64Linux => family != TileFamily::Clif128,
            Target::Aarch64Linux => true,
        };
        machine_with(family, has_fma)
    }

    /// What code of a family asks of the processor; `None` where every machine of this kind runs it.
    pub(super) fn needs(self, family: TileFamily) -> Option<Requirements> {
        (self == Target::X86_64Linux).then(|| Requirements::of(family))
    }

    /// Cranelift's settings for kernels of a family.
    pub fn isa(self, family: TileFamily) -> Result<OwnedTargetIsa, CodegenError> {
        let failed = |error: &dyn std::fmt::Display| CodegenError::Internal(error.to_string());
        let mut builder = isa::lookup_by_name(self.triple()).map_err(|error| failed(&error))?;
        if self == Target::X86_64Linux {
            for name in processor::settings(family) {
                builder.enable(name).map_err(|error| failed(&error))?;
            }
        }
        builder.finish(flags(true)?).map_err(|error| failed(&error))
    }
}
