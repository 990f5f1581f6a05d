//! Each pass on a small graph, and all of them on random ones against the graph's meaning.

use proptest::prelude::*;

use super::*;
use crate::graph::random::{
    GraphBuilder, all_params, assert_close, inputs, ops, random_graph, tanh,
};
use crate::graph::reference::evaluate;
use crate::graph::{Graph, NodeId, Op, ScalarFn};

fn meaning(graph: &Graph) -> Vec<Vec<f64>> {
    let params = all_params(graph);
    evaluate(graph, &|id| params[id.index()].clone(), &inputs(graph, 5))
}

/// Runs a pass and what clears up behind it, checks that the meaning stayed, and answers the operations that are left.
fn after(b: GraphBuilder, run: fn(&mut Graph)) -> Vec<String> {
    let mut graph = b.graph;
    let wanted = meaning(&graph);
    run(&mut graph);
    remove_dead::remove_dead(&mut graph);
    assert_eq!(verify(&graph), Ok(()));
    assert_close(&meaning(&graph), &wanted, 1e-9, "after the pass");
    ops(&graph)
}

#[test]
fn identities_go() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[4, 2, 2]);
    let y = b.push(Op::Dropout, &[x], &[], &[4, 2, 2]);
    let y = b.slice(0, 0, 4, y);
    let y = b.concat(0, &[y]);
    let y = b.flatten(y);
    let y = b.push(Op::Reshape, &[y], &[], &[2, 2, 4]);
    let y = b.flatten(y);
    let y = b.push(Op::Flatten, &[y], &[], &[16]);
    b.output(y);
    assert_eq!(
        after(b, remove_identity::remove_identity),
        ["input", "flatten"]
    );
}

#[test]
fn an_identity_may_be_an_output_and_an_unused_input_stays() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[4]);
    b.input(&[7]);
    let y = b.push(Op::Identity, &[x], &[], &[4]);
    b.output(y);
    assert_eq!(
        after(b, remove_identity::remove_identity),
        ["input", "input"]
    );
}

#[test]
fn batch_norm_folds_into_its_convolution() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let y = b.simple_conv(x, 8, 3);
    let y = b.norm(y, true);
    let y = b.flatten(y);
    let y = b.dense(y, 5, true);
    let y = b.norm(y, false);
    b.output(y);
    assert_eq!(
        after(b, fold_batch_norm::fold_batch_norm),
        ["input", "conv", "flatten", "dense"]
    );
}

#[test]
fn batch_norm_of_a_shared_value_becomes_a_map() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let y = b.simple_conv(x, 8, 3);
    let z = b.norm(y, true);
    b.output(z);
    b.output(y);
    assert_eq!(
        after(b, fold_batch_norm::fold_batch_norm),
        ["input", "conv", "param", "param", "batchnorm"]
    );
}

#[test]
fn dense_reads_the_map() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let y = b.flatten(x);
    let y = b.dense(y, 5, true);
    b.output(y);
    assert_eq!(after(b, absorb_flatten::absorb_flatten), ["input", "dense"]);
}

#[test]
fn maps_compose_and_share_arguments() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let y = b.map(tanh(), &[x]);
    let y = b.map(ScalarFn::multiply(), &[x, y]);
    let y = b.map(ScalarFn::add(), &[y, y]);
    b.output(y);
    assert_eq!(
        after(b, compose_maps::compose_maps),
        ["input", "tanh.multiply.add"]
    );
}

#[test]
fn a_map_that_is_broadcast_or_shared_stays() {
    let mut b = GraphBuilder::new();
    let (x, gate) = (b.input(&[3, 4, 4]), b.input(&[3, 1, 1]));
    let gate = b.map(tanh(), &[gate]);
    let y = b.map(ScalarFn::multiply(), &[x, gate]);
    let z = b.relu(y);
    b.output(y);
    b.output(z);
    let ops = after(b, compose_maps::compose_maps);
    assert_eq!(ops, ["input", "input", "tanh", "multiply", "relu"]);
}

#[test]
fn a_residual_sum_joins_the_later_convolution() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let shortcut = b.simple_conv(x, 8, 1);
    let y = b.simple_conv(x, 8, 3);
    let sum = b.map(ScalarFn::subtract(), &[shortcut, y]);
    let y = b.relu(sum);
    b.output(y);
    assert_eq!(
        after(b, fuse_epilogue::fuse_epilogue),
        ["input", "conv", "conv+subtract.relu"]
    );
}

#[test]
fn an_output_is_not_fused_away() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let y = b.simple_conv(x, 8, 3);
    let z = b.relu(y);
    b.output(y);
    b.output(z);
    assert_eq!(
        after(b, fuse_epilogue::fuse_epilogue),
        ["input", "conv", "relu"]
    );
}

#[test]
fn equal_nodes_merge() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 4, 4]);
    let (y, z) = (b.relu(x), b.relu(x));
    let sum = b.map(ScalarFn::add(), &[y, z]);
    b.output(sum);
    assert_eq!(after(b, merge_equal::merge_equal), ["input", "relu", "add"]);
}

#[test]
fn a_residual_block_becomes_its_convolutions() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[8, 4, 4]);
    let mut y = x;
    for _ in 0..2 {
        y = b.simple_conv(y, 8, 3);
        y = b.norm(y, true);
        y = if y == NodeId(2) { b.relu(y) } else { y };
    }
    let sum = b.map(ScalarFn::add(), &[y, x]);
    let y = b.relu(sum);
    b.output(y);
    let run = |graph: &mut Graph| assert_eq!(optimize(graph), Ok(()));
    assert_eq!(after(b, run), ["input", "conv+relu", "conv+add.relu"]);
}

#[test]
fn long_chains_of_maps_stay_within_the_cap() {
    let mut b = GraphBuilder::new();
    let mut x = b.input(&[2, 2, 2]);
    for _ in 0..300 {
        x = b.map(tanh(), &[x]);
    }
    b.output(x);
    let run = |graph: &mut Graph| assert_eq!(optimize(graph), Ok(()));
    assert_eq!(after(b, run).len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn passes_keep_the_meaning(seed: u64, n_nodes in 2usize..30) {
        let graph = random_graph(seed, n_nodes);
        let mut optimized = graph.clone();
        prop_assert_eq!(optimize(&mut optimized), Ok(()));
        assert_close(&meaning(&optimized), &meaning(&graph), 1e-9, &format!("seed {seed}, {n_nodes} nodes"));
    }
}
