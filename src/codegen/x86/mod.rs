//! The innermost parts of kernels in vectors of 256 and 512 bits, which Cranelift does not have: functions that its loop nests call.
//!
//! Each is a pure function of the kernel's spec and answers machine code without relocations.

mod assembler;
mod conv;
mod cpu;
mod dense;
mod epilogue;
mod lanes;
mod pairs;
mod requests;
mod step;
mod totals;
mod winograd;

pub use assembler::disassemble;
pub use conv::{ConvStrip, FIRST_OPERAND, conv_strip, end_of_operands};
pub use cpu::cpu;
pub use dense::{DenseTile, dense_tile};
pub use pairs::pair_sums;
pub use totals::table_floats;
pub use winograd::{input_squares, input_tile, output_epilogue, output_tile};
