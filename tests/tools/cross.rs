//! Code for AArch64, on a processor that qemu imitates.

use std::fs;
use std::path::Path;

use netc::codegen::Target;
use netc::graph::{Graph, Recipe};
use netc::kernels::TileFamily;
use netc::plan::Machine;
use netc::runtime::Tensor;
use netc::weights::{NameMap, NamedTensor, WeightSource, WeightsFile, write_safetensors};

use super::common::{graph, jit, noise};
use super::programs::{answer, argument, build, place, text};

/// Largest difference from the JIT on this machine, as a part of the largest output.
const TOLERANCE: f64 = 5e-6;

/// Builds the net for AArch64, runs it there, and answers its output.
fn run_there(net: &str, weights: &[&str], input: &[f32]) -> Vec<f32> {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let target = ["--target", "aarch64-unknown-linux-gnu", "--name", "net"];
    build(net, at, &[&target[..], &["--precise"], weights].concat());
    let program = compile(at);
    let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
    let output = answer("qemu-aarch64", &[&program], &bytes);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let floats = output.stdout.chunks_exact(4);
    let float = |bytes: &[u8]| f32::from_le_bytes(std::array::from_fn(|index| bytes[index]));
    floats.map(float).collect()
}

/// Links `run.c` with the library in a folder, without any other.
fn compile(folder: &Path) -> String {
    let program = argument(&folder.join("run"));
    let include = format!("-I{}", folder.display());
    let (source, library) = (place("tests/tools/run.c"), folder.join("libnet.a"));
    let flags = [
        "-std=c11", "-Wall", "-Wextra", "-Werror", "-static", &include,
    ];
    let files = ["-o", &program, &argument(&source), &argument(&library)];
    super::programs::run("aarch64-linux-gnu-gcc", &[&flags[..], &files[..]].concat());
    program
}

/// What this machine computes of the same, each layer by its definition, with the same vectors.
fn run_here(graph: &Graph, source: &WeightSource, input: Vec<f32>) -> Vec<f32> {
    let target = Target::host().expect("a target");
    let machine = Machine {
        precise: true,
        ..target.machine(TileFamily::Clif128)
    };
    let sizes = graph
        .node(graph.inputs[0].node)
        .shape
        .sizes()
        .map(|size| size as usize);
    let shape = std::iter::once(1).chain(sizes).collect();
    let input = Tensor::new(shape, input).expect("a tensor");
    let outputs = jit(graph, &machine, source, &[vec![input]]);
    outputs[0][0].values().to_vec()
}

/// A noisy image for a net.
fn image(graph: &Graph) -> Vec<f32> {
    noise(
        graph.node(graph.inputs[0].node).shape.elements() as usize,
        3,
    )
}

#[test]
fn whole_networks_compute_the_same_on_aarch64() {
    for (file, net) in [
        ("resnet_cifar.net", "ResNet20"),
        ("preresnet.net", "PreResNet164"),
        ("mobilenet_v2.net", "MobileNetV2"),
    ] {
        let graph = graph(file, net);
        let path = format!("{}:{net}", place("nets").join(file).display());
        let found = run_there(&path, &["--init", "1"], &image(&graph));
        let source = WeightSource::seeded(&graph, 1);
        let wanted = run_here(&graph, &source, image(&graph));
        assert_eq!(found.len(), wanted.len());
        let largest = wanted
            .iter()
            .fold(0.0f32, |most, value| most.max(value.abs()));
        for (found, wanted) in found.iter().zip(&wanted) {
            let difference = f64::from((found - wanted).abs());
            assert!(
                difference <= TOLERANCE * f64::from(largest),
                "{net}: {found}, not {wanted}"
            );
        }
    }
}

/// Layers that answer integers, or halves of them, where they are given integers.
const EXACT: &str = "
net Exact() {
  input image: [3, 12, 12]
  conv1: conv(20, 3x3, pad=1) -> relu
  residual {
    conv2: conv(20, 3x3, pad=1, groups=20) -> relu
    conv3: conv(20, 1x1)
  }
  concat {
    conv4: conv(9, 3x3, stride=2, pad=1)
    maxpool(2x2)
    avgpool(2x2)
  }
  conv5: conv(13, 5x5, pad=2, dilation=1) -> relu
  flatten
  fc: dense(17)
  output sums
}
";

/// Small integers.
fn integers(n: usize, seed: u64) -> Vec<f32> {
    noise(n, seed)
        .iter()
        .map(|value| (2.5 * value).round())
        .collect()
}

#[test]
fn sums_of_integers_are_exact_on_aarch64() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = folder.path().join("exact.net");
    fs::write(&net, EXACT).expect("a file");
    let program = netc::parse(&net, EXACT);
    let graph = netc::expand(&program, "Exact").unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut stored = Vec::new();
    for (index, param) in graph.params.iter().enumerate() {
        if let Recipe::Stored { name, .. } = &param.recipe {
            let values = integers(param.elements(), index as u64);
            stored.push((name.clone(), param.shape.clone(), values));
        }
    }
    let tensors: Vec<NamedTensor<'_>> = stored
        .iter()
        .map(|(name, shape, values)| NamedTensor {
            name: name.clone(),
            shape: shape.clone(),
            values,
        })
        .collect();
    let weights = folder.path().join("exact.safetensors");
    write_safetensors(&weights, &tensors).expect("weights");

    let input = integers(
        graph.node(graph.inputs[0].node).shape.elements() as usize,
        99,
    );
    let arguments = ["--weights", &argument(&weights)];
    let found = run_there(&argument(&net), &arguments, &input);
    let file = WeightsFile::open(&weights).expect("weights");
    let source = WeightSource::file(file, &NameMap::default()).expect("weights");
    let wanted = run_here(&graph, &source, input);
    assert!(
        wanted.iter().any(|value| value.abs() > 1000.0),
        "{wanted:?}"
    );
    assert_eq!(found, wanted);
}
