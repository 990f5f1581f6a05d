//! Plans run by the kernels' references, in f64, against the meaning of their graphs.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::graph::random::{GraphBuilder, all_params, assert_close, inputs, random_graph};
use crate::graph::reference::evaluate;
use crate::kernels::conv::{Algorithm, alternatives};
use crate::kernels::reference::{Memory, run_reference};
use crate::kernels::{ConvShape, TileFamily, WeightType};
use crate::optimize::optimize;

pub(crate) const MACHINE: Machine = Machine {
    family: TileFamily::Clif128,
    has_fma: true,
    precise: false,
    dense_weights: WeightType::F32,
    batch: 1,
};

/// What a plan's operands point to.
struct PlanMemory<'a> {
    plan: &'a Plan,
    batch: usize,
    operands: &'a [Operand],
    arena: &'a mut [f64],
    inputs: &'a [Vec<f64>],
    outputs: &'a mut [Vec<f64>],
    params: &'a [Vec<f64>],
}

impl Memory for PlanMemory<'_> {
    fn read(&self, operand: usize, index: usize) -> f64 {
        match self.operands[operand] {
            Operand::Buffer { buffer, offset } => {
                let buffer = &self.plan.buffers[buffer.0 as usize];
                assert!(offset + index < buffer.size * self.batch);
                self.arena[buffer.offset * self.batch + offset + index]
            }
            Operand::Input(input) => self.inputs[input][index],
            Operand::Output(output) => self.outputs[output][index],
            Operand::Param(id) => self.params[self.plan.packed[id.0 as usize].param.index()][index],
            Operand::Scratch => panic!("references need no scratch memory"),
        }
    }

    fn write(&mut self, operand: usize, index: usize, value: f64) {
        match self.operands[operand] {
            Operand::Buffer { buffer, offset } => {
                let buffer = &self.plan.buffers[buffer.0 as usize];
                assert!(offset + index < buffer.size * self.batch);
                self.arena[buffer.offset * self.batch + offset + index] = value;
            }
            Operand::Output(output) => self.outputs[output][index] = value,
            Operand::Input(_) | Operand::Param(_) | Operand::Scratch => {
                panic!("written to what is no tensor to write")
            }
        }
    }
}

/// Runs a plan for several images; the arena holds NaN at first.
fn run_plan(graph: &Graph, plan: &Plan, images: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    let batch = images.len();
    let params = all_params(graph);
    let mut arena = vec![f64::NAN; plan.arena_size * batch];
    let inputs: Vec<Vec<f64>> = (0..graph.inputs.len())
        .map(|input| {
            images
                .iter()
                .flat_map(|image| image[input].clone())
                .collect()
        })
        .collect();
    let sizes: Vec<usize> = graph
        .outputs
        .iter()
        .map(|output| graph.node(output.node).shape.elements() as usize)
        .collect();
    let mut outputs: Vec<Vec<f64>> = sizes
        .iter()
        .map(|size| vec![f64::NAN; size * batch])
        .collect();
    for step in &plan.steps {
        // References need no scratch memory.
        let mut operands = step.operands.clone();
        operands.retain(|operand| *operand != Operand::Scratch);
        let mut memory = PlanMemory {
            plan,
            batch,
            operands: &operands,
            arena: &mut arena,
            inputs: &inputs,
            outputs: &mut outputs,
            params: &params,
        };
        run_reference(&plan.kernels[step.kernel.0 as usize], &mut memory, batch);
    }
    (0..batch)
        .map(|image| {
            let outputs = outputs.iter().zip(&sizes);
            outputs
                .map(|(values, size)| values[image * size..(image + 1) * size].to_vec())
                .collect()
        })
        .collect()
}

fn check_graph(graph: &Graph, what: &str) {
    let mut optimized = graph.clone();
    optimize(&mut optimized).unwrap_or_else(|error| panic!("{what}: {error}"));
    for family in TileFamily::ALL {
        let machine = Machine { family, ..MACHINE };
        check_plan(
            graph,
            &optimized,
            &plan(&optimized, &machine, &Tuning::default()),
            what,
        );
    }
}

