//! Pooling: each window by its definition.

use super::{Memory, Values, scatter};
use crate::graph::PoolKind;
use crate::kernels::{PoolSpec, PoolWindows};

/// The taps of one window along one axis: those inside the map, and how many count for an average.
struct Taps {
    inside: Vec<usize>,
    counted: usize,
}

fn taps(spec: &PoolSpec, axis: usize, index: usize) -> Taps {
    let size = |view: &crate::plan::View| [view.height, view.width][axis];
    let (n_in, n_out) = (size(&spec.input), size(&spec.output));
    match spec.windows {
        PoolWindows::Adaptive => {
            let inside: Vec<usize> =
                (index * n_in / n_out..((index + 1) * n_in).div_ceil(n_out)).collect();
            let counted = inside.len();
            Taps { inside, counted }
        }
        PoolWindows::Sliding {
            kernel,
            stride,
            dilation,
            pad,
            pad_end,
        } => {
            // Positions count from the start of the padding.
            let positions: Vec<usize> = (0..kernel[axis])
                .map(|tap| index * stride[axis] + tap * dilation[axis])
                .collect();
            let map = pad[axis]..pad[axis] + n_in;
            let inside: Vec<usize> = positions
                .iter()
                .filter(|position| map.contains(position))
                .map(|position| position - pad[axis])
                .collect();
            let counted = match spec.kind {
                PoolKind::Average {
                    count_include_pad: true,
                } => {
                    let end = pad[axis] + n_in + pad_end[axis];
                    positions.iter().filter(|position| **position < end).count()
                }
                _ => inside.len(),
            };
            Taps { inside, counted }
        }
    }
}

pub(super) fn pool<M: Memory + ?Sized>(spec: &PoolSpec, memory: &mut M, image: usize) {
    let input = Values::gather(memory, 0, &spec.input, image);
    scatter(memory, 1, &spec.output, image, |c, i, j| {
        let (rows, columns) = (taps(spec, 0, i), taps(spec, 1, j));
        let window = rows.inside.iter().flat_map(|row| {
            let input = &input;
            columns
                .inside
                .iter()
                .map(move |column| input.inside(c, *row, *column))
        });
        match spec.kind {
            PoolKind::Max => window.fold(f64::NEG_INFINITY, |best, value| {
                if value > best || value.is_nan() {
                    value
                } else {
                    best
                }
            }),
            PoolKind::Average { .. } => {
                window.sum::<f64>() / (rows.counted * columns.counted) as f64
            }
        }
    });
}
