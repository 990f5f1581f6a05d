//! Convolution by Winograd's algorithm: the nest around transforms and products; see [`crate::kernels::winograd`].

mod guard;

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{FuncRef, InstBuilder, Value, types};

use super::conv::{Assembled, Unit, apply_epilogue, emit_tiles};
use super::emitter::{Emitter, LANES};
use super::epilogue::Operands;
use super::halo::zero_halo;
use super::strip::{plane_origin, plane_start};
use super::tile::Source;
use crate::codegen::transforms::{Grid, Transform, VectorCode};
use crate::codegen::x86::{input_tile, output_epilogue, output_tile};
use crate::kernels::{ConvSpec, WinogradSpec};

/// A kernel's pointers, and what all tasks share.
struct Kernel<'s> {
    spec: &'s WinogradSpec,
    product: ConvSpec,
    input: Value,
    weight: Value,
    bias: Option<Value>,
    operands: Operands<'s>,
    scratch: Value,
    output: Value,
}

/// A tile of results: where it lies.
struct Place {
    image: Value,
    /// First row and column of results.
    first: [Value; 2],
    /// Row and column in the grid of tiles.
    index: [Value; 2],
}

/// Output channels of a task.
struct Channels {
    group: Value,
    /// The first unit, counted in the group, and units.
    first: Value,
    n_units: Value,
    /// The first block, of all, and blocks.
    first_block: Value,
    n_blocks: Value,
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &WinogradSpec) {
    let first = 2 + usize::from(spec.conv.bias);
    let operands = Operands::load(e, spec.conv.epilogue.as_ref(), first);
    let kernel = Kernel {
        spec,
        product: spec.product(),
        input: e.operand(0),
        weight: e.operand(1),
        bias: spec.conv.bias.then(|| e.operand(2)),
        scratch: e.operand(first + operands.len()),
        output: e.operand(first + operands.len() + 1),
        operands,
    };
    let (begin, end) = (e.begin, e.end);
    let none = e.int(-1);
    e.for_range_carrying(begin, end, 1, &[none], |e, number, carried| {
        let (source, part) = e.div_rem(number, spec.tasks_per_input());
        let (block, group) = e.div_rem(source, spec.conv.groups);
        let first = e.mul_const(block, spec.cut.tiles_per_task as i64);
        let batch = e.batch;
        let all = e.mul_const(batch, spec.tiles_per_image() as i64);
        let left = e.sub(all, first);
        let most = e.int(spec.cut.tiles_per_task as i64);
        let count = e.min_int(left, most);
        let is_new = e.compare(IntCC::NotEqual, source, carried[0]);
        e.when(is_new, |e| kernel.transform_inputs(e, group, first, count));
        let channels = kernel.channels(e, group, part);
        kernel.multiply(e, &channels, count);
        kernel.transform_outputs(e, &channels, first, count);
        vec![source]
    });
}

impl<'s> Kernel<'s> {
    /// Where tile `number` of the batch lies.
    fn place(&self, e: &mut Emitter, number: Value) -> Place {
        let [_, columns] = self.spec.grid();
        let (image, tile) = e.div_rem(number, self.spec.tiles_per_image());
        let (row, column) = e.div_rem(tile, columns);
        let tile = self.spec.tile as i64;
        Place {
            image,
            first: [e.mul_const(row, tile), e.mul_const(column, tile)],
            index: [row, column],
        }
    }

    /// Where the points lie of the tile so many from the task's first.
    fn points(&self, e: &mut Emitter, start: usize, index: Value) -> Value {
        let points = e.offset(self.scratch, start as i64);
        e.advance(points, index, self.spec.conv.output.block)
    }

    fn passing(&self, e: &mut Emitter) -> Value {
        e.offset(self.scratch, self.spec.passing_start() as i64)
    }

