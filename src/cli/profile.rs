//! `netc profile`

use std::time::Instant;

use serde_json::json;

use super::console::{self, Failure};
use super::measure::{Measured, Setting};
use super::rate::Rate;
use crate::runtime::{Gauge, Peak, median};

/// Measure where the time of a run goes, step by step
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A step is a call of a kernel, under the name of its layer; layers that were fused into another's kernel have none of their own. Times are medians over the runs. On several threads independent steps run side by side, so that their times overlap and their sum exceeds the run's; where each thread has images of a batch to itself, a step's time is what all spend on it, divided by their number. GFLOP/s count the multiply-adds of convolutions and dense layers, as two operations each, by whatever algorithm they are computed.

What the machine can do at best is measured between the runs, on as many threads: multiply-adds in its widest vectors, and reading from memory. `of` says which of the two bounds a step, given what it computes and the bytes it must move at least once, and `%` how close it comes. More than 100% of memory is data that was still in a cache.")]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    #[command(flatten)]
    setting: Setting,

    /// Measured runs; two more before them warm the caches
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What a run takes, and each of its steps.
pub struct Profile {
    /// Images at a time.
    pub batch: usize,
    /// Threads.
    pub n_threads: usize,
    /// Measured runs.
    pub n_runs: u16,
    /// What the machine can do at best.
    peak: Peak,
    /// Floats in its widest vectors.
    lanes: usize,
    /// In order of execution.
    pub steps: Vec<StepTime>,
    /// A whole run, median.
    pub run_seconds: f64,
}

/// A step's time, median, and what it is measured by.
pub struct StepTime {
    /// The step's name.
    pub name: String,
    /// Its kernel.
    pub kernel: String,
    /// How fast it is.
    pub rate: Rate,
}

impl Profile {
    /// All steps together.
    pub fn steps_seconds(&self) -> f64 {
        self.steps.iter().map(|step| step.rate.seconds).sum()
    }

    /// The share of a step in all steps.
    pub fn share(&self, step: &StepTime) -> f64 {
        step.rate.seconds / self.steps_seconds().max(f64::MIN_POSITIVE)
    }
}

/// Runs a net `n_runs` times, as a whole and step by step.
pub fn measure(measured: &Measured, n_runs: u16) -> Result<Profile, Failure> {
    let Measured {
        engine,
        inputs,
        batch,
        ..
    } = measured;
    let plan = engine.session.plan();
    let mut gauge = Gauge::new(engine.n_threads)?;
    let mut steps = vec![Vec::new(); plan.steps.len()];
    let mut whole = Vec::new();
    let bar = console::progress("measuring", u64::from(n_runs));
    for _ in 0..n_runs {
        gauge.turn();
        let start = Instant::now();
        engine.run_tensors(inputs)?;
        whole.push(start.elapsed().as_secs_f64());
        let (_, times) = engine.session.run_timed(inputs)?;
        for (step, time) in steps.iter_mut().zip(times) {
            step.push(time.as_secs_f64());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    let peak = gauge.usual();
    let steps = plan.steps.iter().zip(&steps).map(|(step, seconds)| {
        let spec = &plan.kernels[step.kernel.0 as usize];
        StepTime {
            name: step.name.clone(),
            kernel: spec.describe(),
            rate: Rate::new(spec, *batch, median(seconds), peak),
        }
    });
    Ok(Profile {
        batch: *batch,
        n_threads: engine.n_threads,
        n_runs,
        peak,
        lanes: gauge.lanes(),
        steps: steps.collect(),
        run_seconds: median(&whole),
    })
}

/// Times each step.
pub fn run(args: &Args) -> Result<(), Failure> {
    let measured = args.setting.load(&args.net)?;
    let profile = measure(&measured, args.runs)?;
    let net = &measured.target.graph.name;
    if args.json {
        let steps = profile.steps.iter().map(|step| {
            let mut value = json!({
                "name": step.name, "kernel": step.kernel, "share": profile.share(step),
            });
            step.rate.add_to(&mut value);
            value
        });
        return console::print_json(&json!({
            "net": net, "batch": profile.batch, "threads": profile.n_threads, "runs": profile.n_runs,
            "peak": {
                "gflops_per_second": profile.peak.gflops,
                "vector_floats": profile.lanes,
                "read_gbytes_per_second": profile.peak.gbytes,
            },
            "steps": steps.collect::<Vec<_>>(),
            "steps_seconds": profile.steps_seconds(), "run_seconds": profile.run_seconds,
        }));
    }
    let head = ["step", "kernel", "us", "share"];
    let mut rows = vec![
        head.into_iter()
            .chain(Rate::HEAD)
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    rows.extend(profile.steps.iter().map(|step| {
        let time = format!("{:.1}", 1e6 * step.rate.seconds);
        let share = format!("{:.1}%", 100.0 * profile.share(step));
        let mut row = vec![step.name.clone(), step.kernel.clone(), time, share];
        row.extend(step.rate.cells());
        row
    }));
    console::print(&format!(
        "{net}, batch {}, threads: {}, {} runs\nthe machine at best: {:.1} GFLOP/s (vectors of {} floats), {:.1} GB/s read from memory\n\n{}\nall steps {:.3} ms, a whole run {:.3} ms\n",
        profile.batch,
        profile.n_threads,
        profile.n_runs,
        profile.peak.gflops,
        profile.lanes,
        profile.peak.gbytes,
        console::table(&rows, &[false, false, true, true, true, true, true, false]),
        1e3 * profile.steps_seconds(),
        1e3 * profile.run_seconds,
    ))
}
