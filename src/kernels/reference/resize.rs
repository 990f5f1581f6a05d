//! Resize of maps.

use super::{Memory, Values, scatter};
use crate::graph::{ResizeMode, nearest};
use crate::kernels::ResizeSpec;

/// The two source indices of result `index` and the weight of the second.
fn source(mode: ResizeMode, index: usize, n_in: usize, n_out: usize) -> (usize, usize, f64) {
    let position = match mode {
        ResizeMode::Nearest => {
            let nearest = nearest(index, n_in, n_out);
            return (nearest, nearest, 0.0);
        }
        ResizeMode::Bilinear {
            align_corners: true,
        } if n_out == 1 => 0.0,
        ResizeMode::Bilinear {
            align_corners: true,
        } => index as f64 * (n_in - 1) as f64 / (n_out - 1) as f64,
        ResizeMode::Bilinear {
            align_corners: false,
        } => ((index as f64 + 0.5) * n_in as f64 / n_out as f64 - 0.5).max(0.0),
    };
    let low = (position.floor() as usize).min(n_in - 1);
    (low, (low + 1).min(n_in - 1), position - low as f64)
}

pub(super) fn resize<M: Memory + ?Sized>(spec: &ResizeSpec, memory: &mut M, image: usize) {
    let input = Values::gather(memory, 0, &spec.input, image);
    scatter(memory, 1, &spec.output, image, |c, i, j| {
        let (top, bottom, v) = source(spec.mode, i, spec.input.height, spec.output.height);
        let (left, right, u) = source(spec.mode, j, spec.input.width, spec.output.width);
        // A weight of zero takes nothing, not even of an infinite neighbour.
        let mix = |a: f64, b: f64, t: f64| match t {
            0.0 => a,
            _ => a * (1.0 - t) + b * t,
        };
        let upper = mix(input.inside(c, top, left), input.inside(c, top, right), u);
        let lower = mix(
            input.inside(c, bottom, left),
            input.inside(c, bottom, right),
            u,
        );
        mix(upper, lower, v)
    });
}
