//! Networks of `nets/`, and what the JIT computes with them: for both binaries of tests, and a bench.

use std::path::Path;

use netc::elaborate::{self, Program};
use netc::graph::Graph;
use netc::loader::DiskLoader;
use netc::plan::Machine;
use netc::runtime::Tensor;
use netc::weights::{NameMap, WeightSource, WeightsFile};

/// File and name of whole networks that all kinds of plans are made of.
pub const NETS: [(&str, &str); 5] = [
    ("alexnet.net", "AlexNet"),
    ("vgg.net", "VGG_D"),
    ("googlenet.net", "GoogLeNetTrain"),
    ("resnet.net", "ResNet50"),
    ("preresnet.net", "PreResNet164"),
];

/// The net of a file of `nets/`.
pub fn graph(file: &str, net: &str) -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("nets").join(file);
    let text = DiskLoader::read_root(&path).expect("the network is readable");
    let program = Program::load(&path, text, &mut DiskLoader::new(&path, &[]));
    let (graph, faults) = elaborate::expand(&program, net);
    graph.unwrap_or_else(|| panic!("{net}: {faults:?}"))
}

/// The bundled net of digits and its weights.
pub fn digits() -> (Graph, WeightSource) {
    let graph = graph("digits/digits.net", "Digits");
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/nets/digits/digits.safetensors"
    );
    let file = WeightsFile::open(path.as_ref()).expect("weights");
    let source = WeightSource::file(file, &NameMap::default()).expect("weights");
    (graph, source)
}

/// Noise from a seed.
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut values = Vec::with_capacity(n);
    for _ in 0..n {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        values.push((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0);
    }
    values
}

/// What the JIT answers for each batch on one thread.
pub fn jit(
    graph: &Graph,
    machine: &Machine,
    source: &WeightSource,
    batches: &[Vec<Tensor>],
) -> Vec<Vec<Tensor>> {
    let compiled = netc::compile_for(graph, machine).expect("it compiles");
    let session = compiled.bind_with(source, 1, &|_| {}).expect("it binds");
    let answers = batches.iter().map(|inputs| session.run(inputs));
    answers.collect::<Result<_, _>>().expect("a run")
}