    /// Part number `part` of a group's output channels.
    fn channels(&self, e: &mut Emitter, group: Value, part: Value) -> Channels {
        let spec = self.spec;
        let first = e.mul_const(part, spec.cut.units_per_task as i64);
        let n_units = at_most(e, spec.cut.units_per_task, spec.n_units(), first);
        let blocks = spec.blocks_per_task();
        let block = e.mul_const(part, blocks as i64);
        let n_blocks = at_most(e, blocks, spec.output_blocks(), block);
        let before = e.mul_const(group, spec.output_blocks() as i64);
        Channels {
            group,
            first,
            n_units,
            first_block: e.add(before, block),
            n_blocks,
        }
    }

    /// Transforms the input that a group reads.
    fn transform_inputs(&self, e: &mut Emitter, group: Value, first: Value, count: Value) {
        let ConvSpec {
            input,
            origin,
            stride,
            family,
            ..
        } = &self.spec.conv;
        let function = match family.is_assembled() {
            true => e.link(input_tile(self.spec), 4),
            false => None,
        };
        let of_group = self.spec.input_blocks() * input.plane_stride();
        let of_group = e.advance(self.input, group, of_group);
        let start = e.int(0);
        e.for_range(start, count, 1, |e, index| {
            let number = e.add(first, index);
            let place = self.place(e, number);
            let image = e.advance(of_group, place.image, input.image_stride);
            let corner = input.origin() as isize
                + origin[0] * input.row_stride() as isize
                + origin[1] * input.pixel_stride() as isize;
            let source = e.offset(image, corner as i64);
            let [row, column] = place.first;
            let source = e.advance(source, row, stride[0] * input.row_stride());
            let source = e.advance(source, column, stride[1] * input.pixel_stride());
            if self.spec.is_guarded() {
                self.judge(e, &place, index, source);
            }
            let points = self.points(e, 0, index);
            let passing = self.passing(e);
            if family.is_assembled() {
                let blocks = e.int(self.spec.input_blocks() as i64);
                e.call(function, &[source, points, passing, blocks]);
            } else {
                self.transform_input_narrow(e, source, points, passing);
            }
        });
    }

    fn transform_input_narrow(
        &self,
        e: &mut Emitter,
        source: Value,
        points: Value,
        passing: Value,
    ) {
        let input = &self.spec.conv.input;
        let n = self.spec.side();
        e.for_count(self.spec.input_blocks(), |e, block| {
            let source = e.advance(source, block, input.plane_stride());
            let points = e.advance(points, block, self.spec.cut.tiles_per_task * input.block);
            e.for_count(input.block / LANES, |e, vector| {
                let source = e.advance(source, vector, LANES);
                let points = e.advance(points, vector, LANES);
                let transform = Transform::of_input(e, self.spec.scheme());
                let tile = Grid {
                    start: &source,
                    row: input.row_stride(),
                    column: input.pixel_stride(),
                };
                let points = Grid::of_points(&points, n, self.spec.input_stride());
                let passing = Grid::of_points(&passing, n, LANES);
                let store = |e: &mut Emitter, [row, column]: [usize; 2], point: &Value| {
                    points.store(e, row, column, point);
                };
                transform.emit(e, tile, None, passing, store);
            });
        });
    }

    /// All points' products.
    fn multiply(&self, e: &mut Emitter, channels: &Channels, count: Value) {
        let spec = self.spec;
        let width = spec.cut.width as i64;
        let padded = e.add_const(count, width - 1);
        let strips = e.div_rem(padded, spec.cut.width).0;
        let is_even = spec.cut.last_vectors == spec.cut.vectors;
        e.for_count(spec.weight_side().pow(2), |e, weight| {
            let start = e.int(0);
            e.for_range(start, channels.n_units, 1, |e, index| {
                self.for_points(e, weight, |e, point| {
                    let full = |e: &mut Emitter| {
                        let vectors = spec.cut.vectors;
                        self.product(e, [point, weight], channels, index, strips, vectors);
                    };
                    if is_even {
                        return full(e);
                    }
                    let unit = e.add(channels.first, index);
                    let last = e.int(spec.n_units() as i64 - 1);
                    let is_last = e.compare(IntCC::Equal, unit, last);
                    let narrower = |e: &mut Emitter| {
                        let vectors = spec.cut.last_vectors;
                        self.product(e, [point, weight], channels, index, strips, vectors);
                    };
                    e.either(is_last, narrower, full);
                });
            });
        });
    }

