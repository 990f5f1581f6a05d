//! What part of the input an element sees: receptive fields and effective strides.

use crate::graph::{Graph, Node, Op};

/// How a value's positions lie over the pixels of the net's input, `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceptiveField {
    /// Pixels from the first to the last that one position depends on, as if the input had no edges: where the field reaches beyond
    /// the input, it is larger than the input.
    pub size: [f64; 2],
    /// Pixels from one position to the next, below 1 where the map is larger than the input; `None` for `[F]`, which has no positions.
    pub stride: Option<[f64; 2]>,
}

/// The receptive field of every node, by the usual recurrence (Araujo, Norris, Sim: Computing Receptive Fields of Convolutional
/// Neural Networks. Distill 2019, equations 1 and 2); `None` where nothing comes from an input with height and width.
///
/// Where values join, the largest field counts. Behind a layer that enlarges the map the size is exact up to one pixel of the map before
/// it: which pixels a window meets there depends on where it lies.
pub fn receptive_fields(graph: &Graph) -> Vec<Option<ReceptiveField>> {
    let mut fields: Vec<Option<ReceptiveField>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let field = match node.op {
            Op::Input(_) => (node.shape.rank() == 3).then_some(ReceptiveField {
                size: [1.0; 2],
                stride: Some([1.0; 2]),
            }),
            _ => joined(graph, node, &fields).map(|field| through(graph, node, field)),
        };
        fields.push(field);
    }
    fields
}

/// The field of a node's inputs together. The stride is that of the input that has the result's positions, if one has: a gate of 1x1
/// is stretched over them.
fn joined(graph: &Graph, node: &Node, fields: &[Option<ReceptiveField>]) -> Option<ReceptiveField> {
    let inputs = || {
        node.inputs.iter().filter_map(|id| {
            let field = fields.get(id.index()).copied().flatten()?;
            Some((&graph.node(*id).shape, field))
        })
    };
    let mut sizes = inputs().map(|(_, field)| field.size);
    let first = sizes.next()?;
    let size = sizes.fold(first, |a, b| [a[0].max(b[0]), a[1].max(b[1])]);
    let of_result = inputs().find(|(shape, _)| {
        shape.rank() == node.shape.rank() && shape.sizes().skip(1).eq(node.shape.sizes().skip(1))
    });
    let (_, chosen) = of_result.or_else(|| inputs().next())?;
    Some(ReceptiveField {
        size,
        stride: chosen.stride,
    })
}

/// The field of a node's result from the field of what arrives.
fn through(graph: &Graph, node: &Node, before: ReceptiveField) -> ReceptiveField {
    let Some(stride) = before.stride else {
        return before;
    };
    let Some(input) = node.inputs.first().map(|id| &graph.node(*id).shape) else {
        return before;
    };
    let map = [input.height() as f64, input.width() as f64];
    if node.shape.rank() != 3 {
        // Only reading the whole map gets from [C, H, W] to [F].
        return ReceptiveField {
            size: [0, 1].map(|axis| before.size[axis] + (map[axis] - 1.0) * stride[axis]),
            stride: None,
        };
    }
    let result = [node.shape.height() as f64, node.shape.width() as f64];
    // Positions that a window spans beyond the first, and by how much it moves on, both in positions of the input.
    let window = |axis: usize| -> (f64, f64) {
        match &node.op {
            Op::Conv(c) => (
                (c.dilation[axis] * (c.kernel[axis] - 1)) as f64,
                c.stride[axis] as f64,
            ),
            Op::Pool(p) => (
                (p.dilation[axis] * (p.kernel[axis] - 1)) as f64,
                p.stride[axis] as f64,
            ),
            Op::ConvTranspose(c) => {
                let stride = c.stride[axis] as f64;
                let extent = (c.dilation[axis] * (c.kernel[axis] - 1)) as f64;
                (((extent + 1.0) / stride).ceil() - 1.0, 1.0 / stride)
            }
            Op::GlobalPool(_) => (map[axis] - 1.0, map[axis]),
            Op::AdaptiveAveragePool { .. } => {
                let widest = widest_window(map[axis] as u64, result[axis] as u64);
                (widest as f64 - 1.0, map[axis] / result[axis])
            }
            Op::Resize(resize) => {
                let reads_two = resize.mode != crate::graph::ResizeMode::Nearest;
                let span = f64::from(reads_two && map[axis] > 1.0);
                (span, map[axis] / result[axis])
            }
            _ => (0.0, 1.0),
        }
    };
    let windows = [window(0), window(1)];
    ReceptiveField {
        size: [0, 1].map(|axis| before.size[axis] + windows[axis].0 * stride[axis]),
        stride: Some([0, 1].map(|axis| windows[axis].1 * stride[axis])),
    }
}

/// Of the windows from `floor(i * size / n)` to `ceil((i + 1) * size / n)`, the most that one holds.
fn widest_window(size: u64, n: u64) -> u64 {
    let (size, n) = (u128::from(size), u128::from(n.max(1)));
    let width = |i: u128| ((i + 1) * size).div_ceil(n) - i * size / n;
    let widest = (0..n).map(width).max().unwrap_or(0);
    u64::try_from(widest).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
