//! The meaning of a graph in plain f64 loops: slow, obvious, and what every faster way of running one is compared with.

use super::{
    Conv, ConvTranspose, Graph, Node, Op, ParamId, Pool, PoolKind, Resize, ResizeMode, Shape,
    nearest,
};

/// One image's tensor, row-major. Missing dimensions count as 1, so a vector is a map of single pixels.
#[derive(Clone)]
struct Tensor {
    sizes: [usize; 3],
    data: Vec<f64>,
}

impl Tensor {
    fn new(shape: &Shape, data: Vec<f64>) -> Tensor {
        let sizes = [shape.channels(), shape.height(), shape.width()].map(|size| size as usize);
        Tensor { sizes, data }
    }

    fn from_fn(shape: &Shape, value: impl Fn([usize; 3]) -> f64) -> Tensor {
        let mut tensor = Tensor::new(shape, Vec::new());
        let [channels, height, width] = tensor.sizes;
        for c in 0..channels {
            for i in 0..height {
                for j in 0..width {
                    tensor.data.push(value([c, i, j]));
                }
            }
        }
        tensor
    }

    fn at(&self, [c, i, j]: [usize; 3]) -> f64 {
        self.data[(c * self.sizes[1] + i) * self.sizes[2] + j]
    }

    /// Zero outside the map.
    fn padded(&self, c: usize, i: isize, j: isize) -> f64 {
        let inside =
            (0..self.sizes[1] as isize).contains(&i) && (0..self.sizes[2] as isize).contains(&j);
        if inside {
            self.at([c, i as usize, j as usize])
        } else {
            0.0
        }
    }

    /// The largest magnitude.
    fn largest(&self) -> f64 {
        self.data.iter().fold(0.0, |most, x| most.max(x.abs()))
    }

    /// A dimension of size 1 stands for any size.
    fn broadcast(&self, index: [usize; 3]) -> f64 {
        let mut index = index;
        for (index, size) in index.iter_mut().zip(self.sizes) {
            if size == 1 {
                *index = 0;
            }
        }
        self.at(index)
    }
}

/// The outputs of the graph for one image. `params` answers a parameter's values in row-major order.
///
/// Tensors are row-major. The graph must be one that [`verify`](super::verify) accepts.
pub fn evaluate(
    graph: &Graph,
    params: &dyn Fn(ParamId) -> Vec<f64>,
    inputs: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    evaluate_with(graph, params, inputs, None)
}

/// The outputs where every element that is computed is off, as it is in fewer digits: by `error` times the
/// largest sum, over the tensor, of what is added up to an element, each addend positive. What only moves is exact.
#[cfg(any(test, feature = "random"))]
pub fn evaluate_inexactly(
    graph: &Graph,
    params: &dyn Fn(ParamId) -> Vec<f64>,
    inputs: &[Vec<f64>],
    error: &mut dyn FnMut() -> f64,
) -> Vec<Vec<f64>> {
    evaluate_with(graph, params, inputs, Some(error))
}

fn evaluate_with(
    graph: &Graph,
    params: &dyn Fn(ParamId) -> Vec<f64>,
    inputs: &[Vec<f64>],
    mut error: Option<&mut dyn FnMut() -> f64>,
) -> Vec<Vec<f64>> {
    let mut values: Vec<Tensor> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let operands: Vec<&Tensor> = node.inputs.iter().map(|id| &values[id.index()]).collect();
        let (own, further) = operands.split_at(node.n_op_inputs());
        let mut value = match node.op {
            Op::Input(index) => Tensor::new(&node.shape, inputs[index].clone()),
            _ => {
                let params: Vec<Vec<f64>> = node.params.iter().map(|id| params(*id)).collect();
                let mut value = operation(node, own, &params);
                if let Some(error) = &mut error {
                    let magnitude = magnitude(node, own, params, &value);
                    value
                        .data
                        .iter_mut()
                        .for_each(|x| *x += magnitude * error());
                }
                value
            }
        };
        if let Some(epilogue) = &node.epilogue {
            value = Tensor::from_fn(&node.shape, |index| {
                let mut args = vec![value.at(index)];
                args.extend(further.iter().map(|operand| operand.broadcast(index)));
                epilogue.eval(&args)
            });
        }
        values.push(value);
    }
    let outputs = graph.outputs.iter();
    outputs
        .map(|output| values[output.node.index()].data.clone())
        .collect()
}

