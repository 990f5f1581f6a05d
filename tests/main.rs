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
mod lsp;
mod mutations;
mod nets;
mod stages;
mod symbolic;
mod tuning;
mod ui;
