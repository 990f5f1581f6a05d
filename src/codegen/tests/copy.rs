//! Copies between layouts.

use proptest::prelude::*;

use super::{Random, Tolerance, block, check, run, tensor, view};
use crate::kernels::{CopySpec, KernelSpec};

/// One axis: input size, output size, source, target, size of the box; positions at multiples of `unit`, ends often so.
fn axis(limit: usize, unit: usize) -> impl Strategy<Value = [usize; 5]> {
    let tail = prop_oneof![Just(0usize), 0..5usize];
    (1..limit, 0usize..3, 0usize..3, tail.clone(), tail).prop_map(
        move |(size, source, target, after_source, after_target)| {
            let (source, target) = (source * unit, target * unit);
            [
                source + size + after_source,
                target + size + after_target,
                source,
                target,
                size,
            ]
        },
    )
}

fn spec() -> impl Strategy<Value = CopySpec> {
    let unit = prop_oneof![Just(1usize), Just(4), Just(8), Just(16)];
    let layout = (block(), block(), unit);
    layout.prop_flat_map(|(from, to, unit)| {
        let map = prop_oneof![4 => (axis(9, 1), axis(9, 1)), 1 => Just(([1, 1, 0, 0, 1], [1, 1, 0, 0, 1]))];
        let fill = prop_oneof![Just(None), Just(None), Just(Some(2.5f32.to_bits()))];
        (axis(40, unit), map, fill).prop_flat_map(move |(c, (y, x), fill)| {
            (view(c[0], y[0], x[0], from), view(c[1], y[1], x[1], to)).prop_map(
                move |(input, output)| CopySpec {
                    input,
                    output,
                    source: [c[2], y[2], x[2]],
                    target: [c[3], y[3], x[3]],
                    size: [c[4], y[4], x[4]],
                    fill,
                },
            )
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn copied_boxes_match_the_reference(spec in spec(), run in run()) {
        let mut random = Random::new(run.seed);
        let input = tensor(&spec.input, run.batch, || random.fraction());
        check(&KernelSpec::Copy(spec), &[input], &run, Tolerance::Exact);
    }
}
