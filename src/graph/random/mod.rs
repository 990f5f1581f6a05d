//! Graphs for tests of what changes or runs graphs: built by hand, or random ones.

use super::{
    Conv, Graph, Init, Input, Margins, Node, NodeId, Op, Output, Param, ParamId, Recipe,
    ScalarBinary, ScalarFn, ScalarOp, ScalarUnary, Shape, evaluate_recipe_exact,
    reference::evaluate,
};
use crate::random::{Entropy, Net};

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

/// The values of a stored parameter: a function of its name. A layer's results are about as large as its inputs.
pub(crate) fn stored_values(name: &str, shape: &[usize]) -> Vec<f32> {
    let seed = name
        .bytes()
        .fold(7u64, |hash, byte| hash.wrapping_mul(131) + u64::from(byte));
    let mut entropy = Entropy::seeded(seed);
    let fan_in: usize = shape.iter().skip(1).product();
    (0..shape.iter().product())
        .map(|_| match entropy.number() {
            value if name.ends_with("var") => value.abs() + 0.5,
            value => value * (3.0 / fan_in as f64).sqrt().min(0.5),
        })
        .map(|value| value as f32)
        .collect()
}

/// All parameters of a graph, not rounded.
pub(crate) fn all_params(graph: &Graph) -> Vec<Vec<f64>> {
    let mut stored =
        |name: &str, shape: &[usize]| -> Result<Vec<f32>, ()> { Ok(stored_values(name, shape)) };
    (0..graph.params.len() as u32)
        .map(|id| evaluate_recipe_exact(graph, ParamId(id), &mut stored).unwrap_or_default())
        .collect()
}

/// Inputs for one image.
pub(crate) fn inputs(graph: &Graph, seed: u64) -> Vec<Vec<f64>> {
    let mut entropy = Entropy::seeded(seed);
    let inputs = graph.inputs.iter();
    inputs
        .map(|input| {
            let elements = graph.node(input.node).shape.elements();
            (0..elements).map(|_| entropy.number()).collect()
        })
        .collect()
}

/// The graph of a random net of up to `n_steps` statements, all of whose values stay moderate.
pub(crate) fn random_graph(seed: u64, n_steps: usize) -> Graph {
    let mut entropy = Entropy::seeded(seed);
    loop {
        let mut graph = Net::draw(&mut entropy, n_steps).graph;
        // The text that they point into is not kept.
        graph.origins.clear();
        let params = all_params(&graph);
        let outputs = evaluate(&graph, &|id| params[id.index()].clone(), &inputs(&graph, 0));
        if outputs.iter().flatten().all(|x| x.abs() < 1e4) {
            return graph;
        }
    }
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
