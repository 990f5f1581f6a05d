//! Dense layers: weights are read once for up to [`IMAGES`] images.
//!
//! A task has 32 features. Sums stand in a scratch area of the stack, `[image][32]`: a stretch of inputs at a time passes all images, in tiles of four
//! images by two vectors, then image by image, so that its weights come from memory once and from the first-level cache for the other images.

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{InstBuilder, StackSlotData, StackSlotKind, Value, types};

use super::emitter::{Emitter, LANES};
use super::epilogue::Operands;
use crate::kernels::{DENSE_FEATURES_PER_TASK, DenseSpec};

/// Images that share one reading of the weights. Their sums take 2 KiB of stack.
const IMAGES: usize = 16;

/// Inputs whose weights pass all images before the next: 8 KiB of weights, a quarter of a first-level cache.
const STRETCH: usize = 64;

/// Images of a tile where there are enough: with two vectors of features eight sums, which is what keeps two multiply-add units busy, and one load of a
/// weight for four uses.
const TILE_IMAGES: usize = 4;

/// Vectors of a task.
const VECTORS: usize = DENSE_FEATURES_PER_TASK / LANES;

/// What a stretch of inputs is about.
struct Stretch {
    /// The first image's inputs.
    input: Value,
    weight: Value,
    scratch: Value,
    n_inputs: Value,
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &DenseSpec) {
    let first = 2 + usize::from(spec.bias);
    let (input, weight) = (e.operand(0), e.operand(1));
    let bias = spec.bias.then(|| e.operand(2));
    let operands = Operands::load(e, spec.epilogue.as_ref(), first);
    let output = e.operand(first + operands.len());
    let scratch = scratch(e);
    let n_inputs = spec.n_inputs();
    e.for_tasks(|e, task| {
        let weight = e.advance(weight, task, n_inputs * DENSE_FEATURES_PER_TASK);
        let feature = e.mul_const(task, DENSE_FEATURES_PER_TASK as i64);
        let bias = bias.map(|bias| e.advance(bias, feature, 1));
        let (start, batch) = (e.int(0), e.batch);
        e.for_range(start, batch, IMAGES as i64, |e, image| {
            let left = e.sub(batch, image);
            let most = e.int(IMAGES as i64);
            let n_images = e.min_int(left, most);
            begin_sums(e, bias, scratch, n_images);
            let images = e.advance(input, image, spec.input.image_stride);
            let (start, end) = (e.int(0), e.int(n_inputs as i64));
            e.for_range(start, end, STRETCH as i64, |e, index| {
                let left = e.sub(end, index);
                let most = e.int(STRETCH as i64);
                let stretch = Stretch {
                    input: e.advance(images, index, 1),
                    weight: e.advance(weight, index, DENSE_FEATURES_PER_TASK),
                    scratch,
                    n_inputs: e.min_int(left, most),
                };
                all_images(e, spec, &stretch, n_images);
            });
            let start = e.int(0);
            e.for_range(start, n_images, 1, |e, index| {
                let sums = e.advance(scratch, index, DENSE_FEATURES_PER_TASK);
                let image = e.add(image, index);
                let zero = e.int(0);
                let operands = operands.at_block(e, image, zero).at_channel(e, feature);
                let output = e.advance(output, image, spec.output.image_stride);
                let output = e.advance(output, feature, 1);
                store(e, spec, [sums, output, feature], &operands);
            });
        });
    });
}

fn scratch(e: &mut Emitter) -> Value {
    let bytes = IMAGES * DENSE_FEATURES_PER_TASK * size_of::<f32>();
    let builder = e.builder();
    let slot = builder.create_sized_stack_slot(StackSlotData::new(
        StackSlotKind::ExplicitSlot,
        bytes as u32,
        4,
    ));
    builder.ins().stack_addr(types::I64, slot, 0)
}

/// The bias, or zeros, for each image.
fn begin_sums(e: &mut Emitter, bias: Option<Value>, scratch: Value, n_images: Value) {
    let start = e.int(0);
    e.for_range(start, n_images, 1, |e, index| {
        let sums = e.advance(scratch, index, DENSE_FEATURES_PER_TASK);
        for v in 0..VECTORS {
            let place = (v * LANES) as i64;
            let value = match bias {
                Some(bias) => e.load4(bias, place),
                None => e.splat(0.0),
            };
            e.store(value, sums, place);
        }
    });
}

