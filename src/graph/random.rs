//! Random small graphs for tests of what changes or runs graphs.

use std::collections::BTreeMap;

use super::{
    Conv, ConvTranspose, Graph, Init, Input, Margins, Node, NodeId, Op, Output, Param, ParamId,
    Pool, PoolKind, Recipe, Resize, ResizeMode, ScalarBinary, ScalarFn, ScalarOp, ScalarUnary,
    Shape, evaluate_recipe_exact,
};

/// A small generator of numbers (SplitMix64), so that a graph is a function of its seed.
pub(crate) struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// In -1..1.
    pub fn number(&mut self) -> f64 {
        // Few bits, so that it is exact in f32.
        (self.next() >> 44) as f64 / (1 << 19) as f64 - 1.0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Builds graphs node by node.
pub(crate) struct GraphBuilder {
    pub graph: Graph,
}

impl GraphBuilder {
    pub fn new() -> GraphBuilder {
        GraphBuilder {
            graph: Graph::default(),
        }
    }

    pub fn input(&mut self, shape: &[u64]) -> NodeId {
        let index = self.graph.inputs.len();
        let node = self.push(Op::Input(index), &[], &[], shape);
        let name = format!("in{index}");
        self.graph.inputs.push(Input {
            name,
            node,
            image: None,
        });
        node
    }

    pub fn output(&mut self, node: NodeId) {
        let name = format!("out{}", self.graph.outputs.len());
        self.graph.outputs.push(Output { name, node });
    }

    fn param(&mut self, name: String, shape: &[usize]) -> ParamId {
        self.graph.push_param(Param {
            shape: shape.to_vec(),
            recipe: Recipe::Stored {
                name,
                learned: true,
                init: Init::Constant(0.0),
            },
        })
    }

    /// A node with stored parameters of these shapes, named `nN.pM` (`nN.var` for a running variance).
    pub fn push(
        &mut self,
        op: Op,
        inputs: &[NodeId],
        params: &[Vec<usize>],
        shape: &[u64],
    ) -> NodeId {
        let name = format!("n{}", self.graph.nodes.len());
        let is_norm = matches!(op, Op::BatchNorm { .. });
        let params = params
            .iter()
            .enumerate()
            .map(|(index, shape)| {
                let suffix = if is_norm && index == 1 {
                    "var".into()
                } else {
                    format!("p{index}")
                };
                self.param(format!("{name}.{suffix}"), shape)
            })
            .collect();
        self.graph.push(Node {
            op,
            inputs: inputs.to_vec(),
            params,
            epilogue: None,
            shape: Shape::new(shape.iter().copied()),
            name,
        })
    }

    fn sizes(&self, id: NodeId) -> Vec<u64> {
        self.graph.node(id).shape.sizes().collect()
    }

    pub fn conv(&mut self, x: NodeId, conv: Conv) -> NodeId {
        let s = self.sizes(x);
        let out = |size: u64, axis: usize, pads: usize| {
            let extent = conv.dilation[axis] * (conv.kernel[axis] - 1) + 1;
            ((size as usize + pads - extent) / conv.stride[axis] + 1) as u64
        };
        let shape = [
            conv.out_channels as u64,
            out(s[1], 0, conv.pad.top + conv.pad.bottom),
            out(s[2], 1, conv.pad.left + conv.pad.right),
        ];
        let mut params = vec![vec![
            conv.out_channels,
            s[0] as usize / conv.groups,
            conv.kernel[0],
            conv.kernel[1],
        ]];
        if conv.bias {
            params.push(vec![conv.out_channels]);
        }
        self.push(Op::Conv(conv), &[x], &params, &shape)
    }

    /// `kernel x kernel`, "same" padding.
    pub fn simple_conv(&mut self, x: NodeId, out_channels: usize, kernel: usize) -> NodeId {
        self.conv(
            x,
            Conv {
                out_channels,
                kernel: [kernel; 2],
                stride: [1; 2],
                pad: Margins::symmetric([kernel / 2; 2]),
                dilation: [1; 2],
                groups: 1,
                bias: false,
            },
        )
    }

    pub fn norm(&mut self, x: NodeId, affine: bool) -> NodeId {
        let s = self.sizes(x);
        let params = vec![vec![s[0] as usize]; if affine { 4 } else { 2 }];
        self.push(Op::BatchNorm { eps: 1e-3, affine }, &[x], &params, &s)
    }

    pub fn map(&mut self, function: ScalarFn, inputs: &[NodeId]) -> NodeId {
        let mut shape = self.sizes(inputs[0]);
        for input in inputs {
            for (size, other) in shape.iter_mut().zip(self.sizes(*input)) {
                *size = (*size).max(other);
            }
        }
        self.push(Op::Map(function), inputs, &[], &shape)
    }

    pub fn relu(&mut self, x: NodeId) -> NodeId {
        self.map(relu(), &[x])
    }

    pub fn dense(&mut self, x: NodeId, features: usize, bias: bool) -> NodeId {
        let f = self.graph.node(x).shape.elements() as usize;
        let mut params = vec![vec![features, f]];
        if bias {
            params.push(vec![features]);
        }
        self.push(
            Op::Dense { features, bias },
            &[x],
            &params,
            &[features as u64],
        )
    }

    pub fn flatten(&mut self, x: NodeId) -> NodeId {
        let elements = self.graph.node(x).shape.elements();
        self.push(Op::Flatten, &[x], &[], &[elements])
    }

    pub fn concat(&mut self, axis: usize, inputs: &[NodeId]) -> NodeId {
        let mut shape = self.sizes(inputs[0]);
        shape[axis] = inputs.iter().map(|x| self.sizes(*x)[axis]).sum();
        self.push(Op::Concat { axis }, inputs, &[], &shape)
    }

    pub fn slice(&mut self, axis: usize, start: usize, end: usize, x: NodeId) -> NodeId {
        let mut shape = self.sizes(x);
        shape[axis] = (end - start) as u64;
        self.push(Op::Slice { axis, start, end }, &[x], &[], &shape)
    }
}

pub(crate) fn relu() -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let (x, zero) = (builder.arg(0), builder.constant(0.0));
    let result = builder.push(ScalarOp::Binary(ScalarBinary::Max, x, zero));
    builder.finish("relu", result)
}