fn check_plan(graph: &Graph, optimized: &Graph, plan: &Plan, what: &str) {
    verify_plan(plan).unwrap_or_else(|error| panic!("{what}: {error}\n{}", print_plan(plan)));
    let images: Vec<Vec<Vec<f64>>> = (1..=2).map(|seed| inputs(graph, seed)).collect();
    let found = run_plan(optimized, plan, &images);
    let params = all_params(graph);
    for (image, found) in images.iter().zip(found) {
        let wanted = evaluate(graph, &|id| params[id.index()].clone(), image);
        assert_close(
            &found,
            &wanted,
            1e-6,
            &format!("{what}\n{}", print_plan(plan)),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_plan_computes_what_its_graph_means(seed: u64, n_nodes in 2usize..24) {
        check_graph(&random_graph(seed, n_nodes), &format!("seed {seed}, {n_nodes} nodes"));
    }
}

fn plan_of(b: GraphBuilder) -> Plan {
    check_graph(&b.graph, "hand-built");
    let mut graph = b.graph;
    optimize(&mut graph).expect("a valid graph");
    plan(&graph, &MACHINE, &Tuning::default())
}

fn n_copies(plan: &Plan) -> usize {
    let specs = plan
        .steps
        .iter()
        .map(|step| &plan.kernels[step.kernel.0 as usize]);
    specs
        .filter(|spec| matches!(spec, KernelSpec::Copy(_)))
        .count()
}

#[test]
fn concats_of_whole_blocks_take_no_copies() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 8, 8]);
    let mut features = b.simple_conv(x, 16, 3);
    for _ in 0..3 {
        let y = b.simple_conv(features, 8, 3);
        features = b.concat(0, &[features, y]);
    }
    let logits = b.dense(features, 16, true);
    b.output(logits);
    let plan = plan_of(b);
    // The input gets its halo; everything else lies in one buffer of one halo, which the dense layer cannot read through.
    assert_eq!(n_copies(&plan), 2, "{}", print_plan(&plan));
    assert_eq!(plan.buffers.len(), 3);
}

#[test]
fn slices_at_a_block_are_read_in_place() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[16, 4, 4]);
    let x = b.simple_conv(x, 32, 1);
    let (left, right) = (b.slice(0, 0, 16, x), b.slice(0, 16, 32, x));
    let left = b.simple_conv(left, 16, 3);
    let both = b.concat(0, &[left, right]);
    b.output(both);
    let plan = plan_of(b);
    // In: to blocks. The right half into the concat. Out: to plain.
    assert_eq!(n_copies(&plan), 3, "{}", print_plan(&plan));
}

#[test]
fn a_vector_of_whole_blocks_goes_straight_to_the_user() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[16]);
    let y = b.dense(x, 8, true);
    b.output(y);
    let plan = plan_of(b);
    assert_eq!((plan.steps.len(), plan.buffers.len()), (1, 0));
}

#[test]
fn one_value_may_be_several_outputs_and_an_input_may_be_one() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[8]);
    let y = b.relu(x);
    b.output(y);
    b.output(x);
    b.output(y);
    plan_of(b);
}

#[test]
fn equal_layers_share_a_kernel_and_a_chain_reuses_two_buffers() {
    let mut b = GraphBuilder::new();
    let mut x = b.input(&[16, 4, 4]);
    for _ in 0..200 {
        x = b.simple_conv(x, 16, 3);
        x = b.norm(x, true);
        x = b.relu(x);
    }
    b.output(x);
    let mut graph = b.graph;
    optimize(&mut graph).expect("a valid graph");
    let plan = plan(&graph, &MACHINE, &Tuning::default());
    verify_plan(&plan).expect("a valid plan");
    assert_eq!(plan.kernels.len(), 4, "{}", print_plan(&plan));
    let largest = plan.buffers.iter().map(|buffer| buffer.size).max();
    assert_eq!(Some(plan.arena_size), largest.map(|size| 2 * size));
}

#[test]
fn a_residual_net_of_six_thousand_nodes_takes_little_time() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 8, 8]);
    let mut x = b.simple_conv(x, 16, 3);
    for _ in 0..850 {
        let y = b.simple_conv(x, 16, 3);
        let y = b.norm(y, true);
        let y = b.relu(y);
        let y = b.simple_conv(y, 16, 3);
        let y = b.norm(y, true);
        let sum = b.map(crate::graph::ScalarFn::add(), &[y, x]);
        x = b.relu(sum);
    }
    b.output(x);
    let mut graph = b.graph;
    let start = std::time::Instant::now();
    optimize(&mut graph).expect("a valid graph");
    let optimized = start.elapsed();
    let plan = plan(&graph, &MACHINE, &Tuning::default());
    let planned = start.elapsed() - optimized;
    println!(
        "optimize {optimized:?}, plan {planned:?}, {} steps",
        plan.steps.len()
    );
    assert_eq!(plan.arena_size, lower_bound(&plan.buffers));
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_flattened_slice_keeps_to_its_buffer() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 3, 3]);
    let y = b.slice(0, 1, 3, x);
    let y = b.flatten(y);
    let y = b.relu(y);
    b.output(y);
    plan_of(b);
}

