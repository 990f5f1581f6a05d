//! Whole nets, compiled, against the meaning of their graphs.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::codegen::{detect_machine, jit};
use crate::graph::random::{
    GraphBuilder, all_params, assert_close, inputs, random_graph, stored_values,
};
use crate::graph::reference::evaluate;
use crate::graph::{Graph, evaluate_recipe};
use crate::optimize::optimize;
use crate::plan::{plan, print_plan};

fn compile(graph: &Graph, n_threads: usize) -> Session {
    let mut graph = graph.clone();
    optimize(&mut graph).expect("a valid graph");
    let machine = detect_machine().expect("a machine");
    let plan = plan(&graph, &machine);
    let executable = jit::compile(&plan.kernels, &machine)
        .unwrap_or_else(|error| panic!("{error}\n{}", print_plan(&plan)));
    let mut packed = AlignedBuffer::zeroed(plan.packed_size).expect("memory");
    let mut stored = |name: &str, shape: &[usize]| -> Result<Vec<f32>, ()> {
        Ok(stored_values(name, shape.iter().product()))
    };
    for param in &plan.packed {
        let values = evaluate_recipe(&graph, param.param, &mut stored).expect("a recipe");
        let end = param.offset + param.packing.packed_len();
        param.packing.pack(&values, &mut packed[param.offset..end]);
    }
    Session::new(
        Arc::new(executable),
        Arc::new(plan),
        Arc::new(packed),
        n_threads,
    )
    .expect("a session")
}

/// The images as the session's inputs, image by image.
fn batch_of(session: &Session, images: &[Vec<Vec<f64>>]) -> Vec<Tensor> {
    let ports = session.inputs().iter().enumerate();
    ports
        .map(|(index, port)| {
            let values: Vec<f32> = images
                .iter()
                .flat_map(|image| image[index].iter().map(|value| *value as f32))
                .collect();
            let sizes = port.shape.sizes().map(|size| size as usize);
            let shape = std::iter::once(images.len()).chain(sizes).collect();
            Tensor::new(shape, values).expect("a tensor")
        })
        .collect()
}

fn check(graph: &Graph, batches: &[usize], n_threads: usize, what: &str) {
    let session = compile(graph, n_threads);
    let params = all_params(graph);
    for &batch in batches {
        let images: Vec<Vec<Vec<f64>>> =
            (0..batch).map(|seed| inputs(graph, seed as u64)).collect();
        let outputs = session.run(&batch_of(&session, &images)).expect("a run");
        for (index, image) in images.iter().enumerate() {
            let wanted = evaluate(graph, &|id| params[id.index()].clone(), image);
            let found: Vec<Vec<f64>> = outputs
                .iter()
                .map(|output| {
                    let size = output.values().len() / batch;
                    let values = &output.values()[index * size..(index + 1) * size];
                    values.iter().map(|value| f64::from(*value)).collect()
                })
                .collect();
            let what = format!(
                "{what}, image {index} of {batch}\n{}",
                print_plan(session.plan())
            );
            assert_close(&found, &wanted, 2e-4, &what);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn compiled_nets_compute_what_their_graphs_mean(seed: u64, n_nodes in 2usize..16, n_threads in 1usize..4) {
        check(&random_graph(seed, n_nodes), &[1, 3, 2], n_threads, &format!("seed {seed}, {n_nodes} nodes"));
    }
}

fn large_net() -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 24, 24]);
    let mut x = b.simple_conv(x, 16, 3);
    for _ in 0..4 {
        let y = b.simple_conv(x, 16, 3);
        let y = b.norm(y, true);
        let y = b.relu(y);
        let y = b.simple_conv(y, 16, 1);
        x = b.map(crate::graph::ScalarFn::add(), &[x, y]);
    }
    let y = b.dense(x, 10, true);
    b.output(y);
    b.graph
}

#[test]
fn steps_large_enough_to_share_give_the_same_on_every_team() {
    for n_threads in 1..=3 {
        check(
            &large_net(),
            &[1, 2],
            n_threads,
            &format!("{n_threads} threads"),
        );
    }
}

#[test]
fn a_session_is_shared_by_threads_and_changes_its_team() {
    let graph = large_net();
    let mut session = compile(&graph, 1);
    let inputs = batch_of(&session, &[inputs(&graph, 1)]);
    let wanted = session.run(&inputs).expect("a run")[0].values().to_vec();
    session.set_threads(2).expect("threads");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let found = session.run(&inputs).expect("a run");
                assert_eq!(found[0].values(), wanted);
            });
        }
    });
}

#[test]
fn wrong_inputs_are_told() {
    let graph = large_net();
    let session = compile(&graph, 1);
    let count = RunError::InputCount {
        wanted: 1,
        found: 0,
    };
    assert_eq!(session.run(&[]).err(), Some(count));
    let flat = Tensor::zeroed(vec![1, 3 * 24 * 24]).expect("a tensor");
    let message = session.run(&[flat]).err().map(|error| error.to_string());
    assert_eq!(
        message.as_deref(),
        Some("input `in0` has the shape [1, 1728], the net takes [1, 3, 24, 24]")
    );
    let none = Tensor::zeroed(vec![0, 3, 24, 24]).expect("a tensor");
    assert_eq!(session.run(&[none]).expect("a run")[0].shape(), [0, 10]);
}

#[test]
fn memory_that_is_not_to_be_had_is_an_error() {
    assert!(AlignedBuffer::zeroed(usize::MAX / 16).is_err());
    assert!(AlignedBuffer::zeroed(usize::MAX).is_err());
    assert!(Tensor::zeroed(vec![usize::MAX, 2]).is_err());
}
