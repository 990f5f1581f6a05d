//! Shape rules over tables of cases.

use super::*;
use crate::graph::{Conv, ConvTranspose, Margins, Pool, PoolKind, Resize, ResizeMode, ScalarFn};

fn conv(kernel: usize, stride: usize, pad: usize, dilation: usize, groups: usize) -> Op {
    Op::Conv(Conv {
        out_channels: 8,
        kernel: [kernel; 2],
        stride: [stride; 2],
        pad: Margins::symmetric([pad; 2]),
        dilation: [dilation; 2],
        groups,
        bias: true,
    })
}

fn pool(kernel: usize, stride: usize, pad: usize, ceil: bool) -> Op {
    Op::Pool(Pool {
        kind: PoolKind::Max,
        kernel: [kernel; 2],
        stride: [stride; 2],
        pad: Margins::symmetric([pad; 2]),
        dilation: [1; 2],
        ceil,
    })
}

fn transpose(kernel: usize, stride: usize, pad: usize, output_pad: usize) -> Op {
    Op::ConvTranspose(ConvTranspose {
        out_channels: 6,
        kernel: [kernel; 2],
        stride: [stride; 2],
        pad: Margins::symmetric([pad; 2]),
        output_pad: [output_pad; 2],
        dilation: [1; 2],
        groups: 2,
        bias: false,
    })
}

fn shape(sizes: &[u64]) -> Shape {
    Shape::new(sizes.iter().copied())
}

#[test]
fn shapes_of_results() {
    let none = shape(&[]);
    let slice = |axis, start, end| Op::Slice { axis, start, end };
    let resize = Op::Resize(Resize {
        mode: ResizeMode::Nearest,
        size: [9, 5],
    });
    /// An operation, the shapes of its inputs, the shape of its result.
    type Case<'a> = (Op, &'a [&'a [u64]], &'a [u64]);
    let cases: Vec<Case> = vec![
        (conv(3, 1, 1, 1, 1), &[&[3, 13, 13]], &[8, 13, 13]),
        (conv(3, 2, 0, 1, 1), &[&[3, 13, 13]], &[8, 6, 6]),
        (conv(11, 4, 0, 1, 1), &[&[3, 227, 227]], &[8, 55, 55]),
        (conv(3, 1, 0, 2, 2), &[&[4, 7, 9]], &[8, 3, 5]),
        (pool(3, 2, 0, false), &[&[4, 112, 112]], &[4, 55, 55]),
        (pool(3, 2, 0, true), &[&[4, 112, 112]], &[4, 56, 56]),
        // PyTorch drops the window that would start in the trailing pad: 5 + 2 - 2 = 5, ceil(5/2) + 1 = 4, 3*2 >= 5 + 1.
        (pool(2, 2, 1, true), &[&[4, 5, 5]], &[4, 3, 3]),
        (pool(1, 3, 0, true), &[&[4, 5, 5]], &[4, 2, 2]),
        (transpose(4, 2, 1, 0), &[&[4, 7, 7]], &[6, 14, 14]),
        (transpose(3, 2, 1, 1), &[&[4, 7, 7]], &[6, 14, 14]),
        (Op::Flatten, &[&[4, 7, 7]], &[196]),
        (Op::GlobalPool(PoolKind::Max), &[&[4, 7, 7]], &[4, 1, 1]),
        (slice(0, 1, 3), &[&[4, 7, 7]], &[2, 7, 7]),
        (
            Op::Concat { axis: 0 },
            &[&[4, 7, 7], &[2, 7, 7]],
            &[6, 7, 7],
        ),
        (
            Op::Map(ScalarFn::multiply()),
            &[&[4, 7, 7], &[4, 1, 1]],
            &[4, 7, 7],
        ),
        (
            Op::Map(ScalarFn::multiply()),
            &[&[1, 7, 1], &[4, 1, 5]],
            &[4, 7, 5],
        ),
        (resize, &[&[4, 7, 7]], &[4, 9, 5]),
    ];
    for (op, inputs, expected) in cases {
        let inputs: Vec<Shape> = inputs.iter().map(|sizes| shape(sizes)).collect();
        let inputs: Vec<&Shape> = inputs.iter().collect();
        let found = infer_shape(&op, &inputs, &none);
        assert_eq!(found, Ok(shape(expected)), "{op:?} of {inputs:?}");
    }
}

