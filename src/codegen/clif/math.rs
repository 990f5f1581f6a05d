//! Elementary functions on vectors of four floats, without branches and without calls.
//!
//! The polynomials are our own minimax fits (Lawson-weighted least squares on Chebyshev nodes, coefficients rounded to the working precision);
//! measured errors stand in `docs/kernels.md` and are held by the tests of `codegen::tests::math`. Everything is correct on denormals, infinities and NaN.

use cranelift::codegen::ir::condcodes::FloatCC;
use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::Emitter;
use super::math_pow::power;

/// Adding and subtracting this rounds a float below 2^22 to an integer, and leaves that integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23

/// ln 2 in two parts. The first has 9 bits, so that its product with an exponent is exact, with or without fused multiply-add.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `(exp(r) - 1 - r) / r^2` for `|r| <= 0.35`, error of exp 3.4e-9.
const EXP: [f32; 5] = [
    0.5,
    0.166_665_12,
    0.041_666_187,
    0.008_369_599,
    0.001_395_171_7,
];

/// `(log((1 + s) / (1 - s)) - 2 s) / s^3` as a polynomial of `s^2` for `s^2 <= 0.0297`, error of log 1.8e-10.
const LOG: [f32; 3] = [0.666_668_24, 0.399_731_2, 0.299_741_3];

/// Where one form of erf gives way to the other.
const ERF_NEAR: f32 = 0.93;

/// `erf(x) / x - 1` as a polynomial of `x^2` for `|x| <= 0.93`, relative error of erf 1.8e-8.
const ERF: [f32; 6] = [
    0.128_379_15,
    -0.376_124_9,
    0.112_817_31,
    -0.026_762_966,
    0.004_987_352,
    -0.000_595_957_86,
];

/// `-log(1 - erf(x)) / x - 1` for `x` from 0.93 to 3.93, relative error of erf 3.0e-9.
const ERF_COMPLEMENT: [f32; 6] = [
    0.128_511_13,
    0.635_729_2,
    0.105_247_56,
    -0.022_880_826,
    0.003_212_11,
    -0.000_213_639_87,
];

/// `value`, but NaN where `x` is.
pub fn unless_nan(e: &mut Emitter, x: Value, value: Value) -> Value {
    let mask = e.fcompare(FloatCC::Unordered, x, x);
    e.pick(mask, x, value)
}

/// `x` held between two numbers; NaN stays.
fn clamp(e: &mut Emitter, x: Value, low: f32, high: f32) -> Value {
    let (low, high) = (e.splat(low), e.splat(high));
    let x = e.max_or_second(low, x);
    e.min_or_second(high, x)
}

/// `coefficients[0] + x * coefficients[1] + ...`
fn polynomial(e: &mut Emitter, x: Value, coefficients: &[f32]) -> Value {
    let (last, rest) = coefficients.split_last().expect("a polynomial has a term");
    let mut sum = e.splat(*last);
    for coefficient in rest.iter().rev() {
        let coefficient = e.splat(*coefficient);
        sum = e.fma(sum, x, coefficient);
    }
    sum
}

/// `2^n` of integers that are exponents of normal floats.
fn power_of_two(e: &mut Emitter, n: Value) -> Value {
    let bits = e.builder().ins().ishl_imm_u(n, 23);
    let one = e.splat(1.0);
    let one = e.cast(types::I32X4, one);
    let bits = e.builder().ins().iadd(bits, one);
    e.cast(types::F32X4, bits)
}

/// `n` (as integers, and as floats) and `r` with `x = n ln 2 + r`, `|r| <= 0.35`.
fn split_exponent(e: &mut Emitter, x: Value) -> (Value, Value) {
    let (log2_e, round) = (e.splat(std::f32::consts::LOG2_E), e.splat(ROUND));
    let sum = e.fma(x, log2_e, round);
    let n = e.fsub(sum, round);
    let (high, low) = (e.splat(-LN2_HIGH), e.splat(-LN2_LOW));
    let r = e.fma(n, high, x);
    let r = e.fma(n, low, r);
    let (sum, round) = (e.cast(types::I32X4, sum), e.cast(types::I32X4, round));
    (e.builder().ins().isub(sum, round), r)
}

/// `exp(r) - 1` for `|r| <= 0.35`.
fn exp_minus_one_near_zero(e: &mut Emitter, r: Value) -> Value {
    let tail = polynomial(e, r, &EXP);
    let square = e.fmul(r, r);
    e.fma(tail, square, r)
}

