//! Open sizes against brute force: what is proved of all sizes is compared with the net at every size.

use std::collections::BTreeMap;

use netc::diagnostic::{Diagnostic, codes};
use netc::elaborate::{self, Program, Proof};
use netc::graph::Graph;
use netc::symbolic::Assignment;
use proptest::prelude::*;

/// The largest size that is tried.
const LARGEST: u64 = 600;

/// A chain of steps that look at sizes, with branches that may disagree.
fn steps(depth: u32) -> BoxedStrategy<String> {
    let window = (1u32..6, 1u32..4, 0u32..3, any::<bool>(), 1u32..3);
    let conv = window
        .clone()
        .prop_map(|(kernel, stride, pad, same, dilation)| {
            let pad = if same {
                "\"same\"".to_string()
            } else {
                pad.to_string()
            };
            format!("conv(4, {kernel}x{kernel}, stride={stride}, pad={pad}, dilation={dilation})")
        });
    let uneven = (1u32..5, 1u32..4, 1u32..4).prop_map(|(kernel, down, across)| {
        format!("conv(4, {kernel}x2, stride={down}x{across}, pad=[1, 0, 0, 2])")
    });
    let pool = window.prop_map(|(kernel, stride, pad, ceil, _)| {
        let pad = pad.min(kernel / 2);
        format!("maxpool({kernel}x{kernel}, stride={stride}, pad={pad}, ceil={ceil})")
    });
    let transposed = (1u32..4, 1u32..4, 0u32..2).prop_map(|(kernel, stride, pad)| {
        format!("conv_transpose(4, {kernel}x{kernel}, stride={stride}, pad={pad})")
    });
    let simple = prop_oneof![
        4 => conv,
        2 => uneven,
        4 => pool,
        2 => transposed,
        1 => Just("relu -> batchnorm".to_string()),
        1 => Just("upsample(2)".to_string()),
        1 => Just("upsample(size=[in.height, in.width])".to_string()),
        1 => Just("upsample(size=[ceil(in.height / 2), max(in.width - 3, 1)])".to_string()),
        1 => Just("pad([0, 1, 2, 0])".to_string()),
        1 => Just("slice(1, -1, axis=1)".to_string()),
        1 => Just("slice(0, 5, axis=2)".to_string()),
        1 => Just("split(2, axis=1)".to_string()),
        1 => Just("adaptiveavgpool(3x2)".to_string()),
        1 => Just("residual { globalavgpool -> upsample(size=[in.height, in.width]) }".to_string()),
        1 => Just("{ s: sigmoid -> globalavgpool -> multiply(s) }".to_string()),
    ];
    if depth == 0 {
        return simple.boxed();
    }
    let inner = prop::collection::vec(steps(depth - 1), 1..3).prop_map(|steps| steps.join(" -> "));
    prop_oneof![
        5 => simple,
        2 => inner.clone().prop_map(|a| format!("residual {{ {a} -> conv(4, 1x1) }} shortcut {{ conv(4, 1x1) }}")),
        2 => (inner.clone(), inner.clone())
            .prop_map(|(a, b)| format!("residual {{ {a} }} shortcut {{ {b} }}")),
        2 => (inner.clone(), inner)
            .prop_map(|(a, b)| format!("concat {{ {a} \n {b} }} -> conv(4, 1x1)")),
    ]
    .boxed()
}

fn program(dims: &str, limit: &str, steps: &str) -> Program {
    let text = format!("net N {{ input x: [4, {dims}] {limit}\n{steps}\n}}");
    netc::parse("n.net", text)
}

fn at(program: &Program, height: u64, width: u64) -> Option<Graph> {
    let sizes = BTreeMap::from([("H".to_string(), height), ("W".to_string(), width)]);
    elaborate::expand_with(program, "N", &sizes).0
}

fn prove(program: &Program) -> (Option<Proof>, Vec<Diagnostic>) {
    elaborate::prove(program, "N", &BTreeMap::new())
}

/// The `where` that a proof asks for.
fn wanted(faults: &[Diagnostic]) -> Option<String> {
    let fault = faults.iter().find(|f| f.code == codes::SIZE_CONDITION)?;
    let help = fault.help.as_deref()?;
    let (clause, _) = help.strip_prefix("add `")?.split_once('`')?;
    Some(clause.to_string())
}

