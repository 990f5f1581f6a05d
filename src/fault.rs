//! Why a net cannot be opened or built: what is wrong with the user's files, or with netc.

use std::fmt;

use crate::codegen::CodegenError;
use crate::diagnostic::{Diagnostic, codes, render_text};
use crate::pipeline::{BindError, CompileError};
use crate::runtime::RunError;
use crate::source::SourceMap;
use crate::tune::TuneError;

/// What stops a command or a build script.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Errors, and the texts that they point into.
    Diagnostics(Vec<Diagnostic>, SourceMap),
    /// A fault of netc itself.
    Internal(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Diagnostics(diagnostics, sources) => {
                f.write_str(&render_text(diagnostics, sources, false))
            }
            Fault::Internal(reason) => writeln!(
                f,
                "internal error: {reason}\nthis is a fault of netc, not of your files; please report it"
            ),
        }
    }
}

impl From<Diagnostic> for Fault {
    fn from(diagnostic: Diagnostic) -> Fault {
        Fault::from(vec![diagnostic])
    }
}

impl From<Vec<Diagnostic>> for Fault {
    fn from(diagnostics: Vec<Diagnostic>) -> Fault {
        Fault::Diagnostics(diagnostics, SourceMap::new())
    }
}

impl From<CompileError> for Fault {
    fn from(error: CompileError) -> Fault {
        match error {
            CompileError::Optimize(reason) => Fault::Internal(reason),
            CompileError::Codegen(error) => Fault::from(error),
        }
    }
}

impl From<CodegenError> for Fault {
    fn from(error: CodegenError) -> Fault {
        let code = match &error {
            CodegenError::Isa(_) => codes::ISA,
            CodegenError::Memory(_) => codes::MACHINE,
            CodegenError::Internal(reason) => return Fault::Internal(reason.clone()),
        };
        Diagnostic::without_place(code, error.to_string()).into()
    }
}

impl From<TuneError> for Fault {
    fn from(error: TuneError) -> Fault {
        match error {
            TuneError::Compile(error) => Fault::from(error),
            TuneError::Run(error) => Fault::from(error),
        }
    }
}

impl From<BindError> for Fault {
    fn from(error: BindError) -> Fault {
        match error {
            BindError::Weights(faults) => Fault::from(faults),
            BindError::Run(error) => Fault::from(error),
        }
    }
}

impl From<RunError> for Fault {
    fn from(error: RunError) -> Fault {
        let code = match &error {
            RunError::Threads(_) => {
                return Diagnostic::without_place(codes::MACHINE, error.to_string())
                    .with_help("run on fewer threads: `--threads 1` starts none")
                    .into();
            }
            RunError::InputCount { .. }
            | RunError::InputShape { .. }
            | RunError::ValueCount { .. } => codes::INPUT_SHAPE,
            RunError::Memory { .. } => codes::LIMIT_TENSOR,
            RunError::Plan(reason) => return Fault::Internal(reason.clone()),
        };
        Diagnostic::without_place(code, error.to_string()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the machine lacks is not told as a fault of netc.
    #[test]
    fn the_machine_is_not_mistaken_for_the_compiler() {
        let memory = CodegenError::Memory("no memory for machine code".into());
        let lacking = CodegenError::Isa("this machine cannot run avx512 tiles".into());
        let threads = RunError::Threads("resource temporarily unavailable".into());
        let all = [
            (Fault::from(CompileError::Codegen(memory)), "E1003"),
            (Fault::from(lacking), "E1001"),
            (Fault::from(BindError::Run(threads.clone())), "E1003"),
            (Fault::from(TuneError::Run(threads)), "E1003"),
            (Fault::from(RunError::Memory { floats: None }), "E0705"),
        ];
        for (fault, code) in all {
            let text = fault.to_string();
            assert!(text.starts_with(&format!("error[{code}]")), "{text}");
            assert!(!text.contains("fault of netc"), "{text}");
        }
        let wrong = Fault::from(CodegenError::Internal("a kernel has no code".into()));
        assert!(wrong.to_string().contains("this is a fault of netc"));
    }
}
