//! Powers of positive numbers, by logarithm and exponential in double precision.
//!
//! An f32 logarithm would not do: the exponent multiplies its error. In f64 a denormal is an ordinary number, every result of an f32 power is in range, and
//! the conversion back rounds, overflows and underflows as it should.

use cranelift::codegen::ir::condcodes::FloatCC;
use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::Emitter;

/// `(exp(r) - 1 - r) / r^2` for `|r| <= 0.35`, error of exp 1.3e-12.
const EXP: [f64; 7] = [
    4.999_999_999_948_004e-1,
    1.666_666_679_395_618_4e-1,
    4.166_666_707_786_203e-2,
    8.333_279_171_438_87e-3,
    1.388_879_269_550_650_9e-3,
    1.991_060_139_670_658_4e-4,
    2.488_932_891_066_288e-5,
];

/// `(log((1 + s) / (1 - s)) - 2 s) / s^3` as a polynomial of `s^2` for `s^2 <= 0.0297`, relative error of log 1e-11.
const LOG: [f64; 4] = [
    6.666_666_560_782_236e-1,
    4.000_034_444_856_673e-1,
    2.853_667_897_658_587e-1,
    2.359_481_029_253_527_3e-1,
];

/// `a^b` for `a` that is not negative: 0 and infinity included, NaN from either side. By lane of `F32X4`; `1^inf` is NaN here.
pub fn power(e: &mut Emitter, a: Value, b: Value) -> Value {
    let (a_upper, b_upper) = (e.shuffle(a, a, [2, 3, 2, 3]), e.shuffle(b, b, [2, 3, 2, 3]));
    let lower = power_of_lower_half(e, a, b);
    let upper = power_of_lower_half(e, a_upper, b_upper);
    e.shuffle(lower, upper, [0, 1, 4, 5])
}

/// The power of lanes 0 and 1.
fn power_of_lower_half(e: &mut Emitter, a: Value, b: Value) -> Value {
    let a = e.builder().ins().fvpromote_low(a);
    let b = e.builder().ins().fvpromote_low(b);
    let logarithm = log(e, a);
    let product = e.fmul(logarithm, b);
    let value = exp(e, product);
    e.builder().ins().fvdemote(value)
}

/// A constant in both lanes.
fn splat(e: &mut Emitter, value: f64) -> Value {
    e.constant(types::F64X2, value.to_bits().to_le_bytes().repeat(2))
}

fn splat_bits(e: &mut Emitter, bits: u64) -> Value {
    e.constant(types::I64X2, bits.to_le_bytes().repeat(2))
}

fn polynomial(e: &mut Emitter, x: Value, coefficients: &[f64]) -> Value {
    let (last, rest) = coefficients.split_last().expect("a polynomial has a term");
    let mut sum = splat(e, *last);
    for coefficient in rest.iter().rev() {
        let coefficient = splat(e, *coefficient);
        sum = e.fma(sum, x, coefficient);
    }
    sum
}

/// Natural logarithm of a number that is not negative and no denormal of f64.
fn log(e: &mut Emitter, x: Value) -> Value {
    // m in sqrt(1/2) .. sqrt(2) and n with x = m 2^n.
    const ONE: u64 = 1.0f64.to_bits();
    const ROOT: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    let bits = e.cast(types::I64X2, x);
    let up = splat_bits(e, ONE - ROOT);
    let shifted = e.builder().ins().iadd(bits, up);
    let biased = e.builder().ins().ushr_imm_u(shifted, 52);
    // The biased exponent as the low bits of 2^52, less 2^52 and the bias.
    let (magic, bias) = (splat_bits(e, TWO_52.to_bits()), splat(e, TWO_52 + 1023.0));
    let n = e.builder().ins().bor(biased, magic);
    let n = e.cast(types::F64X2, n);
    let n = e.fsub(n, bias);
    let (mantissa, root) = (splat_bits(e, (1 << 52) - 1), splat_bits(e, ROOT));
    let m = e.builder().ins().band(shifted, mantissa);
    let m = e.builder().ins().iadd(m, root);
    let m = e.cast(types::F64X2, m);
    let (one, two) = (splat(e, 1.0), splat(e, 2.0));
    let f = e.fsub(m, one);
    let denominator = e.fadd(m, one);
    let s = e.fdiv(f, denominator);
    let z = e.fmul(s, s);
    let tail = polynomial(e, z, &LOG);
    let tail = e.fma(tail, z, two);
    let value = e.fmul(tail, s);
    let ln2 = splat(e, std::f64::consts::LN_2);
    let value = e.fma(n, ln2, value);
    let zero = splat(e, 0.0);
    let (infinity, minus_infinity) = (splat(e, f64::INFINITY), splat(e, f64::NEG_INFINITY));
    let finite = e.fcompare(FloatCC::LessThan, x, infinity);
    let value = e.pick(finite, value, x);
    let is_zero = e.fcompare(FloatCC::Equal, x, zero);
    e.pick(is_zero, minus_infinity, value)
}

/// `e^x`, as far as it matters to an f32: 0 or infinite after conversion beyond 150.
fn exp(e: &mut Emitter, x: Value) -> Value {
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    let (low, high) = (splat(e, -150.0), splat(e, 150.0));
    let x = e.max_or_second(low, x);
    let x = e.min_or_second(high, x);
    let (log2_e, round) = (splat(e, std::f64::consts::LOG2_E), splat(e, ROUND));
    let sum = e.fma(x, log2_e, round);
    let n = e.fsub(sum, round);
    let minus_ln2 = splat(e, -std::f64::consts::LN_2);
    let r = e.fma(n, minus_ln2, x);
    let tail = polynomial(e, r, &EXP);
    let square = e.fmul(r, r);
    let value = e.fma(tail, square, r);
    let one = splat(e, 1.0);
    let value = e.fadd(value, one);
    // The low bits of the sum are n; shifting drops the others.
    let bits = e.cast(types::I64X2, sum);
    let bits = e.builder().ins().ishl_imm_u(bits, 52);
    let one = e.cast(types::I64X2, one);
    let bits = e.builder().ins().iadd(bits, one);
    let scale = e.cast(types::F64X2, bits);
    e.fmul(value, scale)
}