/// A map of one pixel has one order in every block of channels, but its surplus lanes are not everywhere: the user's tensors end, and parts end with their whole.
#[test]
fn maps_of_one_pixel_are_read_by_epilogues_wherever_they_live() {
    use crate::graph::ScalarFn;

    for channels in 1..=20 {
        // A sum with the net's input.
        let mut b = GraphBuilder::new();
        let x = b.input(&[channels, 1, 1]);
        let y = b.simple_conv(x, channels as usize, 1);
        let y = b.map(ScalarFn::add(), &[y, x]);
        b.output(y);
        b.output(x);
        check_graph(&b.graph, &format!("a sum of {channels} channels"));

        // An input that is a gate for each channel, twice, and one for all of them.
        let mut b = GraphBuilder::new();
        let x = b.input(&[3, 4, 5]);
        let (gate, one) = (b.input(&[channels, 1, 1]), b.input(&[1, 1, 1]));
        let y = b.simple_conv(x, channels as usize, 1);
        let y = b.relu(y);
        let y = b.map(ScalarFn::multiply(), &[y, gate]);
        let y = b.map(ScalarFn::add(), &[y, one]);
        let y = b.map(ScalarFn::multiply(), &[gate, y]);
        b.output(y);
        check_graph(&b.graph, &format!("a gate of {channels} channels"));

        // Gates that are parts of another value: of a join, and of what is cut.
        let mut b = GraphBuilder::new();
        let x = b.input(&[channels, 2, 2]);
        let (gate, other) = (b.input(&[channels, 1, 1]), b.input(&[3, 1, 1]));
        let (left, right) = (b.relu(gate), b.relu(other));
        let joined = b.concat(0, &[right, left]);
        let y = b.simple_conv(x, channels as usize, 1);
        let y = b.map(ScalarFn::multiply(), &[y, left]);
        let cut = b.slice(0, 2, 2 + channels as usize, joined);
        let y = b.map(ScalarFn::add(), &[y, cut]);
        b.output(y);
        b.output(joined);
        check_graph(&b.graph, &format!("parts of {channels} channels"));
    }
}

/// Of a convolution that pays most as products of pairs, or in Winograd's way, nothing but sums is left where they are asked for.
#[test]
fn precise_plans_sum_by_definition() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[512, 14, 14]);
    let x = b.simple_conv(x, 512, 1);
    let x = b.simple_conv(x, 512, 3);
    b.output(x);
    for family in TileFamily::ALL {
        let of = |precise| {
            let machine = Machine {
                family,
                precise,
                ..MACHINE
            };
            algorithms(&plan(&b.graph, &machine, &Tuning::default()))
        };
        assert_eq!(of(true), [Algorithm::Direct; 2], "{}", family.name());
        let [one_tap, nine_taps] = of(false)[..] else {
            panic!("two convolutions");
        };
        let expected = match family {
            TileFamily::Zen4 => Algorithm::Pairs,
            _ => Algorithm::Direct,
        };
        assert_eq!(one_tap, expected, "{}", family.name());
        assert!(
            matches!(nine_taps, Algorithm::Winograd(_)),
            "{}",
            family.name()
        );
    }
}

#[test]
fn a_plan_that_would_read_past_its_parameters_is_refused() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 8, 8]);
    let x = b.simple_conv(x, 8, 3);
    let x = b.dense(x, 10, true);
    b.output(x);
    let mut graph = b.graph;
    optimize(&mut graph).expect("a valid graph");
    let plan = plan(&graph, &MACHINE, &Tuning::default());
    assert_eq!(verify_plan(&plan), Ok(()));
    let spoil = |what: fn(&mut Plan)| {
        let mut spoiled = plan.clone();
        what(&mut spoiled);
        assert!(verify_plan(&spoiled).is_err());
    };
    spoil(|plan| plan.packed_size -= 16);
    spoil(|plan| plan.packed[0].offset = usize::MAX);
    spoil(|plan| plan.steps[0].kernel = KernelId(1000));
    spoil(|plan| plan.buffers[0].offset = usize::MAX - 15);
    spoil(|plan| plan.buffers.clear());
    for index in 0..plan.packed.len() {
        let mut spoiled = plan.clone();
        spoiled.packed[index].packing = crate::kernels::Packing::Vector { len: 1, padded: 1 };
        assert!(verify_plan(&spoiled).is_err(), "parameter {index}");
    }
}

