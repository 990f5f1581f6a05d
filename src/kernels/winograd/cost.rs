//! A model of what Winograd's algorithm costs, in *slots*: the time of one multiply-add of vectors near the peak.
//!
//! Counted are multiply-adds of the products, instructions of the transforms, and what must come from beyond the second-level cache.

use super::{Scheme, WinogradCut, grid, scheme};
use crate::kernels::{ConvSpec, pairs};

/// Bytes of a core's second-level cache that a task's scratch memory may fill.
const NEAR: usize = 640 << 10;

/// Bytes of weights that a later block of tiles finds in the third-level cache.
const SHARED: usize = 16 << 20;

/// Bytes a slot: from main memory (two cores share it), from the third-level cache.
const MEMORY_BYTES: usize = 6;
const SHARED_BYTES: usize = 12;

/// Tasks wanted, so that threads can share them.
const WANTED_TASKS: usize = 8;

/// A batch that tasks should suit where one image at a time is all that is known: many images have tiles enough to read weights seldom.
const MANY: usize = 8;

/// Slots to transform one block of channels of a tile's input, and of its products.
fn transform_slots(scheme: Scheme) -> (usize, usize) {
    match (scheme.points(), scheme.results) {
        (4, _) => (90, 70),
        (5, _) => (150, 100),
        (6, 2) => (300, 170),
        (6, _) => (300, 230),
        (7, 2) => (300, 180),
        (7, _) => (450, 320),
        (9, _) => (500, 280),
        _ => (700, 420),
    }
}

/// Slots of one step of a register tile: multiply-adds, or loads where those are more.
fn step_slots(width: usize, vectors: usize) -> f64 {
    let loads = width + vectors;
    (width * vectors).max(loads).max(4) as f64 + loads as f64 / 16.0
}

/// The cut that costs least for a convolution with tiles of `m`, and its slots for an image of a batch.
pub fn choose_cut(conv: &ConvSpec, m: usize, batch: usize) -> (WinogradCut, f64) {
    let lanes = conv.family.lanes();
    let all = conv.group_outputs().div_ceil(lanes);
    let [rows, columns] = grid(&conv.output, m);
    let tiles = rows * columns;
    // Narrow tiles have two vectors to a block of channels, and no narrower last unit.
    let candidates = match conv.family.is_assembled() {
        true => 1..=all.min(6),
        false => 2..=2,
    };
    let mut best: Option<(WinogradCut, f64)> = None;
    let mut least = f64::INFINITY;
    for vectors in candidates {
        let most = conv.family.accumulators(vectors) / vectors;
        for width in most.div_ceil(2)..=most {
            for blocks in 1..=8 {
                let tiles_per_task = width * blocks;
                let cut = WinogradCut {
                    vectors,
                    last_vectors: match all % vectors {
                        rest if rest > 0 && conv.family.is_assembled() => rest,
                        _ => vectors,
                    },
                    width,
                    tiles_per_task,
                    units_per_task: units_per_task(
                        conv,
                        m,
                        vectors,
                        tiles.div_ceil(tiles_per_task),
                    ),
                };
                let slots = |batch| slots(conv, m, &cut, batch) / batch as f64;
                let own = slots(batch);
                let shared = own * (1.0 + imbalance(conv, m, &cut, batch));
                let all = match batch {
                    1 => shared + slots(MANY),
                    _ => shared,
                };
                if all < least {
                    (best, least) = (Some((cut, own)), all);
                }
                if tiles_per_task >= MANY * tiles {
                    break;
                }
            }
        }
    }
    // There is always a tile of one vector.
    best.unwrap_or_else(|| unreachable!("no register tile"))
}

/// Few blocks of tiles leave little to share out: then output channels are shared too, while transforming the input again stays cheap beside the products.
fn units_per_task(conv: &ConvSpec, m: usize, vectors: usize, n_blocks: usize) -> usize {
    let n_units = conv.group_outputs().div_ceil(vectors * conv.family.lanes());
    // A block of channels: products `points * block * output vectors`, transform once.
    let scheme = scheme(conv, m);
    let products = scheme.points().pow(2) * conv.input.block * n_units * vectors;
    let most = products / (8 * transform_slots(scheme).0);
    let wanted = WANTED_TASKS.div_ceil(n_blocks * conv.groups);
    n_units.div_ceil(wanted.min(most).clamp(1, n_units))
}