/// What the rounding errors of a node are measured by; 0 where nothing is computed.
fn magnitude(node: &Node, inputs: &[&Tensor], mut params: Vec<Vec<f64>>, value: &Tensor) -> f64 {
    let absolute = |x: &Tensor| Tensor {
        sizes: x.sizes,
        data: x.data.iter().map(|x| x.abs()).collect(),
    };
    match &node.op {
        Op::Input(_) | Op::Param | Op::Dropout | Op::Identity | Op::Flatten | Op::Reshape => 0.0,
        Op::Concat { .. } | Op::Slice { .. } | Op::Pad { .. } => 0.0,
        Op::Pool(Pool {
            kind: PoolKind::Max,
            ..
        })
        | Op::GlobalPool(PoolKind::Max) => 0.0,
        Op::Resize(Resize {
            mode: ResizeMode::Nearest,
            ..
        }) => 0.0,
        // What a function computes in between is of the size of what it takes and gives.
        Op::Map(_) | Op::Softmax | Op::Lrn { .. } => {
            let taken = inputs.iter().map(|input| input.largest());
            value.largest() + taken.fold(0.0, f64::max) / 16.0
        }
        Op::Conv(_)
        | Op::ConvTranspose(_)
        | Op::Dense { .. }
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::AdaptiveAveragePool { .. }
        | Op::BatchNorm { .. }
        | Op::Resize(_) => {
            params.iter_mut().flatten().for_each(|x| *x = x.abs());
            if let (Op::BatchNorm { .. }, Some(mean)) = (&node.op, params.first_mut()) {
                // It is subtracted.
                mean.iter_mut().for_each(|x| *x = -*x);
            }
            let inputs: Vec<Tensor> = inputs.iter().map(|input| absolute(input)).collect();
            let inputs: Vec<&Tensor> = inputs.iter().collect();
            operation(node, &inputs, &params).largest()
        }
    }
}

