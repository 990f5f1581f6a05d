//! Whole nets, compiled, against the meaning of their graphs.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::codegen::{detect_machine, jit};
use crate::graph::random::{
    GraphBuilder, all_params, assert_close, inputs, random_graph, stored_values,
};
use crate::graph::reference::evaluate;
use crate::graph::{Conv, ConvTranspose, Graph, Margins, Op, evaluate_recipe};
use crate::kernels::{KernelSpec, Tuning};
use crate::optimize::optimize;
use crate::plan::{Lead, Plan, plan, print_plan};

fn compile(graph: &Graph, n_threads: usize) -> Session {
    compile_with(graph, n_threads, |_| {})
}

/// The same with the plan changed by `change`.
fn compile_with(graph: &Graph, n_threads: usize, change: impl FnOnce(&mut Plan)) -> Session {
    let mut graph = graph.clone();
    optimize(&mut graph).expect("a valid graph");
    let machine = detect_machine().expect("a machine");
    let mut plan = plan(&graph, &machine, &Tuning::default());
    change(&mut plan);
    let executable = jit::compile(&plan.kernels, &machine)
        .unwrap_or_else(|error| panic!("{error}\n{}", print_plan(&plan)));
    let packed = packed(&graph, &plan);
    Session::new(
        Arc::new(executable),
        Arc::new(plan),
        Arc::new(packed),
        n_threads,
    )
    .expect("a session")
}

/// The parameters of a plan, with values that look random.
pub(crate) fn packed(graph: &Graph, plan: &Plan) -> AlignedBuffer {
    let mut packed = AlignedBuffer::zeroed(plan.packed_size).expect("memory");
    let mut stored =
        |name: &str, shape: &[usize]| -> Result<Vec<f32>, ()> { Ok(stored_values(name, shape)) };
    for param in &plan.packed {
        let values = evaluate_recipe(graph, param.param, &mut stored).expect("a recipe");
        let end = param.offset + param.packing.packed_len();
        param.packing.pack(&values, &mut packed[param.offset..end]);
    }
    packed
}

/// The images as the session's inputs, image by image.
pub(crate) fn batch_of(session: &Session, images: &[Vec<Vec<f64>>]) -> Vec<Tensor> {
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
    check_session(&compile(graph, n_threads), graph, batches, what);
}

