//! A net that is ready to run.

mod alone;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::schedule::{Images, Piece, Schedule, schedule};
use super::stopwatch::{Nobody, Observer, Stopwatch};
use super::team::Team;
use super::{AlignedBuffer, Kernels, RunError, Tensor};
use crate::plan::{ALIGNMENT_FLOATS, Buffer, BufferId, Lead, Operand, Plan, Port, verify_plan};

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
    /// The arena that the images share where steps run image by image.
    shared: AlignedBuffer,
    /// That of all threads, one after another.
    scratch: AlignedBuffer,
    /// The last run's batch and schedule: the next one's is often the same.
    schedule: Option<(usize, Schedule)>,
}

/// What the operands of one run point into.
struct Memory<'a> {
    arena: &'a AlignedBuffer,
    shared: &'a AlignedBuffer,
    scratch: &'a AlignedBuffer,
    inputs: &'a [Tensor],
    outputs: &'a [Tensor],
    batch: usize,
    /// Images that a thread's own arena holds.
    n_own: usize,
    /// As the images after the lead see them.
    shared_buffers: &'a [Buffer],
}

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
            shared: AlignedBuffer::zeroed(0)?,
            scratch: AlignedBuffer::zeroed(0)?,
            schedule: None,
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

    /// The parameters that the plan packs.
    #[cfg(any(test, feature = "random"))]
    pub(crate) fn packed(&self) -> &AlignedBuffer {
        &self.packed
    }

    /// Uses so many threads from now on.
    pub fn set_threads(&mut self, n_threads: usize) -> Result<(), RunError> {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.team = Team::new(n_threads)?;
        state.schedule = None;
        Ok(())
    }

    /// Floats that a run of so many images has for activations and scratch memory, inputs and outputs not counted.
    pub fn activations(&self, batch: usize) -> usize {
        let n_threads = self.n_threads();
        let lead = self.lead(&schedule(&self.plan, batch, n_threads));
        let rooms = self.rooms(lead, batch, n_threads);
        rooms.iter().map(|(size, n)| size * n).sum()
    }

    /// The plan's lead, if a schedule has one.
    fn lead(&self, schedule: &Schedule) -> Option<&Lead> {
        self.plan.lead.as_ref().filter(|_| schedule.has_lead)
    }

    /// Floats of the arena, of what the batch shares, and of scratch memory: of a part of it, and how many parts.
    fn rooms(&self, lead: Option<&Lead>, batch: usize, n_threads: usize) -> [(usize, usize); 3] {
        // Images that are in the arena at the same time.
        let n_present = lead.map_or(batch, |lead| n_threads * lead.group);
        [
            (self.plan.arena_size, n_present),
            (lead.map_or(0, |lead| lead.arena_size), batch),
            (self.scratch_stride(), n_threads),
        ]
    }

    /// The threads of a run.
    fn n_threads(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.team.n_threads()
    }

    /// The outputs for a batch of inputs, each `[batch, ...]` with the same batch.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.run_observed(inputs, &Nobody)
    }

    /// The same, and the wall time of each step of the plan: from when the first thread begins with it until all are done with it. Where each thread has images
    /// to itself, it is what all spend on the step, divided by their number.
    pub fn run_timed(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Vec<Duration>), RunError> {
        let stopwatch = Stopwatch::new(self.plan.steps.len(), self.n_threads());
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
        if batch == 0 {
            return Ok(outputs);
        }
        let n_threads = state.team.n_threads();
        let schedule = match state.schedule.take() {
            Some((old, schedule)) if old == batch => schedule,
            _ => schedule(&self.plan, batch, n_threads),
        };
        let lead = self.lead(&schedule);
        let buffers = [&mut state.arena, &mut state.shared, &mut state.scratch];
        for (buffer, (size, n)) in buffers.into_iter().zip(self.rooms(lead, batch, n_threads)) {
            grow(buffer, size, n)?;
        }
        let memory = Memory {
            arena: &state.arena,
            shared: &state.shared,
            scratch: &state.scratch,
            inputs,
            outputs: &outputs,
            batch,
            n_own: lead.map_or(0, |lead| lead.group),
            shared_buffers: lead.map_or(&[], |lead| &lead.buffers),
        };
        state.team.run(&schedule, |thread, progress| {
            let mut operands = Vec::new();
            progress.work(|chunk| {
                for piece in &schedule.pieces[chunk.pieces.clone()] {
                    self.point(&mut operands, piece, thread, &memory);
                    observer.observe(piece, || self.call(piece, &operands));
                }
            });
        });
        state.schedule = Some((batch, schedule));
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

    /// The pointers for a piece on a thread.
    fn point(&self, operands: &mut Vec<*mut f32>, piece: &Piece, thread: usize, memory: &Memory) {
        operands.clear();
        let images = piece.images;
        let port = |port: &Port| images.first * port.shape.elements() as usize;
        let pointers = self.plan.steps[piece.step].operands.iter().map(|operand| {
            // In bounds, by `verify_plan`: only kernels follow these pointers, so plain address arithmetic will do until then.
            let (block, start) = match *operand {
                Operand::Buffer { buffer, offset } => {
                    let (block, start) = self.buffer(buffer, images, thread, memory);
                    (block, start + offset)
                }
                Operand::Input(index) => {
                    return memory.inputs[index]
                        .pointer()
                        .wrapping_add(port(&self.plan.inputs[index]));
                }
                Operand::Output(index) => {
                    return memory.outputs[index]
                        .pointer()
                        .wrapping_add(port(&self.plan.outputs[index]));
                }
                Operand::Param(id) => (&*self.packed, self.plan.packed[id.0 as usize].offset),
                Operand::Scratch => (memory.scratch, thread * self.scratch_stride()),
            };
            block.pointer().wrapping_add(start)
        });
        operands.extend(pointers);
    }

    /// Where a buffer's first of these images lies.
    fn buffer<'a>(
        &self,
        buffer: BufferId,
        images: Images,
        thread: usize,
        memory: &Memory<'a>,
    ) -> (&'a AlignedBuffer, usize) {
        let index = buffer.0 as usize;
        let shared = memory.shared_buffers.get(index);
        if let Some(shared) = shared.filter(|shared| shared.size > 0) {
            let first = images.first * shared.image_stride;
            return (memory.shared, shared.offset * memory.batch + first);
        }
        let arena = if images.are_own {
            thread * memory.n_own * self.plan.arena_size
        } else {
            0
        };
        let start = self.plan.buffers[index].offset * images.n;
        (memory.arena, arena + start)
    }

    /// Calls a step's kernel.
    fn call(&self, piece: &Piece, operands: &[*mut f32]) {
        let kernel = self.plan.steps[piece.step].kernel;
        let (begin, end) = (piece.tasks.start, piece.tasks.end);
        // SAFETY: the plan was verified and the code is its kernels' (`Session::new`), so each pointer is to a tensor of `batch` images as the spec
        // lays it out: arena, scratch memory, outputs and parameters have the sizes that the plan states, the inputs' were checked. The step's result overlaps
        // none of its other operands but in views that share a buffer without sharing a float. `run` holds the lock on the arena and owns the outputs; nobody
        // writes inputs and parameters, and each thread has scratch memory to itself. Pieces do not overlap, steps of one wave do not conflict, and
        // `Progress` lets no chunk of a wave begin before the wave before it is done.
        unsafe {
            self.kernels
                .call(kernel, operands.as_ptr(), begin, end, piece.images.n);
        }
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
