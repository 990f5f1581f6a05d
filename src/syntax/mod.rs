//! From text to [`ast`].

pub mod ast;