/// Compares a proof with the net at each height, the width fixed, and the other way round.
fn agrees(program: &Program, proof: &Proof) -> Result<(), TestCaseError> {
    let witnesses = Assignment::witnesses(&proof.open);
    let wide = |open: &netc::symbolic::Open| {
        let large = open.allowed.telling().last();
        large.unwrap_or(open.witness)
    };
    let (height, width) = (wide(&proof.open[0]), wide(&proof.open[1]));
    for size in 1..=LARGEST {
        for (which, h, w) in [(0, size, width), (1, height, size)] {
            let graph = at(program, h, w);
            let allowed = proof.open[which].allowed.contains(size);
            prop_assert_eq!(graph.is_some(), allowed, "at {}x{}", h, w);
            let Some(graph) = graph else { continue };
            let sizes = witnesses
                .with(netc::symbolic::Variable(0), h)
                .with(netc::symbolic::Variable(1), w);
            for (node, shape) in graph.nodes.iter().zip(&proof.shapes) {
                let proved = shape.at(&sizes);
                prop_assert_eq!(
                    proved.as_ref(),
                    Some(&node.shape),
                    "{} at {}x{}",
                    &node.name,
                    h,
                    w
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// Where the proof succeeds, every shape is right at every size. Where it finds a condition, the net is right at exactly the sizes
    /// that the condition allows.
    #[test]
    fn proofs_agree_with_brute_force(steps in prop::collection::vec(steps(2), 1..5)) {
        let steps = steps.join("\n");
        let open = program("H, W", "", &steps);
        let (proof, faults) = prove(&open);
        match proof {
            Some(proof) => agrees(&open, &proof)?,
            None => {
                let Some(limit) = wanted(&faults) else {
                    // For no size at all: then also for none of these.
                    let is_right = (1..=LARGEST).any(|size| at(&open, size, size).is_some());
                    prop_assert!(!is_right, "{:#?}", faults);
                    return Err(TestCaseError::reject("right for no size"));
                };
                let limited = program("H, W", &limit, &steps);
                let (proof, faults) = prove(&limited);
                prop_assert!(faults.is_empty(), "{}: {:#?}", limit, faults);
                agrees(&open, &proof.expect("no faults"))?;
            }
        }
    }

    /// What a shape is said to be can be written down as an assertion, which holds.
    #[test]
    fn shapes_are_said_in_the_language(steps in prop::collection::vec(steps(1), 1..4)) {
        let steps = steps.join("\n");
        let (proof, faults) = prove(&program("H, W", "", &steps));
        let limit = wanted(&faults).unwrap_or_default();
        let proof = match proof {
            Some(proof) => Some(proof),
            None => prove(&program("H, W", &limit, &steps)).0,
        };
        prop_assume!(proof.is_some());
        let proof = proof.expect("there is one");
        let last = proof.graph.outputs[0].node;
        let said = proof.shapes[last.index()].form(&proof.open);
        let asserted = format!("{steps}\nrelu : {said}");
        let again = program("H, W", &limit, &asserted);
        let (_, faults) = prove(&again);
        prop_assert!(faults.is_empty(), "{}: {:#?}", said, faults);
        for size in [proof.open[0].witness, 224, 301] {
            let both = proof.open.iter().all(|open| open.allowed.contains(size));
            prop_assert!(!both || at(&again, size, size).is_some(), "{} at {}", said, size);
        }
    }

    /// Two sizes that a `where` makes equal are what one size in both places is.
    #[test]
    fn equal_sizes_are_one(steps in prop::collection::vec(steps(1), 1..4)) {
        let steps = steps.join("\n");
        let net = |second: &str, limit: &str| {
            let inputs = format!("input a: [4, H, 40]\ninput b: [4, {second}, 40]\n{limit}");
            let body = format!("a\nx: {{ {steps} }}\nb\ny: {{ {steps} }}\nx + y");
            netc::parse("net.net", format!("net N {{\n{inputs}\n{body}\n}}\n").as_str())
        };
        let (two, two_faults) = prove(&net("W", "where H == W"));
        let (one, one_faults) = prove(&net("H", ""));
        prop_assert_eq!(wanted(&two_faults), wanted(&one_faults), "{:#?}", two_faults);
        let limit = wanted(&one_faults).unwrap_or_default();
        let (two, one) = match (two, one) {
            (Some(two), Some(one)) => (two, one),
            (None, None) => {
                let two = prove(&net("W", &format!("where H == W\n{limit}"))).0;
                let one = prove(&net("H", &limit)).0;
                prop_assume!(one.is_some());
                prop_assert!(two.is_some());
                (two.expect("there is one"), one.expect("there is one"))
            }
            _ => return Err(TestCaseError::fail(format!("{two_faults:#?} {one_faults:#?}"))),
        };
        prop_assert_eq!(&two.shapes, &one.shapes);
        prop_assert_eq!(two.open.len(), 1);
        prop_assert_eq!(&two.open[0].allowed, &one.open[0].allowed);
        prop_assert_eq!(&two.open[0].also, &["W"]);
        let both = net("W", "where H == W");
        let expand = |height: u64, width: u64| {
            let sizes = BTreeMap::from([("H".to_string(), height), ("W".to_string(), width)]);
            elaborate::expand_with(&both, "N", &sizes).0
        };
        for size in 1..=LARGEST {
            let is_allowed = two.open[0].allowed.contains(size);
            prop_assert_eq!(expand(size, size).is_some(), is_allowed, "at {}", size);
            prop_assert!(expand(size, size + 1).is_none());
        }
    }
}
