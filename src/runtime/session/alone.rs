//! One step or one kernel by itself, to be timed.

use std::sync::{Arc, PoisonError};

use super::{Session, grow};
use crate::graph::ParamId;
use crate::plan::{
    ALIGNMENT_FLOATS, Buffer, BufferId, KernelId, Machine, Operand, PackedId, PackedParam, Plan,
    Step, operand_views,
};
use crate::runtime::{AlignedBuffer, Kernels, RunError};

impl Session {
    /// A session that runs one step of the plan `n` times and nothing else, on intermediate tensors of ones, as many as `batch` images need. It is there to be
    /// timed: what it answers means nothing.
    pub fn of_step(&self, step: usize, n: usize, batch: usize) -> Result<Session, RunError> {
        let plan = Plan {
            steps: vec![self.plan.steps[step].clone(); n],
            lead: None,
            ..Plan::clone(&self.plan)
        };
        let (kernels, packed) = (self.kernels.clone(), self.packed.clone());
        Session::trusting(kernels, Arc::new(plan), packed, self.n_threads())?.on_ones(batch)
    }

    /// A session that runs one kernel `n` times for an image on one thread, on tensors of ones that are all its own. The kernel has no epilogue. Its
    /// parameters are other ones of `values` each time, since in a net the layers between drive them out of the caches.
    pub(crate) fn of_kernel(
        kernels: Arc<dyn Kernels>,
        kernel: KernelId,
        machine: &Machine,
        n: usize,
        values: Arc<AlignedBuffer>,
    ) -> Result<Session, RunError> {
        let spec = &kernels.specs()[kernel.0 as usize];
        let mut plan = Plan {
            machine: *machine,
            tuning: Default::default(),
            kernels: kernels.specs().to_vec(),
            steps: Vec::with_capacity(n),
            buffers: Vec::new(),
            arena_size: 0,
            lead: None,
            packed: Vec::new(),
            packed_size: values.len(),
            scratch_size: spec.scratch_size(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let packings = spec.packings();
        let aligned = |size: usize| size.next_multiple_of(ALIGNMENT_FLOATS);
        let n_floats: usize = packings
            .iter()
            .map(|packing| aligned(packing.packed_len()))
            .sum();
        if n_floats > values.len() {
            return Err(RunError::Plan(
                "too few values for a kernel's parameters".into(),
            ));
        }
        let n_places = values.len() / n_floats.max(1);
        for run in 0..n {
            let mut offset = run % n_places.max(1) * n_floats;
            for (index, packing) in packings.iter().enumerate() {
                plan.packed.push(PackedParam {
                    param: ParamId(index as u32),
                    packing: packing.clone(),
                    offset,
                });
                offset += aligned(packing.packed_len());
            }
        }
        let views = operand_views(spec);
        for view in views.iter().flatten() {
            let size = aligned(view.size());
            plan.buffers.push(Buffer {
                size,
                image_stride: view.image_stride,
                offset: plan.arena_size,
                live: (0, n.saturating_sub(1)),
            });
            plan.arena_size += size;
        }
        for run in 0..n {
            let buffers = (0..plan.buffers.len()).map(|index| Operand::Buffer {
                buffer: BufferId(index as u32),
                offset: 0,
            });
            let first = (run * packings.len()) as u32;
            let params =
                (first..first + packings.len() as u32).map(|id| Operand::Param(PackedId(id)));
            let mut operands: Vec<Operand> = buffers.collect();
            operands.splice(1..1, params);
            if plan.scratch_size > 0 {
                operands.insert(operands.len() - 1, Operand::Scratch);
            }
            plan.steps.push(Step {
                kernel,
                operands,
                name: String::new(),
            });
        }
        Session::trusting(kernels, Arc::new(plan), values, 1)?.on_ones(1)
    }

    /// The same with ones wherever no step wrote yet: pages that nobody wrote are all the same one, which every cache holds.
    fn on_ones(mut self, batch: usize) -> Result<Session, RunError> {
        let state = self.state.get_mut();
        let arena = &mut state.unwrap_or_else(PoisonError::into_inner).arena;
        grow(arena, self.plan.arena_size, batch)?;
        arena.fill(1.0);
        Ok(self)
    }
}
