//! Accuracy of the elementary functions, over all exponents, ends and special values. The bounds are those of `docs/kernels.md`.

use super::call;
use crate::graph::{Margins, ScalarBinary, ScalarFn, ScalarOp, ScalarUnary};
use crate::kernels::{KernelSpec, MapSpec};
use crate::plan::View;

/// The compiled function of each row of arguments.
fn compiled(function: &ScalarFn, args: &[Vec<f32>]) -> Vec<f32> {
    let row = View {
        channels: 1,
        height: 1,
        width: args[0].len(),
        block: 1,
        halo: Margins::default(),
        image_stride: args[0].len(),
    };
    let spec = KernelSpec::Map(MapSpec {
        function: function.clone(),
        operands: vec![row; args.len()],
        output: row,
    });
    let (mut args, mut output) = (args.to_vec(), vec![0.0; row.width]);
    let mut operands: Vec<*mut f32> = args.iter_mut().map(|x| x.as_mut_ptr()).collect();
    operands.push(output.as_mut_ptr());
    call(&spec, &mut operands, 1, usize::MAX);
    output
}

fn unary(op: ScalarUnary) -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let x = builder.arg(0);
    let result = builder.push(ScalarOp::Unary(op, x));
    builder.finish("f", result)
}

fn binary(op: ScalarBinary) -> ScalarFn {
    let mut builder = ScalarFn::build(2);
    let (a, b) = (builder.arg(0), builder.arg(1));
    let result = builder.push(ScalarOp::Binary(op, a, b));
    builder.finish("f", result)
}

fn power_of(exponent: f64) -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let (a, b) = (builder.arg(0), builder.constant(exponent));
    let result = builder.push(ScalarOp::Binary(ScalarBinary::Pow, a, b));
    builder.finish("f", result)
}

/// Every 977th float (a prime, so that all low bits occur) of both signs, and all neighbours of where something changes.
fn arguments() -> Vec<f32> {
    let mut bits: Vec<u32> = (0..=u32::MAX).step_by(977).collect();
    for edge in [
        0.0f32, 1.0, -104.0, -103.972, -87.336, 88.722, 89.0, 20.0, 3.925, 0.93, 0.707, 1e-38, 2.0,
    ] {
        for edge in [edge, -edge] {
            let middle = edge.to_bits();
            bits.extend((0..4096).map(|step| middle.wrapping_add(step).wrapping_sub(2048)));
        }
    }
    let infinite = [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
    bits.extend(infinite.map(f32::to_bits));
    bits.into_iter().map(f32::from_bits).collect()
}

/// Distance of `actual` from the exact result in units of its last place (half the smallest denormal's, where that is all there is).
fn error_in_ulp(actual: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if actual == rounded || (actual.is_nan() && exact.is_nan()) {
        // Not more than half an ulp, or both infinite.
        return if rounded.is_finite() {
            (f64::from(actual) - exact).abs() / ulp(exact)
        } else {
            0.0
        };
    }
    if !actual.is_finite() && !rounded.is_finite() {
        return f64::INFINITY;
    }
    // One step from the largest number to infinity is one ulp.
    let finite = |x: f64| x.clamp(-3.402_823_669_209_385e38, 3.402_823_669_209_385e38);
    (finite(f64::from(actual)) - finite(exact)).abs() / ulp(exact)
}

fn ulp(exact: f64) -> f64 {
    let exponent = exact.abs().log2().floor().clamp(-126.0, 127.0);
    (exponent - 23.0).exp2()
}

fn check(name: &str, function: &ScalarFn, args: &[Vec<f32>], bound: f64) {
    let results = compiled(function, args);
    let (mut worst, mut at) = (0.0, 0);
    for (index, actual) in results.iter().enumerate() {
        let point: Vec<f64> = args.iter().map(|x| f64::from(x[index])).collect();
        let error = error_in_ulp(*actual, function.eval(&point));
        if error > worst || error.is_nan() {
            (worst, at) = (error, index);
        }
    }
    let point: Vec<f32> = args.iter().map(|x| x[at]).collect();
    println!("{name}: {worst:.3} ulp at {point:?} = {}", results[at]);
    assert!(
        worst <= bound,
        "{name}: {worst} ulp at {point:?} = {}",
        results[at]
    );
}

#[test]
fn functions_of_one_number_are_accurate() {
    let x = [arguments()];
    for (op, bound) in [
        (ScalarUnary::Exp, 1.0),
        (ScalarUnary::Log, 1.0),
        (ScalarUnary::Tanh, 3.0),
        (ScalarUnary::Erf, 1.5),
        (ScalarUnary::Sqrt, 0.5),
        (ScalarUnary::Floor, 0.0),
        (ScalarUnary::Neg, 0.0),
        (ScalarUnary::Abs, 0.0),
    ] {
        check(&format!("{op:?}"), &unary(op), &x, bound);
    }
}

#[test]
fn powers_are_accurate() {
    let x = [arguments()];
    for (exponent, bound) in [
        (0.0, 0.0),
        (1.0, 0.0),
        (2.0, 0.5),
        (3.0, 2.0),
        (8.0, 8.0),
        (-1.0, 0.5),
        (-3.0, 4.0),
        (9.0, 0.51),
        (-20.0, 0.51),
        (0.75, 0.51),
        (-0.3, 0.51),
        (2.5, 0.51),
    ] {
        check(&format!("pow {exponent}"), &power_of(exponent), &x, bound);
    }
    let positive = [arguments().into_iter().filter(|x| *x >= 0.0).collect()];
    check("pow 0.5", &power_of(0.5), &positive, 0.5);
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.0,
        3.0,
        -3.0,
        1e-40,
        16_777_217.0,
        f32::MAX,
    ]
    .into_iter()
    .chain([
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MIN_POSITIVE,
        126.5,
        -149.0,
    ]);
    let mut pairs = [Vec::new(), Vec::new()];
    for a in special.clone() {
        for b in special.clone() {
            pairs[0].push(a);
            pairs[1].push(b);
        }
    }
    for a in arguments().into_iter().step_by(31) {
        pairs[0].push(a);
        pairs[1].push((pairs[1].len() % 2003) as f32 * 0.13 - 130.0);
    }
    check("pow", &binary(ScalarBinary::Pow), &pairs, 0.51);
}

#[test]
fn extremes_propagate_nan() {
    let (n, i) = (f32::NAN, f32::INFINITY);
    let pairs = [
        vec![n, 1.0, n, 2.0, -1.0, -i, i, 3.0],
        vec![1.0, n, n, 3.0, -2.0, 0.0, 5.0, -i],
    ];
    for op in [ScalarBinary::Min, ScalarBinary::Max] {
        check("extremes", &binary(op), &pairs, 0.0);
        for constant in [0.0, 6.0] {
            let mut builder = ScalarFn::build(1);
            let (a, b) = (builder.arg(0), builder.constant(constant));
            for (a, b) in [(a, b), (b, a)] {
                let mut builder = ScalarFn::build(1);
                builder.constant(constant);
                let result = builder.push(ScalarOp::Binary(op, a, b));
                check("extremes", &builder.finish("f", result), &pairs[..1], 0.0);
            }
        }
    }
}
