//! Kernels other than convolution and dense layers, against the speed of a copy of as many bytes.
//!
//! `cargo bench --bench elementwise` first prints a table, then lets criterion measure each kernel. Throughput counts the bytes of inputs and output once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netc::codegen::detect_machine;
use netc::codegen::jit::{self, Executable};
use netc::graph::{Margins, PoolKind, ScalarBinary, ScalarFn, ScalarOp, ScalarUnary, Shape};
use netc::kernels::{KernelSpec, LrnSpec, MapSpec, PoolSpec, PoolWindows, SoftmaxSpec};
use netc::plan::{KernelId, View};

/// A kernel with its operands.
struct Bench {
    name: &'static str,
    executable: Executable,
    n_tasks: usize,
    operands: Vec<Vec<f32>>,
}

impl Bench {
    fn new(name: &'static str, spec: KernelSpec, input: &View) -> Bench {
        let machine = detect_machine().expect("the host is supported");
        let specs = std::slice::from_ref(&spec);
        let executable = jit::compile(specs, &machine).expect("the kernel compiles");
        let len = |view: &View| view.n_blocks() * view.plane_stride();
        // From -3 to 3, in an order that no branch could learn.
        let values = (0..len(input)).map(|index| (index * 7919 % 6007) as f32 / 1001.0 - 3.0);
        let operands = vec![values.collect(), vec![0.0; len(spec.output())]];
        let n_tasks = spec.n_tasks(1);
        Bench {
            name,
            executable,
            n_tasks,
            operands,
        }
    }

    fn bytes(&self) -> u64 {
        let floats: usize = self.operands.iter().map(Vec::len).sum();
        4 * floats as u64
    }

    fn run(&mut self) {
        let operands = self.operands.iter_mut();
        let pointers: Vec<*mut f32> = operands.map(|operand| operand.as_mut_ptr()).collect();
        let function = self.executable.function(KernelId(0));
        // SAFETY: the operands are in the spec's order and as large as their views.
        unsafe { function(pointers.as_ptr(), 0, self.n_tasks, 1) };
    }
}

/// A tensor in blocks of eight channels.
fn view(channels: u64, height: u64, width: u64, halo: usize) -> View {
    let halo = Margins::symmetric([halo; 2]);
    View::dense(&Shape::chw(channels, height, width), 8, halo)
}

fn relu() -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let (x, zero) = (builder.arg(0), builder.constant(0.0));
    let result = builder.push(ScalarOp::Binary(ScalarBinary::Max, x, zero));
    builder.finish("relu", result)
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`
fn gelu() -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let (x, one, half) = (builder.arg(0), builder.constant(1.0), builder.constant(0.5));
    let root = builder.constant(std::f64::consts::FRAC_1_SQRT_2);
    let scaled = builder.push(ScalarOp::Binary(ScalarBinary::Mul, x, root));
    let erf = builder.push(ScalarOp::Unary(ScalarUnary::Erf, scaled));
    let sum = builder.push(ScalarOp::Binary(ScalarBinary::Add, erf, one));
    let halved = builder.push(ScalarOp::Binary(ScalarBinary::Mul, x, half));
    let result = builder.push(ScalarOp::Binary(ScalarBinary::Mul, halved, sum));
    builder.finish("gelu", result)
}

fn unary(op: ScalarUnary) -> ScalarFn {
    let mut builder = ScalarFn::build(1);
    let x = builder.arg(0);
    let result = builder.push(ScalarOp::Unary(op, x));
    builder.finish("f", result)
}

fn map(name: &'static str, function: ScalarFn) -> Bench {
    let view = view(64, 56, 56, 0);
    let spec = MapSpec {
        function,
        operands: vec![view],
        output: view,
    };
    Bench::new(name, KernelSpec::Map(spec), &view)
}

fn pool(
    name: &'static str,
    kind: PoolKind,
    windows: PoolWindows,
    input: View,
    output: View,
) -> Bench {
    let spec = PoolSpec {
        kind,
        windows,
        input,
        output,
    };
    Bench::new(name, KernelSpec::Pool(spec), &input)
}

fn lrn(name: &'static str, beta: f32) -> Bench {
    let view = view(96, 55, 55, 0);
    let spec = LrnSpec {
        size: 5,
        alpha: 1e-4f32.to_bits(),
        beta: beta.to_bits(),
        k: 2f32.to_bits(),
        input: view,
        output: view,
    };
    Bench::new(name, KernelSpec::Lrn(spec), &view)
}

fn benches() -> Vec<Bench> {
    let average = PoolKind::Average {
        count_include_pad: false,
    };
    let sliding = PoolWindows::Sliding {
        kernel: [3, 3],
        stride: [2, 2],
        dilation: [1, 1],
        pad: [1, 1],
        pad_end: [1, 1],
    };
    let (before, after) = (view(64, 112, 112, 0), view(64, 56, 56, 0));
    let (last, vector) = (view(2048, 7, 7, 0), view(2048, 1, 1, 0));
    let logits = view(1000, 1, 1, 0);
    let softmax = SoftmaxSpec {
        input: logits,
        output: logits,
    };
    vec![
        map("relu 64@56", relu()),
        map("gelu 64@56", gelu()),
        map("exp 64@56", unary(ScalarUnary::Exp)),
        map("tanh 64@56", unary(ScalarUnary::Tanh)),
        pool("max 3x3/2 64@112", PoolKind::Max, sliding, before, after),
        pool("average 3x3/2 64@112", average, sliding, before, after),
        pool(
            "global 2048@7",
            average,
            PoolWindows::Adaptive,
            last,
            vector,
        ),
        lrn("LRN 5 96@55, beta 0.75", 0.75),
        lrn("LRN 5 96@55, beta 0.6", 0.6),
        Bench::new("softmax 1000", KernelSpec::Softmax(softmax), &logits),
    ]
}

/// The least time of many turns within a share of a second.
fn best_of(mut body: impl FnMut()) -> f64 {
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        body();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// Prints the table. The copy reads and writes as many bytes as the kernel does together.
fn report(benches: &mut [Bench]) {
    println!(
        "{:<24} {:>9} {:>7} {:>9}",
        "kernel", "us", "GB/s", "copy GB/s"
    );
    for bench in benches {
        let bytes = bench.bytes();
        let time = best_of(|| bench.run());
        let source = vec![1f32; bytes as usize / 8];
        let mut target = source.clone();
        let copy = best_of(|| black_box(&mut target).copy_from_slice(black_box(&source)));
        let rate = |time: f64| bytes as f64 / time * 1e-9;
        println!(
            "{:<24} {:>9.2} {:>7.1} {:>9.1}",
            bench.name,
            time * 1e6,
            rate(time),
            rate(copy)
        );
    }
}

fn elementwise(criterion: &mut Criterion) {
    let mut benches = benches();
    report(&mut benches);
    let mut group = criterion.benchmark_group("elementwise");
    group
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(200))
        .sample_size(20);
    for bench in &mut benches {
        group.throughput(Throughput::Bytes(bench.bytes()));
        group.bench_function(bench.name, |bencher| bencher.iter(|| bench.run()));
    }
    group.finish();
}

criterion_group!(all, elementwise);
criterion_main!(all);
