//! Elementwise functions of tensors.

use proptest::prelude::*;

use super::{Random, Run, Tolerance, block, check, run, tensor, view};
use crate::graph::{ScalarBinary, ScalarFn, ScalarOp};
use crate::kernels::{KernelSpec, MapSpec};
use crate::plan::View;

/// `max(a, 0)`, `a + b`, `max(a * b + c, 0)`: whole numbers stay exact.
fn function(n_args: usize) -> ScalarFn {
    let mut builder = ScalarFn::build(n_args);
    let mut value = builder.arg(0);
    for index in 1..n_args {
        let op = if index == 1 && n_args == 3 {
            ScalarBinary::Mul
        } else {
            ScalarBinary::Add
        };
        let arg = builder.arg(index);
        value = builder.push(ScalarOp::Binary(op, value, arg));
    }
    if n_args != 2 {
        let zero = builder.constant(0.0);
        value = builder.push(ScalarOp::Binary(ScalarBinary::Max, value, zero));
    }
    builder.finish("test", value)
}

/// An operand: some dimensions 1; of one channel with any block; a parameter (the same for every image) if `constant`.
fn operand(output: View) -> impl Strategy<Value = View> {
    let sizes = any::<[bool; 3]>().prop_map(|kept| if kept[0] { [true; 3] } else { kept });
    (
        prop_oneof![sizes, any::<[bool; 3]>()],
        block(),
        any::<bool>(),
    )
        .prop_flat_map(move |(kept, other, constant)| {
            let size = |kept: bool, size: usize| if kept { size } else { 1 };
            let channels = size(kept[0], output.channels);
            let block = if channels == 1 { other } else { output.block };
            let (height, width) = (size(kept[1], output.height), size(kept[2], output.width));
            view(channels, height, width, block).prop_map(move |mut view| {
                if constant {
                    view.image_stride = 0;
                }
                view
            })
        })
}

fn spec() -> impl Strategy<Value = MapSpec> {
    let size = prop_oneof![1 => Just((1usize, 1usize)), 4 => (1usize..5, 1usize..24)];
    (1usize..30, size, block(), 1usize..4)
        .prop_flat_map(|(channels, (height, width), block, n_args)| {
            (view(channels, height, width, block), Just(n_args))
        })
        .prop_flat_map(|(output, n_args)| {
            let operands = proptest::collection::vec(operand(output), n_args);
            (Just(output), operands)
        })
        .prop_map(|(output, operands)| MapSpec {
            function: function(operands.len()),
            operands,
            output,
        })
}

fn check_map(spec: MapSpec, run: &Run) {
    let mut random = Random::new(run.seed);
    let inputs: Vec<Vec<f32>> = spec
        .operands
        .iter()
        .map(|view| tensor(view, run.batch, || random.whole()))
        .collect();
    check(&KernelSpec::Map(spec), &inputs, run, Tolerance::Exact);
}

proptest! {
    #[test]
    fn functions_of_broadcast_tensors_match_the_reference(spec in spec(), run in run()) {
        check_map(spec, &run);
    }
}
