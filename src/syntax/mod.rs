//! From text to [`ast`], and back.
//!
//! The guard reads the text once, reports what is wrong with its characters and brackets, and splits it into declarations;
//! [`parse`] runs the grammar on each of those; `build` turns the parser's pairs into the tree; `explain` words what the
//! grammar could not take. `format` lays a text out anew without touching what it says. pest is used in this module only.

mod build;
mod erase;
mod explain;
mod format;
mod guard;
mod parse;
mod print;
mod words;

pub mod ast;

pub use erase::erase_spans;
pub use format::format;
pub use guard::{Token, TokenKind, tokens};
pub use parse::parse;
pub use print::print;
pub use words::{RESERVED, is_reserved};

#[cfg(test)]
mod tests;