fn operation(node: &Node, inputs: &[&Tensor], params: &[Vec<f64>]) -> Tensor {
    let shape = &node.shape;
    match &node.op {
        Op::Input(_) | Op::Param => Tensor::new(shape, params[0].clone()),
        Op::Conv(conv) => convolution(conv, shape, inputs[0], params),
        Op::ConvTranspose(conv) => transposed(conv, shape, inputs[0], params),
        Op::Dense { bias, .. } => Tensor::from_fn(shape, |[k, ..]| {
            let x = &inputs[0].data;
            let row = &params[0][k * x.len()..(k + 1) * x.len()];
            let sum: f64 = row.iter().zip(x).map(|(w, x)| w * x).sum();
            if *bias { sum + params[1][k] } else { sum }
        }),
        Op::Pool(pool) => Tensor::from_fn(shape, |index| pooled(pool, inputs[0], index)),
        Op::GlobalPool(kind) => window(*kind, shape, inputs[0], [1, 1]),
        Op::AdaptiveAveragePool { output } => {
            let kind = PoolKind::Average {
                count_include_pad: false,
            };
            window(kind, shape, inputs[0], *output)
        }
        Op::BatchNorm { eps, affine } => Tensor::from_fn(shape, |index| {
            let c = index[0];
            let normal = (inputs[0].at(index) - params[0][c]) / (params[1][c] + eps).sqrt();
            if *affine {
                normal * params[2][c] + params[3][c]
            } else {
                normal
            }
        }),
        Op::Lrn {
            size,
            alpha,
            beta,
            k,
        } => Tensor::from_fn(shape, |[c, i, j]| {
            let x = inputs[0];
            let window = c.saturating_sub(size / 2)..(c + (size - 1) / 2 + 1).min(x.sizes[0]);
            let squares: f64 = window.map(|c| x.at([c, i, j]).powi(2)).sum();
            x.at([c, i, j]) / (k + alpha / *size as f64 * squares).powf(*beta)
        }),
        Op::Map(function) => Tensor::from_fn(shape, |index| {
            let args: Vec<f64> = inputs.iter().map(|input| input.broadcast(index)).collect();
            function.eval(&args)
        }),
        Op::Softmax => Tensor::from_fn(shape, |[c, i, j]| {
            let column = |c: usize| inputs[0].at([c, i, j]);
            let largest = (0..inputs[0].sizes[0])
                .map(column)
                .fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..inputs[0].sizes[0])
                .map(|c| (column(c) - largest).exp())
                .sum();
            (column(c) - largest).exp() / sum
        }),
        Op::Dropout | Op::Identity | Op::Flatten | Op::Reshape => {
            Tensor::new(shape, inputs[0].data.clone())
        }
        Op::Concat { axis } => Tensor::from_fn(shape, |mut index| {
            for input in inputs {
                if index[*axis] < input.sizes[*axis] {
                    return input.at(index);
                }
                index[*axis] -= input.sizes[*axis];
            }
            f64::NAN
        }),
        Op::Slice { axis, start, .. } => Tensor::from_fn(shape, |mut index| {
            index[*axis] += start;
            inputs[0].at(index)
        }),
        Op::Pad {
            spatial,
            channels,
            value,
        } => Tensor::from_fn(shape, |index| {
            let before = [channels[0], spatial.top, spatial.left];
            let mut source = [0; 3];
            for axis in 0..3 {
                match index[axis].checked_sub(before[axis]) {
                    Some(inside) if inside < inputs[0].sizes[axis] => source[axis] = inside,
                    _ => return f64::from(*value),
                }
            }
            inputs[0].at(source)
        }),
        Op::Resize(resize) => Tensor::from_fn(shape, |index| resized(resize, inputs[0], index)),
    }
}

fn convolution(conv: &Conv, shape: &Shape, x: &Tensor, params: &[Vec<f64>]) -> Tensor {
    let ([kh, kw], group_inputs) = (conv.kernel, x.sizes[0] / conv.groups);
    Tensor::from_fn(shape, |[k, i, j]| {
        let first = k / (conv.out_channels / conv.groups) * group_inputs;
        let mut sum = if conv.bias { params[1][k] } else { 0.0 };
        for c in 0..group_inputs {
            for r in 0..kh {
                let row =
                    (i * conv.stride[0] + r * conv.dilation[0]) as isize - conv.pad.top as isize;
                for s in 0..kw {
                    let column = (j * conv.stride[1] + s * conv.dilation[1]) as isize
                        - conv.pad.left as isize;
                    let weight = params[0][((k * group_inputs + c) * kh + r) * kw + s];
                    sum += weight * x.padded(first + c, row, column);
                }
            }
        }
        sum
    })
}

/// Every input pixel adds its multiple of the kernel to the result.
fn transposed(conv: &ConvTranspose, shape: &Shape, x: &Tensor, params: &[Vec<f64>]) -> Tensor {
    let ([kh, kw], group_outputs) = (conv.kernel, conv.out_channels / conv.groups);
    let mut result = Tensor::from_fn(shape, |[k, ..]| if conv.bias { params[1][k] } else { 0.0 });
    let [channels, height, width] = x.sizes;
    for c in 0..channels {
        let first = c / (channels / conv.groups) * group_outputs;
        for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
            for k in 0..group_outputs {
                for (r, s) in (0..kh).flat_map(|r| (0..kw).map(move |s| (r, s))) {
                    let row = (i * conv.stride[0] + r * conv.dilation[0]).checked_sub(conv.pad.top);
                    let column =
                        (j * conv.stride[1] + s * conv.dilation[1]).checked_sub(conv.pad.left);
                    let (Some(row), Some(column)) = (row, column) else {
                        continue;
                    };
                    if row < result.sizes[1] && column < result.sizes[2] {
                        let weight = params[0][((c * group_outputs + k) * kh + r) * kw + s];
                        let index =
                            ((first + k) * result.sizes[1] + row) * result.sizes[2] + column;
                        result.data[index] += weight * x.at([c, i, j]);
                    }
                }
            }
        }
    }
    result
}

