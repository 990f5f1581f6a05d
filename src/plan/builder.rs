//! Collects steps, kernels, buffers and packed parameters; equal kernels and equal parameters are made once.

use std::collections::HashMap;

use super::memory::assign_offsets;
use super::{
    ALIGNMENT_FLOATS, Buffer, BufferId, KernelId, Lead, Machine, Operand, PackedId, PackedParam,
    Plan, Port, Step, View, waves,
};
use crate::graph::ParamId;
use crate::kernels::{KernelSpec, Packing, Tuning};

/// A tensor somewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// How it lies.
    pub view: View,
    /// Where.
    pub operand: Operand,
}

/// A plan in the making.
#[derive(Default)]
pub(super) struct Builder {
    kernels: Vec<KernelSpec>,
    kernel_ids: HashMap<KernelSpec, KernelId>,
    steps: Vec<Step>,
    /// Floats per image of each buffer.
    buffers: Vec<usize>,
    packed: Vec<PackedParam>,
    packed_ids: HashMap<(ParamId, Packing), PackedId>,
    packed_size: usize,
}

impl Builder {
    /// A new buffer of so many floats per image.
    pub fn buffer(&mut self, size: usize) -> Operand {
        self.buffers.push(size);
        Operand::Buffer {
            buffer: BufferId(self.buffers.len() as u32 - 1),
            offset: 0,
        }
    }

    /// A parameter in a packing.
    pub fn packed(&mut self, param: ParamId, packing: Packing) -> Operand {
        let key = (param, packing);
        if let Some(id) = self.packed_ids.get(&key) {
            return Operand::Param(*id);
        }
        let id = PackedId(self.packed.len() as u32);
        let size = key.1.packed_len();
        self.packed.push(PackedParam {
            param,
            packing: key.1.clone(),
            offset: self.packed_size,
        });
        self.packed_size += size.next_multiple_of(ALIGNMENT_FLOATS);
        self.packed_ids.insert(key, id);
        Operand::Param(id)
    }

    /// Appends a step.
    pub fn step(&mut self, spec: KernelSpec, operands: Vec<Operand>, name: &str) {
        let kernel = match self.kernel_ids.get(&spec) {
            Some(id) => *id,
            None => {
                let id = KernelId(self.kernels.len() as u32);
                self.kernels.push(spec.clone());
                self.kernel_ids.insert(spec, id);
                id
            }
        };
        self.steps.push(Step {
            kernel,
            operands,
            name: name.to_owned(),
        });
    }

    /// Orders the steps in waves and lays out the arena, so that steps of one wave can run side by side.
    pub fn finish(
        self,
        machine: &Machine,
        tuning: &Tuning,
        inputs: Vec<Port>,
        outputs: Vec<Port>,
    ) -> Plan {
        let scratch_size = self.kernels.iter().map(KernelSpec::scratch_size).max();
        let mut plan = Plan {
            machine: *machine,
            tuning: tuning.clone(),
            kernels: self.kernels,
            steps: self.steps,
            buffers: Vec::with_capacity(self.buffers.len()),
            arena_size: 0,
            lead: None,
            packed: self.packed,
            packed_size: self.packed_size,
            scratch_size: scratch_size.unwrap_or(0),
            inputs,
            outputs,
        };
        // Apart at first, so that steps wait for nothing but data.
        for size in self.buffers {
            let offset = plan.arena_size;
            plan.arena_size += size;
            plan.buffers.push(Buffer {
                size,
                image_stride: size,
                offset,
                live: (0, 0),
            });
        }
        let mut live: Vec<Option<(usize, usize)>> = vec![None; plan.buffers.len()];
        let mut steps = Vec::with_capacity(plan.steps.len());
        for wave in waves(&plan) {
            let (first, last) = (steps.len(), steps.len() + wave.len() - 1);
            for index in wave {
                let step = plan.steps[index].clone();
                for operand in &step.operands {
                    if let Operand::Buffer { buffer, .. } = operand {
                        let live = live[buffer.0 as usize].get_or_insert((first, last));
                        live.1 = last;
                    }
                }
                steps.push(step);
            }
        }
        plan.steps = steps;
        for (buffer, live) in plan.buffers.iter_mut().zip(live) {
            buffer.live = live.unwrap_or((0, 0));
        }
        plan.arena_size = assign_offsets(&mut plan.buffers, plan.steps.len().max(1));
        plan.lead = Lead::of(&plan);
        plan
    }
}
