//! Which code is made: options that all commands share which compile a net.

use super::console::Failure;
use crate::codegen::{detect_machine, machine_for};
use crate::diagnostic::{Diagnostic, codes};
use crate::kernels::TileFamily;
use crate::plan::Machine;

/// What to compile for.
#[derive(Clone, Debug, clap::Args)]
pub struct Code {
    /// Vectors to compute in [default: the widest that the machine has]
    #[arg(long, value_enum, env = "NETC_ISA", hide_env_values = true)]
    isa: Option<Isa>,

    /// Compute every layer by its definition, where Winograd's algorithms would be faster but round more
    #[arg(long)]
    precise: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Isa {
    /// 128 bits, on every machine
    Clif128,
    /// 256 bits, on x86-64 with AVX2 and FMA
    Avx2,
    /// 512 bits, on x86-64 with AVX-512
    Avx512,
}

impl Code {
    /// The machine that runs this, as far as it may be used.
    pub fn machine(&self) -> Result<Machine, Failure> {
        let machine = match self.isa {
            None => detect_machine().map_err(|error| Failure::Internal(error.to_string()))?,
            Some(isa) => {
                let family = match isa {
                    Isa::Clif128 => TileFamily::Clif128,
                    Isa::Avx2 => TileFamily::Avx2,
                    Isa::Avx512 => TileFamily::Avx512,
                };
                machine_for(family).map_err(|error| {
                    Diagnostic::without_place(codes::ISA, error.to_string())
                        .with_help("leave --isa out to use what the machine has")
                })?
            }
        };
        Ok(Machine {
            precise: self.precise,
            ..machine
        })
    }
}
