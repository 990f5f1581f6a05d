//! Artefacts: whole networks as shared libraries beside the JIT, and what it takes to build one. Prints the tables of docs/artefacts.md.
//!
//! `cargo bench --bench artefacts` prints both; `-- nets` and `-- builds` print one.

// The tests use more of both.
#[allow(dead_code)]
#[path = "../tests/common.rs"]
mod common;
#[allow(dead_code)]
#[path = "../tests/artefacts/library.rs"]
mod library;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use netc::artefact::{Artefact, Options};
use netc::codegen::{Target, machines};
use netc::kernels::TileFamily;
use netc::runtime::{Session, Tensor};
use netc::weights::WeightSource;

use common::{NETS, graph};
use library::{Loaded, bits, inputs, machine, options};

/// Runs of which the fastest counts.
const RUNS: usize = 7;

/// The same of builds.
const BUILDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    // `cargo test --benches` only wants to know that it starts.
    if says("--test") {
        return;
    }
    if let [_, word, weights, to, place] = arguments.as_slice()
        && word == SCRIPT
    {
        return build_as_a_script(weights, to, place == BESIDE);
    }
    // Builds first: a process counts the most memory of the one that started it as its own.
    if says("builds") || !says("nets") {
        print_builds();
    }
    if says("nets") || !says("builds") {
        print_nets();
    }
}

/// Each net as a library and in the JIT.
fn print_nets() {
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

/// ResNet-50 as every kind of file, with weights of a file, by `netc build` and by a build script.
fn print_builds() {
    let folder = tempfile::tempdir().expect("a folder");
    let weights = folder.path().join("weights.safetensors");
    let mut init = Command::new(NETC);
    init.args(["weights", "init", RESNET, "--seed", "1", "-o"]);
    assert!(init.arg(&weights).status().expect("netc starts").success());
    println!("| by | file | weights | bytes | time, s | memory, MiB | of the weights |");
    println!("|---|---|---|---|---|---|---|");
    for (kind, file) in [
        ("o", "ResNet50.o"),
        ("a", "libResNet50.a"),
        ("so", "libResNet50.so"),
    ] {
        for beside in [false, true] {
            let command = || {
                let mut command = Command::new(NETC);
                command
                    .args(["build", RESNET, "--emit", kind, "-o"])
                    .arg(folder.path());
                command.arg("--weights").arg(&weights);
                command.args(beside.then_some("--weights-file"));
                command
            };
            let row = build_row(command, &folder.path().join(file), beside, &weights);
            println!("| `netc build` {row}");
        }
    }
    let script = std::env::current_exe().expect("a program");
    for beside in [false, true] {
        let command = || {
            let mut command = Command::new(&script);
            command.arg(SCRIPT).arg(&weights).arg(folder.path());
            command.arg(if beside { BESIDE } else { "embedded" });
            command.env_remove("CARGO_PKG_NAME");
            command
        };
        let file = folder.path().join("libResNet50.a");
        let row = build_row(command, &file, beside, &weights);
        println!("| build script {row}");
    }
}

const NETC: &str = env!("CARGO_BIN_EXE_netc");
const RESNET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/nets/resnet.net:ResNet50");

/// What this program is called with to be a build script.
const SCRIPT: &str = "build-script";

/// The same for weights in a file of their own.
const BESIDE: &str = "beside";

/// What a build script does.
fn build_as_a_script(weights: &str, to: &str, beside: bool) {
    let target = Target::host().expect("a target");
    netc::build::Config::new(RESNET)
        .weights(weights)
        .weights_file(beside)
        .target(target.triple())
        .out_dir(to)
        .compile();
}

/// What a command makes: of several builds the shortest time and the most memory.
fn build_row(command: impl Fn() -> Command, file: &Path, beside: bool, weights: &Path) -> String {
    let (mut time, mut memory) = (Duration::MAX, 0);
    for _ in 0..BUILDS {
        let mut command = command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        memory = memory.max(peak_memory(command.spawn().expect("it starts")));
        time = time.min(start.elapsed());
    }
    format!(
        "| `{}` | {} | {} | {:.2} | {:.0} | {:.2} |",
        file.file_name().unwrap_or_default().display(),
        if beside { "in a file" } else { "embedded" },
        size(file),
        time.as_secs_f64(),
        memory as f64 / f64::from(1 << 20),
        memory as f64 / size(weights) as f64,
    )
}

fn size(path: &Path) -> u64 {
    path.metadata().expect("a file").len()
}

/// Waits for a process, which must be content; answers the most memory that it or one that it waited for had at once, bytes.
fn peak_memory(child: Child) -> u64 {
    let mut status = 0;
    // SAFETY: plain numbers, which are written where the answer is good.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let id = child.id() as libc::pid_t;
        assert_eq!(libc::wait4(id, &mut status, 0, &mut usage), id);
        usage
    };
    assert_eq!(status, 0);
    // Linux counts KiB.
    usage.ru_maxrss as u64 * 1024
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
    file.write(&mut object).expect("it is written");
    let compiled = start.elapsed();
    let start = Instant::now();
    let image = library::packed(&artefact, &source);
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
