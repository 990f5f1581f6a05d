//! All integration tests, in one binary so that they link once.

#[cfg(target_os = "linux")]
mod artefacts;
mod authoring;
mod cli;
mod common;
mod docs;
mod drawing;
mod explain;
mod families;
mod layers;
mod mutations;
mod lsp;
mod nets;
mod stages;
mod tuning;
mod ui;