    /// Does `body` for all points that have the weights of number `weight`.
    fn for_points(&self, e: &mut Emitter, weight: Value, body: impl FnOnce(&mut Emitter, Value)) {
        let (side, distinct) = (self.spec.side(), self.spec.weight_side());
        if side == distinct {
            return body(e, weight);
        }
        let (row, column) = e.div_rem(weight, distinct);
        // The last weights of a side are those of all points from there on.
        let [rows, columns] = [row, column].map(|first| {
            let last = e.int(distinct as i64 - 1);
            let is_last = e.compare(IntCC::Equal, first, last);
            let repeats = e.int((side - distinct + 1) as i64);
            let one = e.int(1);
            let count = e.builder().ins().select(is_last, repeats, one);
            [first, e.add(first, count)]
        });
        e.for_range(rows[0], rows[1], 1, |e, row| {
            e.for_range(columns[0], columns[1], 1, |e, column| {
                let point = e.mul_const(row, side as i64);
                let point = e.add(point, column);
                body(e, point);
            });
        });
    }

    /// The task's weights of number `number`: they lie by group, task, number, unit.
    fn weights(&self, e: &mut Emitter, channels: &Channels, number: Value) -> Value {
        let spec = self.spec;
        let inputs = spec.conv.group_inputs();
        let of_output = spec.floats_per_filter() * inputs;
        let padded = spec.conv.group_outputs().next_multiple_of(spec.granule());
        let weight = e.advance(self.weight, channels.group, of_output * padded);
        let weight = e.advance(weight, channels.first, of_output * spec.unit());
        // All units of a group but the last are equally wide.
        let begun = e.mul_const(channels.first, spec.unit() as i64);
        let outputs = at_most(e, spec.cut.units_per_task * spec.unit(), padded, begun);
        let of_number = e.mul_const(outputs, (inputs * size_of::<f32>()) as i64);
        let before = e.builder().ins().imul(number, of_number);
        e.add(weight, before)
    }

    /// The product of a point with its weights for unit `index` of the task's.
    fn product(
        &self,
        e: &mut Emitter,
        [point, weights]: [Value; 2],
        channels: &Channels,
        index: Value,
        strips: Value,
        vectors: usize,
    ) {
        let spec = self.spec;
        let inputs = spec.conv.group_inputs();
        let weight = self.weights(e, channels, weights);
        let weight = e.advance(weight, index, inputs * spec.unit());
        let source = e.advance(self.scratch, point, spec.input_stride());
        let products = e.offset(self.scratch, spec.products_start() as i64);
        let products = e.advance(products, point, spec.product_stride());
        let unit = Unit {
            source: Source {
                pixel: source,
                channels: Vec::new(),
            },
            weight,
            bias: None,
            operands: Operands::none(),
            output: e.advance(products, index, spec.cut.tiles_per_task * spec.unit()),
            vectors,
            assembled: spec.conv.family.is_assembled().then(|| {
                let unit = vectors * spec.conv.family.lanes() * inputs;
                let ahead = e.offset(weight, unit as i64);
                let tiles = spec.tiles_per_image().min(spec.cut.tiles_per_task);
                Assembled {
                    pair_sums: None,
                    table: e.table(&[ahead]),
                    tiles_per_unit: tiles.div_ceil(spec.cut.width),
                }
            }),
        };
        let start = e.int(0);
        emit_tiles(
            e,
            &self.product,
            &unit,
            [1, spec.cut.width],
            start,
            [start, strips],
        );
    }

