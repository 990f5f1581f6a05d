//! Convolution: the loop nest around the register tile. Also depthwise convolution, which is the case of one channel a group, and the phases of a
//! transposed one, whose results lie on a lattice.

use cranelift::codegen::ir::Value;

use super::emitter::{Emitter, LANES};
use super::epilogue::Operands;
use super::halo::zero_halo;
use super::tile::{Source, Tile};
use crate::kernels::{ConvSpec, Schedule, Sharing, Strip, TileFamily};

/// A kernel's pointers.
struct Pointers<'s> {
    input: Value,
    weight: Value,
    bias: Option<Value>,
    operands: Operands<'s>,
    output: Value,
}

/// What one task does.
struct Task {
    image: Value,
    block: Value,
    /// Rows of the lattice: first, and one past the last.
    rows: [Value; 2],
}

/// Where one unit of output channels finds and leaves its data, at pixel (0, 0) of the lattice.
struct Unit<'s> {
    source: Source,
    weight: Value,
    bias: Vec<Value>,
    operands: Operands<'s>,
    output: Value,
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &ConvSpec) {
    let schedule = spec.schedule();
    let pointers = load_pointers(e, spec);
    e.for_tasks(|e, number| {
        let task = decode(e, spec, &schedule, number);
        let image = e.advance(pointers.output, task.image, spec.output.image_stride);
        let plane = e.advance(image, task.block, spec.output.plane_stride());
        zero_halo(e, &spec.output, plane, task.rows[0], task.rows[1]);
        let units_per_block = spec.output.block / spec.unit();
        if units_per_block == 1 {
            let unit = start_unit(e, spec, &pointers, &task, plane, None);
            emit_rows(e, spec, &schedule, &task, &unit);
            return;
        }
        // The last block may have fewer units than others.
        let n_units = e.int(spec.output.channels.div_ceil(spec.unit()) as i64);
        let begun = e.mul_const(task.block, units_per_block as i64);
        let left = e.sub(n_units, begun);
        let full = e.int(units_per_block as i64);
        let (start, end) = (e.int(0), e.min_int(left, full));
        e.for_range(start, end, 1, |e, index| {
            let unit = start_unit(e, spec, &pointers, &task, plane, Some(index));
            emit_rows(e, spec, &schedule, &task, &unit);
        });
    });
}

fn load_pointers<'s>(e: &mut Emitter, spec: &'s ConvSpec) -> Pointers<'s> {
    let first = 2 + usize::from(spec.bias);
    let operands = Operands::load(e, spec.epilogue.as_ref(), first);
    Pointers {
        input: e.operand(0),
        weight: e.operand(1),
        bias: spec.bias.then(|| e.operand(2)),
        output: e.operand(first + operands.len()),
        operands,
    }
}

/// The order of tasks is [`Schedule::blocks_fastest`]'s.
fn decode(e: &mut Emitter, spec: &ConvSpec, schedule: &Schedule, number: Value) -> Task {
    let n_blocks = spec.output.n_blocks();
    let (image, block, group) = if schedule.blocks_fastest {
        let (rest, block) = e.div_rem(number, n_blocks);
        let (image, group) = e.div_rem(rest, schedule.row_groups);
        (image, block, group)
    } else {
        let (rest, group) = e.div_rem(number, schedule.row_groups);
        let batch = e.batch;
        let (block, image) = e.div_rem_value(rest, batch);
        (image, block, group)
    };
    let first = e.mul_const(group, schedule.rows_per_task as i64);
    let end = e.add_const(first, schedule.rows_per_task as i64);
    let height = e.int(spec.lattice.size[0] as i64);
    Task {
        image,
        block,
        rows: [first, e.min_int(end, height)],
    }
}

/// Addresses of a unit: the block itself, or its unit `index`.
fn start_unit<'s>(
    e: &mut Emitter,
    spec: &ConvSpec,
    pointers: &Pointers<'s>,
    task: &Task,
    plane: Value,
    index: Option<Value>,
) -> Unit<'s> {
    let ConvSpec { input, output, .. } = spec;
    let lane = index.map(|index| e.mul_const(index, spec.unit() as i64));
    let first = e.mul_const(task.block, output.block as i64);
    let first = lane.map_or(first, |lane| e.add(first, lane));

    let row = input.origin() as isize + spec.origin[0] * input.row_stride() as isize;
    let place = row + spec.origin[1] * input.pixel_stride() as isize;
    let image = e.advance(pointers.input, task.image, input.image_stride);
    let source = Source {
        pixel: e.offset(image, place as i64),
        channels: first_channels(e, spec, first),
    };

    let weights = spec.group_inputs() * spec.kernel[0] * spec.kernel[1];
    let weight = e.advance(pointers.weight, first, weights);
    let bias = match pointers.bias {
        Some(bias) => {
            let bias = e.advance(bias, first, 1);
            (0..spec.tile_vectors())
                .map(|v| e.load4(bias, (v * LANES) as i64))
                .collect()
        }
        None => vec![e.splat(0.0); spec.tile_vectors()],
    };

    let operands = pointers.operands.at_block(e, task.image, task.block);
    let place = e.offset(plane, output.origin() as i64);
    let (operands, place) = match lane {
        None => (operands, place),
        Some(lane) => (operands.at_channel(e, lane), e.advance(place, lane, 1)),
    };
    Unit {
        source,
        weight,
        bias,
        operands,
        output: place,
    }
}

