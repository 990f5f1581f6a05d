//! Which steps of a batch run image by image.
//!
//! Layer by layer, the maps of a batch leave the caches before the next layer reads them. The first layers of a net have large maps and few weights: image by
//! image, their maps stay where one image's would. The last ones have small maps and many weights: those run for all images, and read their weights once.

use super::memory::assign_offsets;
use super::{Buffer, Operand, Plan};

/// The steps of a batch that run image by image, before all others run for the whole batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Lead {
    /// How many of the first steps.
    pub n_steps: usize,
    /// Images that run together, at most.
    pub group: usize,
    /// The buffers as the other steps see them, in an arena that the images share. Those that no other step touches have size 0 here: they lie in the arena
    /// of one image, as the plan says.
    pub buffers: Vec<Buffer>,
    /// Size of the arena that the images share, floats per image.
    pub arena_size: usize,
}

/// Bytes of arena that images which run together may take: what a core's second cache and its share of the third hold. Small maps are better done several at a
/// time, since each call of a kernel takes its time too.
const GROUP_BYTES: usize = 2 << 20;

impl Lead {
    /// The lead of a plan whose buffers are laid out; `None` if a batch is best run as a whole.
    pub(super) fn of(plan: &Plan) -> Option<Lead> {
        let n_steps = best_cut(plan);
        let image = size_of::<f32>() * plan.arena_size;
        let group = (GROUP_BYTES / image.max(1)).max(1);
        (n_steps > 0).then(|| Lead::of_steps(plan, n_steps, group))
    }

    /// The first `n_steps` steps as the lead.
    pub(crate) fn of_steps(plan: &Plan, n_steps: usize, group: usize) -> Lead {
        let mut buffers = plan.buffers.clone();
        for buffer in &mut buffers {
            buffer.size = 0;
        }
        for step in &plan.steps[n_steps..] {
            for operand in &step.operands {
                if let Operand::Buffer { buffer, .. } = operand {
                    let shared = &mut buffers[buffer.0 as usize];
                    shared.size = plan.buffers[buffer.0 as usize].size;
                    // What one image left is there until the last one is done.
                    shared.live.0 = shared.live.0.max(n_steps);
                }
            }
        }
        let arena_size = assign_offsets(&mut buffers, plan.steps.len());
        Lead {
            n_steps,
            group,
            buffers,
            arena_size,
        }
    }
}

/// Image by image, a step's maps need not go to memory and back; its weights come from there once more with each further image. The sum over the lead's steps
/// of the one less the other is to be the greatest.
fn best_cut(plan: &Plan) -> usize {
    let (mut most, mut cut, mut sum) = (0, 0, 0);
    for (index, step) in plan.steps.iter().enumerate() {
        let spec = &plan.kernels[step.kernel.0 as usize];
        let params = spec.param_bytes() as i64;
        let maps = spec.bytes(1) as i64 - params;
        sum += maps - params;
        if sum > most {
            (most, cut) = (sum, index + 1);
        }
    }
    cut
}
