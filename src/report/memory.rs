//! What of the arena is in use during each step of a plan.

use serde::Serialize;

use crate::plan::{Operand, Plan};

/// Bytes of a float.
const FLOAT: u64 = 4;

/// Memory over the steps of a plan, per image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// Names of the steps.
    pub steps: Vec<String>,
    /// The regions of the arena.
    pub buffers: Vec<Allocation>,
    /// Bytes in use during each step.
    pub live: Vec<u64>,
    /// The step during which most is in use, the first if there are several.
    pub peak_step: usize,
    /// Bytes of the arena.
    pub arena: u64,
    /// Bytes of all packed parameters, which do not grow with the batch.
    pub weights: u64,
}

/// A buffer of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Allocation {
    /// The first step that touches it.
    pub writer: String,
    /// Bytes.
    pub bytes: u64,
    /// Bytes from the start of the arena.
    pub offset: u64,
    /// The first step during which it is in use.
    pub first: usize,
    /// The last.
    pub last: usize,
}

/// Reads a plan's memory off it.
pub fn memory(plan: &Plan) -> Memory {
    let mut writers = vec![None; plan.buffers.len()];
    for step in &plan.steps {
        for operand in &step.operands {
            if let Operand::Buffer { buffer, .. } = operand {
                writers[buffer.0 as usize].get_or_insert(&step.name);
            }
        }
    }
    let buffers: Vec<Allocation> = plan
        .buffers
        .iter()
        .zip(writers)
        .map(|(buffer, writer)| Allocation {
            writer: writer.cloned().unwrap_or_default(),
            bytes: FLOAT * buffer.size as u64,
            offset: FLOAT * buffer.offset as u64,
            first: buffer.live.0,
            last: buffer.live.1,
        })
        .collect();
    let mut live = vec![0; plan.steps.len()];
    for buffer in &buffers {
        for bytes in live.iter_mut().take(buffer.last + 1).skip(buffer.first) {
            *bytes += buffer.bytes;
        }
    }
    let most = live.iter().max().copied().unwrap_or(0);
    Memory {
        steps: plan.steps.iter().map(|step| step.name.clone()).collect(),
        peak_step: live.iter().position(|bytes| *bytes == most).unwrap_or(0),
        buffers,
        live,
        arena: FLOAT * plan.arena_size as u64,
        weights: FLOAT * plan.packed_size as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::lower_bound;

    #[test]
    fn the_peak_is_the_least_that_an_arena_can_be() {
        let text = std::fs::read_to_string("nets/googlenet.net").expect("the net is there");
        let program = crate::parse("googlenet.net", text);
        let mut graph = crate::expand(&program, "GoogLeNet").expect("no errors");
        crate::optimize::optimize(&mut graph).expect("a graph");
        let machine = crate::codegen::detect_machine().expect("a machine");
        let plan = crate::plan::plan(&graph, &machine, &crate::kernels::Tuning::default());
        let memory = memory(&plan);
        let peak = memory.live[memory.peak_step];
        assert_eq!(peak, 4 * lower_bound(&plan.buffers) as u64);
        assert_eq!(memory.live.iter().max(), Some(&peak));
        assert!(memory.arena >= peak);
        for buffer in &memory.buffers {
            assert!(buffer.offset + buffer.bytes <= memory.arena);
            assert!(memory.steps.contains(&buffer.writer), "{}", buffer.writer);
        }
    }
}
