//! netc compiles declarative descriptions of convolutional networks to native forward functions.
//!
//! The pipeline, one function a stage:
//!
//! | stage | function | answers |
//! |---|---|---|
//! | parse | [`parse`](fn@parse) | a [`Program`](elaborate::Program): trees, and what is wrong with the text |
//! | check | [`check`](fn@check) | everything that is wrong with every net of it |
//! | expand | [`expand`](fn@expand) | one net as a [`Graph`](graph::Graph) with proven shapes |
//! | tune, if wanted | [`tune`](fn@tune) | which algorithms are the fastest here, for [`compile_tuned`] |
//! | compile | [`compile`](fn@compile) | machine code: passes, plan and code generation |
//! | bind | [`Compiled::bind`] | a [`Session`](runtime::Session): the code with weights |
//! | run | [`Session::run`](runtime::Session::run) | outputs for a batch of inputs |
//! | ship | [`artefact::Artefact`] | a C header, an object file, packed weights: the same code for programs without netc |
//! | embed | [`build::Config`] | in a build script: all of that, and a Rust module over it |
//!
//! ```
//! use netc::runtime::Tensor;
//! use netc::weights::WeightSource;
//!
//! let text = "
//!     net Tiny(classes: int = 10) {
//!       input image: [3, 32, 32]
//!       conv1: conv(16, 3x3, pad=1) -> relu -> maxpool(2x2)   : [16, 16, 16]
//!       globalavgpool -> flatten
//!       fc: dense(classes)
//!       output logits
//!     }";
//! let program = netc::parse("tiny.net", text);
//! assert!(netc::check(&program).is_empty());
//!
//! let graph = netc::expand(&program, "Tiny").expect("no errors");
//! let weights = WeightSource::seeded(&graph, 0);
//! let session = netc::compile(&graph)?.bind(&weights)?;
//!
//! let images = Tensor::zeroed(vec![2, 3, 32, 32])?;
//! let outputs = session.run(&[images])?;
//! assert_eq!(outputs[0].shape(), [2, 10]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod artefact;
pub mod build;
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod codegen;
mod container;
#[cfg(feature = "data")]
pub mod data;
pub mod diagnostic;
pub mod diff;
#[cfg(feature = "drawing")]
pub mod drawing;
pub mod elaborate;
mod fault;
mod files;
pub mod graph;
pub mod ide;
pub mod kernels;
pub mod limits;
pub mod loader;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod lsp;
pub mod optimize;
pub mod outline;
mod pipeline;
pub mod plan;
#[cfg(any(test, feature = "random"))]
#[doc(hidden)]
pub mod random;
#[cfg(feature = "drawing")]
pub mod report;
pub mod runtime;
pub mod source;
pub mod symbolic;
pub mod syntax;
mod target;
pub mod tune;
pub mod weights;

pub use pipeline::{
    BindError, CompileError, Compiled, check, compile, compile_for, compile_tuned, expand, parse,
};
pub use tune::tune;
