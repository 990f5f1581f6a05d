//! What random nets declare besides the net: functions with every operator and intrinsic, and blocks.

/// Declarations by name. One that calls another stands before it.
///
/// The functions are continuous, also where they decide or round down, and none is steep: a rounding
/// error of an argument must remain one of the result.
pub(super) const DECLARATIONS: &[(&str, &str)] = &[
    (
        "Inner",
        "block Inner(width: int, act: block = relu) { conv1: conv(width, 3x3, pad=1) -> act }",
    ),
    (
        "Down",
        "block Down(width: int, stride: size = 1) {\n  require width > 0, \"width {width}\"\n  \
         let half = ceil(width / 2)\n  conv(half, 1x1, bias=false) -> batchnorm -> relu\n  \
         conv(width, 3x3, stride=stride, pad=1)\n}",
    ),
    (
        "Gated",
        "block Gated { it * (globalavgpool -> conv(in.channels, 1x1) -> sigmoid) }",
    ),
    ("joint", "fn joint(a, b) = knee(a) - 0.25 * wave(b)"),
    ("wave", "fn wave(x) = abs(x - 2 * floor((x + 1) / 2))"),
    (
        "knee",
        "fn knee(x) = if x <= 0.5 then x else 0.5 + (x - 0.5) / 4",
    ),
    (
        "bend",
        "fn bend(x, at: float = 0.25) = if x > at and not (x >= 1) then at else min(x, at) + max(x, 1) - 1",
    ),
    (
        "both",
        "fn both(x) = if x < -1 or x > 1 then pow(abs(x), 0.5) else x * x",
    ),
    (
        "real",
        "fn real(x) = if x == 0 then -x else if x != x then 0 else x",
    ),
    (
        "squash",
        "fn squash(x) = log(1 + exp(-abs(x))) + tanh(x) - erf(x / 2)",
    ),
    ("length", "fn length(x, y) = sqrt(x * x + y * y + 1)"),
    (
        "mix",
        "fn mix(a, b, t) = sigmoid(t) * a + (1 - sigmoid(t)) * b",
    ),
];

/// Functions of one tensor, and how each may be called besides by its name.
pub(super) const UNARY: &[&str] = &[
    "wave",
    "knee",
    "bend",
    "bend(0.5)",
    "bend(at=-0.75)",
    "both",
    "real",
    "squash",
];

/// Functions of several tensors, with how many they take besides the one that arrives.
pub(super) const OF_SEVERAL: &[(&str, usize)] = &[("joint", 1), ("length", 1), ("mix", 2)];

/// Those declarations that a text calls, and those that they call.
pub(super) fn called_by(text: &str) -> String {
    let mut declarations = String::new();
    for (name, declaration) in DECLARATIONS {
        let is_called = |text: &str| {
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| word == *name)
        };
        if is_called(text) || is_called(&declarations) {
            declarations.push_str(declaration);
            declarations.push_str("\n\n");
        }
    }
    declarations
}