/// The largest, or the sum over `count`. A NaN is the largest of all.
fn summary(kind: PoolKind, values: impl Iterator<Item = f64>, count: usize) -> f64 {
    match kind {
        PoolKind::Max => values.fold(f64::NEG_INFINITY, |best, value| {
            if value > best || value.is_nan() {
                value
            } else {
                best
            }
        }),
        PoolKind::Average { .. } => values.sum::<f64>() / count as f64,
    }
}

fn pooled(pool: &Pool, x: &Tensor, [c, i, j]: [usize; 3]) -> f64 {
    let (mut values, mut counted) = (Vec::new(), 0);
    for r in 0..pool.kernel[0] {
        for s in 0..pool.kernel[1] {
            // Positions count from the start of the padding.
            let row = i * pool.stride[0] + r * pool.dilation[0];
            let column = j * pool.stride[1] + s * pool.dilation[1];
            if row < pool.pad.top + x.sizes[1] + pool.pad.bottom
                && column < pool.pad.left + x.sizes[2] + pool.pad.right
            {
                counted += 1;
            }
            if let (Some(row), Some(column)) = (
                row.checked_sub(pool.pad.top),
                column.checked_sub(pool.pad.left),
            ) && row < x.sizes[1]
                && column < x.sizes[2]
            {
                values.push(x.at([c, row, column]));
            }
        }
    }
    let include_pad = pool.kind
        == PoolKind::Average {
            count_include_pad: true,
        };
    let count = if include_pad { counted } else { values.len() };
    summary(pool.kind, values.into_iter(), count)
}

/// Windows that share the map out: `i` from `floor(i * in / out)` to `ceil((i + 1) * in / out)`.
fn window(kind: PoolKind, shape: &Shape, x: &Tensor, output: [usize; 2]) -> Tensor {
    Tensor::from_fn(shape, |[c, i, j]| {
        let range = |index: usize, n_in: usize, n_out: usize| {
            index * n_in / n_out..((index + 1) * n_in).div_ceil(n_out)
        };
        let rows = range(i, x.sizes[1], output[0]);
        let columns = range(j, x.sizes[2], output[1]);
        let count = rows.len() * columns.len();
        let pixels = rows.flat_map(|row| columns.clone().map(move |column| [c, row, column]));
        summary(kind, pixels.map(|index| x.at(index)), count)
    })
}

fn resized(resize: &Resize, x: &Tensor, [c, i, j]: [usize; 3]) -> f64 {
    let (n_in, n_out) = ([x.sizes[1], x.sizes[2]], resize.size);
    let ResizeMode::Bilinear { align_corners } = resize.mode else {
        return x.at([
            c,
            nearest(i, n_in[0], n_out[0]),
            nearest(j, n_in[1], n_out[1]),
        ]);
    };
    let source = |axis: usize, index: usize| {
        let (n_in, n_out) = (n_in[axis] as f64, n_out[axis] as f64);
        match (align_corners, n_out == 1.0) {
            (true, true) => 0.0,
            (true, false) => index as f64 * (n_in - 1.0) / (n_out - 1.0),
            (false, _) => ((index as f64 + 0.5) * n_in / n_out - 0.5).max(0.0),
        }
    };
    let (row, column) = (source(0, i), source(1, j));
    // Each of the four pixels around the point weighs by how near it is.
    let mut sum = 0.0;
    for (near_row, v) in [
        (row.floor(), 1.0 - row.fract()),
        (row.floor() + 1.0, row.fract()),
    ] {
        for (near_column, u) in [
            (column.floor(), 1.0 - column.fract()),
            (column.floor() + 1.0, column.fract()),
        ] {
            if u * v > 0.0 {
                let (a, b) = (
                    (near_row as usize).min(n_in[0] - 1),
                    (near_column as usize).min(n_in[1] - 1),
                );
                sum += u * v * x.at([c, a, b]);
            }
        }
    }
    sum
}