pub(crate) fn tanh() -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let x = builder.arg(0);
    let result = builder.push(ScalarOp::Unary(ScalarUnary::Tanh, x));
    builder.finish("tanh", result)
}

/// The values of a stored parameter: a function of its name.
pub(crate) fn stored_values(name: &str, elements: usize) -> Vec<f32> {
    let seed = name
        .bytes()
        .fold(7u64, |hash, byte| hash.wrapping_mul(131) + u64::from(byte));
    let mut rng = Rng(seed);
    (0..elements)
        .map(|_| {
            let value = rng.number();
            if name.ends_with(".var") {
                value.abs() + 0.5
            } else {
                value * 0.5
            }
        })
        .map(|value| value as f32)
        .collect()
}

/// All parameters of a graph, not rounded.
pub(crate) fn all_params(graph: &Graph) -> Vec<Vec<f64>> {
    let mut stored = |name: &str, shape: &[usize]| -> Result<Vec<f32>, ()> {
        Ok(stored_values(name, shape.iter().product()))
    };
    (0..graph.params.len() as u32)
        .map(|id| evaluate_recipe_exact(graph, ParamId(id), &mut stored).unwrap_or_default())
        .collect()
}

/// Inputs for one image.
pub(crate) fn inputs(graph: &Graph, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = Rng(seed);
    let inputs = graph.inputs.iter();
    inputs
        .map(|input| {
            let elements = graph.node(input.node).shape.elements();
            (0..elements).map(|_| rng.number()).collect()
        })
        .collect()
}

/// A graph of about `n_nodes` nodes of every kind.
pub(crate) fn random_graph(seed: u64, n_nodes: usize) -> Graph {
    let mut rng = Rng(seed);
    let mut b = GraphBuilder::new();
    let channels = rng.pick(&[1, 3, 4, 8, 12, 16]);
    let (height, width) = (2 + rng.below(5) as u64, 2 + rng.below(5) as u64);
    b.input(&[channels, height, width]);
    if rng.below(3) == 0 {
        b.input(&[rng.pick(&[5, 8, 16])]);
    }
    if rng.below(3) == 0 {
        b.input(&[channels, height, width]);
    }
    while b.graph.nodes.len() < n_nodes {
        add_random_node(&mut b, &mut rng);
    }
    let n = b.graph.nodes.len();
    for _ in 0..1 + rng.below(3) {
        let node = NodeId((n - 1 - rng.below(n.min(4))) as u32);
        b.output(node);
    }
    b.graph
}

