//! netc compiles declarative descriptions of convolutional networks to native forward functions.
pub mod check;
pub mod codegen;
pub mod data;
pub mod diagnostic;
pub mod elaborate;
pub mod graph;
pub mod kernels;
pub mod limits;
pub mod loader;
pub mod optimize;
pub mod plan;
pub mod runtime;
pub mod source;
pub mod syntax;
pub mod weights;
