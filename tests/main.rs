//! All integration tests, in one binary so that they link once.

mod artefacts;
mod cli;
mod docs;
mod families;
mod layers;
mod nets;
mod stages;
mod tuning;
mod ui;