/// `e^x`
pub fn exp(e: &mut Emitter, x: Value) -> Value {
    // Beyond these the result is 0 or infinite.
    let x = clamp(e, x, -104.0, 89.0);
    let (n, r) = split_exponent(e, x);
    let value = exp_minus_one_near_zero(e, r);
    let one = e.splat(1.0);
    let value = e.fadd(value, one);
    // n runs from -150 to 128, further than a float's exponent: half of it at a time, so that only the last product rounds or overflows.
    let half = e.builder().ins().sshr_imm_u(n, 1);
    let rest = e.builder().ins().isub(n, half);
    let (half, rest) = (power_of_two(e, half), power_of_two(e, rest));
    let value = e.fmul(value, half);
    e.fmul(value, rest)
}

/// `ln(x)`: minus infinity of 0, NaN of less.
pub fn log(e: &mut Emitter, x: Value) -> Value {
    // Denormals are scaled into the normal range.
    let tiny = e.splat(f32::MIN_POSITIVE);
    let is_tiny = e.fcompare(FloatCC::LessThan, x, tiny);
    let scale = e.splat(8_388_608.0); // 2^23
    let scaled = e.fmul(x, scale);
    let normal = e.pick(is_tiny, scaled, x);
    // m in sqrt(1/2) .. sqrt(2) and n with normal = m 2^n.
    let bits = e.cast(types::I32X4, normal);
    let root = e.splat(std::f32::consts::FRAC_1_SQRT_2);
    let root = e.cast(types::I32X4, root);
    let above = e.builder().ins().isub(bits, root);
    let n = e.builder().ins().sshr_imm_u(above, 23);
    let shift = e.builder().ins().ishl_imm_u(n, 23);
    let m = e.builder().ins().isub(bits, shift);
    let m = e.cast(types::F32X4, m);
    let n = e.builder().ins().fcvt_from_sint(types::F32X4, n);
    let (minus_23, zero) = (e.splat(-23.0), e.splat(0.0));
    let correction = e.pick(is_tiny, minus_23, zero);
    let n = e.fadd(n, correction);
    // log m = f - (f^2/2 - s (f^2/2 + s^2 R(s^2))) with f = m - 1, s = f / (2 + f): the large term is exact, the others are small.
    let (one, two, half) = (e.splat(1.0), e.splat(2.0), e.splat(0.5));
    let f = e.fsub(m, one);
    let denominator = e.fadd(f, two);
    let s = e.fdiv(f, denominator);
    let z = e.fmul(s, s);
    let tail = polynomial(e, z, &LOG);
    let half_f = e.fmul(f, half);
    let half_square = e.fmul(half_f, f);
    let bracket = e.fma(tail, z, half_square);
    let (high, low) = (e.splat(LN2_HIGH), e.splat(LN2_LOW));
    let small = e.fmul(n, low);
    let small = e.fma(s, bracket, small);
    let small = e.fsub(small, half_square);
    let value = e.fadd(f, small);
    let value = e.fma(n, high, value);
    // What has no finite logarithm: 0, less than 0; infinity and NaN are their own.
    let (infinity, minus_infinity) = (e.splat(f32::INFINITY), e.splat(f32::NEG_INFINITY));
    let finite = e.fcompare(FloatCC::LessThan, x, infinity);
    let value = e.pick(finite, value, x);
    let is_zero = e.fcompare(FloatCC::Equal, x, zero);
    let value = e.pick(is_zero, minus_infinity, value);
    let nan = e.splat(f32::NAN);
    let negative = e.fcompare(FloatCC::LessThan, x, zero);
    e.pick(negative, nan, value)
}

/// The magnitude of `magnitude` with the sign of `sign`; `magnitude` must not be negative.
pub fn with_sign(e: &mut Emitter, magnitude: Value, sign: Value) -> Value {
    let mask = e.splat(-0.0);
    let bits = e.builder().ins().band(sign, mask);
    e.builder().ins().bor(magnitude, bits)
}

/// `tanh(x)` as `E / (E + 2)` with `E = exp(2|x|) - 1`, which near zero is as exact as `x`.
pub fn tanh(e: &mut Emitter, x: Value) -> Value {
    let magnitude = e.builder().ins().fabs(x);
    let doubled = e.fadd(magnitude, magnitude);
    let limit = e.splat(20.0); // tanh(10) is 1
    let y = e.min_or_second(limit, doubled);
    let (n, r) = split_exponent(e, y);
    let near = exp_minus_one_near_zero(e, r);
    let scale = power_of_two(e, n);
    let (one, two) = (e.splat(1.0), e.splat(2.0));
    let rest = e.fsub(scale, one);
    let minus_one = e.fma(near, scale, rest);
    let denominator = e.fadd(minus_one, two);
    let value = e.fdiv(minus_one, denominator);
    with_sign(e, value, x)
}

