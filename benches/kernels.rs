//! Kernels of typical layers against the machine's peak for the vectors that they are made of.
//!
//! `cargo bench --bench kernels` first prints a table, in which kernel and peak take turns so that a busy machine slows both, and then lets criterion
//! measure each kernel. Throughput counts a multiply-add as two operations: `Gelem/s` are GFLOP/s.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netc::codegen::detect_machine;
use netc::codegen::jit::{self, Executable};
use netc::graph::{Conv, Margins, Shape};
use netc::kernels::conv::{self, Algorithm};
use netc::kernels::{KernelSpec, Tuning, dense};
use netc::plan::{KernelId, Machine, View};
use netc::runtime::{AlignedBuffer, MultiplyAdds};

/// A kernel with its operands.
struct Bench {
    name: String,
    executable: Executable,
    spec: KernelSpec,
    /// At cache lines, as a session's are: a vector that lies in two costs two loads.
    operands: Vec<AlignedBuffer>,
    flops: u64,
    batch: usize,
    /// Counted once: to cut a depthwise layer takes longer than to compute a share of it.
    n_tasks: usize,
    /// Parts that the tasks are timed in, so that what else the machine does spoils one of them and not the whole.
    shares: usize,
    compile_time: Duration,
}

impl Bench {
    fn new(
        name: impl Into<String>,
        spec: KernelSpec,
        input: &View,
        flops: usize,
        batch: usize,
        machine: &Machine,
    ) -> Bench {
        let start = Instant::now();
        let executable =
            jit::compile(std::slice::from_ref(&spec), machine).expect("the kernel compiles");
        let compile_time = start.elapsed();
        let image = input.n_blocks() * input.plane_stride();
        let buffer = |len: usize, value: f32| {
            AlignedBuffer::from_slice(&vec![value; len]).expect("the memory is there")
        };
        let mut operands = vec![buffer(batch * image, 0.5)];
        for packing in spec.packings() {
            let mut packed = buffer(packing.packed_len(), 0.0);
            packing.pack(&vec![0.25; packing.len()], &mut packed);
            operands.push(packed);
        }
        let output = spec.output();
        let image = output.n_blocks() * output.plane_stride();
        let scratch = spec.scratch_size();
        if scratch > 0 {
            operands.push(buffer(scratch, 0.0));
        }
        operands.push(buffer(batch * image, 0.0));
        Bench {
            name: name.into(),
            executable,
            n_tasks: spec.n_tasks(batch),
            spec,
            operands,
            flops: (batch * flops) as u64,
            batch,
            // What a call leaves in scratch memory for its next task would be made anew for each share.
            shares: if scratch > 0 { 1 } else { SHARES },
            compile_time,
        }
    }

    /// Runs the tasks of share `share`.
    fn run_share(&mut self, share: usize) {
        let pointers: Vec<*mut f32> = self
            .operands
            .iter_mut()
            .map(|operand| operand.as_mut_ptr())
            .collect();
        let begin = self.n_tasks * share / self.shares;
        let end = self.n_tasks * (share + 1) / self.shares;
        let function = self.executable.function(KernelId(0));
        // SAFETY: the operands are in the spec's order and as large as their views, packings and the batch say.
        unsafe { function(pointers.as_ptr(), begin, end, self.batch) };
    }

    fn run(&mut self) {
        for share in 0..self.shares {
            self.run_share(share);
        }
    }
}

/// Shares of a kernel whose tasks leave nothing to each other.
const SHARES: usize = 32;

