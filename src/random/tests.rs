//! What is drawn, counted against what there is to draw.

use std::collections::BTreeSet;

use super::differential::compare;
use super::steps::prelude;
use super::*;
use crate::elaborate::INTRINSICS;
use crate::elaborate::layers::LAYERS;
use crate::graph::{CompareOp, Op, PoolKind, ScalarBinary, ScalarFn, ScalarOp, ScalarUnary};

/// The operations that a graph has before any pass.
const OPS: [&str; 19] = [
    "Input",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Pool of the largest",
    "Pool of the mean",
    "GlobalPool of the largest",
    "GlobalPool of the mean",
    "AdaptiveAveragePool",
    "BatchNorm",
    "Lrn",
    "Map",
    "Softmax",
    "Identity or Dropout",
    "Flatten or Reshape",
    "Concat",
    "Slice",
    "Pad",
    "Resize",
];

/// A new operation is to be added here and to [`OPS`].
fn kind(op: &Op) -> &'static str {
    match op {
        Op::Input(_) => "Input",
        Op::Param => "only passes make it",
        Op::Conv(_) => "Conv",
        Op::ConvTranspose(_) => "ConvTranspose",
        Op::Dense { .. } => "Dense",
        Op::Pool(pool) if pool.kind == PoolKind::Max => "Pool of the largest",
        Op::Pool(_) => "Pool of the mean",
        Op::GlobalPool(PoolKind::Max) => "GlobalPool of the largest",
        Op::GlobalPool(_) => "GlobalPool of the mean",
        Op::AdaptiveAveragePool { .. } => "AdaptiveAveragePool",
        Op::BatchNorm { .. } => "BatchNorm",
        Op::Lrn { .. } => "Lrn",
        Op::Map(_) => "Map",
        Op::Softmax => "Softmax",
        Op::Dropout | Op::Identity => "Identity or Dropout",
        Op::Flatten | Op::Reshape => "Flatten or Reshape",
        Op::Concat { .. } => "Concat",
        Op::Slice { .. } => "Slice",
        Op::Pad { .. } => "Pad",
        Op::Resize(_) => "Resize",
    }
}

/// The operations on numbers, by name. A new one is to be added here and to [`scalar`].
fn all_scalars() -> Vec<String> {
    use {CompareOp as C, ScalarBinary as B, ScalarUnary as U};
    let unary = [
        U::Neg,
        U::Abs,
        U::Sqrt,
        U::Floor,
        U::Exp,
        U::Log,
        U::Tanh,
        U::Erf,
    ];
    let binary = [B::Add, B::Sub, B::Mul, B::Div, B::Min, B::Max, B::Pow];
    let compare = [C::Eq, C::Ne, C::Lt, C::Le, C::Gt, C::Ge];
    let mut names: Vec<String> = unary.iter().map(|op| format!("{op:?}")).collect();
    names.extend(binary.iter().map(|op| format!("{op:?}")));
    names.extend(compare.iter().map(|op| format!("{op:?}")));
    names
}

fn scalar(op: &ScalarOp) -> Option<String> {
    match op {
        ScalarOp::Arg(_) | ScalarOp::Const(_) => None,
        ScalarOp::Unary(op, _) => Some(format!("{op:?}")),
        ScalarOp::Binary(op, ..) => Some(format!("{op:?}")),
        ScalarOp::Select(op, ..) => Some(format!("{op:?}")),
    }
}

fn scalars(function: &ScalarFn) -> impl Iterator<Item = String> {
    function.ops().iter().filter_map(scalar)
}

/// Words that open a step with steps inside.
const BODIES: [&str; 5] = ["residual", "shortcut", "concat {", "repeat", "if"];