#[test]
fn a_plan_that_would_leave_its_buffers_is_refused() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[3, 8, 8]);
    let x = b.simple_conv(x, 8, 3);
    let x = b.simple_conv(x, 8, 3);
    b.output(x);
    let plan = plan(&b.graph, &MACHINE, &Tuning::default());
    assert_eq!(verify_plan(&plan), Ok(()));
    let refused = |reason: &str, what: fn(&mut Plan)| {
        let mut spoiled = plan.clone();
        what(&mut spoiled);
        let error = verify_plan(&spoiled).expect_err(reason);
        assert!(error.contains(reason), "{error}, not: {reason}");
    };
    refused("leaves its buffer", |plan| {
        for operand in plan.steps.iter_mut().flat_map(|step| &mut step.operands) {
            if let Operand::Buffer { offset, .. } = operand {
                *offset += 1;
            }
        }
    });
    refused("leaves it with the next image", |plan| {
        plan.buffers[0].image_stride -= 1;
    });
    refused("was never written", |plan| {
        plan.steps.remove(0);
    });
    refused("is not alive", |plan| plan.buffers[0].live = (1, 1));
}

/// Two convolutions that there are several algorithms for; the second one's input has room for tiles that do not come out even.
fn tunable() -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input(&[16, 9, 7]);
    let y = b.simple_conv(x, 32, 3);
    let z = b.simple_conv(y, 16, 3);
    b.output(z);
    let mut graph = b.graph;
    optimize(&mut graph).expect("a valid graph");
    graph
}

/// Measurements of all convolutions of a graph by which `fastest` is it.
fn in_favour_of(fastest: Algorithm, graph: &Graph, machine: &Machine) -> Tuning {
    let mut tuning = Tuning::default();
    for spec in convolutions(graph, machine) {
        let time = |algorithm| match algorithm == fastest {
            true => Duration::from_micros(1),
            false => Duration::from_micros(2),
        };
        let all = alternatives(&spec, machine.batch).into_iter();
        let times = all.map(|(algorithm, _)| (algorithm, time(algorithm)));
        tuning.record(ConvShape::of(&spec), times.collect());
    }
    tuning
}

fn algorithms(plan: &Plan) -> Vec<Algorithm> {
    let steps = plan.steps.iter();
    let kernels = steps.filter_map(|step| plan.kernels[step.kernel.0 as usize].algorithm());
    kernels.collect()
}

#[test]
fn measurements_decide_and_plans_stay_right() {
    let graph = tunable();
    for family in TileFamily::ALL {
        let machine = Machine { family, ..MACHINE };
        for fastest in [
            Algorithm::Direct,
            Algorithm::Winograd(2),
            Algorithm::Winograd(4),
        ] {
            let tuning = in_favour_of(fastest, &graph, &machine);
            let plan = plan(&graph, &machine, &tuning);
            assert_eq!(algorithms(&plan), [fastest; 2], "{}", print_plan(&plan));
            check_plan(&graph, &graph, &plan, &fastest.name());
            // A halo that the kernel does not ask for, or too small a one, would take copies; only the user's tensors do.
            assert_eq!(n_copies(&plan), 2, "{}", print_plan(&plan));
            let text = print_plan(&plan);
            assert!(text.contains("; measured: direct 0.00"), "{text}");
            assert!(
                text.contains(&format!("{} 0.001 ms", fastest.name())),
                "{text}"
            );
        }
    }
}

#[test]
fn measurements_that_do_not_apply_are_left_alone() {
    let graph = tunable();
    let modelled = plan(&graph, &MACHINE, &Tuning::default());
    // Not all algorithms were measured.
    let mut partial = Tuning::default();
    for spec in convolutions(&graph, &MACHINE) {
        let times = [(Algorithm::Direct, Duration::ZERO)];
        partial.record(ConvShape::of(&spec), times.into());
    }
    let found = plan(&graph, &MACHINE, &partial);
    assert_eq!(algorithms(&found), algorithms(&modelled));
    assert!(!print_plan(&found).contains("measured"));
    // Speed is not all that counts.
    let precise = Machine {
        precise: true,
        ..MACHINE
    };
    let tuning = in_favour_of(Algorithm::Winograd(4), &graph, &precise);
    let found = plan(&graph, &precise, &tuning);
    assert_eq!(algorithms(&found), [Algorithm::Direct; 2]);
    assert!(!print_plan(&found).contains("measured"));
}

#[test]
fn measurements_cannot_choose_what_is_impossible() {
    let mut b = GraphBuilder::new();
    let x = b.input(&[16, 9, 9]);
    let y = b.simple_conv(x, 16, 7);
    b.output(y);
    let mut tuning = Tuning::default();
    for spec in convolutions(&b.graph, &MACHINE) {
        let times = [
            (Algorithm::Direct, Duration::from_secs(1)),
            (Algorithm::Winograd(4), Duration::ZERO),
        ];
        tuning.record(ConvShape::of(&spec), times.into());
    }
    let plan = plan(&b.graph, &MACHINE, &tuning);
    assert_eq!(algorithms(&plan), [Algorithm::Direct]);
    check_plan(&b.graph, &b.graph, &plan, "7x7");
}
