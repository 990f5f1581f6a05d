//! Why a net cannot run.

use std::fmt;

/// Why a net cannot run. The user's: a wrong input, too little memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// Another number of inputs than the net has.
    InputCount {
        /// The net's.
        wanted: usize,
        /// What came.
        found: usize,
    },
    /// An input whose shape is not `[batch, ...]` with the net's sizes, or of another batch than the first.
    InputShape {
        /// Its name.
        name: String,
        /// The shape it must have, batch included.
        wanted: Vec<usize>,
        /// What came.
        found: Vec<usize>,
    },
    /// A tensor with another number of values than its shape says.
    ValueCount {
        /// The shape.
        shape: Vec<usize>,
        /// How many values came.
        found: usize,
    },
    /// So many floats are not to be had.
    Memory {
        /// How many; `None` if the number does not fit a word.
        floats: Option<usize>,
    },
    /// Threads could not be started.
    Threads(String),
    /// Kernels, packed parameters and plan do not belong together: a fault of the compiler.
    Plan(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::InputCount { wanted, found } => {
                write!(f, "the net takes {wanted} inputs, not {found}")
            }
            RunError::InputShape {
                name,
                wanted,
                found,
            } => {
                write!(
                    f,
                    "input `{name}` has the shape {found:?}, the net takes {wanted:?}"
                )
            }
            RunError::ValueCount { shape, found } => {
                write!(f, "{found} values do not fill the shape {shape:?}")
            }
            RunError::Memory {
                floats: Some(floats),
            } => {
                let gib = *floats as f64 * 4.0 / (1u64 << 30) as f64;
                write!(f, "no memory for {floats} floats ({gib:.1} GiB)")
            }
            RunError::Memory { floats: None } => {
                write!(f, "the memory needed does not fit the address space")
            }
            RunError::Threads(reason) => write!(f, "threads could not be started: {reason}"),
            RunError::Plan(reason) => write!(f, "internal error: {reason}"),
        }
    }
}

impl std::error::Error for RunError {}
