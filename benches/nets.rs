//! Whole nets: forward time with random weights, and compile time from text to runnable code.
//!
//! `cargo bench --bench nets` takes all; `cargo bench --bench nets -- forward/resnet50` one. Throughput of `forward` counts a
//! multiply-accumulate as two operations: `Gelem/s` are GFLOP/s.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netc::elaborate::Program;
use netc::graph::Graph;
use netc::loader::DiskLoader;
use netc::runtime::Tensor;
use netc::weights::WeightSource;

const NETS: [(&str, &str, &str); 8] = [
    ("alexnet", "alexnet.net", "AlexNet"),
    ("vgg11", "vgg.net", "VGG_A"),
    (
        "googlenet",
        "googlenet_torchvision.net",
        "GoogLeNetTorchvision",
    ),
    ("resnet18", "resnet.net", "ResNet18"),
    ("resnet50", "resnet.net", "ResNet50"),
    ("resnet110_cifar", "resnet_cifar.net", "ResNet110"),
    ("preresnet1001_cifar", "preresnet.net", "PreResNet1001"),
    ("mobilenet_v2", "mobilenet_v2.net", "MobileNetV2"),
];

fn load(file: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("nets")
        .join(file);
    let text = DiskLoader::read_root(&path).expect("the file is there");
    Program::load(&path, text, &mut DiskLoader::new(&path, &[]))
}

fn expand(file: &str, net: &str) -> Graph {
    netc::expand(&load(file), net).expect("the net has no errors")
}

fn forward(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(4));
    for (name, file, net) in NETS {
        let graph = expand(file, net);
        let compiled = netc::compile(&graph).expect("it compiles");
        let weights = WeightSource::seeded(&graph, 0);
        let input = graph.node(graph.inputs[0].node).shape.clone();
        let shape = std::iter::once(1)
            .chain(input.sizes().map(|size| size as usize))
            .collect();
        let image = [Tensor::zeroed(shape).expect("there is memory")];
        group.throughput(Throughput::Elements(
            2 * netc::check::summarise(&graph).macs,
        ));
        for n_threads in [1, 2] {
            let session = compiled
                .bind_with(&weights, n_threads, &|_| {})
                .expect("it binds");
            group.bench_function(format!("{name}/{n_threads}"), |bencher| {
                bencher.iter(|| black_box(session.run(&image).expect("it runs")));
            });
        }
    }
}

fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for (name, file, net) in NETS {
        group.bench_function(name, |bencher| {
            bencher.iter(|| netc::compile(&expand(file, net)).expect("it compiles"));
        });
    }
}

criterion_group!(nets, compile, forward);
criterion_main!(nets);