/// Adds a stretch of inputs to the sums of all images: in tiles of four while there are as many, then one by one.
fn all_images(e: &mut Emitter, spec: &DenseSpec, stretch: &Stretch, n_images: Value) {
    let image_stride = spec.input.image_stride;
    let at = |e: &mut Emitter, image: Value, vector: Value| Stretch {
        input: e.advance(stretch.input, image, image_stride),
        weight: e.advance(stretch.weight, vector, LANES),
        scratch: {
            let sums = e.advance(stretch.scratch, image, DENSE_FEATURES_PER_TASK);
            e.advance(sums, vector, LANES)
        },
        n_inputs: stretch.n_inputs,
    };
    let start = e.int(0);
    let full_end = e.add_const(n_images, 1 - TILE_IMAGES as i64);
    let step = TILE_IMAGES as i64;
    let next = e.for_range_carrying(start, full_end, step, &[start], |e, image, _| {
        let (start, end) = (e.int(0), e.int(VECTORS as i64));
        e.for_range(start, end, 2, |e, vector| {
            let tile = at(e, image, vector);
            add_products(e, spec, &tile, TILE_IMAGES, 2);
        });
        vec![e.add_const(image, step)]
    });
    e.for_range(next[0], n_images, 1, |e, image| {
        let start = e.int(0);
        let tile = at(e, image, start);
        add_products(e, spec, &tile, 1, VECTORS);
    });
}

/// A tile of images by vectors of features, over a stretch of inputs.
fn add_products(
    e: &mut Emitter,
    spec: &DenseSpec,
    tile: &Stretch,
    n_images: usize,
    n_vectors: usize,
) {
    let place = |index: usize| {
        (index / n_vectors * DENSE_FEATURES_PER_TASK + index % n_vectors * LANES) as i64
    };
    let sums: Vec<Value> = (0..n_images * n_vectors)
        .map(|index| e.load4(tile.scratch, place(index)))
        .collect();
    // Stretches are multiples of four, so what is left of the last one is if all are.
    let unrolled = if spec.n_inputs().is_multiple_of(4) {
        4
    } else {
        1
    };
    let start = e.int(0);
    let sums = e.for_range_carrying(start, tile.n_inputs, unrolled, &sums, |e, index, sums| {
        let input = e.advance(tile.input, index, 1);
        let weight = e.advance(tile.weight, index, DENSE_FEATURES_PER_TASK);
        let mut sums = sums.to_vec();
        for step in 0..unrolled {
            let weight_at = |v: usize| step * DENSE_FEATURES_PER_TASK as i64 + (v * LANES) as i64;
            if n_images == 1 {
                let x = e.load_splat(input, step);
                for (v, sum) in sums.iter_mut().enumerate() {
                    // Loaded just before its only use: an operand of the instruction.
                    let w = e.load4(weight, weight_at(v));
                    *sum = e.fma(x, w, *sum);
                }
                continue;
            }
            let weights: Vec<Value> = (0..n_vectors)
                .map(|v| e.load4(weight, weight_at(v)))
                .collect();
            for (image, sums) in sums.chunks_mut(n_vectors).enumerate() {
                let x = e.load_splat(input, (image * spec.input.image_stride) as i64 + step);
                for (sum, &w) in sums.iter_mut().zip(&weights) {
                    *sum = e.fma(x, w, *sum);
                }
            }
        }
        sums
    });
    for (index, sum) in sums.into_iter().enumerate() {
        e.store(sum, tile.scratch, place(index));
    }
}

/// The epilogue and the store of one image's features.
fn store(
    e: &mut Emitter,
    spec: &DenseSpec,
    [sums, output, feature]: [Value; 3],
    operands: &Operands,
) {
    let view = &spec.output;
    // Vectors that the tensor has room for, in all and in this task.
    let room = view.n_blocks() * view.block;
    let n_vectors = e.int((room / LANES * LANES) as i64);
    let left = e.sub(n_vectors, feature);
    let most = e.int(DENSE_FEATURES_PER_TASK as i64);
    let (start, end) = (e.int(0), e.min_int(left, most));
    e.for_range(start, end, LANES as i64, |e, channel| {
        let sum = e.advance(sums, channel, 1);
        let sum = e.load4(sum, 0);
        let operands = operands.at_channel(e, channel);
        let result = operands.apply(e, sum, [0, 0], 0);
        let place = e.advance(output, channel, 1);
        e.store(result, place, 0);
    });
    let rest = room % LANES;
    if rest == 0 {
        return;
    }
    let is_last = e.compare(IntCC::SignedLessThan, left, most);
    e.when(is_last, |e| {
        let sum = e.advance(sums, left, 1);
        let sum = e.load4(sum, 0);
        let operands = operands.at_channel(e, left);
        let result = operands.apply_to_lanes(e, sum, rest);
        let place = e.advance(output, left, 1);
        for lane in 0..rest {
            let value = e.builder().ins().extractlane(result, lane as u8);
            e.store(value, place, lane as i64);
        }
    });
}