/// Slots for a batch.
fn slots(conv: &ConvSpec, m: usize, cut: &WinogradCut, batch: usize) -> f64 {
    let float = size_of::<f32>();
    let scheme = scheme(conv, m);
    let points = scheme.points().pow(2);
    let [rows, columns] = grid(&conv.output, m);
    let tiles = batch * rows * columns;
    let lanes = conv.family.lanes();
    let n_blocks = tiles.div_ceil(cut.tiles_per_task);
    let n_units = conv.group_outputs().div_ceil(cut.vectors * lanes);
    let steps = points * conv.group_inputs();

    let full_width = tiles.div_ceil(cut.width);
    let products = (n_units - 1) as f64 * step_slots(cut.width, cut.vectors)
        + step_slots(cut.width, cut.last_vectors);
    let products = products * (conv.groups * steps * full_width) as f64;

    let weights = scheme.weights().pow(2) * conv.group_inputs() * conv.output.channels * float;
    let again = if weights <= NEAR / 2 {
        0
    } else if weights <= SHARED {
        (n_blocks - 1) * weights / SHARED_BYTES
    } else {
        (n_blocks - 1) * weights / MEMORY_BYTES
    };
    let fetch = (weights / MEMORY_BYTES + again) as f64;

    let (inward, outward) = transform_slots(scheme);
    let tasks_per_block = conv.groups * n_units.div_ceil(cut.units_per_task);
    let per_vector = conv.input.block / lanes;
    // In one call a block's input is transformed once.
    let transforms = (tiles * conv.input.n_blocks() * per_vector * inward) as f64
        + (tiles * conv.output.n_blocks() * per_vector * outward) as f64;

    let channels = conv.group_inputs() + cut.units_per_task * cut.vectors * lanes;
    let scratch = points * cut.tiles_per_task.min(tiles) * channels * float;
    let spilled = if scratch <= NEAR {
        0
    } else {
        n_blocks * tasks_per_block * 2 * scratch / SHARED_BYTES
    };

    products.max(fetch) + 0.3 * products.min(fetch) + transforms + spilled as f64
}

/// How much longer two threads take for a batch than half of what one takes, since tasks are few or unlike each other and since both transform an input that
/// their tasks share: 1 if they share out evenly.
fn imbalance(conv: &ConvSpec, m: usize, cut: &WinogradCut, batch: usize) -> f64 {
    let [rows, columns] = grid(&conv.output, m);
    let tiles = batch * rows * columns;
    let lanes = conv.family.lanes();
    let n_units = conv.group_outputs().div_ceil(cut.vectors * lanes);
    let scheme = scheme(conv, m);
    let steps = (scheme.points().pow(2) * conv.group_inputs()) as f64;
    let (inward, outward) = transform_slots(scheme);
    let per_vector = conv.input.block / lanes;
    let inward = (conv.group_inputs().div_ceil(conv.input.block) * per_vector * inward) as f64;
    let unit = |vectors: usize| {
        let tile = steps * step_slots(cut.width, vectors) / cut.width as f64;
        tile + (vectors * outward) as f64
    };

    // Each task goes to whoever is free first.
    let mut done = [0.0f64; 2];
    let mut alone = 0.0;
    let blocks = (0..tiles).step_by(cut.tiles_per_task);
    for begin in blocks.flat_map(|begin| std::iter::repeat_n(begin, conv.groups)) {
        let in_block = cut.tiles_per_task.min(tiles - begin);
        let mut has_input = [false; 2];
        alone += in_block as f64 * inward;
        for first in (0..n_units).step_by(cut.units_per_task) {
            let end = (first + cut.units_per_task).min(n_units);
            let is_last = end == n_units;
            let n_full = end - first - usize::from(is_last);
            let last = if is_last { unit(cut.last_vectors) } else { 0.0 };
            let computed = in_block.next_multiple_of(cut.width) as f64;
            let task = computed * (n_full as f64 * unit(cut.vectors) + last);
            alone += task;
            let thread = usize::from(done[1] < done[0]);
            if !std::mem::replace(&mut has_input[thread], true) {
                done[thread] += in_block as f64 * inward;
            }
            done[thread] += task;
        }
    }
    2.0 * done[0].max(done[1]) / alone
}

/// Slots of the same convolution computed directly, for an image of a batch.
pub fn direct_slots(conv: &ConvSpec, batch: usize) -> f64 {
    plain_slots(conv, batch, 1.0)
}

/// The same by [products of pairs](pairs).
pub fn pairs_slots(conv: &ConvSpec, batch: usize) -> f64 {
    let of_step = pairs::CYCLES as f64 / pairs::BLOCK as f64;
    plain_slots(conv, batch, of_step) + conv.pair_slots()
}

/// Where a step takes so many slots.
fn plain_slots(conv: &ConvSpec, batch: usize, of_step: f64) -> f64 {
    let taps = conv.kernel[0] * conv.kernel[1];
    let vectors = conv.output.channels.div_ceil(conv.family.lanes());
    let steps = taps * conv.group_inputs();
    let points = conv.lattice.size[0] * conv.lattice.size[1];
    let products = (points * steps * vectors) as f64 * 1.04 * of_step;
    let weights = steps * conv.output.channels * size_of::<f32>();
    let fetch = (weights / MEMORY_BYTES) as f64 / batch as f64;
    products.max(fetch) + 0.3 * products.min(fetch)
}