fn add_random_node(b: &mut GraphBuilder, rng: &mut Rng) {
    let n = b.graph.nodes.len();
    // Recent values are likelier, so that chains form.
    let back = if rng.below(3) == 0 { n } else { n.min(3) };
    let x = NodeId((n - 1 - rng.below(back)) as u32);
    let s = b.sizes(x);
    let elements: u64 = s.iter().product();
    if s.len() == 1 {
        match rng.below(7) {
            0 | 1 => {
                let features = rng.pick(&[3, 8, 10, 16]);
                let bias = rng.below(2) == 0;
                b.dense(x, features, bias);
            }
            2 => {
                b.norm(x, true);
            }
            3 => {
                b.push(Op::Softmax, &[x], &[], &s);
            }
            4 if elements % 4 == 0 => {
                b.push(Op::Reshape, &[x], &[], &[elements / 4, 2, 2]);
            }
            5 => slice_or_concat(b, rng, x),
            _ => maps(b, rng, x),
        }
        return;
    }
    match rng.below(20) {
        0..=4 => random_conv(b, rng, x),
        5 => random_transposed(b, rng, x),
        6 => random_pool(b, rng, x),
        7 => {
            let kind = rng.pick(&[PoolKind::Max, AVERAGE]);
            b.push(Op::GlobalPool(kind), &[x], &[], &[s[0], 1, 1]);
        }
        8 => {
            let output = [1 + rng.below(3), 1 + rng.below(3)];
            let shape = [s[0], output[0] as u64, output[1] as u64];
            b.push(Op::AdaptiveAveragePool { output }, &[x], &[], &shape);
        }
        9 | 10 => {
            let affine = rng.below(2) == 0;
            b.norm(x, affine);
        }
        11 => {
            let op = Op::Lrn {
                size: 1 + rng.below(5),
                alpha: 0.5,
                beta: 0.75,
                k: 1.0,
            };
            b.push(op, &[x], &[], &s);
        }
        12 => {
            let op = [Op::Softmax, Op::Dropout, Op::Identity][rng.below(3)].clone();
            b.push(op, &[x], &[], &s);
        }
        13 if elements <= 600 => {
            let flat = b.flatten(x);
            if rng.below(2) == 0 {
                b.dense(flat, 7, true);
            }
        }
        14 => {
            let shape = if rng.below(2) == 0 {
                [s[1], s[2], s[0]]
            } else {
                [elements, 1, 1]
            };
            b.push(Op::Reshape, &[x], &[], &shape);
        }
        15 | 16 => slice_or_concat(b, rng, x),
        17 => {
            let mut margin = || rng.below(3);
            let spatial = Margins {
                top: margin(),
                left: margin(),
                bottom: margin(),
                right: margin(),
            };
            let channels = [margin(), margin()];
            let shape = [
                s[0] + (channels[0] + channels[1]) as u64,
                s[1] + (spatial.top + spatial.bottom) as u64,
                s[2] + (spatial.left + spatial.right) as u64,
            ];
            let value = rng.pick(&[0.0, 0.5]);
            let op = Op::Pad {
                spatial,
                channels,
                value,
            };
            b.push(op, &[x], &[], &shape);
        }
        18 => {
            let size = [1 + rng.below(7), 1 + rng.below(7)];
            let mode = rng.pick(&[
                ResizeMode::Nearest,
                ResizeMode::Bilinear {
                    align_corners: true,
                },
                ResizeMode::Bilinear {
                    align_corners: false,
                },
            ]);
            let shape = [s[0], size[0] as u64, size[1] as u64];
            b.push(Op::Resize(Resize { mode, size }), &[x], &[], &shape);
        }
        _ => maps(b, rng, x),
    }
}

const AVERAGE: PoolKind = PoolKind::Average {
    count_include_pad: false,
};

fn random_conv(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let channels = s[0] as usize;
    let kernel = [1 + rng.below(3), 1 + rng.below(3)];
    let dilation = [1 + rng.below(2), 1 + rng.below(2)];
    let reach = |axis: usize| dilation[axis] * (kernel[axis] - 1);
    let pad = Margins {
        top: reach(0).div_ceil(2),
        left: reach(1).div_ceil(2),
        bottom: reach(0).div_ceil(2) + rng.below(2),
        right: reach(1).div_ceil(2),
    };
    let (groups, out_channels) = match rng.below(4) {
        0 => (channels, channels),
        1 if channels % 2 == 0 => (2, rng.pick(&[4, 8, 16])),
        _ => (1, rng.pick(&[1, 3, 8, 12, 16, 20])),
    };
    b.conv(
        x,
        Conv {
            out_channels,
            kernel,
            stride: [1 + rng.below(2), 1 + rng.below(2)],
            pad,
            dilation,
            groups,
            bias: rng.below(2) == 0,
        },
    );
}

