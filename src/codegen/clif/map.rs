//! Elementwise functions. One task is a strip of one plane.

use cranelift::codegen::ir::Value;

use super::emitter::{Emitter, LANES};
use super::operand::{Operand, store_pixels};
use super::scalar::emit_scalar_fn;
use super::strip::{for_columns, for_strips, has_vectors, plane_origin};
use crate::kernels::MapSpec;

/// Vectors of one round of the innermost loop: enough independent chains to hide latencies.
const VECTORS_PER_ROUND: usize = 4;

/// Operations beyond which a function is not repeated within a round: it has parallelism of its own, and its code is long.
const LONG_FUNCTION: usize = 24;

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &MapSpec) {
    let spec = &spec.as_rows();
    let operands: Vec<Operand> = spec.operands.iter().map(Operand::new).collect();
    let pointers: Vec<Value> = (0..operands.len()).map(|index| e.operand(index)).collect();
    let result = e.operand(operands.len());
    for_strips(e, &spec.output, result, |e, strip| {
        let origin = plane_origin(e, &spec.output, result, strip.image, strip.block);
        e.for_range(strip.first, strip.last, 1, |e, row| {
            let to = e.advance(origin, row, spec.output.row_stride());
            let from: Vec<Value> = operands
                .iter()
                .zip(&pointers)
                .map(|(operand, pointer)| operand.row(e, *pointer, strip.image, strip.block, row))
                .collect();
            emit_row(e, spec, &operands, &from, to);
        });
    });
}

fn emit_row(e: &mut Emitter, spec: &MapSpec, operands: &[Operand], from: &[Value], to: Value) {
    let output = &spec.output;
    let vectors = if spec.function.ops().len() > LONG_FUNCTION {
        1
    } else {
        VECTORS_PER_ROUND
    };
    if has_vectors(output) {
        let step = (vectors * LANES / output.block).max(1);
        for_columns(e, output.width, step, |e, column, count| {
            let places = places(e, operands, from, column);
            let to = e.advance(to, column, output.block);
            for index in 0..count {
                for lane in (0..output.block).step_by(LANES) {
                    let args: Vec<Value> = operands
                        .iter()
                        .zip(&places)
                        .map(|(operand, place)| operand.load_lanes(e, *place, index, lane))
                        .collect();
                    let value = emit_scalar_fn(e, &spec.function, &args);
                    e.store(value, to, (index * output.block + lane) as i64);
                }
            }
        });
    } else {
        for_columns(e, output.width, vectors * LANES, |e, column, count| {
            for first in (0..count).step_by(LANES) {
                let here = e.add_const(column, first as i64);
                let count = (count - first).min(LANES);
                let args: Vec<Value> = places(e, operands, from, here)
                    .iter()
                    .zip(operands)
                    .map(|(place, operand)| operand.load_pixels(e, *place, count))
                    .collect();
                let value = emit_scalar_fn(e, &spec.function, &args);
                let to = e.advance(to, here, 1);
                store_pixels(e, value, to, count);
            }
        });
    }
}

/// Where the operands' elements of the pixel `column` lie.
fn places(e: &mut Emitter, operands: &[Operand], rows: &[Value], column: Value) -> Vec<Value> {
    operands
        .iter()
        .zip(rows)
        .map(|(operand, row)| operand.pixel(e, *row, column))
        .collect()
}
