//! The plan's verifier: what running a plan relies on, and what the compiler's tests check after every plan.

use super::{Buffer, Lead, Operand, Plan, View};
use crate::kernels::KernelSpec;

impl KernelSpec {
    /// The tensors that a kernel reads besides its parameters, in the order of its operands: those of the operation, then those of the epilogue.
    pub fn inputs(&self) -> Vec<View> {
        let (input, epilogue) = match self {
            KernelSpec::Conv(spec) => (spec.input, &spec.epilogue),
            KernelSpec::Winograd(spec) => (spec.conv.input, &spec.conv.epilogue),
            KernelSpec::Depthwise(spec) => (spec.input, &spec.epilogue),
            KernelSpec::Dense(spec) => (spec.input, &spec.epilogue),
            KernelSpec::Pool(spec) => return vec![spec.input],
            KernelSpec::Map(spec) => return spec.operands.clone(),
            KernelSpec::Lrn(spec) => return vec![spec.input],
            KernelSpec::Softmax(spec) => return vec![spec.input],
            KernelSpec::Copy(spec) => return vec![spec.input],
            KernelSpec::Resize(spec) => return vec![spec.input],
        };
        let mut inputs = vec![input];
        inputs.extend(epilogue.iter().flat_map(|epilogue| &epilogue.operands));
        inputs
    }
}

/// The tensors that a kernel's operands are, in their order; `None` for a parameter of the operation and for scratch memory.
pub(crate) fn operand_views(spec: &KernelSpec) -> Vec<Option<View>> {
    let inputs = spec.inputs();
    // Parameters of an epilogue count among its operands: their views stand still from image to image.
    let n_further = inputs.iter().filter(|view| view.image_stride == 0).count();
    let n_params = spec.packings().len().saturating_sub(n_further);
    // The operation's input(s), the parameters, the epilogue's, the scratch memory, the result.
    let mut views: Vec<Option<View>> = inputs.into_iter().map(Some).collect();
    views.splice(1..1, std::iter::repeat_n(None, n_params));
    views.extend((spec.scratch_size() > 0).then_some(None));
    views.push(Some(*spec.output()));
    views
}

/// Checks that every operand lies within its buffer, that every parameter is as long as its kernel reads, that kernels get scratch memory exactly where they
/// ask for it and enough, that what is read was written, and that buffers that live together lie apart. An error is a fault of the compiler.
pub fn verify_plan(plan: &Plan) -> Result<(), String> {
    let mut written = vec![false; plan.buffers.len()];
    for (index, step) in plan.steps.iter().enumerate() {
        let fail = |what: String| Err(format!("step {index} `{}`: {what}", step.name));
        let Some(spec) = plan.kernels.get(step.kernel.0 as usize) else {
            return fail("its kernel does not exist".into());
        };
        let packings = spec.packings();
        let views = operand_views(spec);
        let last = views.len() - 1;
        if step.operands.len() != views.len() {
            let found = step.operands.len();
            return fail(format!("{found} operands, not {}", views.len()));
        }
        let scratch_at = (spec.scratch_size() > 0).then(|| last - 1);
        if spec.scratch_size() > plan.scratch_size {
            return fail("it needs more scratch memory than there is".into());
        }
        for (position, (operand, view)) in step.operands.iter().zip(&views).enumerate() {
            if (*operand == Operand::Scratch) != (scratch_at == Some(position)) {
                return fail(format!(
                    "operand {position} and scratch memory are mixed up"
                ));
            }
            match (operand, view) {
                (Operand::Scratch, _) => {}
                (Operand::Buffer { buffer, offset }, Some(view)) => {
                    let Some(known) = plan.buffers.get(buffer.0 as usize) else {
                        return fail(format!("operand {position} is in no buffer"));
                    };
                    let end = offset.checked_add(view.size());
                    if end.is_none_or(|end| end > known.size) {
                        return fail(format!("operand {position} leaves its buffer"));
                    }
                    if view.image_stride != known.image_stride || known.image_stride > known.size {
                        return fail(format!("operand {position} leaves it with the next image"));
                    }
                    if position == last {
                        written[buffer.0 as usize] = true;
                    } else if !written[buffer.0 as usize] {
                        return fail(format!("operand {position} was never written"));
                    }
                    if index < known.live.0 || index > known.live.1 {
                        return fail(format!("operand {position} is not alive"));
                    }
                }
                (Operand::Param(id), view) => {
                    // A view that moves from image to image would walk out of the parameter.
                    let moves = view.is_some_and(|view| view.image_stride > 0);
                    let packed = plan.packed.get(id.0 as usize);
                    let (Some(packed), false) = (packed, position == last || moves) else {
                        return fail(format!("operand {position} is no parameter to read"));
                    };
                    let wanted = match view {
                        Some(view) => view.size(),
                        None => packings[position - 1].packed_len(),
                    };
                    let len = packed.packing.packed_len();
                    let end = packed.offset.checked_add(len);
                    if wanted > len || end.is_none_or(|end| end > plan.packed_size) {
                        return fail(format!("operand {position} leaves its parameter"));
                    }
                }
                (Operand::Input(_) | Operand::Output(_), Some(view)) => {
                    let port = match operand {
                        Operand::Input(index) => plan.inputs.get(*index),
                        Operand::Output(index) => plan.outputs.get(*index),
                        _ => None,
                    };
                    // The user's tensors end with their last element.
                    let elements = port.map_or(0, |port| port.shape.elements() as usize);
                    if view.size() != elements || view.image_stride != elements {
                        return fail(format!("operand {position} is not as the user's tensor"));
                    }
                    if position == last && matches!(operand, Operand::Input(_)) {
                        return fail("it writes an input".into());
                    }
                }
                (_, None) => return fail(format!("operand {position} is no parameter")),
            }
        }
    }
    apart(&plan.buffers, plan.arena_size)?;
    plan.lead.as_ref().map_or(Ok(()), |lead| lead.verify(plan))
}