#[test]
fn every_layer_attribute_function_and_operation_is_drawn() {
    let nets: Vec<Net> = (0..300)
        .map(|seed| Net::draw(&mut Entropy::seeded(seed), 12))
        .collect();
    let texts: String = nets.iter().map(|net| net.text.as_str()).collect();
    let words: BTreeSet<&str> = texts
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let nodes = || nets.iter().flat_map(|net| &net.graph.nodes);
    let mut missing = Vec::new();

    let drawn: BTreeSet<_> = nets.iter().flat_map(|net| net.drawn.clone()).collect();
    for layer in LAYERS.iter().chain([&IMAGE]) {
        let attributes = layer.attributes.iter().map(|attribute| attribute.name);
        let wanted = attributes.chain([""]).map(|name| (layer.name, name));
        missing.extend(
            wanted
                .filter(|it| !drawn.contains(it))
                .map(|it| format!("{it:?}")),
        );
    }
    let functions = prelude().map(|(name, _)| name);
    let declared = declarations::DECLARATIONS.iter().map(|(name, _)| *name);
    let intrinsics = INTRINSICS.iter().map(|(name, _)| *name);
    let names = functions.chain(declared).chain(intrinsics);
    missing.extend(
        names
            .filter(|name| !words.contains(name))
            .map(str::to_owned),
    );
    missing.extend(
        BODIES
            .iter()
            .filter(|body| !texts.contains(**body))
            .map(|body| body.to_string()),
    );

    let ops: BTreeSet<&str> = nodes().map(|node| kind(&node.op)).collect();
    missing.extend(
        OPS.iter()
            .filter(|op| !ops.contains(**op))
            .map(|op| op.to_string()),
    );
    let of_maps: BTreeSet<String> = nodes()
        .filter_map(|node| match &node.op {
            Op::Map(function) => Some(scalars(function)),
            _ => None,
        })
        .flatten()
        .collect();
    missing.extend(all_scalars().into_iter().filter(|op| !of_maps.contains(op)));
    assert!(missing.is_empty(), "never drawn: {missing:?}");

    let seen = |what: &str, is_seen: bool| assert!(is_seen, "never drawn: {what}");
    let some = |wanted: &dyn Fn(&Net) -> bool| nets.iter().any(wanted);
    let shape = |net: &Net, index: usize| -> Vec<u64> {
        net.graph
            .node(net.graph.inputs[index].node)
            .shape
            .sizes()
            .collect()
    };
    let inputs_of = |net: &Net| -> Vec<Vec<u64>> {
        (0..net.graph.inputs.len())
            .map(|index| shape(net, index))
            .collect()
    };
    seen("several inputs", some(&|net| net.graph.inputs.len() > 2));
    seen("several outputs", some(&|net| net.graph.outputs.len() > 2));
    seen(
        "an input of one pixel",
        some(&|net| {
            inputs_of(net)
                .iter()
                .any(|s| s.len() == 3 && s[1..] == [1, 1])
        }),
    );
    seen(
        "an input of one channel",
        some(&|net| inputs_of(net).iter().any(|s| s[0] == 1)),
    );
    seen(
        "an input that is a vector",
        some(&|net| inputs_of(net).iter().any(|s| s.len() == 1)),
    );
    seen(
        "an input that is an output",
        some(&|net| {
            let nodes = net
                .graph
                .outputs
                .iter()
                .map(|output| net.graph.node(output.node));
            nodes
                .into_iter()
                .any(|node| matches!(node.op, Op::Input(_)))
        }),
    );
    seen("open sizes", texts.contains("H = "));
    seen(
        "a value read by three",
        some(&|net| net.graph.use_counts().iter().any(|n| *n > 2)),
    );
}

#[test]
fn a_seed_or_bytes_decide_the_net() {
    let draw = |entropy: &mut Entropy| Net::draw(entropy, 8).text;
    assert_eq!(draw(&mut Entropy::seeded(3)), draw(&mut Entropy::seeded(3)));
    assert_ne!(draw(&mut Entropy::seeded(3)), draw(&mut Entropy::seeded(4)));
    let bytes: Vec<u8> = (0..200).map(|i| (i * 37) as u8).collect();
    assert_eq!(
        draw(&mut Entropy::of_bytes(&bytes)),
        draw(&mut Entropy::of_bytes(&bytes))
    );
    // Bytes that run out make the simplest choices.
    assert!(draw(&mut Entropy::of_bytes(&[])).contains("conv"));
}

#[test]
fn every_way_to_run_a_net_computes_what_its_graph_means() {
    let (n, mut n_compared) = (160, 0);
    for seed in 0..n {
        let mut entropy = Entropy::seeded(1_000_000 + seed);
        let n_steps = 1 + entropy.below(14);
        let net = Net::draw(&mut entropy, n_steps);
        match compare(&net, 1 + seed as usize % 3, seed) {
            Ok(is_compared) => n_compared += u64::from(is_compared),
            Err(fault) => panic!("{fault}, seed {seed}\n{}", net.text),
        }
    }
    assert!(n_compared * 10 > n * 9, "{n_compared} of {n} compared");
}
