//! A net that is ready to run.

mod alone;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::schedule::{Turn, schedule};
use super::stopwatch::{Nobody, Observer, Stopwatch};
use super::team::{Meeting, Team};
use super::{AlignedBuffer, Kernels, RunError, Tensor};
use crate::plan::{ALIGNMENT_FLOATS, KernelId, Operand, Plan, Port, verify_plan};

/// A compiled net with its parameters. The batch is free from run to run.
///
/// Several threads may call [`Session::run`]; they take turns, since one run already uses all threads of the session.
pub struct Session {
    kernels: Arc<dyn Kernels>,
    plan: Arc<Plan>,
    packed: Arc<AlignedBuffer>,
    state: Mutex<State>,
}

/// What one run at a time uses.
struct State {
    team: Team,
    arena: AlignedBuffer,
    /// That of all threads, one after another.
    scratch: AlignedBuffer,
}

/// The pointers of all steps, one after another, and where each step's end.
struct Pointers {
    all: Vec<*mut f32>,
    ends: Vec<usize>,
}

impl Pointers {
    fn of_step(&self, index: usize) -> &[*mut f32] {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[begin..self.ends[index]]
    }
}

// SAFETY: the pointers are to memory that outlives the run; who may write what is the kernels' contract.
unsafe impl Sync for Pointers {}

impl Session {
    /// Of the kernels compiled from `plan`, and the block of parameters packed for it. Not public: that a kernel stays within the tensors of its spec is a
    /// matter of the planner's specs, which nothing checks here.
    pub(crate) fn new(
        kernels: Arc<dyn Kernels>,
        plan: Arc<Plan>,
        packed: Arc<AlignedBuffer>,
        n_threads: usize,
    ) -> Result<Session, RunError> {
        verify_plan(&plan).map_err(RunError::Plan)?;
        if kernels.specs() != plan.kernels {
            return Err(RunError::Plan("the code is another plan's".into()));
        }
        if packed.len() < plan.packed_size {
            return Err(RunError::Plan("the parameters are another plan's".into()));
        }
        Session::trusting(kernels, plan, packed, n_threads)
    }

    /// The same of what is known to belong together.
    pub(super) fn trusting(
        kernels: Arc<dyn Kernels>,
        plan: Arc<Plan>,
        packed: Arc<AlignedBuffer>,
        n_threads: usize,
    ) -> Result<Session, RunError> {
        let state = Mutex::new(State {
            team: Team::new(n_threads)?,
            arena: AlignedBuffer::zeroed(0)?,
            scratch: AlignedBuffer::zeroed(0)?,
        });
        Ok(Session {
            kernels,
            plan,
            packed,
            state,
        })
    }

    /// Names and shapes (without the batch) of the inputs.
    pub fn inputs(&self) -> &[Port] {
        &self.plan.inputs
    }

    /// Names and shapes (without the batch) of the outputs.
    pub fn outputs(&self) -> &[Port] {
        &self.plan.outputs
    }

    /// What runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Uses so many threads from now on.
    pub fn set_threads(&mut self, n_threads: usize) -> Result<(), RunError> {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.team = Team::new(n_threads)?;
        Ok(())
    }

