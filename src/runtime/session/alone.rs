//! One step by itself.

use std::sync::{Arc, PoisonError};

use super::{Session, grow};
use crate::plan::Plan;
use crate::runtime::RunError;

impl Session {
    /// A session that runs one step of the plan `n` times and nothing else, on intermediate tensors of ones, as many as `batch` images need. It is there to be
    /// timed: what it answers means nothing.
    pub fn of_step(&self, step: usize, n: usize, batch: usize) -> Result<Session, RunError> {
        let plan = Plan {
            steps: vec![self.plan.steps[step].clone(); n],
            ..Plan::clone(&self.plan)
        };
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let n_threads = state.team.n_threads();
        drop(state);
        let (kernels, packed) = (self.kernels.clone(), self.packed.clone());
        let mut session = Session::trusting(kernels, Arc::new(plan), packed, n_threads)?;
        let state = session.state.get_mut();
        let arena = &mut state.unwrap_or_else(PoisonError::into_inner).arena;
        grow(arena, session.plan.arena_size, batch)?;
        // Pages that nobody wrote are all the same one, which every cache holds.
        arena.fill(1.0);
        Ok(session)
    }
}
