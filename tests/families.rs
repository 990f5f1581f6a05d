//! Every family of tiles, with and without Winograd's algorithms: whole networks agree, the command line can choose, and what a machine lacks is told.

use std::process::Command;

use netc::codegen::machines;
use netc::graph::Graph;
use netc::plan::Machine;
use netc::runtime::Tensor;
use netc::weights::WeightSource;

use crate::common::graph;

/// Largest difference from the narrowest tiles, every layer computed by its definition, as a part of the largest output.
const PRECISE: f64 = 5e-6;
const FAST: f64 = 5e-5;

/// Networks that between them have every kind of layer that the papers use: wide and narrow, grouped and depthwise, joined by sums and by concats.
const NETS: [(&str, &str, usize); 6] = [
    ("resnet_cifar.net", "ResNet20", 3),
    ("preresnet.net", "PreResNet164", 1),
    ("mobilenet_v2.net", "MobileNetV2", 1),
    ("googlenet_torchvision.net", "GoogLeNetTorchvisionTrain", 2),
    ("densenet.net", "DenseNet121", 1),
    ("resnet_variants.net", "ResNeXt50_32x4d", 1),
];

/// Noise from a seed, for each input.
fn inputs(graph: &Graph, batch: usize) -> Vec<Tensor> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let mut tensors = Vec::new();
    for input in &graph.inputs {
        let sizes = graph.node(input.node).shape.sizes();
        let shape = std::iter::once(batch).chain(sizes.map(|size| size as usize));
        let mut tensor = Tensor::zeroed(shape.collect()).expect("memory");
        tensor
            .values_mut()
            .iter_mut()
            .for_each(|value| *value = next());
        tensors.push(tensor);
    }
    tensors
}

fn run(graph: &Graph, machine: &Machine, inputs: &[Tensor]) -> Vec<Tensor> {
    let compiled = netc::compile_for(graph, machine).expect("it compiles");
    let session = compiled
        .bind(&WeightSource::seeded(graph, 0))
        .expect("it binds");
    session.run(inputs).expect("it runs")
}

fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let magnitude = b
        .values()
        .iter()
        .fold(0.0, |most: f64, x| most.max(f64::from(x.abs())));
    let pairs = a.values().iter().zip(b.values());
    let most = pairs.fold(0.0, |most: f64, (a, b)| {
        let difference = f64::from(*a) - f64::from(*b);
        assert!(difference.is_finite());
        most.max(difference.abs())
    });
    most / magnitude
}

#[test]
fn whole_nets_agree_in_every_family() {
    let all = machines().expect("a machine");
    let narrowest = Machine {
        precise: true,
        ..all[0]
    };
    for (file, net, batch) in NETS {
        let graph = graph(file, net);
        let inputs = inputs(&graph, batch);
        let expected = run(&graph, &narrowest, &inputs);
        for machine in &all {
            for (precise, tolerance) in [(true, PRECISE), (false, FAST)] {
                let machine = Machine {
                    precise,
                    ..*machine
                };
                for (output, expected) in run(&graph, &machine, &inputs).iter().zip(&expected) {
                    let difference = difference(output, expected);
                    assert!(
                        difference <= tolerance,
                        "{net} on {machine:?}: {difference:.1e}"
                    );
                }
            }
        }
    }
}

/// `--isa` and `NETC_ISA` do the same; what the machine lacks is an error that says so.
#[test]
fn the_command_line_chooses_the_vectors() {
    let has: Vec<&str> = machines()
        .expect("a machine")
        .iter()
        .map(|machine| machine.family.name())
        .collect();
    for isa in ["clif128", "avx2", "avx512", "zen4"] {
        let netc = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_netc"));
            command
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .env("NO_COLOR", "1");
            command
        };
        let by_option = netc()
            .args([
                "dump",
                "nets/resnet.net:ResNet18",
                "--stage",
                "plan",
                "--isa",
                isa,
            ])
            .output()
            .expect("netc starts");
        let by_variable = netc()
            .args(["dump", "nets/resnet.net:ResNet18", "--stage", "plan"])
            .env("NETC_ISA", isa)
            .output()
            .expect("netc starts");
        assert_eq!(by_option.stdout, by_variable.stdout);
        let text = String::from_utf8_lossy(&by_option.stdout);
        let errors = String::from_utf8_lossy(&by_option.stderr);
        if has.contains(&isa) {
            assert!(by_option.status.success(), "{errors}");
            assert!(text.contains(&format!("winograd4_{isa}")), "{text}");
        } else {
            assert_eq!(by_option.status.code(), Some(1));
            assert!(errors.contains("[E1001]"), "{errors}");
        }
    }
}

/// The plan says what each convolution costs, what else was possible, and that `--precise` leaves no choice.
#[test]
fn the_plan_tells_why() {
    let dump = |precise: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_netc"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["dump", "nets/resnet.net:ResNet18", "--stage", "plan"])
            .args(precise)
            .output()
            .expect("netc starts");
        String::from_utf8(output.stdout).expect("text")
    };
    let fast = dump(&[]);
    assert!(
        fast.contains("times as many; not") || fast.contains("times as many\n"),
        "{fast}"
    );
    let precise = dump(&["--precise"]);
    assert!(
        !precise.contains("= k0 winograd") && !precise.contains(" winograd4_"),
        "{precise}"
    );
    assert!(
        precise.contains("not winograd4: rounds more than a plain sum"),
        "{precise}"
    );
}

/// bf16 weights are an option with a stated error: other numbers, the same digit.
#[test]
fn dense_weights_can_be_stored_in_half_the_bits() {
    let run = |stored: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_netc"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args([
                "eval",
                "nets/digits/digits.yaml",
                "--json",
                "--weights-as",
                stored,
            ])
            .output()
            .expect("netc starts");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text")
    };
    let right = |text: &str| {
        let result: serde_json::Value = serde_json::from_str(text).expect("JSON");
        result["right"]
            .as_u64()
            .unwrap_or_else(|| panic!("{result}"))
    };
    let (full, half) = (right(&run("f32")), right(&run("bf16")));
    assert!(full.abs_diff(half) <= 2, "{full} and {half} right");
}
