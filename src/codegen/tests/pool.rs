//! Pooling.

use proptest::prelude::*;

use super::{Random, Run, Tolerance, block, check, run, tensor, view};
use crate::graph::PoolKind;
use crate::kernels::{KernelSpec, PoolSpec, PoolWindows};

fn kind() -> impl Strategy<Value = PoolKind> {
    prop_oneof![
        2 => Just(PoolKind::Max),
        1 => Just(PoolKind::Average { count_include_pad: true }),
        1 => Just(PoolKind::Average { count_include_pad: false }),
    ]
}

/// One axis: kernel, stride, dilation, pad, pad at the end, input size, output size.
fn axis() -> impl Strategy<Value = [usize; 7]> {
    (
        1usize..5,
        1usize..4,
        1usize..3,
        any::<[u8; 3]>(),
        1usize..14,
        any::<bool>(),
    )
        .prop_map(
            |(kernel, stride, dilation, [pad, pad_end, _], size, ceil)| {
                let pad = pad as usize % (kernel / 2 + 1);
                let pad_end = pad_end as usize % (kernel / 2 + 1);
                let span = dilation * (kernel - 1) + 1;
                let size = size.max(span.saturating_sub(pad + pad_end)).max(1);
                let room = size + pad + pad_end - span.min(size + pad + pad_end);
                let mut output = room / stride + 1;
                // A window more that begins inside the map or the leading pad.
                if ceil && !room.is_multiple_of(stride) && output * stride < size + pad {
                    output += 1;
                }
                [kernel, stride, dilation, pad, pad_end, size, output]
            },
        )
}

fn sliding() -> impl Strategy<Value = PoolSpec> {
    (kind(), axis(), axis(), 1usize..20, block()).prop_flat_map(|(kind, y, x, channels, block)| {
        let input = view(channels, y[5], x[5], block);
        let output = view(channels, y[6], x[6], block);
        (input, output).prop_map(move |(input, output)| PoolSpec {
            kind,
            windows: PoolWindows::Sliding {
                kernel: [y[0], x[0]],
                stride: [y[1], x[1]],
                dilation: [y[2], x[2]],
                pad: [y[3], x[3]],
                pad_end: [y[4], x[4]],
            },
            input,
            output,
        })
    })
}

fn adaptive() -> impl Strategy<Value = PoolSpec> {
    let sizes = proptest::array::uniform4(1usize..12);
    (kind(), sizes, 1usize..20, block()).prop_flat_map(|(kind, [h, w, oh, ow], channels, block)| {
        let input = view(channels, h, w, block);
        let output = view(channels, oh, ow, block);
        (input, output).prop_map(move |(input, output)| PoolSpec {
            kind,
            windows: PoolWindows::Adaptive,
            input,
            output,
        })
    })
}

fn check_pool(spec: PoolSpec, run: &Run) {
    let mut random = Random::new(run.seed);
    // Whole numbers: sums are exact, and one rounding of the quotient is left.
    let input = tensor(&spec.input, run.batch, || random.whole());
    check(
        &KernelSpec::Pool(spec.clone()),
        &[input],
        run,
        Tolerance::Exact,
    );
    let special = [f32::NAN, f32::NEG_INFINITY, 1.0, -3.0, f32::INFINITY, -0.5];
    let input = tensor(&spec.input, run.batch, || {
        special[random.next() as usize % special.len()]
    });
    check(
        &KernelSpec::Pool(spec),
        &[input],
        run,
        Tolerance::Relative(1e-6),
    );
}

proptest! {
    #[test]
    fn sliding_windows_match_the_reference(spec in sliding(), run in run()) {
        check_pool(spec, &run);
    }

    #[test]
    fn adaptive_windows_match_the_reference(spec in adaptive(), run in run()) {
        check_pool(spec, &run);
    }
}
