//! What `netc build` and build scripts make, in the hands of other tools: C compilers, CMake, valgrind, Cargo, Clippy, and processors that qemu imitates.
//!
//! `cargo test --test tools`; not among the tests that `cargo test` runs, since it needs what `.ci/run` installs.

// The tests of the other binary use more of it.
#[allow(dead_code)]
#[path = "../common.rs"]
mod common;
mod cross;
mod digit;
mod embed;
mod programs;