    /// The outputs for a batch of inputs, each `[batch, ...]` with the same batch.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.run_observed(inputs, &Nobody)
    }

    /// The same, and the wall time of each step of the plan: from when the first thread begins with it until all are done with it.
    pub fn run_timed(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Vec<Duration>), RunError> {
        let stopwatch = Stopwatch::new(self.plan.steps.len());
        let outputs = self.run_observed(inputs, &stopwatch)?;
        Ok((outputs, stopwatch.times()))
    }

    fn run_observed(
        &self,
        inputs: &[Tensor],
        observer: &impl Observer,
    ) -> Result<Vec<Tensor>, RunError> {
        let batch = self.check_inputs(inputs)?;
        let mut outputs = Vec::with_capacity(self.plan.outputs.len());
        for output in &self.plan.outputs {
            outputs.push(Tensor::zeroed(with_batch(batch, output))?);
        }
        // A kernel that panicked (only a test's can) left no trace that matters: every run writes what it reads.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        grow(&mut state.arena, self.plan.arena_size, batch)?;
        let n_threads = state.team.n_threads();
        grow(&mut state.scratch, self.scratch_stride(), n_threads)?;
        if batch > 0 {
            let pointers = self.pointers(&state.arena, &state.scratch, inputs, &outputs, batch);
            self.run_steps(&mut state.team, &pointers, batch, observer);
        }
        Ok(outputs)
    }

    /// From one thread's scratch memory to the next one's.
    fn scratch_stride(&self) -> usize {
        // A size that overflows here is not to be had in `grow`.
        let size = self.plan.scratch_size;
        size.checked_next_multiple_of(ALIGNMENT_FLOATS)
            .unwrap_or(size)
    }

    /// The batch, if all inputs fit.
    fn check_inputs(&self, inputs: &[Tensor]) -> Result<usize, RunError> {
        let ports = &self.plan.inputs;
        if inputs.len() != ports.len() {
            return Err(RunError::InputCount {
                wanted: ports.len(),
                found: inputs.len(),
            });
        }
        let batch = inputs
            .first()
            .map_or(1, |input| input.shape().first().copied().unwrap_or(1));
        for (input, port) in inputs.iter().zip(ports) {
            let wanted = with_batch(batch, port);
            if input.shape() != wanted {
                return Err(RunError::InputShape {
                    name: port.name.clone(),
                    wanted,
                    found: input.shape().to_vec(),
                });
            }
        }
        Ok(batch)
    }

    fn pointers(
        &self,
        arena: &AlignedBuffer,
        scratch: &AlignedBuffer,
        inputs: &[Tensor],
        outputs: &[Tensor],
        batch: usize,
    ) -> Pointers {
        let (mut all, mut ends) = (Vec::new(), Vec::new());
        for step in &self.plan.steps {
            all.extend(step.operands.iter().map(|operand| match *operand {
                // In bounds, by `verify_plan`: only kernels follow these pointers, so plain address arithmetic will do until then.
                Operand::Buffer { buffer, offset } => {
                    let start = self.plan.buffers[buffer.0 as usize].offset * batch + offset;
                    arena.pointer().wrapping_add(start)
                }
                Operand::Input(index) => inputs[index].pointer(),
                Operand::Output(index) => outputs[index].pointer(),
                Operand::Param(id) => {
                    let start = self.plan.packed[id.0 as usize].offset;
                    self.packed.pointer().wrapping_add(start)
                }
                Operand::Scratch => scratch.pointer(),
            }));
            ends.push(all.len());
        }
        Pointers { all, ends }
    }

    /// Runs every step on the team. Each thread walks the whole list: it takes chunks of the shared steps, the first thread does the others, and they meet
    /// around the shared ones.
    fn run_steps(
        &self,
        team: &mut Team,
        pointers: &Pointers,
        batch: usize,
        observer: &impl Observer,
    ) {
        let turns = schedule(&self.plan, batch, team.n_threads());
        let next_tasks: Vec<AtomicUsize> = turns.iter().map(|_| AtomicUsize::new(0)).collect();
        let meeting = Meeting::new(team.n_threads());
        team.run(|thread| {
            let _guard = GiveUpOnPanic(&meeting);
            let mut rounds = 0;
            let mut meet = || {
                rounds += 1;
                meeting.wait(rounds);
            };
            let mut was_shared = false;
            let mut own_operands = Vec::new();
            for (index, turn) in turns.iter().enumerate() {
                // Before a shared step the first thread's own steps are done, after one everybody's.
                if (turn.is_shared || was_shared) && index > 0 {
                    meet();
                }
                was_shared = turn.is_shared;
                if turn.is_shared || thread == 0 {
                    let mut operands = pointers.of_step(index);
                    if turn.needs_scratch {
                        // The table has the first thread's.
                        own_operands.clear();
                        own_operands.extend_from_slice(operands);
                        let scratch = &mut own_operands[operands.len() - 2];
                        *scratch = scratch.wrapping_add(thread * self.scratch_stride());
                        operands = &own_operands;
                    }
                    take_tasks(turn, &next_tasks[index], |tasks| {
                        observer.observe(index, || {
                            self.call(turn.kernel, operands, tasks, batch);
                        });
                    });
                }
            }
        });
    }

    /// Calls a kernel.
    fn call(&self, kernel: KernelId, operands: &[*mut f32], tasks: Range<usize>, batch: usize) {
        // SAFETY: the plan was verified and the code is its kernels' (`Session::new`), so each pointer is to a tensor of `batch` images as the spec
        // lays it out: arena, scratch memory, outputs and parameters have the sizes that the plan states, the inputs' were checked. The step's result overlaps
        // none of its other operands but in views that share a buffer without sharing a float. `run` holds the lock on the arena and owns the outputs; nobody
        // writes inputs and parameters, and each thread has scratch memory to itself. Chunks do not overlap, and the meetings order the steps.
        unsafe {
            self.kernels
                .call(kernel, operands.as_ptr(), tasks.start, tasks.end, batch);
        }
    }
}

/// Takes chunks of a step's tasks until none is left.
fn take_tasks(turn: &Turn, next_task: &AtomicUsize, work: impl Fn(Range<usize>)) {
    loop {
        let begin = next_task.fetch_add(turn.chunk, Ordering::Relaxed);
        if begin >= turn.n_tasks {
            return;
        }
        work(begin..(begin + turn.chunk).min(turn.n_tasks));
    }
}

/// Makes `buffer` at least `n` times `size` long. What it held is lost if it was shorter.
fn grow(buffer: &mut AlignedBuffer, size: usize, n: usize) -> Result<(), RunError> {
    let floats = size.checked_mul(n);
    let floats = floats.ok_or(RunError::Memory { floats: None })?;
    if buffer.len() < floats {
        // The old one goes first, so that both need not fit.
        *buffer = AlignedBuffer::zeroed(0)?;
        *buffer = AlignedBuffer::zeroed(floats)?;
    }
    Ok(())
}

/// `[batch, ...]`
fn with_batch(batch: usize, port: &Port) -> Vec<usize> {
    let sizes = port.shape.sizes().map(|size| size as usize);
    std::iter::once(batch).chain(sizes).collect()
}

/// Lets the other threads go when one panics, which a compiled kernel never does.
struct GiveUpOnPanic<'a>(&'a Meeting);

impl Drop for GiveUpOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}