fn random_transposed(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    if s[1] * s[2] > 64 {
        return;
    }
    let kernel = [1 + rng.below(4), 1 + rng.below(3)];
    let stride = [1 + rng.below(3), 1 + rng.below(2)];
    let dilation = [1 + rng.below(2), 1];
    let output_pad = [rng.below(stride[0]), rng.below(stride[1])];
    let pad = Margins::symmetric([rng.below(kernel[0]).min(1), rng.below(kernel[1]).min(1)]);
    let out = |axis: usize, pads: usize| {
        let grown = (s[axis + 1] as usize - 1) * stride[axis]
            + dilation[axis] * (kernel[axis] - 1)
            + output_pad[axis]
            + 1;
        grown.saturating_sub(pads)
    };
    let size = [out(0, pad.top + pad.bottom), out(1, pad.left + pad.right)];
    if size.contains(&0) {
        return;
    }
    let groups = if s[0] % 2 == 0 { 1 + rng.below(2) } else { 1 };
    let out_channels = rng.pick(&[2, 8, 12]);
    let op = ConvTranspose {
        out_channels,
        kernel,
        stride,
        pad,
        output_pad,
        dilation,
        groups,
        bias: true,
    };
    let weight = vec![s[0] as usize, out_channels / groups, kernel[0], kernel[1]];
    let shape = [out_channels as u64, size[0] as u64, size[1] as u64];
    b.push(
        Op::ConvTranspose(op),
        &[x],
        &[weight, vec![out_channels]],
        &shape,
    );
}

fn random_pool(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let include = PoolKind::Average {
        count_include_pad: true,
    };
    let pool = Pool {
        kind: rng.pick(&[PoolKind::Max, AVERAGE, include]),
        kernel: [2, 2],
        stride: [1 + rng.below(2), 1 + rng.below(2)],
        pad: Margins::symmetric([rng.below(2), rng.below(2)]),
        dilation: [1, 1],
        ceil: false,
    };
    let out = |axis: usize, pad: usize| {
        (s[axis + 1] as usize + 2 * pad)
            .checked_sub(2)
            .map(|room| (room / pool.stride[axis] + 1) as u64)
    };
    if let (Some(height), Some(width)) = (out(0, pool.pad.top), out(1, pool.pad.left)) {
        b.push(Op::Pool(pool), &[x], &[], &[s[0], height, width]);
    }
}

fn slice_or_concat(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let axis = if rng.below(2) == 0 {
        0
    } else {
        rng.below(s.len())
    };
    if rng.below(2) == 0 {
        let size = s[axis] as usize;
        let start = rng.below(size) / if rng.below(2) == 0 { 1 } else { size };
        b.slice(axis, start, start + 1 + rng.below(size - start), x);
        return;
    }
    let fits = |other: &Vec<u64>| {
        other.len() == s.len()
            && (0..s.len())
                .all(|other_axis| other_axis == axis || other[other_axis] == s[other_axis])
    };
    let others: Vec<NodeId> = b
        .graph
        .node_ids()
        .filter(|id| fits(&b.sizes(*id)))
        .collect();
    let inputs: Vec<NodeId> = (0..1 + rng.below(3)).map(|_| rng.pick(&others)).collect();
    if inputs.iter().map(|id| b.sizes(*id)[axis]).sum::<u64>() <= 64 {
        b.concat(axis, &inputs);
    }
}

fn maps(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let fits = |other: &Vec<u64>| {
        other.len() == s.len()
            && s.iter()
                .zip(other)
                .all(|(a, b)| a == b || *a == 1 || *b == 1)
    };
    let others: Vec<NodeId> = b
        .graph
        .node_ids()
        .filter(|id| fits(&b.sizes(*id)))
        .collect();
    let other = rng.pick(&others);
    match rng.below(6) {
        0 => b.relu(x),
        1 => b.map(tanh(), &[x]),
        2 => b.map(ScalarFn::multiply(), &[x, other]),
        3 => b.map(ScalarFn::subtract(), &[other, x]),
        _ => b.map(ScalarFn::add(), &[x, other]),
    };
}

/// Compares two lists of tensors; relative to the largest magnitude of each.
pub(crate) fn assert_close(found: &[Vec<f64>], wanted: &[Vec<f64>], tolerance: f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (index, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found.len(), wanted.len(), "{what}: output {index}");
        let scale = wanted
            .iter()
            .fold(1.0f64, |most, value| most.max(value.abs()));
        for (at, (a, b)) in found.iter().zip(wanted).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * scale,
                "{what}: output {index} at {at}: {a}, not {b}"
            );
        }
    }
}

/// Names of a graph's operations, in order.
pub(crate) fn ops(graph: &Graph) -> Vec<String> {
    let nodes = graph.nodes.iter();
    nodes
        .map(|node| match &node.epilogue {
            Some(epilogue) => format!("{}+{}", node.op.name(), epilogue.name()),
            None => node.op.name().to_owned(),
        })
        .collect()
}

/// How often each name occurs.
#[allow(dead_code)]
pub(crate) fn count_ops(graph: &Graph) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in ops(graph) {
        *counts.entry(name).or_default() += 1;
    }
    counts
}