/// The first input channels of the unit whose first output channel is `first`; see [`Source::channels`].
fn first_channels(e: &mut Emitter, spec: &ConvSpec, first: Value) -> Vec<Value> {
    if spec.groups == 1 {
        return Vec::new();
    }
    match spec.sharing() {
        Sharing::Lanes => vec![first],
        Sharing::Block | Sharing::Vector => {
            let (group, _) = e.div_rem(first, spec.group_outputs());
            vec![e.mul_const(group, spec.group_inputs() as i64)]
        }
        Sharing::Gather => (0..LANES as i64)
            .map(|lane| {
                let channel = e.add_const(first, lane);
                let (group, _) = e.div_rem(channel, spec.group_outputs());
                // Surplus lanes read what is there.
                let last = e.int(spec.groups as i64 - 1);
                let group = e.min_int(group, last);
                e.mul_const(group, spec.group_inputs() as i64)
            })
            .collect(),
    }
}

/// All tiles of the task's rows.
fn emit_rows(e: &mut Emitter, spec: &ConvSpec, schedule: &Schedule, task: &Task, unit: &Unit) {
    let [first, end] = task.rows;
    for strip in schedule.strips.iter().filter(|strip| strip.count > 0) {
        let step = strip.rows as i64;
        // Full tiles while they fit, then rows one by one.
        let full_end = e.add_const(end, 1 - step);
        let next = e.for_range_carrying(first, full_end, step, &[first], |e, row, _| {
            emit_strip(e, spec, unit, strip, strip.rows, row);
            vec![e.add_const(row, step)]
        });
        let height = spec.lattice.size[0];
        let last_rows = height - (schedule.row_groups - 1) * schedule.rows_per_task;
        if !last_rows.is_multiple_of(strip.rows) {
            let one_row = |e: &mut Emitter, row| emit_strip(e, spec, unit, strip, 1, row);
            e.for_range(next[0], end, 1, one_row);
        }
    }
}

/// The tiles of one strip in `rows` rows from lattice row `row`.
fn emit_strip(
    e: &mut Emitter,
    spec: &ConvSpec,
    unit: &Unit,
    strip: &Strip,
    rows: usize,
    row: Value,
) {
    let start = e.int(strip.start as i64);
    let end = e.int((strip.start + strip.count * strip.width) as i64);
    let tile = Tile {
        spec,
        size: [rows, strip.width],
    };
    e.for_range(start, end, strip.width as i64, |e, column| {
        match spec.family {
            // A family whose tiles are functions calls them here.
            TileFamily::Clif128 => emit_tile(e, &tile, unit, row, column),
        }
    });
}

/// One tile: sums, epilogue, store.
fn emit_tile(e: &mut Emitter, tile: &Tile, unit: &Unit, row: Value, column: Value) {
    let ConvSpec {
        input,
        output,
        stride,
        lattice,
        ..
    } = tile.spec;
    let pixel = e.advance(unit.source.pixel, row, stride[0] * input.row_stride());
    let source = Source {
        pixel: e.advance(pixel, column, stride[1] * input.pixel_stride()),
        channels: unit.source.channels.clone(),
    };
    let sums = tile.accumulate(e, &source, unit.weight, &unit.bias);

    let [row, column] = [(row, 0), (column, 1)].map(|(index, axis)| {
        let scaled = e.mul_const(index, lattice.step[axis] as i64);
        e.add_const(scaled, lattice.offset[axis] as i64)
    });
    let operands = unit.operands.at_pixel(e, row, column);
    let line = e.advance(unit.output, row, output.row_stride());
    let first = e.advance(line, column, output.pixel_stride());
    let n_vectors = tile.spec.tile_vectors();
    for (index, &sum) in sums.iter().enumerate() {
        let (pixel, channel) = (index / n_vectors, index % n_vectors * LANES);
        let (down, right) = (pixel / tile.size[1], pixel % tile.size[1]);
        let (down, right) = (down * lattice.step[0], right * lattice.step[1]);
        let result = operands.apply(e, sum, [down, right], channel);
        let place = down * output.row_stride() + right * output.pixel_stride() + channel;
        e.store(result, first, place as i64);
    }
}
