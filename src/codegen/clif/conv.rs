//! Convolution: the loop nest around the register tile. Also depthwise convolution, which is the case of one channel a group, and the phases of a
//! transposed one, whose results lie on a lattice.

use cranelift::codegen::ir::Value;
use cranelift::codegen::ir::condcodes::IntCC;

use super::emitter::{Emitter, LANES};
use super::epilogue::Operands;
use super::halo::zero_halo;
use super::strip::{plane_origin, plane_start};
use super::tile::{Source, Tile};
use crate::codegen::x86::{
    ConvStrip, FIRST_OPERAND, conv_strip, end_of_operands, pair_sums, table_floats,
};
use crate::kernels::{ConvSpec, Sharing, Strip, pairs};

/// A kernel's pointers.
pub(super) struct Pointers<'s> {
    pub input: Value,
    pub weight: Value,
    pub bias: Option<Value>,
    pub operands: Operands<'s>,
    pub output: Value,
}

/// What one task does.
pub(super) struct Task {
    pub image: Value,
    /// The group of output channels, and its first block.
    pub group: Value,
    pub block: Value,
    /// Rows of the lattice: first, and one past the last.
    pub rows: [Value; 2],
    /// Where the task's pixels have their sums of pairs' products, if there are any.
    pub pair_sums: Option<Value>,
}

/// Where one unit of output channels finds and leaves its data, at pixel (0, 0) of the lattice.
pub(super) struct Unit<'s> {
    pub source: Source,
    pub weight: Value,
    pub bias: Option<Value>,
    pub operands: Operands<'s>,
    pub output: Value,
    /// Vectors of output channels.
    pub vectors: usize,
    /// For assembled tiles.
    pub assembled: Option<Assembled>,
}

/// What assembled tiles of a unit want to know besides.
#[derive(Clone, Copy)]
pub(super) struct Assembled {
    /// The table that they move along: see [`crate::codegen::x86`].
    pub table: Value,
    /// Tiles that use the unit's weights before the next unit's are used.
    pub tiles_per_unit: usize,
    /// The sums of pairs' products, from the task's first row, and that row.
    pub pair_sums: Option<[Value; 2]>,
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &ConvSpec) {
    let schedule = &spec.schedule;
    let pointers = load_pointers(e, spec);
    let width = spec.lattice.size[1];
    let pair_sums = spec
        .pairs
        .then(|| e.stack_floats(schedule.rows_per_task * width));
    e.for_tasks(|e, number| {
        let task = Task {
            pair_sums,
            ..decode(e, spec, number)
        };
        zero_halos(e, spec, &pointers, &task);
        if let Some(to) = pair_sums {
            sum_pairs(e, spec, &pointers, &task, to);
        }
        emit_units(e, spec, &pointers, &task);
    });
}

