//! Machines that object files are made for: what code may take for granted on them, whatever machine makes it.

use cranelift::codegen::isa::{self, OwnedTargetIsa};
use cranelift::codegen::settings::Configurable;

use super::isa::{flags, machine_with, machines};
use super::{CodegenError, x86};
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

/// An instruction set of x86-64: what Cranelift calls it, and the bit of [`x86::cpu`]'s words that tells of it.
struct Feature(&'static str, usize, u32);

/// What tiles of 128 bits take for granted on x86-64 (its second level, as compilers call it): machines since 2009.
const NARROW: [Feature; 5] = [
    Feature("has_sse3", 0, 0),
    Feature("has_ssse3", 0, 9),
    Feature("has_sse41", 0, 19),
    Feature("has_sse42", 0, 20),
    Feature("has_popcnt", 0, 23),
];

/// What those of 256 bits do besides (the third level).
const WIDE: [Feature; 6] = [
    Feature("has_avx", 0, 28),
    Feature("has_fma", 0, 12),
    Feature("has_avx2", 1, 5),
    Feature("has_bmi1", 1, 3),
    Feature("has_bmi2", 1, 8),
    Feature("has_lzcnt", 2, 5),
];

/// What those of 512 bits do besides.
const WIDEST: [Feature; 2] = [
    Feature("has_avx512f", 1, 16),
    Feature("has_avx512vl", 1, 31),
];

/// What tells AMD's processors from others, word and bit of [`x86::cpu`]'s: SSE4A, which code of [`TileFamily::Zen4`] does not use. Cranelift knows no such setting.
const AMD: (usize, u32) = (2, 6);

/// Registers that the system must save: those of 128 and 256 bits.
const WIDE_STATE: u32 = 0b110;

/// The same for 512 bits: masks, and both halves of the registers.
const WIDEST_STATE: u32 = WIDE_STATE | 0b1110_0000;

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

    fn features(self, family: TileFamily) -> Vec<&'static Feature> {
        match (self, family) {
            (Target::Aarch64Linux, _) => Vec::new(),
            (_, TileFamily::Clif128) => NARROW.iter().collect(),
            (_, TileFamily::Avx2) => NARROW.iter().chain(&WIDE).collect(),
            (_, TileFamily::Avx512 | TileFamily::Zen4) => {
                NARROW.iter().chain(&WIDE).chain(&WIDEST).collect()
            }
        }
    }

    /// The bits that [`x86::cpu`]'s words must have where code of a family is to run; `None` where every machine runs it.
    pub(super) fn needs(self, family: TileFamily) -> Option<[u32; x86::CPU_WORDS]> {
        let mut words = [0; x86::CPU_WORDS];
        for Feature(_, word, bit) in self.features(family) {
            words[*word] |= 1 << bit;
        }
        words[x86::CPU_STATE] = match family {
            TileFamily::Clif128 => 0,
            TileFamily::Avx2 => WIDE_STATE,
            TileFamily::Avx512 | TileFamily::Zen4 => WIDEST_STATE,
        };
        if family == TileFamily::Zen4 {
            let (word, bit) = AMD;
            words[word] |= 1 << bit;
        }
        (self == Target::X86_64Linux).then_some(words)
    }

    /// Cranelift's settings for kernels of a family.
    pub fn isa(self, family: TileFamily) -> Result<OwnedTargetIsa, CodegenError> {
        let failed = |error: &dyn std::fmt::Display| CodegenError(error.to_string());
        let mut builder = isa::lookup_by_name(self.triple()).map_err(|error| failed(&error))?;
        for Feature(name, ..) in self.features(family) {
            builder.enable(name).map_err(|error| failed(&error))?;
        }
        builder.finish(flags(true)?).map_err(|error| failed(&error))
    }
}
