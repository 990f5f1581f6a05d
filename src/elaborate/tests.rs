//! What the expansion makes of small nets: names of parameters, values of the prelude, wiring.

use std::path::Path;

use super::*;
use crate::diagnostic::render_text;
use crate::graph::Graph;
use crate::graph::{Op, Recipe, verify};

fn graph_of(source: &str) -> Graph {
    let program = Program::load(Path::new("test.net"), source.to_string(), &mut NoLoader);
    let net = nets(&program)
        .into_iter()
        .rfind(|net| net.complete)
        .map_or(String::new(), |net| net.name);
    let (graph, faults) = expand(&program, &net);
    let graph =
        graph.unwrap_or_else(|| panic!("{}", render_text(&faults, &program.sources, false)));
    assert_eq!(verify(&graph), Ok(()));
    graph
}

/// The net of these statements, after an input `x` of [4, 8, 8].
fn body(statements: &str) -> Graph {
    graph_of(&format!(
        "block Pair {{ conv(4, 1x1) -> relu -> last: conv(4, 1x1) }}
         net N {{ input x: [4, 8, 8] {statements} }}"
    ))
}

/// The names of the weights, in the order of the nodes.
fn weights(graph: &Graph) -> Vec<&str> {
    let names = graph.params.iter().map(|param| match &param.recipe {
        Recipe::Stored { name, .. } => name.as_str(),
        _ => "",
    });
    names
        .filter_map(|name| name.strip_suffix(".weight"))
        .collect()
}

#[test]
fn parameters_are_named_by_labels_and_numbers() {
    let conv = "conv(4, 1x1)";
    let cases: &[(&str, &[&str])] = &[
        ("CONV -> relu -> CONV", &["0", "2"]),
        ("a: CONV -> relu -> CONV", &["a", "2"]),
        ("f: { CONV -> relu -> CONV } CONV", &["f.0", "f.2", "1"]),
        ("{ CONV -> relu } CONV", &["0", "2"]),
        ("Pair -> p: Pair", &["0.0", "0.last", "p.0", "p.last"]),
        ("x -> it -> CONV", &["0"]),
        ("residual { CONV } shortcut { CONV } CONV", &["0", "1", "2"]),
        ("r: residual { CONV } CONV", &["r.0", "1"]),
        ("concat { CONV CONV -> CONV }", &["0", "1", "2"]),
        ("in_: relu -> x + (CONV -> CONV)", &["1", "2"]),
        ("repeat i in 0..2 { CONV -> relu }", &["0", "2"]),
        ("l: repeat i in 5..7 { CONV }", &["l.0", "l.1"]),
        (
            "l: repeat i in [3, 4] { let c = i require c > 0 conv(c, 1x1) }",
            &["l.0", "l.1"],
        ),
        ("l: repeat i in 0..2 { CONV -> relu }", &["l.0.0", "l.1.0"]),
        ("l: repeat i in 0..2 { a: CONV }", &["l.0.a", "l.1.a"]),
        ("l: repeat i in 0..1 { Pair }", &["l.0.0", "l.0.last"]),
        ("repeat i in 0..2 { l{i + 1}: CONV }", &["l1", "l2"]),
        (
            "l: repeat i in 0..2 { repeat j in 0..2 { CONV } }",
            &["l.0.0", "l.0.1", "l.1.0", "l.1.1"],
        ),
        (
            "if x.channels == 4 { CONV } else { relu } CONV",
            &["0", "1"],
        ),
        ("b: if true { CONV } CONV", &["b.0", "1"]),
        ("a, b: split(2) -> CONV", &["1"]),
        ("output side: CONV -> relu CONV", &["0", "2"]),
        ("conv: CONV -> conv(4, 1x1)", &["conv", "1"]),
    ];
    for (statements, expected) in cases {
        let graph = body(&statements.replace("CONV", conv));
        assert_eq!(weights(&graph), *expected, "{statements}");
    }
}

#[test]
fn blocks_are_values() {
    let graph = graph_of(
        "block Scaled(width: int, kernel: size = 3, act: block = relu) {
           conv(width, kernel, pad=\"same\") -> act
         }
         block Wide = Scaled(kernel=5, act=leaky_relu(slope=0.5))
         block Twice(unit: block) { unit(6) -> unit(width=7) }
         net T(unit: block) { input x: [3, 9, 9] Twice(unit) }
         net N = T(Wide)",
    );
    let shapes: Vec<String> = graph.nodes.iter().map(|n| n.shape.to_string()).collect();
    assert_eq!(
        shapes,
        [
            "[3, 9, 9]",
            "[6, 9, 9]",
            "[6, 9, 9]",
            "[7, 9, 9]",
            "[7, 9, 9]"
        ]
    );
    assert_eq!(graph.nodes[2].op.name(), "leaky_relu");
    assert_eq!(weights(&graph), ["0.0.0", "0.1.0"]);
}

