//! Threads that libraries start for a command. They take it for granted that the system gives them, and panic if it does not.

use std::sync::Mutex;
use std::thread;

use super::console::Failure;
use crate::diagnostic::{Diagnostic, codes};

/// Fails unless so many threads can be started: they are, and end.
pub fn want(n_threads: usize) -> Result<(), Failure> {
    let gate = Mutex::new(());
    let started = thread::scope(|scope| {
        // Until all are there, none ends.
        let _closed = gate.lock();
        for _ in 0..n_threads {
            thread::Builder::new().spawn_scoped(scope, || drop(gate.lock()))?;
        }
        Ok(())
    });
    started.map_err(|error: std::io::Error| {
        let message = format!("threads could not be started: {error}");
        Diagnostic::without_place(codes::MACHINE, message).into()
    })
}