    /// Turns the products into results, and writes the halo that belongs to them.
    fn transform_outputs(&self, e: &mut Emitter, channels: &Channels, first: Value, count: Value) {
        let spec = self.spec;
        let Channels {
            first_block,
            n_blocks,
            ..
        } = *channels;
        let start = e.int(0);
        e.for_range(start, count, 1, |e, index| {
            let number = e.add(first, index);
            let place = self.place(e, number);
            let points = self.points(e, spec.products_start(), index);
            self.zero_halos(e, &place, first_block, n_blocks);
            let transform = |e: &mut Emitter| {
                self.by_edge(e, &place, 0, [spec.tile; 2], &mut |e, size| {
                    self.output(e, &place, points, [first_block, n_blocks], size);
                });
            };
            if !spec.is_guarded() {
                return transform(e);
            }
            let suits = self.suits(e, index);
            e.either(suits, transform, |e| self.directly(e, channels, &place));
        });
    }

    /// Rows and columns of results of tiles at the lower and the right edge, 0 if those are whole.
    fn rest(&self) -> [usize; 2] {
        let view = &self.spec.conv.output;
        [view.height, view.width].map(|size| size % self.spec.tile)
    }

    /// Does `body` with the size of the tile at `place`, decided for axis `axis` and those after it.
    fn by_edge(
        &self,
        e: &mut Emitter,
        place: &Place,
        axis: usize,
        size: [usize; 2],
        body: &mut dyn FnMut(&mut Emitter, [usize; 2]),
    ) {
        if axis == 2 {
            return body(e, size);
        }
        let rest = self.rest();
        if rest[axis] == 0 {
            return self.by_edge(e, place, axis + 1, size, body);
        }
        let last = e.int(self.spec.grid()[axis] as i64 - 1);
        let is_last = e.compare(IntCC::Equal, place.index[axis], last);
        let mut at_edge = size;
        at_edge[axis] = rest[axis];
        let body = std::cell::RefCell::new(body);
        e.either(
            is_last,
            |e| self.by_edge(e, place, axis + 1, at_edge, *body.borrow_mut()),
            |e| self.by_edge(e, place, axis + 1, size, *body.borrow_mut()),
        );
    }

    /// The first tile of a row of tiles writes the halo of its rows, for all blocks of the group.
    fn zero_halos(&self, e: &mut Emitter, place: &Place, first_block: Value, n_blocks: Value) {
        let view = &self.spec.conv.output;
        if view.halo.is_zero() {
            return;
        }
        let zero = e.int(0);
        let is_first = e.compare(IntCC::Equal, place.index[1], zero);
        e.when(is_first, |e| {
            let row = place.first[0];
            let end = e.add_const(row, self.spec.tile as i64);
            let height = e.int(view.height as i64);
            let end = e.min_int(end, height);
            e.for_range(zero, n_blocks, 1, |e, block| {
                let block = e.add(first_block, block);
                let plane = plane_start(e, view, self.output, place.image, block);
                zero_halo(e, view, plane, row, end);
            });
        });
    }

    /// The results of one tile.
    fn output(
        &self,
        e: &mut Emitter,
        place: &Place,
        points: Value,
        [first_block, n_blocks]: [Value; 2],
        size: [usize; 2],
    ) {
        let spec = self.spec;
        let view = &spec.conv.output;
        let [row, column] = place.first;
        let operands = self.operands.at_block(e, place.image, first_block);
        let operands = operands.at_pixel(e, row, column);
        let output = plane_origin(e, view, self.output, place.image, first_block);
        let output = e.advance(output, row, view.row_stride());
        let output = e.advance(output, column, view.pixel_stride());
        let bias = self
            .bias
            .map(|bias| e.advance(bias, first_block, view.block));
        if !spec.conv.family.is_assembled() {
            return self.output_narrow(e, points, output, bias, &operands, n_blocks, size);
        }
        let is_done = spec.conv.epilogue.is_none() || output_epilogue(spec).is_some();
        let table = match is_done {
            true => e.table(operands.pointers()),
            false => e.int(0),
        };
        let passing = self.passing(e);
        let function: Option<FuncRef> = e.link(output_tile(spec, size), 6);
        let bias = bias.unwrap_or(table);
        e.call(function, &[points, output, passing, n_blocks, bias, table]);
        if !is_done {
            let start = e.int(0);
            e.for_range(start, n_blocks, 1, |e, block| {
                let operands = operands.blocks_further(e, block);
                let output = e.advance(output, block, view.plane_stride());
                let [rows, columns] = size.map(|size| e.int(size as i64));
                apply_epilogue(
                    e,
                    &spec.conv,
                    view.block,
                    &operands,
                    output,
                    [rows, columns],
                );
            });
        }
    }