/// The error function: near zero `x + x P(x^2)`, further off `1 - exp(-x - x Q(x))`.
pub fn erf(e: &mut Emitter, x: Value) -> Value {
    let square = e.fmul(x, x);
    let near = polynomial(e, square, &ERF);
    let near = e.fma(near, x, x);
    let magnitude = e.builder().ins().fabs(x);
    let limit = e.splat(3.925); // Beyond it is 1.
    let y = e.min_or_second(limit, magnitude);
    let complement = polynomial(e, y, &ERF_COMPLEMENT);
    let exponent = e.fma(complement, y, y);
    let exponent = e.builder().ins().fneg(exponent);
    let (n, r) = split_exponent(e, exponent);
    let minus_one = exp_minus_one_near_zero(e, r);
    let scale = power_of_two(e, n);
    // 1 - scale is exact.
    let one = e.splat(1.0);
    let rest = e.fsub(one, scale);
    let lost = e.fmul(minus_one, scale);
    let far = e.fsub(rest, lost);
    let far = with_sign(e, far, x);
    let limit = e.splat(ERF_NEAR);
    let is_near = e.fcompare(FloatCC::LessThan, magnitude, limit);
    e.pick(is_near, near, far)
}

/// Largest whole exponent that is done by multiplication: each product costs half an ulp, so beyond it the logarithm is the better way.
const MULTIPLIED: f32 = 8.0;

/// `a^exponent`
pub fn pow_constant(e: &mut Emitter, a: Value, exponent: f32) -> Value {
    if exponent == 0.0 {
        return e.splat(1.0);
    }
    if exponent == 0.5 {
        // 0 is added so that -0 becomes 0.
        let zero = e.splat(0.0);
        let a = e.fadd(a, zero);
        return e.builder().ins().sqrt(a);
    }
    if exponent.trunc() != exponent || exponent.abs() > MULTIPLIED {
        let exponent = e.splat(exponent);
        return pow(e, a, exponent);
    }
    let base = if exponent < 0.0 {
        // The reciprocal first: it overflows and vanishes exactly where the result does.
        let one = e.splat(1.0);
        e.fdiv(one, a)
    } else {
        a
    };
    whole_power(e, base, exponent.abs() as u32)
}

/// `a^n` for `n >= 1` by squaring.
fn whole_power(e: &mut Emitter, a: Value, n: u32) -> Value {
    if n == 1 {
        return a;
    }
    let root = whole_power(e, a, n / 2);
    let square = e.fmul(root, root);
    if n.is_multiple_of(2) {
        square
    } else {
        e.fmul(square, a)
    }
}

/// `a^b` as IEEE 754's pow: 1 where `b` is 0 or `a` is 1; of a negative base real only for whole exponents, negative for odd ones.
pub fn pow(e: &mut Emitter, a: Value, b: Value) -> Value {
    let (zero, one, half) = (e.splat(0.0), e.splat(1.0), e.splat(0.5));
    let magnitude = e.builder().ins().fabs(a);
    let value = power(e, magnitude, b);
    // 1 to an infinite power would be NaN by way of the logarithm.
    let is_one = e.fcompare(FloatCC::Equal, magnitude, one);
    let value = e.pick(is_one, one, value);
    let whole = e.builder().ins().floor(b);
    let halved = e.fmul(b, half);
    let half_floor = e.builder().ins().floor(halved);
    let is_whole = e.fcompare(FloatCC::Equal, whole, b);
    let is_odd = e.fcompare(FloatCC::NotEqual, half_floor, halved);
    let is_odd = e.builder().ins().band(is_odd, is_whole);
    let signed = with_sign(e, value, a);
    let value = e.pick(is_odd, signed, value);
    // A finite negative base with a fraction in the exponent has no real power; neither has a negative base with NaN.
    let nan = e.splat(f32::NAN);
    let minus_infinity = e.splat(f32::NEG_INFINITY);
    let below = e.fcompare(FloatCC::LessThan, a, zero);
    let above = e.fcompare(FloatCC::LessThan, minus_infinity, a);
    let not_whole = e.fcompare(FloatCC::NotEqual, whole, b);
    let bad = e.builder().ins().band(below, above);
    let bad = e.builder().ins().band(bad, not_whole);
    let value = e.pick(bad, nan, value);
    let is_zero = e.fcompare(FloatCC::Equal, b, zero);
    e.pick(is_zero, one, value)
}
