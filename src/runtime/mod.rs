//! Running a plan: tensors, memory, threads, and the only call into generated code.

mod buffer;
mod error;
#[cfg(any(test, feature = "random"))]
mod guarded;
mod kernels;
mod peak;
mod schedule;
mod session;
mod stopwatch;
mod team;
#[cfg(test)]
mod team_tests;
mod tensor;
#[cfg(test)]
pub(crate) mod tests;

pub use buffer::AlignedBuffer;
pub use error::RunError;
#[cfg(any(test, feature = "random"))]
pub(crate) use guarded::{Edge, Guarded};
pub use kernels::Kernels;
pub use peak::{Gauge, MultiplyAdds, Peak, median};
pub use session::Session;
pub use tensor::Tensor;