fn check_session(session: &Session, graph: &Graph, batches: &[usize], what: &str) {
    let params = all_params(graph);
    for &batch in batches {
        let images: Vec<Vec<Vec<f64>>> =
            (0..batch).map(|seed| inputs(graph, seed as u64)).collect();
        let outputs = session.run(&batch_of(session, &images)).expect("a run");
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
    fn a_batch_computes_the_same_wherever_its_lead_ends(
        seed: u64, n_nodes in 2usize..16, n_threads in 1usize..4, cut in 0.0..1.0f64, group in 1usize..4
    ) {
        let graph = random_graph(seed, n_nodes);
        let plain = compile(&graph, 1);
        let session = compile_with(&graph, n_threads, |plan| {
            let n_steps = 1 + (cut * plan.steps.len() as f64) as usize;
            plan.lead = Some(Lead::of_steps(plan, n_steps.min(plan.steps.len()), group));
        });
        for batch in [7, 1, 2, 5] {
            let images: Vec<_> = (0..batch).map(|seed| inputs(&graph, seed)).collect();
            let outputs = [&session, &plain].map(|session| {
                let outputs = session.run(&batch_of(session, &images)).expect("a run");
                let values = outputs.iter().flat_map(|output| output.values());
                values.map(|value| value.to_bits()).collect::<Vec<u32>>()
            });
            prop_assert_eq!(&outputs[0], &outputs[1], "batch {}\n{}", batch, print_plan(session.plan()));
        }
    }
}

/// Through a whole net, whatever else is in the batch and however many threads there are.
#[test]
fn values_stay_in_their_windows() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[16, 22, 27]);
    let x = b.simple_conv(x, 32, 1);
    let x = b.simple_conv(x, 32, 3);
    b.output(x);
    let graph = b.graph;
    let sessions = [1, 2, 3].map(|n_threads| compile(&graph, n_threads));
    let is_guarded = |kernel: &KernelSpec| match kernel {
        KernelSpec::Winograd(spec) => spec.is_guarded(),
        _ => false,
    };
    assert!(sessions[0].plan().kernels.iter().any(is_guarded));
    let params = all_params(&graph);
    let clean = inputs(&graph, 1);
    let expected = evaluate(&graph, &|id| params[id.index()].clone(), &clean);
    let largest = expected[0].iter().fold(0f64, |a, x| a.max(x.abs()));
    let [row, column] = [8, 12];
    for value in [1e20, f64::INFINITY, f64::NAN, -9999.0, 3e38] {
        let mut spoiled = clean.clone();
        spoiled[0][(5 * 22 + row) * 27 + column] = value;
        let images = [clean.clone(), spoiled, clean.clone()];
        let run = |session: &Session, images: &[Vec<Vec<f64>>]| -> Vec<u32> {
            let outputs = session.run(&batch_of(session, images)).expect("a run");
            outputs[0].values().iter().map(|x| x.to_bits()).collect()
        };
        let all = run(&sessions[0], &images);
        for session in &sessions[1..] {
            assert_eq!(run(session, &images), all);
        }
        for (index, found) in all.chunks(expected[0].len()).enumerate() {
            assert_eq!(run(&sessions[0], &images[index..index + 1]), found);
            for (place, (found, expected)) in found.iter().zip(&expected[0]).enumerate() {
                let [y, x] = [place / 27 % 22, place % 27];
                if index != 1 || y.abs_diff(row) > 1 || x.abs_diff(column) > 1 {
                    let difference = (f64::from(f32::from_bits(*found)) - expected).abs();
                    assert!(
                        difference < 2e-5 * largest,
                        "{value}, image {index}, {y} {x}"
                    );
                }
            }
        }
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
            &[1, 2, 7],
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

/// A transposed convolution alone, in a net that reads and writes plain maps; no net if nothing would be left of the map.
fn transposed_net(
    attributes: &ConvTranspose,
    group_inputs: usize,
    size: [usize; 2],
) -> Option<Graph> {
    let pads = [
        attributes.pad.top + attributes.pad.bottom,
        attributes.pad.left + attributes.pad.right,
    ];
    let [height, width] = [0, 1].map(|axis| {
        let reach = attributes.dilation[axis] * (attributes.kernel[axis] - 1);
        let full = (size[axis] - 1) * attributes.stride[axis] + reach + 1;
        (full + attributes.output_pad[axis]).saturating_sub(pads[axis])
    });
    if height * width == 0 {
        return None;
    }
    let in_channels = group_inputs * attributes.groups;
    let out_channels = attributes.out_channels;
    let mut params = vec![vec![
        in_channels,
        out_channels / attributes.groups,
        attributes.kernel[0],
        attributes.kernel[1],
    ]];
    if attributes.bias {
        params.push(vec![out_channels]);
    }
    let mut b = GraphBuilder::new();
    let x = b.input(&[in_channels, size[0], size[1]].map(|size| size as u64));
    let shape = [out_channels, height, width].map(|size| size as u64);
    let op = Op::ConvTranspose(attributes.clone());
    let y = b.push(op, &[x], &params, &shape);
    let y = b.relu(y);
    b.output(y);
    Some(b.graph)
}

fn transposed() -> impl Strategy<Value = (ConvTranspose, usize, [usize; 2])> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    let channels = (1..10usize, 1..10usize, 1..4usize);
    let windows = (pair(1..5), pair(1..4), pair(1..4), pair(0..3));
    let pad = [0..3usize, 0..3, 0..3, 0..3];
    (channels, windows, pad, any::<bool>(), pair(1..8)).prop_map(
        |(channels, windows, [top, left, bottom, right], bias, size)| {
            let (group_inputs, group_outputs, groups) = channels;
            let (kernel, stride, dilation, output_pad) = windows;
            // Less than the stride or the dilation, as the language demands.
            let least = |axis: usize| output_pad[axis].min(stride[axis].max(dilation[axis]) - 1);
            let attributes = ConvTranspose {
                out_channels: group_outputs * groups,
                kernel,
                stride,
                pad: Margins {
                    top,
                    left,
                    bottom,
                    right,
                },
                output_pad: [least(0), least(1)],
                dilation,
                groups,
                bias,
            };
            (attributes, group_inputs, size)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn compiled_transposed_convolutions_compute_what_they_mean((attributes, group_inputs, size) in transposed()) {
        let graph = transposed_net(&attributes, group_inputs, size);
        prop_assume!(graph.is_some());
        check(&graph.unwrap(), &[1, 2], 1, &format!("{attributes:?} of {size:?}"));
    }
}

#[test]
fn an_infinity_stays_in_its_group() {
    // Blocks of one group, vectors of one group, lanes of one group, groups across vectors, depthwise.
    let shapes = [
        (8, 8),
        (16, 24),
        (4, 4),
        (8, 4),
        (2, 2),
        (3, 5),
        (1, 6),
        (1, 1),
    ];
    for (group_inputs, group_outputs) in shapes {
        for (groups, behind_a_layer) in [(2, false), (3, true), (8, false), (9, true)] {
            let mut b = GraphBuilder::new();
            let x = b.input(&[(group_inputs * groups) as u64, 5, 6]);
            let y = if behind_a_layer { b.relu(x) } else { x };
            let conv = Conv {
                out_channels: group_outputs * groups,
                kernel: [3, 3],
                stride: [1, 1],
                pad: Margins::symmetric([1, 1]),
                dilation: [1, 1],
                groups,
                bias: true,
            };
            let y = b.conv(y, conv);
            b.output(y);
            let session = compile(&b.graph, 1);
            let image = inputs(&b.graph, 1);
            let outputs = |images: &[Vec<Vec<f64>>]| {
                let outputs = session.run(&batch_of(&session, images)).expect("a run");
                outputs[0].values().to_vec()
            };
            let wanted = outputs(std::slice::from_ref(&image));
            for group in 0..groups {
                let mut image = image.clone();
                let own = group_inputs * 5 * 6;
                image[0][group * own..(group + 1) * own].fill(f64::INFINITY);
                let found = outputs(&[image]);
                let what = format!(
                    "{group_inputs} to {group_outputs} channels, group {group} of {groups}"
                );
                let own = group_outputs * 5 * 6;
                for (at, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                    let poisoned = at / own == group;
                    assert_eq!(*found == *wanted, !poisoned, "{what}: {found} at {at}");
                }
            }
        }
    }
}
