//! Dense layers: weights are read once for up to [`IMAGES`] images.
//!
//! A task has a [unit](DenseSpec::unit) of features. Sums stand in a scratch area of the stack, `[image][unit]`: a stretch of inputs at a time passes all
//! images, in [tiles](DenseSpec::tiles) of some images by some vectors, so that its weights come from memory once and from a near cache for the other images.
//! Each stretch is summed by itself and then added, which rounds less than one long chain.
//! The tiles are written here, or assembled, by the family.

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{InstBuilder, Value};

use super::emitter::{Emitter, LANES};
use super::epilogue::Operands;
use crate::codegen::x86::{DenseTile, dense_tile};
use crate::kernels::{DenseSpec, WeightType};

/// Images that share one reading of the weights. Their sums take at most 4 KiB of stack.
const IMAGES: usize = 16;

/// Inputs whose weights pass all images before the next: at most 16 KiB of weights, half a first-level cache.
const STRETCH: usize = 64;

/// Inputs of a round of an assembled tile.
const ROUND: usize = 8;

/// What a stretch of inputs is about.
struct Stretch {
    /// The first image's inputs.
    input: Value,
    weight: Value,
    scratch: Value,
    n_inputs: Value,
    /// Inputs that are written out before there is a loop; their number is a multiple of it.
    steps: usize,
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &DenseSpec) {
    let first = 2 + usize::from(spec.bias);
    let (input, weight) = (e.operand(0), e.operand(1));
    let bias = spec.bias.then(|| e.operand(2));
    let operands = Operands::load(e, spec.epilogue.as_ref(), first);
    let output = e.operand(first + operands.len());
    let (unit, n_inputs) = (spec.unit(), spec.n_inputs());
    let scratch = e.stack_floats(IMAGES * unit);
    e.for_tasks(|e, task| {
        let weight = e.advance(weight, task, n_inputs * spec.weight_stride());
        let feature = e.mul_const(task, unit as i64);
        let bias = bias.map(|bias| e.advance(bias, feature, 1));
        let (start, batch) = (e.int(0), e.batch);
        e.for_range(start, batch, IMAGES as i64, |e, image| {
            let left = e.sub(batch, image);
            let most = e.int(IMAGES as i64);
            let n_images = e.min_int(left, most);
            begin_sums(e, unit, bias, scratch, n_images);
            let input = e.advance(input, image, spec.input.image_stride);
            all_inputs(e, spec, [input, weight, scratch], n_images);
            let start = e.int(0);
            e.for_range(start, n_images, 1, |e, index| {
                let sums = e.advance(scratch, index, unit);
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

/// The bias, or zeros, for each image.
fn begin_sums(e: &mut Emitter, unit: usize, bias: Option<Value>, scratch: Value, n_images: Value) {
    let start = e.int(0);
    e.for_range(start, n_images, 1, |e, index| {
        let sums = e.advance(scratch, index, unit);
        for place in (0..unit as i64).step_by(LANES) {
            let value = match bias {
                Some(bias) => e.load4(bias, place),
                None => e.splat(0.0),
            };
            e.store(value, sums, place);
        }
    });
}

/// Adds the products of all inputs to the sums, a stretch after the other.
fn all_inputs(
    e: &mut Emitter,
    spec: &DenseSpec,
    [input, weight, scratch]: [Value; 3],
    n_images: Value,
) {
    let n_inputs = spec.n_inputs();
    let steps = match spec.family.is_assembled() {
        true => ROUND,
        // Stretches are multiples of four, so what is left of the last one is if all are.
        false if n_inputs.is_multiple_of(4) => 4,
        false => 1,
    };
    let rest = n_inputs % steps;
    let (start, end) = (e.int(0), e.int((n_inputs - rest) as i64));
    e.for_range(start, end, STRETCH as i64, |e, index| {
        let left = e.sub(end, index);
        let most = e.int(STRETCH as i64);
        let stretch = Stretch {
            input: e.advance(input, index, 1),
            weight: e.advance(weight, index, spec.weight_stride()),
            scratch,
            n_inputs: e.min_int(left, most),
            steps,
        };
        all_images(e, spec, &stretch, n_images);
    });
    if rest > 0 {
        let stretch = Stretch {
            input: e.offset(input, (n_inputs - rest) as i64),
            weight: e.offset(weight, ((n_inputs - rest) * spec.weight_stride()) as i64),
            scratch,
            n_inputs: e.int(rest as i64),
            steps: rest,
        };
        all_images(e, spec, &stretch, n_images);
    }
}

/// Adds a stretch of inputs to the sums of all images: in the largest tiles while there are as many images, then in smaller ones.
fn all_images(e: &mut Emitter, spec: &DenseSpec, stretch: &Stretch, n_images: Value) {
    let (unit, image_stride) = (spec.unit(), spec.input.image_stride);
    let at = |e: &mut Emitter, image: Value, vector: Value| Stretch {
        input: e.advance(stretch.input, image, image_stride),
        weight: e.advance(
            stretch.weight,
            vector,
            spec.weights.floats(spec.family.lanes()),
        ),
        scratch: {
            let sums = e.advance(stretch.scratch, image, unit);
            e.advance(sums, vector, spec.family.lanes())
        },
        ..*stretch
    };
    let mut next = e.int(0);
    for [images, vectors] in spec.tiles() {
        let step = images as i64;
        let full_end = e.add_const(n_images, 1 - step);
        let left = e.for_range_carrying(next, full_end, step, &[next], |e, image, _| {
            let (start, end) = (e.int(0), e.int((unit / spec.family.lanes()) as i64));
            e.for_range(start, end, vectors as i64, |e, vector| {
                let tile = at(e, image, vector);
                match spec.family.is_assembled() {
                    true => call_tile(e, spec, &tile, image, [images, vectors]),
                    false => add_products(e, spec, &tile, [images, vectors]),
                }
            });
            vec![e.add_const(image, step)]
        });
        next = left[0];
    }
}

/// A tile of images from `image` on by vectors of features, over a stretch of inputs, in the wide vectors of its family.
fn call_tile(
    e: &mut Emitter,
    spec: &DenseSpec,
    stretch: &Stretch,
    image: Value,
    [images, vectors]: [usize; 2],
) {
    let tile = DenseTile {
        spec,
        images,
        vectors,
        steps: stretch.steps,
    };
    let function = e.link(dense_tile(&tile), 5);
    let (rounds, _) = e.div_rem(stretch.n_inputs, stretch.steps);
    // The tiles share out what is asked for, so that memory is as busy as the multiply-add units all the time.
    let (number, _) = e.div_rem(image, images);
    let ahead = e.offset(stretch.weight, (STRETCH * spec.weight_stride()) as i64);
    let ahead = e.advance(ahead, number, tile.floats_ahead(STRETCH));
    let Stretch {
        input,
        weight,
        scratch,
        ..
    } = *stretch;
    e.call(function, &[input, weight, scratch, rounds, ahead]);
}

/// The same in narrow vectors.
fn add_products(
    e: &mut Emitter,
    spec: &DenseSpec,
    tile: &Stretch,
    [n_images, n_vectors]: [usize; 2],
) {
    let unit = spec.unit();
    let place = |index: usize| (index / n_vectors * unit + index % n_vectors * LANES) as i64;
    let sums: Vec<Value> = (0..n_images * n_vectors).map(|_| e.splat(0.0)).collect();
    let start = e.int(0);
    let step = tile.steps as i64;
    let sums = e.for_range_carrying(start, tile.n_inputs, step, &sums, |e, index, sums| {
        let input = e.advance(tile.input, index, 1);
        let weight = e.advance(tile.weight, index, spec.weight_stride());
        let mut sums = sums.to_vec();
        for step in 0..step {
            let weight_at = |v: usize| step * unit as i64 + (v * LANES) as i64;
            if n_images == 1 {
                let x = e.load_splat(input, step);
                for (v, sum) in sums.iter_mut().enumerate() {
                    // Loaded just before its only use: an operand of the instruction.
                    let w = load_weights(e, spec, weight, weight_at(v));
                    *sum = e.fma(x, w, *sum);
                }
                continue;
            }
            let weights: Vec<Value> = (0..n_vectors)
                .map(|v| load_weights(e, spec, weight, weight_at(v)))
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
        let all = e.load4(tile.scratch, place(index));
        let all = e.fadd(all, sum);
        e.store(all, tile.scratch, place(index));
    }
}

/// Four weights, `place` weights further.
fn load_weights(e: &mut Emitter, spec: &DenseSpec, weight: Value, place: i64) -> Value {
    match spec.weights {
        WeightType::F32 => e.load4(weight, place),
        WeightType::Bf16 => e.load4_halves(weight, place),
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
    let most = e.int(spec.unit() as i64);
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