    #[allow(clippy::too_many_arguments)] // the ends of a transform
    fn output_narrow(
        &self,
        e: &mut Emitter,
        points: Value,
        output: Value,
        bias: Option<Value>,
        operands: &Operands,
        n_blocks: Value,
        size: [usize; 2],
    ) {
        let spec = self.spec;
        let view = &spec.conv.output;
        let passing = self.passing(e);
        let start = e.int(0);
        e.for_range(start, n_blocks, 1, |e, block| {
            let points = e.advance(points, block, spec.cut.tiles_per_task * view.block);
            let output = e.advance(output, block, view.plane_stride());
            let bias = bias.map(|bias| e.advance(bias, block, view.block));
            let operands = operands.blocks_further(e, block);
            e.for_count(view.block / LANES, |e, vector| {
                let channel = e.mul_const(vector, LANES as i64);
                let points = e.advance(points, channel, 1);
                let output = e.advance(output, channel, 1);
                let operands = operands.at_channel(e, channel);
                let bias = bias.map(|bias| {
                    let place = e.advance(bias, channel, 1);
                    e.load4(place, 0)
                });
                let transform = Transform::of_output(e, spec.scheme(), size);
                let n = spec.side();
                let points = Grid::of_points(&points, n, spec.product_stride());
                let passing = Grid::of_points(&passing, n, LANES);
                let finish = |e: &mut Emitter, [row, column]: [usize; 2], result: &Value| {
                    let result = operands.apply(e, *result, [row, column], 0);
                    let place = row * view.row_stride() + column * view.pixel_stride();
                    e.store(result, output, place as i64);
                };
                transform.emit(e, points, bias.as_ref(), passing, finish);
            });
        });
    }
}

/// The smaller of `most` and what is left of `all` from `begun` on.
fn at_most(e: &mut Emitter, most: usize, all: usize, begun: Value) -> Value {
    let all = e.int(all as i64);
    let left = e.sub(all, begun);
    let most = e.int(most as i64);
    e.min_int(left, most)
}

impl VectorCode for Emitter<'_> {
    type Address = Value;
    type Vector = Value;

    fn load_at(&mut self, base: &Value, floats: usize) -> Value {
        self.load(types::F32X4, *base, floats as i64)
    }

    fn store_at(&mut self, vector: &Value, base: &Value, floats: usize) {
        self.store(*vector, *base, floats as i64);
    }

    fn room(&self) -> usize {
        // Cranelift has registers for what is worth one.
        usize::MAX
    }

    fn number(&mut self, value: f32) -> Value {
        self.splat(value)
    }

    fn plus(&mut self, a: &Value, b: &Value) -> Value {
        self.fadd(*a, *b)
    }

    fn minus(&mut self, a: &Value, b: &Value) -> Value {
        self.fsub(*a, *b)
    }

    fn add_product(&mut self, c: &Value, a: &Value, b: &Value) -> Value {
        self.fma(*a, *b, *c)
    }

    fn sub_product(&mut self, c: &Value, a: &Value, b: &Value) -> Value {
        let product = self.fmul(*a, *b);
        self.fsub(*c, product)
    }
}