impl Lead {
    /// Checks that what the other steps touch is in the arena that the images share, lives while they do, and lies apart there.
    fn verify(&self, plan: &Plan) -> Result<(), String> {
        let (n_steps, n_buffers) = (plan.steps.len(), plan.buffers.len());
        if self.n_steps == 0
            || self.group == 0
            || self.n_steps > n_steps
            || self.buffers.len() != n_buffers
        {
            return Err("the lead is another plan's".into());
        }
        for (index, step) in plan.steps.iter().enumerate() {
            for operand in &step.operands {
                let Operand::Buffer { buffer, .. } = operand else {
                    continue;
                };
                let id = buffer.0 as usize;
                let (shared, known) = (&self.buffers[id], &plan.buffers[id]);
                // What the lead leaves is there from the first of the other steps on.
                let at = index.max(self.n_steps);
                let lives = shared.live.0 <= at && at <= shared.live.1;
                let is_there =
                    lives && shared.size == known.size && shared.image_stride == known.image_stride;
                let is_own = index < self.n_steps && shared.size == 0;
                if !is_there && !is_own {
                    return Err(format!(
                        "step {index} does not find buffer {id} among those that images share"
                    ));
                }
            }
        }
        apart(&self.buffers, self.arena_size)
    }
}

/// Buffers sorted by their offset: whoever overlaps in space is near.
fn apart(buffers: &[Buffer], arena_size: usize) -> Result<(), String> {
    // One without size overlaps nothing.
    let has_size = |&index: &usize| buffers[index].size > 0;
    let mut order: Vec<usize> = (0..buffers.len()).filter(has_size).collect();
    order.sort_by_key(|&index| (buffers[index].live.0, index));
    // Live buffers as intervals of the arena, by offset; what ended is taken out lazily.
    let mut live: std::collections::BTreeMap<usize, usize> = Default::default();
    let mut ends: Vec<usize> = order.clone();
    ends.sort_by_key(|&index| (buffers[index].live.1, index));
    let mut ends = ends.into_iter().peekable();
    for index in order {
        let buffer = &buffers[index];
        while let Some(done) = ends.next_if(|&done| buffers[done].live.1 < buffer.live.0) {
            live.remove(&buffers[done].offset);
        }
        let end = match buffer.offset.checked_add(buffer.size) {
            Some(end) if end <= arena_size => end,
            _ => return Err(format!("buffer {index} leaves the arena")),
        };
        if let Some((_, &other)) = live.range(..end).next_back()
            && buffers[other].offset + buffers[other].size > buffer.offset
        {
            return Err(format!(
                "buffers {other} and {index} overlap while both live"
            ));
        }
        live.insert(buffer.offset, index);
    }
    Ok(())
}