#[test]
fn values_are_wired_by_name() {
    let graph = body("a: relu -> b: tanh -> a + b * it -> add(a) concat(b, x)");
    let inputs: Vec<Vec<u32>> = graph
        .nodes
        .iter()
        .map(|node| node.inputs.iter().map(|id| id.0).collect())
        .collect();
    // x, a, b, b * it, a + ..., add(a), concat(b, x)
    let none: Vec<u32> = Vec::new();
    assert_eq!(
        inputs,
        [
            none,
            vec![0],
            vec![1],
            vec![2, 2],
            vec![1, 3],
            vec![4, 1],
            vec![2, 0]
        ]
    );
}

#[test]
fn a_side_output_leaves_the_current_value() {
    let graph = body("relu output side: tanh -> flatten output main");
    let outputs: Vec<(&str, &str)> = graph
        .outputs
        .iter()
        .map(|output| (output.name.as_str(), graph.node(output.node).op.name()))
        .collect();
    assert_eq!(outputs, [("side", "flatten"), ("main", "relu")]);
}

/// The function of the last node, in f64.
fn function(step: &str) -> impl Fn(f64) -> f64 {
    let graph = body(step);
    let op = graph.nodes.last().map(|node| node.op.clone());
    move |x| match &op {
        Some(Op::Map(function)) => function.eval(&[x]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn activations_have_their_values() {
    let cases: &[(&str, &[(f64, f64)])] = &[
        ("relu", &[(-2.0, 0.0), (3.0, 3.0)]),
        ("relu6", &[(-2.0, 0.0), (3.0, 3.0), (9.0, 6.0)]),
        ("leaky_relu", &[(-2.0, -0.02), (3.0, 3.0)]),
        ("leaky_relu(slope=0.2)", &[(-2.0, -0.4)]),
        (
            "elu",
            &[(-1.0, -0.632_120_558), (2.0, 2.0), (1e4, 1e4), (-1e4, -1.0)],
        ),
        (
            "sigmoid",
            &[
                (0.0, 0.5),
                (2.0, 0.880_797_078),
                (100.0, 1.0),
                (-100.0, 0.0),
                (-1e4, 0.0),
            ],
        ),
        ("tanh", &[(0.5, 0.462_117_157)]),
        (
            "hardsigmoid",
            &[(-4.0, 0.0), (0.0, 0.5), (1.0, 2.0 / 3.0), (4.0, 1.0)],
        ),
        ("hardswish", &[(-4.0, 0.0), (1.0, 2.0 / 3.0), (4.0, 4.0)]),
        ("silu", &[(1.0, 0.731_058_579), (-100.0, 0.0)]),
        ("gelu", &[(1.0, 0.841_344_746), (-1.0, -0.158_655_254)]),
        (
            "softplus",
            &[
                (0.0, std::f64::consts::LN_2),
                (1e4, 1e4),
                (-1e4, 0.0),
                (-1.0, 0.313_261_688),
            ],
        ),
        (
            "mish",
            &[(1.0, 0.865_098_388), (-1.0, -0.303_401_461), (1e3, 1e3)],
        ),
        ("scale(3)", &[(2.0, 6.0)]),
    ];
    for (step, values) in cases {
        let function = function(step);
        for (x, y) in *values {
            let found = function(*x);
            assert!(
                (found - y).abs() <= 1e-6 * y.abs().max(1.0),
                "{step}({x}) = {found}"
            );
        }
        assert!(function(f64::NAN).is_nan(), "{step} of no number");
    }
}

#[test]
fn functions_are_compiled_to_what_they_say() {
    let function = |declaration: &str, x: f64| {
        let source = format!("{declaration} net N {{ input x: [2] f -> flatten }}");
        let graph = graph_of(&source);
        match &graph.nodes[1].op {
            Op::Map(function) => function.eval(&[x]),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(function("fn f(x) = 1 / 2 * x", 3.0), 1.5);
    assert_eq!(function("fn f(x, n: int = 7 / 2) = n + x", 1.0), 4.0);
    let clamp = "fn f(x) = if x > 1 and not (x >= 3) or x < -5 then 10 else x";
    for (x, y) in [(0.0, 0.0), (2.0, 10.0), (3.0, 3.0), (-6.0, 10.0)] {
        assert_eq!(function(clamp, x), y);
    }
    let nested = "fn g(x, k: float, y) = k * x - y  fn f(x) = g(x + 1, 2, y=x)";
    assert_eq!(function(nested, 5.0), 7.0);
    assert_eq!(
        function("fn f(x, up: bool = true) = if up then x + 1 else x", 5.0),
        6.0
    );
    assert_eq!(function("fn f(x) = pow(floor(abs(x)), 2)", -3.5), 9.0);
}

#[test]
fn the_same_text_gives_the_same_graph() {
    let source = "block B(n: int) { concat { a{n}: conv(n, 1x1) relu } }
        net N { input x: [4, 8, 8] repeat i in 1..5 { B(i) } output y }";
    assert_eq!(graph_of(source), graph_of(source));
}

#[test]
fn nets_are_listed_with_what_they_lack() {
    let source =
        "/// Doc.\nnet T(depth: int, classes: int = 10) { input x: [depth] dense(classes) }
        net A = T(3)  net B = T(classes=5)  block C { relu }";
    let program = Program::load(Path::new("test.net"), source.into(), &mut NoLoader);
    let found: Vec<(String, bool, usize)> = nets(&program)
        .into_iter()
        .map(|net| (net.name, net.complete, net.params.len()))
        .collect();
    let expected = [("T", false, 2), ("A", true, 1), ("B", false, 1)];
    assert_eq!(
        found,
        expected.map(|(name, complete, n)| (name.to_string(), complete, n))
    );
    assert_eq!(nets(&program)[0].doc, "Doc.");
    assert_eq!(nets(&program)[0].params[1].default.as_deref(), Some("10"));
}

/// Everything nests as deep as it may at once, on the small stack of a test's thread.
#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let sum = format!("{}1{}", "(1 + ".repeat(25), ")".repeat(25));
    let negated = format!("{}{sum}", "- - ".repeat(100));
    let mut source = format!("block B0 {{ let a = {negated} let _b = max(a, {sum}) relu }}\n");
    for index in 1..60 {
        let (open, close) = ("{ residual ".repeat(5), "}".repeat(5));
        let last = index - 1;
        source += &format!("block B{index} {{ {open} {{ B{last} }} {close} }}\n");
    }
    source += "net N { input x: [3, 8, 8] B59 output y }";
    let program = Program::load(Path::new("test.net"), source, &mut NoLoader);
    let codes: Vec<&str> = check(&program).iter().map(|fault| fault.code.id).collect();
    assert_eq!(codes, ["E0702"]);
}

/// A net that excludes so many sizes, each in a `where` of its own.
fn without_sizes(n: usize) -> Program {
    let limits: String = (1..=n).map(|size| format!("where H != {size} ")).collect();
    let source = format!("net N {{ input x: [3, H, 8] {limits} relu }}");
    Program::load(Path::new("test.net"), source, &mut NoLoader)
}

#[test]
fn what_is_not_proved_is_said() {
    let (proof, faults) = prove(&without_sizes(100), "N", &SetSizes::new());
    assert_eq!(faults, []);
    let first = proof.and_then(|proof| proof.open[0].allowed.first());
    assert_eq!(first, Some(101));
    let faults = check(&without_sizes(300));
    let codes: Vec<&str> = faults.iter().map(|fault| fault.code.id).collect();
    assert_eq!(codes, ["E0412"]);
}

#[test]
fn sizes_beyond_all_tensors_are_refused() {
    let program = without_sizes(0);
    let sizes = SetSizes::from([("H".to_string(), u64::MAX)]);
    let (graph, faults) = expand_with(&program, "N", &sizes);
    assert!(graph.is_none());
    assert!(
        faults.iter().any(|fault| fault.code.is_limit()),
        "{faults:?}"
    );
}

/// A net that is wrong at another of its open sizes than the default has no graph, unless the sizes are fixed.
#[test]
fn what_is_not_right_for_every_size_is_not_expanded() {
    for steps in [
        // Odd sizes do not come back.
        "x -> maxpool(2x2) -> upsample(2) -> it + x",
        // Whether it fits is not decided.
        "reshape([6, -1, 4]) -> maxpool(2x2)",
    ] {
        let source = format!("net N {{ input x: [6, H = 8, 8]\n {steps} }}");
        let program = Program::load("test.net".as_ref(), source, &mut NoLoader);
        let (graph, faults) = expand(&program, "N");
        assert!(graph.is_none(), "{steps}");
        assert!(faults.iter().any(Diagnostic::is_error), "{steps}");
        assert!(check(&program).iter().any(Diagnostic::is_error), "{steps}");
        let sizes = SetSizes::from([("H".to_owned(), 8)]);
        let (graph, faults) = expand_with(&program, "N", &sizes);
        assert!(graph.is_some(), "{steps}: {faults:?}");
    }
}
