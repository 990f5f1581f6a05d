//! Folds batch-norm into the layer before it, as recipes that binding evaluates.

use super::operands::{replace, unchanged};
use crate::graph::{
    Graph, Node, NodeId, Op, Param, ParamId, Recipe, ScalarBinary, ScalarFn, ScalarOp, Shape,
};

/// Scales the weights of a convolution or dense layer whose only reader is a batch-norm; any other batch-norm becomes `x * scale + shift`.
///
/// A transposed convolution keeps its weights, whose first index is the input's channel: its batch-norm is left to `fuse_epilogue`.
pub(super) fn fold_batch_norm(graph: &mut Graph) {
    let counts = graph.use_counts();
    let mut to = unchanged(graph);
    // Others become maps of two more nodes each, which go before them.
    let mut maps = Vec::new();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let (Op::BatchNorm { eps, affine }, &[input]) = (&node.op, &node.inputs[..]) else {
            continue;
        };
        let affine = affine.then(|| (node.params[2], node.params[3]));
        let (scale, shift) = recipes(graph, id, *eps, affine);
        let foldable = matches!(graph.node(input).op, Op::Conv(_) | Op::Dense { .. });
        if foldable && counts[input.index()] == 1 {
            fold(&mut *graph, input, scale, shift);
            to[id.index()] = input;
        } else {
            maps.push((id, scale, shift));
        }
    }
    replace(graph, &to);
    if !maps.is_empty() {
        make_maps(graph, &maps);
    }
}

fn recipes(
    graph: &mut Graph,
    norm: NodeId,
    eps: f64,
    affine: Option<(ParamId, ParamId)>,
) -> (ParamId, ParamId) {
    let (mean, variance) = (graph.node(norm).params[0], graph.node(norm).params[1]);
    let shape = graph.param(mean).shape.clone();
    let scale = graph.push_param(Param {
        shape: shape.clone(),
        recipe: Recipe::NormScale {
            weight: affine.map(|(weight, _)| weight),
            variance,
            eps,
        },
    });
    let shift = graph.push_param(Param {
        shape,
        recipe: Recipe::NormShift {
            bias: affine.map(|(_, bias)| bias),
            mean,
            scale,
        },
    });
    (scale, shift)
}

fn fold(graph: &mut Graph, layer: NodeId, scale: ParamId, shift: ParamId) {
    let tensor = graph.node(layer).params[0];
    let weight = graph.push_param(Param {
        shape: graph.param(tensor).shape.clone(),
        recipe: Recipe::ScaledRows { tensor, scale },
    });
    let bias = graph.push_param(Param {
        shape: graph.param(shift).shape.clone(),
        recipe: Recipe::FoldedBias {
            bias: graph.node(layer).params.get(1).copied(),
            scale,
            shift,
        },
    });
    let node = &mut graph.nodes[layer.index()];
    node.params = vec![weight, bias];
    match &mut node.op {
        Op::Conv(conv) => conv.bias = true,
        Op::Dense { bias, .. } => *bias = true,
        _ => {}
    }
}

/// Rebuilds the arena with the batch-norms `maps` (in order) as functions of their input, scale and shift.
fn make_maps(graph: &mut Graph, maps: &[(NodeId, ParamId, ParamId)]) {
    let function = multiply_add();
    let mut next = maps.iter().peekable();
    let mut to = Vec::with_capacity(graph.nodes.len());
    let old = std::mem::take(&mut graph.nodes);
    for (index, mut node) in old.into_iter().enumerate() {
        for input in &mut node.inputs {
            *input = to[input.index()];
        }
        if let Some((_, scale, shift)) = next.next_if(|(id, ..)| id.index() == index) {
            let ones = std::iter::repeat_n(1, node.shape.rank().saturating_sub(1));
            let shape = Shape::new(std::iter::once(node.shape.channels()).chain(ones));
            let mut push = |param: &ParamId, what: &str| {
                graph.push(Node {
                    op: Op::Param,
                    inputs: Vec::new(),
                    params: vec![*param],
                    epilogue: None,
                    shape: shape.clone(),
                    name: format!("{}.{what}", node.name),
                })
            };
            node.inputs
                .extend([push(scale, "scale"), push(shift, "shift")]);
            node.params.clear();
            node.op = Op::Map(function.clone());
        }
        to.push(graph.push(node));
    }
    for node in graph.outputs.iter_mut().map(|output| &mut output.node) {
        *node = to[node.index()];
    }
    for node in graph.inputs.iter_mut().map(|input| &mut input.node) {
        *node = to[node.index()];
    }
}

fn multiply_add() -> ScalarFn {
    let mut builder = ScalarFn::build(3);
    let (x, scale, shift) = (builder.arg(0), builder.arg(1), builder.arg(2));
    let scaled = builder.push(ScalarOp::Binary(ScalarBinary::Mul, x, scale));
    let result = builder.push(ScalarOp::Binary(ScalarBinary::Add, scaled, shift));
    builder.finish("batchnorm", result)
}
