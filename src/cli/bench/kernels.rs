//! `netc bench --kernels`: each kernel by itself.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::console::{self, Failure};
use super::super::measure::{Measured, Setting};
use super::super::rate::Rate;
use crate::kernels::KernelSpec;
use crate::plan::View;
use crate::runtime::{Gauge, Peak};

/// What is measured where no net is named, in the working directory.
const NETS: [&str; 17] = [
    "nets/alexnet.net:AlexNet",
    "nets/alexnet.net:AlexNetTorchvision",
    "nets/zfnet.net:ZFNet",
    "nets/vgg.net:VGG_A",
    "nets/vgg.net:VGG_D",
    "nets/vgg.net:VGG_E",
    "nets/googlenet.net:GoogLeNet",
    "nets/googlenet_torchvision.net:GoogLeNetTorchvision",
    "nets/resnet.net:ResNet18",
    "nets/resnet.net:ResNet34",
    "nets/resnet.net:ResNet50",
    "nets/resnet.net:ResNet101",
    "nets/resnet.net:ResNet152",
    "nets/resnet_cifar.net:ResNet110",
    "nets/preresnet.net:PreResNet1001",
    "nets/mobilenet_v2.net:MobileNetV2",
    "nets/densenet.net:DenseNet121",
];

/// Turns that kernel and peak take.
const TURNS: usize = 5;
/// What a kernel's turn should last, seconds.
const TURN: f64 = 5e-3;
/// Runs of a turn, after one that warms the caches.
const MAX_RUNS: usize = 200;

/// A kernel that was measured.
struct Row {
    spec: KernelSpec,
    /// Where it was met first.
    place: String,
    rate: Rate,
    /// Of the machine meanwhile.
    peak: Peak,
}

/// Times every distinct convolution and dense kernel of the nets.
pub fn run(setting: &Setting, nets: &[&str], as_json: bool) -> Result<(), Failure> {
    let nets = match nets {
        [] => &NETS[..],
        nets => nets,
    };
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    // The same for all nets.
    let mut conditions: Option<(Gauge, usize)> = None;
    for net in nets {
        let measured = setting.load(net)?;
        let (gauge, _) = match &mut conditions {
            Some(conditions) => conditions,
            none => none.insert((Gauge::new(measured.engine.n_threads)?, measured.batch)),
        };
        rows.extend(measure(&measured, gauge, &mut seen)?);
    }
    let Some((gauge, batch)) = conditions else {
        return Ok(());
    };
    let (n_threads, lanes) = (gauge.n_threads(), gauge.lanes());
    if as_json {
        return console::print_json(&json!({
            "batch": batch, "threads": n_threads, "vector_floats": lanes,
            "kernels": rows.iter().map(Row::as_json).collect::<Vec<_>>(),
        }));
    }
    let head = ["", "kernel", "first met as", "us", "peak GFLOP/s"].map(str::to_owned);
    let mut table = vec![[&head[..], &Rate::HEAD.map(str::to_owned)].concat()];
    table.extend(rows.iter().map(Row::cells));
    let right = [false, false, false, true, true, true, true, true, false];
    console::print(&format!(
        "{} kernels, batch {batch}, threads: {n_threads}, vectors of {lanes} floats at best\n\n{}",
        rows.len(),
        console::table(&table, &right),
    ))
}

/// Times those kernels of a net that were not seen before.
fn measure(
    measured: &Measured,
    gauge: &mut Gauge,
    seen: &mut HashSet<KernelSpec>,
) -> Result<Vec<Row>, Failure> {
    let Measured {
        target,
        engine,
        inputs,
        batch,
    } = measured;
    let plan = engine.session.plan();
    let bar = console::progress("measuring", plan.steps.len() as u64);
    let mut rows = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        bar.inc(1);
        let spec = &plan.kernels[step.kernel.0 as usize];
        if spec.flops() == 0 || !seen.insert(spec.clone()) {
            continue;
        }
        gauge.restart();
        gauge.turn();
        let at_best = (*batch as u64 * spec.flops()) as f64 * 1e-9 / gauge.best().gflops;
        let n_runs = ((TURN / at_best) as usize).clamp(1, MAX_RUNS);
        let session = engine.session.of_step(index, 1 + n_runs, *batch)?;
        let mut least = Duration::MAX;
        for _ in 0..TURNS {
            let (_, times) = session.run_timed(inputs)?;
            least = times[1..].iter().copied().fold(least, Duration::min);
            gauge.turn();
        }
        let peak = gauge.best();
        rows.push(Row {
            spec: spec.clone(),
            place: format!("{} {}", target.graph.name, step.name),
            rate: Rate::new(spec, *batch, least.as_secs_f64(), peak),
            peak,
        });
    }
    bar.finish_and_clear();
    Ok(rows)
}

impl Row {
    /// What the kernel makes of what: `64x56x56 -> 128x28x28`.
    fn shape(&self) -> String {
        let text = |view: &View| format!("{}x{}x{}", view.channels, view.height, view.width);
        let input = self.spec.inputs().first().map_or(String::new(), text);
        format!("{input} -> {}", text(self.spec.output()))
    }

    fn cells(&self) -> Vec<String> {
        let time = format!("{:.1}", 1e6 * self.rate.seconds);
        let peak = format!("{:.1}", self.peak.gflops);
        let mut cells = vec![
            self.shape(),
            self.spec.describe(),
            self.place.clone(),
            time,
            peak,
        ];
        cells.extend(self.rate.cells());
        cells
    }

    fn as_json(&self) -> Value {
        let mut value = json!({
            "shape": self.shape(), "kernel": self.spec.describe(), "first": self.place,
            "peak_gflops_per_second": self.peak.gflops, "peak_read_gbytes_per_second": self.peak.gbytes,
        });
        self.rate.add_to(&mut value);
        value
    }
}
