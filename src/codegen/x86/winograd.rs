//! Winograd's transforms of one tile, in wide vectors: functions that walk over blocks of channels.

use super::assembler::{Arithmetic, Assembler, Vector};
use super::epilogue::{self, Operand, is_wide};
use crate::codegen::CodegenError;
use crate::codegen::transforms::{Grid, Transform};
use crate::kernels::{Epilogue, WinogradSpec};

/// Registers that the transform of products leaves to the epilogue: of 16, seven values and three factors are in use at most.
const FREE: usize = 5;

/// Lanes of a quarter of a wide vector.
const QUARTER: usize = 4;

/// `fn(source, points, passing, blocks)`: transforms a tile of so many blocks of channels. `source` is the tile's first input, `points` its first point.
pub fn input_tile(spec: &WinogradSpec) -> Result<Vec<u8>, CodegenError> {
    let view = &spec.conv.input;
    let (mut a, [source, points, passing, blocks]) = Assembler::start(spec.conv.family);
    let transform = Transform::of_input(&mut a, spec.scheme());
    let n = spec.side();
    let tile = Grid {
        start: &source,
        row: view.row_stride(),
        column: view.pixel_stride(),
    };
    let target = Grid::of_points(&points, n, spec.input_stride());
    let between = Grid::of_points(&passing, n, a.lanes());
    a.count_down(&blocks, |a| {
        let store = |a: &mut Assembler, [row, column]: [usize; 2], point: &Vector| {
            target.store(a, row, column, point);
        };
        transform.emit(a, tile, None, between, store);
        a.advance(&source, view.plane_stride() as i64);
        a.advance(&points, (spec.cut.tiles_per_task * view.block) as i64);
    });
    drop(transform);
    a.finish()
}

/// `fn(source, squares)`: for each [part](crate::kernels::winograd::guard::Parts) of a tile with so many rows and columns of results, four floats that add up to
/// the sum of its inputs' squares. `source` is the tile's first input.
pub fn input_squares(spec: &WinogradSpec, size: [usize; 2]) -> Result<Vec<u8>, CodegenError> {
    let view = &spec.conv.input;
    let (mut a, [source, squares]) = Assembler::start(spec.conv.family);
    let parts = spec.scheme().parts(size);
    let sums: Vec<Vector> = parts.sizes.iter().map(|_| a.zero()).collect();
    let n = spec.side();
    let add_block = |a: &mut Assembler, lanes: Option<&Vector>| {
        for (pixel, &part) in parts.of_pixel.iter().enumerate() {
            let place = pixel / n * view.row_stride() + pixel % n * view.pixel_stride();
            let x = a.load(&source, place as i64);
            if let Some(lanes) = lanes {
                a.compute_into(&x, Arithmetic::And, &x, lanes);
            }
            a.fma(&sums[part], &x, &x);
        }
        a.advance(&source, view.plane_stride() as i64);
    };
    let inputs = spec.conv.group_inputs();
    a.repeat(inputs / view.block, |a| add_block(a, None));
    let rest = inputs % view.block;
    if rest > 0 {
        // What stands in lanes beyond the last channel is anybody's guess.
        let bits = |lane: usize| if lane < rest { u32::MAX } else { 0 };
        let lanes = a.lanes_of((0..view.block).map(bits).collect());
        add_block(&mut a, Some(&lanes));
    }
    for (index, sums) in sums.chunks_exact(view.block / QUARTER).enumerate() {
        let sums = a.add_quarters(sums);
        a.store(&sums, &squares, (index * view.block) as i64);
    }
    drop((source, squares, sums));
    a.finish()
}

/// The epilogue that [`output_tile`] applies itself.
pub fn output_epilogue(spec: &WinogradSpec) -> Option<&Epilogue> {
    let epilogue = spec.conv.epilogue.as_ref();
    epilogue.filter(|epilogue| is_wide(epilogue, FREE))
}

/// `fn(points, output, passing, blocks, bias, operands)`: transforms the products of a tile of so many blocks of channels into the first `size` rows and
/// columns of results. `operands` is a table of pointers to the epilogue's elements for the first result, which the function moves along.
pub fn output_tile(spec: &WinogradSpec, size: [usize; 2]) -> Result<Vec<u8>, CodegenError> {
    let view = &spec.conv.output;
    let (mut a, [points, output, passing, blocks, bias, table]) =
        Assembler::start(spec.conv.family);
    let transform = Transform::of_output(&mut a, spec.scheme(), size);
    let epilogue = output_epilogue(spec);
    let n = spec.side();
    let source = Grid::of_points(&points, n, spec.product_stride());
    let between = Grid::of_points(&passing, n, a.lanes());
    a.count_down(&blocks, |a| {
        let operands = Operand::load(a, epilogue, &table, 0);
        let bias_vector = spec.conv.bias.then(|| a.load(&bias, 0));
        let finish = |a: &mut Assembler, [row, column]: [usize; 2], result: &Vector| {
            if let Some(epilogue) = epilogue {
                epilogue::apply(a, &epilogue.function, result, &operands, [row, column], 0);
            }
            let place = row * view.row_stride() + column * view.pixel_stride();
            a.store(result, &output, place as i64);
        };
        let bias_vector = bias_vector.as_ref();
        transform.emit(a, source, bias_vector, between, finish);
        a.advance(&points, (spec.cut.tiles_per_task * view.block) as i64);
        a.advance(&output, view.plane_stride() as i64);
        if spec.conv.bias {
            a.advance(&bias, view.block as i64);
        }
        for (index, view) in epilogue.iter().flat_map(|e| &e.operands).enumerate() {
            let by_block = if view.channels > 1 {
                view.plane_stride()
            } else {
                0
            };
            a.advance_entry(&table, index, by_block as i64);
        }
    });
    drop(transform);
    a.finish()
}
