//! Why a net cannot be opened or built: what is wrong with the user's files, or with netc.

use std::fmt;

use crate::codegen::CodegenError;
use crate::diagnostic::{Diagnostic, codes, render_text};
use crate::pipeline::{BindError, CompileError};
use crate::runtime::RunError;
use crate::source::SourceMap;

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
        Fault::Internal(error.to_string())
    }
}

impl From<CodegenError> for Fault {
    fn from(error: CodegenError) -> Fault {
        Fault::Internal(error.to_string())
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
            RunError::InputCount { .. }
            | RunError::InputShape { .. }
            | RunError::ValueCount { .. } => codes::INPUT_SHAPE,
            RunError::Memory { .. } => codes::LIMIT_TENSOR,
            RunError::Threads(_) | RunError::Plan(_) => {
                return Fault::Internal(error.to_string());
            }
        };
        Diagnostic::without_place(code, error.to_string()).into()
    }
}
