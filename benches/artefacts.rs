//! Whole networks as shared libraries beside the JIT: sizes, times, and whether they compute the same. Prints the table of docs/artefacts.md.
//!
//! `cargo bench --bench artefacts`

// The tests use more of both.
#[allow(dead_code)]
#[path = "../tests/common.rs"]
mod common;
#[allow(dead_code)]
#[path = "../tests/artefacts/library.rs"]
mod library;

use std::time::{Duration, Instant};

use netc::artefact::{Artefact, Options};
use netc::codegen::machines;
use netc::kernels::TileFamily;
use netc::runtime::{Session, Tensor};
use netc::weights::WeightSource;

use common::{NETS, graph};
use library::{Loaded, bits, inputs, machine, options};

/// Runs of which the fastest counts.
const RUNS: usize = 7;

fn main() {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let machines = machines().expect("a machine");
    let family = machines.last().expect("a family").family;
    println!(
        "| net | object, KiB | weights, MiB | compile, ms | pack, s | library, ms | JIT, ms | equal |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (file, net) in NETS {
        println!("{}", row(file, net, family));
    }
}

fn row(file: &str, net: &str, family: TileFamily) -> String {
    let graph = graph(file, net);
    let source = WeightSource::seeded(&graph, 1);
    let options = Options {
        embeds: false,
        ..options(&[family])
    };
    let start = Instant::now();
    let artefact = Artefact::new(&graph, options).expect("an artefact");
    let mut object = Vec::new();
    let file = artefact.object().expect("an object");
    file.write(None, &mut object).expect("it is written");
    let compiled = start.elapsed();
    let start = Instant::now();
    let image = artefact.weights(&source, &|_| {}).expect("weights");
    let packed = start.elapsed();
    let loaded = Loaded::new(&artefact, None);
    let (_, weights) = loaded.open_weights(image.bytes());

    let machine = machine(artefact.options(), family);
    let session = netc::compile_for(&graph, &machine).expect("it compiles");
    let session = session.bind_with(&source, 1, &|_| {}).expect("it binds");
    let run = |inputs: &[Tensor]| session.run(inputs).expect("a run");
    let equal = [1, 3].into_iter().all(|batch| {
        let inputs = inputs(&artefact, batch);
        loaded.run(&weights, &inputs) == bits(&run(&inputs))
    });
    let one = inputs(&artefact, 1);
    let [library, jit] = fastest(&loaded, &weights, &session, &one);
    format!(
        "| {net} | {:.0} | {:.1} | {:.0} | {:.2} | {:.1} | {:.1} | {} |",
        object.len() as f64 / 1024.0,
        artefact.weights_len() as f64 / f64::from(1 << 20),
        1e3 * compiled.as_secs_f64(),
        packed.as_secs_f64(),
        1e3 * library.as_secs_f64(),
        1e3 * jit.as_secs_f64(),
        if equal { "yes" } else { "NO" },
    )
}

/// The fastest run of each: they take turns.
fn fastest(
    loaded: &Loaded,
    weights: &library::Weights,
    session: &Session,
    inputs: &[Tensor],
) -> [Duration; 2] {
    let mut best = [Duration::MAX; 2];
    let call = loaded.call(inputs);
    for _ in 0..RUNS {
        let start = Instant::now();
        call.run(weights);
        best[0] = best[0].min(start.elapsed());
        let start = Instant::now();
        session.run(inputs).expect("a run");
        best[1] = best[1].min(start.elapsed());
    }
    best
}