#[test]
fn what_is_refused() {
    let none = shape(&[]);
    let cases: Vec<(Op, &[&[u64]], &str)> = vec![
        (conv(3, 1, 1, 1, 1), &[&[9]], "E0403"),
        (conv(5, 1, 0, 1, 1), &[&[3, 4, 9]], "E0404"),
        (conv(3, 1, 0, 1, 3), &[&[4, 9, 9]], "E0405"),
        (conv(3, 1, 0, 1, 3), &[&[3, 9, 9]], "E0405"),
        (conv(3, 0, 0, 1, 1), &[&[3, 9, 9]], "E0501"),
        (conv(3, 1, 1 << 40, 1, 1), &[&[3, 9, 9]], "E0705"),
        (
            conv(usize::MAX, 1, usize::MAX, usize::MAX, 1),
            &[&[3, 9, 9]],
            "E0404",
        ),
        // Small results of what takes a large map of padding.
        (conv(3, 1, 1 << 20, 1 << 20, 1), &[&[3, 9, 9]], "E0705"),
        (transpose(1 << 20, 1, 1 << 19, 0), &[&[4, 3, 3]], "E0705"),
        (pool(3, 2, 2, false), &[&[3, 9, 9]], "E0503"),
        (transpose(2, 2, 9, 0), &[&[4, 3, 3]], "E0409"),
        (transpose(2, 2, 0, 2), &[&[4, 3, 3]], "E0501"),
        (Op::Concat { axis: 0 }, &[&[4, 7, 7], &[4, 7, 8]], "E0406"),
        (Op::Concat { axis: 3 }, &[&[4, 7, 7], &[4, 7, 7]], "E0501"),
        (Op::Map(ScalarFn::add()), &[&[4, 7, 7], &[4, 6, 7]], "E0402"),
        (Op::Map(ScalarFn::add()), &[&[4, 7, 7], &[4]], "E0402"),
        (
            Op::Slice {
                axis: 0,
                start: 3,
                end: 9,
            },
            &[&[4]],
            "E0408",
        ),
        (Op::Reshape, &[&[4]], "E0407"),
        (Op::Flatten, &[&[1 << 31, 1 << 31, 1 << 31]], "E0705"),
    ];
    for (op, inputs, code) in cases {
        let inputs: Vec<Shape> = inputs.iter().map(|sizes| shape(sizes)).collect();
        let inputs: Vec<&Shape> = inputs.iter().collect();
        let found = infer_shape(&op, &inputs, &none).map_err(|error| error.code.id);
        assert_eq!(found, Err(code), "{op:?} of {inputs:?}");
    }
}

#[test]
fn same_padding_keeps_the_ceiling() {
    for size in 1..20u64 {
        for kernel in 1..6 {
            for stride in 1..5 {
                for dilation in 1..3 {
                    let [top, bottom] = same_pad(size, kernel, stride, dilation);
                    let Op::Conv(mut layer) = conv(kernel, stride, 0, dilation, 1) else {
                        continue;
                    };
                    layer.pad = Margins {
                        top,
                        left: top,
                        bottom,
                        right: bottom,
                    };
                    let out =
                        infer_shape(&Op::Conv(layer), &[&Shape::chw(1, size, size)], &shape(&[]));
                    assert_eq!(out.map(|s| s.height()), Ok(size.div_ceil(stride as u64)));
                }
            }
        }
    }
}

#[test]
fn arithmetic_is_shown() {
    let input = Shape::chw(3, 13, 13);
    assert_eq!(
        explain(&conv(3, 2, 0, 1, 1), &input),
        ["height and width: floor((13 + 2*0 - 3) / 2) + 1 = 6"]
    );
    assert_eq!(
        explain(&conv(3, 2, 1, 2, 1), &Shape::chw(3, 13, 14)),
        [
            "height: floor((13 + 2*1 - 2*(3 - 1) - 1) / 2) + 1 = 6",
            "width: floor((14 + 2*1 - 2*(3 - 1) - 1) / 2) + 1 = 6"
        ]
    );
    assert_eq!(
        explain(&transpose(4, 2, 1, 0), &input),
        ["height and width: (13 - 1)*2 - 2*1 + 1*(4 - 1) + 0 + 1 = 26"]
    );
}

#[test]
fn parameters_and_costs() {
    let input = Shape::chw(4, 5, 5);
    let layer = conv(3, 1, 1, 1, 2);
    let specs = param_specs(&layer, &[&input]);
    let shapes: Vec<_> = specs.iter().map(|s| (s.suffix, s.shape.clone())).collect();
    assert_eq!(shapes, [("weight", vec![8, 2, 3, 3]), ("bias", vec![8])]);
    assert_eq!(macs(&layer, &input, &Shape::chw(8, 5, 5)), 8 * 25 * 2 * 9);
    let layer = transpose(2, 2, 0, 0);
    assert_eq!(param_specs(&layer, &[&input])[0].shape, [4, 3, 2, 2]);
    assert_eq!(macs(&layer, &input, &Shape::chw(6, 10, 10)), 100 * 3 * 4);
    let norm = Op::BatchNorm {
        eps: 1e-5,
        affine: true,
    };
    let names: Vec<_> = param_specs(&norm, &[&input])
        .iter()
        .map(|s| s.suffix)
        .collect();
    assert_eq!(names, ["running_mean", "running_var", "weight", "bias"]);
}
