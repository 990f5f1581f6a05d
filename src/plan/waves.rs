//! Which steps may run side by side.

use std::ops::Range;

use super::verify::operand_views;
use super::{Buffer, Operand, Plan, View};

/// Cost (see [`KernelSpec::cost`](crate::kernels::KernelSpec::cost)) from which a wave is worth more than one thread: meeting takes some hundred nanoseconds.
pub const PARALLEL_COST: u64 = 100_000;

/// Steps that do not depend on each other, wave after wave: each in the first wave where all that it must wait for is done. Wants a plan that
/// [`verify_plan`](super::verify_plan) accepts.
///
/// Two steps conflict if one writes what the other reads or writes, be it because the same memory of the arena serves two buffers. Conflicting steps are in
/// different waves, in the order of the plan.
pub fn waves(plan: &Plan) -> Vec<Vec<usize>> {
    waves_of(plan, 0..plan.steps.len(), &plan.buffers)
}

/// The same of some of its steps, with the buffers laid out like this.
pub fn waves_of(plan: &Plan, steps: Range<usize>, layout: &[Buffer]) -> Vec<Vec<usize>> {
    let mut arena = Arena::new(layout);
    let mut buffers: Vec<Accesses> = layout.iter().map(|_| Accesses::default()).collect();
    let mut outputs: Vec<Accesses> = plan.outputs.iter().map(|_| Accesses::default()).collect();
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for index in steps {
        let regions = regions(plan, index);
        let mut wave = 0;
        for region in &regions {
            let accesses = match region.place {
                Place::Buffer(buffer) => {
                    let accesses = &mut buffers[buffer];
                    if accesses.all.is_empty() {
                        // What lay there before lives no more, and will not again.
                        accesses.free_from = arena.free_from(&layout[buffer]);
                    }
                    accesses
                }
                Place::Output(output) => &mut outputs[output],
            };
            wave = wave.max(accesses.free_for(region));
        }
        for region in regions {
            let accesses = match region.place {
                Place::Buffer(buffer) => {
                    arena.touch(&layout[buffer], wave);
                    &mut buffers[buffer]
                }
                Place::Output(output) => &mut outputs[output],
            };
            accesses.all.push((region, wave));
        }
        if waves.len() <= wave {
            waves.resize_with(wave + 1, Vec::new);
        }
        waves[wave].push(index);
    }
    waves
}

/// Memory that steps write.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Buffer(usize),
    Output(usize),
}

/// What a step touches of a place.
struct Region {
    place: Place,
    /// Floats of the first image.
    begin: usize,
    end: usize,
    image_stride: usize,
    is_written: bool,
}

impl Region {
    fn conflicts(&self, other: &Region) -> bool {
        let is_apart = self.end <= other.begin || other.end <= self.begin;
        // Regions that are apart in the first image are so in all, if they repeat alike and none reaches into the next image.
        let stride = self.image_stride;
        let repeats = stride == other.image_stride && self.end.max(other.end) <= stride;
        (self.is_written || other.is_written) && !(is_apart && repeats)
    }
}

/// Inputs and parameters are left out: nobody writes them.
fn regions(plan: &Plan, index: usize) -> Vec<Region> {
    let step = &plan.steps[index];
    let views = operand_views(&plan.kernels[step.kernel.0 as usize]);
    let region = |place: Place, offset: usize, view: &View, is_written: bool| Region {
        place,
        begin: offset,
        end: offset + view.size(),
        image_stride: view.image_stride,
        is_written,
    };
    let last = views.len() - 1;
    let operands = step.operands.iter().zip(views).enumerate();
    let regions = operands.filter_map(|(position, (operand, view))| match (operand, view) {
        (Operand::Buffer { buffer, offset }, Some(view)) => {
            let place = Place::Buffer(buffer.0 as usize);
            Some(region(place, *offset, &view, position == last))
        }
        (Operand::Output(output), Some(view)) => {
            Some(region(Place::Output(*output), 0, &view, position == last))
        }
        _ => None,
    });
    regions.collect()
}

/// What happened to a place so far, with the waves.
#[derive(Default)]
struct Accesses {
    all: Vec<(Region, usize)>,
    /// The first wave that may touch it at all.
    free_from: usize,
}

impl Accesses {
    /// The first wave in which this may happen.
    fn free_for(&self, region: &Region) -> usize {
        let conflicts = self.all.iter().filter(|(other, _)| other.conflicts(region));
        let after = conflicts.map(|(_, wave)| wave + 1).max().unwrap_or(0);
        after.max(self.free_from)
    }
}