/// The sums of pairs' products of the task's pixels.
fn sum_pairs(e: &mut Emitter, spec: &ConvSpec, pointers: &Pointers, task: &Task, to: Value) {
    let ConvSpec { input, stride, .. } = spec;
    let function = e.link(pair_sums(spec), 2);
    let image = e.advance(pointers.input, task.image, input.image_stride);
    let first = e.offset(image, input.origin() as i64);
    let [begin, end] = task.rows;
    e.for_range(begin, end, 1, |e, row| {
        let from = e.advance(first, row, stride[0] * input.row_stride());
        let index = e.sub(row, begin);
        let to = e.advance(to, index, spec.lattice.size[1]);
        e.call(function, &[from, to]);
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

/// The order of tasks is [`Schedule::channels_fastest`](crate::kernels::Schedule::channels_fastest)'s.
fn decode(e: &mut Emitter, spec: &ConvSpec, number: Value) -> Task {
    let schedule = &spec.schedule;
    let (image, group, rows) = if schedule.channels_fastest {
        let (rest, group) = e.div_rem(number, schedule.channel_groups);
        let (image, rows) = e.div_rem(rest, schedule.row_groups);
        (image, group, rows)
    } else {
        let (rest, rows) = e.div_rem(number, schedule.row_groups);
        let batch = e.batch;
        let (group, image) = e.div_rem_value(rest, batch);
        (image, group, rows)
    };
    let first = e.mul_const(rows, schedule.rows_per_task as i64);
    let end = e.add_const(first, schedule.rows_per_task as i64);
    let height = e.int(spec.lattice.size[0] as i64);
    let blocks = schedule.channels_per_task / spec.output.block;
    Task {
        image,
        group,
        block: e.mul_const(group, blocks as i64),
        rows: [first, e.min_int(end, height)],
        pair_sums: None,
    }
}

/// Zeroes what belongs to the task of the halos of its planes.
fn zero_halos(e: &mut Emitter, spec: &ConvSpec, pointers: &Pointers, task: &Task) {
    let view = &spec.output;
    if view.halo.is_zero() {
        return;
    }
    let blocks = spec.schedule.channels_per_task / view.block;
    let end = e.add_const(task.block, blocks as i64);
    let all = e.int(view.n_blocks() as i64);
    let end = e.min_int(end, all);
    e.for_range(task.block, end, 1, |e, block| {
        let plane = plane_start(e, view, pointers.output, task.image, block);
        zero_halo(e, view, plane, task.rows[0], task.rows[1]);
    });
}

/// All units of a task.
pub(super) fn emit_units(e: &mut Emitter, spec: &ConvSpec, pointers: &Pointers, task: &Task) {
    let schedule = &spec.schedule;
    let units = schedule.channels_per_task / spec.unit();
    let n_units = spec.output.channels.div_ceil(spec.unit());
    let of_width = |e: &mut Emitter, vectors: usize, index: Option<Value>| {
        let unit = start_unit(e, spec, pointers, task, vectors, index);
        emit_rows(e, spec, task, &unit);
    };
    // The last unit may be narrower.
    let unit = |e: &mut Emitter, number: Value, index: Option<Value>| {
        let (vectors, narrower) = (schedule.vectors, schedule.last_vectors);
        if vectors == narrower {
            of_width(e, vectors, index);
        } else if n_units == 1 {
            of_width(e, narrower, index);
        } else {
            let last = e.int(n_units as i64 - 1);
            let is_last = e.compare(IntCC::Equal, number, last);
            let narrower = |e: &mut Emitter| of_width(e, narrower, index);
            e.either(is_last, narrower, |e| of_width(e, vectors, index));
        }
    };
    if units == 1 {
        return unit(e, task.group, None);
    }
    // The last task may have fewer units than others.
    let begun = e.mul_const(task.group, units as i64);
    let all = e.int(n_units as i64);
    let left = e.sub(all, begun);
    let full = e.int(units as i64);
    let (start, end) = (e.int(0), e.min_int(left, full));
    e.for_range(start, end, 1, |e, index| {
        let number = e.add(begun, index);
        unit(e, number, Some(index));
    });
}

/// Addresses of a unit: the group itself, or its unit `index`.
fn start_unit<'s>(
    e: &mut Emitter,
    spec: &ConvSpec,
    pointers: &Pointers<'s>,
    task: &Task,
    vectors: usize,
    index: Option<Value>,
) -> Unit<'s> {
    let ConvSpec { input, output, .. } = spec;
    let blocks = spec.unit() / output.block;
    let (block, index) = match index {
        // Units of whole blocks.
        Some(index) if blocks > 0 => {
            let further = e.mul_const(index, blocks as i64);
            (e.add(task.block, further), None)
        }
        index => (task.block, index),
    };
    let lane = index.map(|index| e.mul_const(index, spec.unit() as i64));
    let first = e.mul_const(block, output.block as i64);
    let first = lane.map_or(first, |lane| e.add(first, lane));

    let row = input.origin() as isize + spec.origin[0] * input.row_stride() as isize;
    let place = row + spec.origin[1] * input.pixel_stride() as isize;
    let image = e.advance(pointers.input, task.image, input.image_stride);
    let source = Source {
        pixel: e.offset(image, place as i64),
        channels: first_channels(e, spec, first),
    };

    let weights = pairs::head(spec.pairs) + spec.group_inputs() * spec.kernel[0] * spec.kernel[1];
    let weight = e.advance(pointers.weight, first, weights);
    let bias = pointers.bias.map(|bias| e.advance(bias, first, 1));
    let operands = pointers.operands.at_block(e, task.image, block);
    let place = plane_origin(e, output, pointers.output, task.image, block);
    let (operands, place) = match lane {
        None => (operands, place),
        Some(lane) => (operands.at_channel(e, lane), e.advance(place, lane, 1)),
    };
    let assembled = spec.family.is_assembled().then(|| {
        let unit = vectors * spec.family.lanes() * weights;
        let ahead = e.offset(weight, unit as i64);
        start_assembled(e, spec, task, &operands, ahead, unit)
    });
    Unit {
        source,
        weight,
        bias,
        operands,
        output: place,
        vectors,
        assembled,
    }
}

/// `ahead` points to the weights of the next unit, of as many floats as this one's.
fn start_assembled(
    e: &mut Emitter,
    spec: &ConvSpec,
    task: &Task,
    operands: &Operands,
    ahead: Value,
    unit: usize,
) -> Assembled {
    let schedule = &spec.schedule;
    let height = spec.lattice.size[0];
    // Where the same weights serve several tasks, each of these asks for its part of the next.
    let is_next_here = schedule.channels_fastest || schedule.channels_per_task > spec.unit();
    let (rows, ahead) = match is_next_here {
        true => (schedule.rows_per_task.min(height), ahead),
        false => (height, e.advance(ahead, task.rows[0], unit / height.max(1))),
    };
    let strips = schedule.strips.iter().filter(|strip| strip.count > 0);
    let tiles: usize = strips
        .map(|strip| strip.count * rows.div_ceil(strip.rows))
        .sum();
    let mut words = vec![ahead; FIRST_OPERAND];
    words.extend(operands.pointers());
    words.extend(task.pair_sums);
    let table = match table_floats(spec) {
        0 => e.table(&words),
        floats => {
            let table = e.stack_floats(floats);
            e.fill_table(table, 0, &words);
            table
        }
    };
    Assembled {
        table,
        tiles_per_unit: tiles.max(1),
        pair_sums: task.pair_sums.map(|sums| [sums, task.rows[0]]),
    }
}

/// The first input channels of the unit whose first output channel is `first`; see [`Source::channels`].
fn first_channels(e: &mut Emitter, spec: &ConvSpec, first: Value) -> Vec<Value> {
    if spec.groups == 1 {
        return Vec::new();
    }
    match spec.sharing() {
        Sharing::Lanes | Sharing::Permuted => vec![first],
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
fn emit_rows(e: &mut Emitter, spec: &ConvSpec, task: &Task, unit: &Unit) {
    let [first, end] = task.rows;
    let schedule = &spec.schedule;
    for strip in schedule.strips.iter().filter(|strip| strip.count > 0) {
        let step = strip.rows as i64;
        // Full tiles while they fit, then what is left as one tile if its height is known, or rows one by one.
        let full_end = e.add_const(end, 1 - step);
        let next = e.for_range_carrying(first, full_end, step, &[first], |e, row, _| {
            emit_strip(e, spec, unit, strip, strip.rows, row);
            vec![e.add_const(row, step)]
        });
        let height = spec.lattice.size[0];
        let last_rows = height - (schedule.row_groups - 1) * schedule.rows_per_task;
        let rest = last_rows % strip.rows;
        let is_known = schedule.rows_per_task.is_multiple_of(strip.rows)
            || last_rows == schedule.rows_per_task;
        if rest > 0 && is_known {
            let step = rest as i64;
            let rest = |e: &mut Emitter, row| emit_strip(e, spec, unit, strip, rest, row);
            e.for_range(next[0], end, step, rest);
        } else if !is_known {
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
    let count = e.int(strip.count as i64);
    emit_tiles(e, spec, unit, [rows, strip.width], row, [start, count]);
}

/// Tiles of `size` side by side: so many from a column on.
pub(super) fn emit_tiles(
    e: &mut Emitter,
    spec: &ConvSpec,
    unit: &Unit,
    size: [usize; 2],
    row: Value,
    [start, count]: [Value; 2],
) {
    if let Some(assembled) = unit.assembled {
        return call_strip(e, spec, unit, assembled, size, row, [start, count]);
    }
    let columns = e.mul_const(count, size[1] as i64);
    let end = e.add(start, columns);
    let tile = Tile { spec, size };
    let lanes = |v: usize| (v * LANES) as i64;
    let bias: Vec<Value> = (0..unit.vectors)
        .map(|v| match unit.bias {
            Some(bias) => e.load4(bias, lanes(v)),
            None => e.splat(0.0),
        })
        .collect();
    e.for_range(start, end, size[1] as i64, |e, column| {
        emit_tile(e, &tile, unit, &bias, row, column)
    });
}

/// The same in tiles of a wider family.
fn call_strip(
    e: &mut Emitter,
    spec: &ConvSpec,
    unit: &Unit,
    assembled: Assembled,
    size: [usize; 2],
    row: Value,
    [start, count]: [Value; 2],
) {
    let ConvSpec { input, stride, .. } = spec;
    let Assembled {
        table,
        tiles_per_unit,
        pair_sums,
    } = assembled;
    let tiles = ConvStrip {
        spec,
        size,
        vectors: unit.vectors,
        tiles_per_unit,
    };
    let source = e.advance(unit.source.pixel, row, stride[0] * input.row_stride());
    let source = e.advance(source, start, stride[1] * input.pixel_stride());
    let source = match unit.source.channels[..] {
        [] => source,
        [first, ..] => {
            let block = e.div_rem(first, input.block).0;
            e.advance(source, block, input.plane_stride())
        }
    };
    let (operands, output) = results(e, spec, unit, row, start);
    let is_done = spec.epilogue.is_none() || tiles.epilogue().is_some();
    e.fill_table(table, FIRST_OPERAND, operands.pointers());
    if let Some([sums, first]) = pair_sums {
        let index = e.sub(row, first);
        let sums = e.advance(sums, index, spec.lattice.size[1]);
        let sums = e.advance(sums, start, 1);
        e.fill_table(table, end_of_operands(spec), &[sums]);
    }
    let bias = unit.bias.unwrap_or(table);
    let function = e.link(conv_strip(&tiles), 6);
    e.call(function, &[source, unit.weight, output, count, bias, table]);
    if !is_done {
        let rows = e.int(size[0] as i64);
        let columns = e.mul_const(count, size[1] as i64);
        let channels = unit.vectors * spec.family.lanes();
        apply_epilogue(e, spec, channels, &operands, output, [rows, columns]);
    }
}

/// Applies the epilogue to sums that are stored: so many channels of `size` rows and columns of the lattice from `output` on.
pub(super) fn apply_epilogue(
    e: &mut Emitter,
    spec: &ConvSpec,
    channels: usize,
    operands: &Operands,
    output: Value,
    size: [Value; 2],
) {
    let ConvSpec {
        output: view,
        lattice,
        ..
    } = spec;
    let start = e.int(0);
    e.for_range(start, size[0], 1, |e, row| {
        e.for_range(start, size[1], 1, |e, column| {
            let row = e.mul_const(row, lattice.step[0] as i64);
            let column = e.mul_const(column, lattice.step[1] as i64);
            let operands = operands.at_pixel(e, row, column);
            let line = e.advance(output, row, view.row_stride());
            let pixel = e.advance(line, column, view.pixel_stride());
            for channel in (0..channels).step_by(LANES) {
                let place = channel / view.block * view.plane_stride() + channel % view.block;
                let sum = e.load4(pixel, place as i64);
                let result = operands.apply(e, sum, [0, 0], channel);
                e.store(result, pixel, place as i64);
            }
        });
    });
}

/// The epilogue's operands and the place for the result at a point of the lattice.
fn results<'s>(
    e: &mut Emitter,
    spec: &ConvSpec,
    unit: &Unit<'s>,
    row: Value,
    column: Value,
) -> (Operands<'s>, Value) {
    let ConvSpec {
        output, lattice, ..
    } = spec;
    let [row, column] = [(row, 0), (column, 1)].map(|(index, axis)| {
        let scaled = e.mul_const(index, lattice.step[axis] as i64);
        e.add_const(scaled, lattice.offset[axis] as i64)
    });
    let operands = unit.operands.at_pixel(e, row, column);
    let line = e.advance(unit.output, row, output.row_stride());
    (operands, e.advance(line, column, output.pixel_stride()))
}

/// One tile: sums, epilogue, store.
fn emit_tile(e: &mut Emitter, tile: &Tile, unit: &Unit, bias: &[Value], row: Value, column: Value) {
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
    let sums = tile.accumulate(e, &source, unit.weight, bias);
    let (operands, first) = results(e, tile.spec, unit, row, column);
    let n_vectors = unit.vectors;
    for (index, &sum) in sums.iter().enumerate() {
        let (pixel, channel) = (index / n_vectors, index % n_vectors * LANES);
        let (down, right) = (pixel / tile.size[1], pixel % tile.size[1]);
        let (down, right) = (down * lattice.step[0], right * lattice.step[1]);
        let result = operands.apply(e, sum, [down, right], channel);
        let place = down * output.row_stride() + right * output.pixel_stride() + channel;
        e.store(result, first, place as i64);
    }
}