/// Channels in, channels out, size of the input, kernel, stride, groups.
type ConvShape = (&'static str, usize, usize, usize, usize, usize, usize);

const CONVS: [ConvShape; 20] = [
    ("3x3 64@56", 64, 64, 56, 3, 1, 1),
    ("3x3 128@28", 128, 128, 28, 3, 1, 1),
    ("3x3 256@14", 256, 256, 14, 3, 1, 1),
    ("3x3 512@7", 512, 512, 7, 3, 1, 1),
    ("3x3 stride 2 128@56", 128, 128, 56, 3, 2, 1),
    ("3x3 64@224", 64, 64, 224, 3, 1, 1),
    ("3x3 512@28", 512, 512, 28, 3, 1, 1),
    ("1x1 256->64@56", 256, 64, 56, 1, 1, 1),
    ("1x1 64->256@56", 64, 256, 56, 1, 1, 1),
    ("1x1 256@14", 256, 256, 14, 1, 1, 1),
    ("1x1 1024->256@14", 1024, 256, 14, 1, 1, 1),
    ("1x1 512->2048@7", 512, 2048, 7, 1, 1, 1),
    ("7x7 stride 2 3->64@224", 3, 64, 224, 7, 2, 1),
    ("3x3 16@32", 16, 16, 32, 3, 1, 1),
    ("3x3 128@56 in 32 groups", 128, 128, 56, 3, 1, 32),
    ("3x3 256@28 in 32 groups", 256, 256, 28, 3, 1, 32),
    ("3x3 depthwise 144@56", 144, 144, 56, 3, 1, 144),
    ("3x3 depthwise 144@56/2", 144, 144, 56, 3, 2, 144),
    ("3x3 depthwise 960@7", 960, 960, 7, 3, 1, 960),
    ("5x5 depthwise 240@28", 240, 240, 28, 5, 1, 240),
];

/// Inputs, features, batch.
const DENSES: [(&str, usize, usize, usize); 4] = [
    ("dense 4096->4096", 4096, 4096, 1),
    ("dense 4096->4096, 16 images", 4096, 4096, 16),
    ("dense 512->1000", 512, 1000, 1),
    ("dense 512->1000, 8 images", 512, 1000, 8),
];

/// With a machine that is `precise`, computed by its definition; else as the compiler would.
fn conv_bench(shape: ConvShape, machine: &Machine) -> Bench {
    let (name, in_channels, out_channels, size, kernel, stride, groups) = shape;
    let pad = kernel / 2;
    let conv = Conv {
        out_channels,
        kernel: [kernel; 2],
        stride: [stride; 2],
        pad: Margins::symmetric([pad; 2]),
        dilation: [1, 1],
        groups,
        bias: true,
    };
    let result = (size + 2 * pad - kernel) / stride + 1;
    // What a user's image has: the first layer reads it as it is.
    let block = if in_channels == 3 {
        1
    } else {
        machine.family.channel_block()
    };
    let chw = |channels: usize, size: usize| Shape::chw(channels as u64, size as u64, size as u64);
    let shape = chw(in_channels, size);
    let input = View::dense(
        &shape,
        block,
        conv::required_halo(&conv, &shape, block, machine, &Tuning::default()),
    );
    let output = View::dense(
        &chw(out_channels, result),
        machine.family.channel_block(),
        Margins::symmetric([1, 1]),
    );
    let spec = conv::configure(&conv, input, output, None, machine, &Tuning::default());
    let flops = 2 * out_channels * result * result * in_channels / groups * kernel * kernel;
    let name = match spec.algorithm() {
        Some(Algorithm::Winograd(m)) => format!("{name}, F({m}x{m})"),
        Some(Algorithm::Pairs) => format!("{name}, pairs"),
        _ => name.to_owned(),
    };
    Bench::new(name, spec, &input, flops, 1, machine)
}

fn dense_bench(
    (name, inputs, features, batch): (&'static str, usize, usize, usize),
    machine: &Machine,
) -> Bench {
    let view = |features: usize| {
        let shape = Shape::features(features as u64);
        View::dense(&shape, machine.family.channel_block(), Margins::default())
    };
    let spec = dense::configure(view(inputs), view(features), true, None, machine);
    Bench::new(
        name,
        spec,
        &view(inputs),
        2 * inputs * features,
        batch,
        machine,
    )
}

fn benches(machine: &Machine) -> Vec<Bench> {
    let precise = Machine {
        precise: true,
        ..*machine
    };
    let direct = CONVS.iter().map(|&shape| conv_bench(shape, &precise));
    let chosen = CONVS.iter().map(|&shape| conv_bench(shape, machine));
    let chosen = chosen.filter(|bench| {
        let algorithm = bench.spec.algorithm();
        algorithm.is_some_and(|algorithm| algorithm != Algorithm::Direct)
    });
    let denses = DENSES.iter().map(|&shape| dense_bench(shape, machine));
    direct.chain(chosen).chain(denses).collect()
}

/// Prints the table: the best of many turns of peak and of each share of a kernel's tasks.
fn report(benches: &mut [Bench], peak: &mut MultiplyAdds) {
    println!(
        "{:<30} {:>8} {:>8} {:>6} {:>9}",
        "kernel", "GFLOP/s", "peak", "ratio", "compile"
    );
    for bench in benches {
        let (mut best, mut best_peak) = (vec![f64::INFINITY; bench.shares], 0.0f64);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(600) {
            best_peak = best_peak.max(peak.gflops());
            for (share, best) in best.iter_mut().enumerate() {
                let start = Instant::now();
                bench.run_share(share);
                *best = best.min(start.elapsed().as_secs_f64());
            }
        }
        let rate = bench.flops as f64 / best.iter().sum::<f64>() * 1e-9;
        println!(
            "{:<30} {rate:>8.1} {best_peak:>8.1} {:>5.0}% {:>6.2} ms",
            bench.name,
            100.0 * rate / best_peak,
            bench.compile_time.as_secs_f64() * 1e3,
        );
    }
}

fn kernels(criterion: &mut Criterion) {
    let machine = detect_machine().expect("the host is supported");
    let mut benches = benches(&machine);
    let mut peak = MultiplyAdds::new(1, machine.family.lanes()).expect("one thread");
    report(&mut benches, &mut peak);
    let mut group = criterion.benchmark_group("kernels");
    group
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(200))
        .sample_size(20);
    for bench in &mut benches {
        group.throughput(Throughput::Elements(bench.flops));
        group.bench_function(bench.name.clone(), |bencher| bencher.iter(|| bench.run()));
    }
    group.finish();
}

criterion_group!(all, kernels);
criterion_main!(all);