/// The arena, cut wherever a buffer begins or ends.
struct Arena {
    cuts: Vec<usize>,
    /// For what begins at each cut: the first wave after all that touched it.
    free_from: Vec<usize>,
}

impl Arena {
    fn new(buffers: &[Buffer]) -> Arena {
        let ends = |buffer: &Buffer| [buffer.offset, buffer.offset + buffer.size];
        let mut cuts: Vec<usize> = buffers.iter().flat_map(ends).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let free_from = vec![0; cuts.len()];
        Arena { cuts, free_from }
    }

    fn segments(&mut self, buffer: &Buffer) -> &mut [usize] {
        let at = |offset: usize| self.cuts.partition_point(|cut| *cut < offset);
        let segments = at(buffer.offset)..at(buffer.offset + buffer.size);
        &mut self.free_from[segments]
    }

    fn free_from(&mut self, buffer: &Buffer) -> usize {
        self.segments(buffer).iter().copied().max().unwrap_or(0)
    }

    fn touch(&mut self, buffer: &Buffer, wave: usize) {
        for free_from in self.segments(buffer) {
            *free_from = (*free_from).max(wave + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::random::{GraphBuilder, random_graph};
    use crate::kernels::{KernelSpec, Tuning};
    use crate::optimize::optimize;
    use crate::plan::memory::assign_offsets;
    use crate::plan::tests::MACHINE;
    use crate::plan::{Machine, plan, print_plan, verify_plan};

    const BATCH: usize = 3;

    /// The floats that a step touches in a batch, image by image: where (arena, or an output), first and end, whether it writes them.
    fn touched(plan: &Plan, index: usize) -> Vec<(usize, usize, usize, bool)> {
        let step = &plan.steps[index];
        let views = operand_views(&plan.kernels[step.kernel.0 as usize]);
        let last = views.len() - 1;
        let mut touched = Vec::new();
        for (position, (operand, view)) in step.operands.iter().zip(views).enumerate() {
            let (place, start) = match *operand {
                Operand::Buffer { buffer, offset } => {
                    let buffer = &plan.buffers[buffer.0 as usize];
                    (0, buffer.offset * BATCH + offset)
                }
                Operand::Output(output) => (1 + output, 0),
                _ => continue,
            };
            let view = view.expect("a tensor");
            for image in 0..BATCH {
                let begin = start + image * view.image_stride;
                touched.push((place, begin, begin + view.size(), position == last));
            }
        }
        touched
    }

    fn conflict(plan: &Plan, one: usize, other: usize) -> bool {
        let others = touched(plan, other);
        touched(plan, one).iter().any(|a| {
            let meets = |b: &&(usize, usize, usize, bool)| a.0 == b.0 && a.1 < b.2 && b.1 < a.2;
            others.iter().filter(meets).any(|b| a.3 || b.3)
        })
    }

    /// Lays out the arena anew, as tightly as steps in their order can have it.
    fn tighten(plan: &mut Plan) {
        for (id, buffer) in plan.buffers.iter_mut().enumerate() {
            let touches = |step: &usize| {
                let mut operands = plan.steps[*step].operands.iter();
                operands.any(|operand| matches!(operand, Operand::Buffer { buffer, .. } if buffer.0 as usize == id))
            };
            let steps: Vec<usize> = (0..plan.steps.len()).filter(touches).collect();
            buffer.live = (steps[0], steps[steps.len() - 1]);
        }
        plan.arena_size = assign_offsets(&mut plan.buffers, plan.steps.len());
        assert_eq!(verify_plan(plan), Ok(()));
    }

    fn check(plan: &Plan) {
        let text = print_plan(plan);
        let mut wave_of = vec![None; plan.steps.len()];
        for (wave, steps) in waves(plan).iter().enumerate() {
            assert!(!steps.is_empty());
            for &step in steps {
                assert_eq!(wave_of[step], None, "step {step} comes twice");
                wave_of[step] = Some(wave);
            }
        }
        for after in 0..plan.steps.len() {
            assert_ne!(wave_of[after], None, "step {after} is missing");
            for before in (0..after).filter(|before| conflict(plan, *before, after)) {
                let order = (wave_of[before], wave_of[after]);
                assert!(order.0 < order.1, "{before} and {after}: {order:?}\n{text}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn steps_that_conflict_keep_their_order(seed: u64, n_nodes in 2usize..24) {
            let mut graph = random_graph(seed, n_nodes);
            optimize(&mut graph).expect("a valid graph");
            let mut plan = plan(&graph, &MACHINE, &Tuning::default());
            check(&plan);
            tighten(&mut plan);
            check(&plan);
        }
    }

    fn region(begin: usize, size: usize, image_stride: usize, is_written: bool) -> Region {
        Region {
            place: Place::Buffer(0),
            begin,
            end: begin + size,
            image_stride,
            is_written,
        }
    }

    /// Whether two regions share a float in any of some images.
    fn meet(one: &Region, other: &Region) -> bool {
        let images = |region: &Region| {
            let (begin, end, stride) = (region.begin, region.end, region.image_stride);
            (0..BATCH).map(move |image| (begin + image * stride, end + image * stride))
        };
        images(one).any(|a| images(other).any(|b| a.0 < b.1 && b.0 < a.1))
    }

    proptest! {
        #[test]
        fn regions_that_meet_in_any_image_conflict(
            begins in [0usize..24, 0..24], sizes in [1usize..24, 1..24], strides in [1usize..48, 1..48], alike: bool
        ) {
            let strides = if alike { [strides[0]; 2] } else { strides };
            let of = |index: usize, is_written| {
                region(begins[index], sizes[index], strides[index], is_written)
            };
            for (writes, reads) in [(0, 1), (1, 0)] {
                let (writer, reader) = (of(writes, true), of(reads, false));
                prop_assert!(writer.conflicts(&reader) || !meet(&writer, &reader));
                prop_assert_eq!(writer.conflicts(&reader), reader.conflicts(&writer));
            }
            prop_assert!(!of(0, false).conflicts(&of(1, false)));
        }
    }

    #[test]
    fn only_regions_that_repeat_alike_are_apart() {
        let conflict = |one: Region, other: Region| one.conflicts(&other);
        assert!(!conflict(region(0, 8, 16, true), region(8, 8, 16, true)));
        // Apart in the first image; the second of the one is the first of the other.
        assert!(conflict(region(0, 8, 8, true), region(8, 8, 16, false)));
        assert!(conflict(region(8, 8, 16, false), region(0, 8, 8, true)));
        // Alike, but the last lanes that are read are the next image's first.
        assert!(conflict(region(0, 4, 12, true), region(4, 12, 12, false)));
        assert!(conflict(region(4, 12, 12, false), region(0, 4, 12, true)));
    }

    /// Parts of one buffer whose surplus lanes reach into the next image are used one after the other, though they are apart in the first image.
    #[test]
    fn steps_on_parts_that_reach_into_the_next_image_wait() {
        let mut b = GraphBuilder::new();
        let x = b.input(&[8, 4, 4]);
        let (left, right) = (b.relu(x), b.relu(x));
        let (left, right) = (b.simple_conv(left, 8, 1), b.simple_conv(right, 8, 3));
        let joined = b.concat(0, &[left, right]);
        b.output(joined);
        let machine = Machine {
            precise: true,
            ..MACHINE
        };
        let mut plan = plan(&b.graph, &machine, &Tuning::default());
        let n_waves = waves(&plan).len();
        // Both convolutions write their part of the join in one wave. Pretend that images are packed so closely that the parts reach into the next.
        let joined = plan
            .steps
            .iter()
            .find_map(|step| match step.operands.last() {
                Some(Operand::Buffer { buffer, offset }) if *offset > 0 => Some(*buffer),
                _ => None,
            });
        let joined = joined.expect("a part of the join");
        plan.buffers[joined.0 as usize].image_stride -= 1;
        let steps = plan.steps.clone();
        for kernel in steps.iter().filter(|step| {
            matches!(step.operands.last(), Some(Operand::Buffer { buffer, .. }) if *buffer == joined)
        }) {
            if let KernelSpec::Conv(spec) = &mut plan.kernels[kernel.kernel.0 as usize] {
                spec.output.image_stride -= 1;
            }
        }
        assert_eq!(waves(&plan).len(), n_waves + 1, "{}", print_plan(&plan));
    }

    #[test]
    fn branches_run_side_by_side_and_chains_do_not() {
        let mut b = GraphBuilder::new();
        let x = b.input(&[8, 8, 8]);
        let x = b.simple_conv(x, 8, 1);
        let branches = [1, 3, 5].map(|kernel| {
            let y = b.simple_conv(x, 8, 1);
            b.simple_conv(y, 16, kernel)
        });
        let y = b.concat(0, &branches);
        let y = b.simple_conv(y, 8, 3);
        b.output(y);
        let plan = plan(&b.graph, &MACHINE, &Tuning::default());
        let text = print_plan(&plan);
        // From plain to blocked and back take a step each.
        let sizes: Vec<usize> = waves(&plan).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 1, 3, 3, 1, 1], "{text}");
    }
}
