//! `netc profile`

use std::time::Instant;

use serde_json::json;

use super::console::{self, Failure};
use super::measure::{Measured, Setting};
use super::rate::Rate;
use crate::runtime::{Gauge, median};

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

/// Times each step.
pub fn run(args: &Args) -> Result<(), Failure> {
    let Measured {
        target,
        engine,
        inputs,
        batch,
    } = args.setting.load(&args.net)?;
    let plan = engine.session.plan();
    let mut gauge = Gauge::new(engine.n_threads)?;
    let mut steps = vec![Vec::new(); plan.steps.len()];
    let mut whole = Vec::new();
    let bar = console::progress("measuring", u64::from(args.runs));
    for _ in 0..args.runs {
        gauge.turn();
        let start = Instant::now();
        engine.run_tensors(&inputs)?;
        whole.push(start.elapsed().as_secs_f64());
        let (_, times) = engine.session.run_timed(&inputs)?;
        for (step, time) in steps.iter_mut().zip(times) {
            step.push(time.as_secs_f64());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    let peak = gauge.usual();
    let whole = median(&whole);
    let rates = plan.steps.iter().zip(&steps).map(|(step, seconds)| {
        let spec = &plan.kernels[step.kernel.0 as usize];
        (step, spec, Rate::new(spec, batch, median(seconds), peak))
    });
    let rates: Vec<_> = rates.collect();
    let sum: f64 = rates.iter().map(|(.., rate)| rate.seconds).sum();
    let share = |rate: &Rate| rate.seconds / sum.max(f64::MIN_POSITIVE);
    if args.json {
        let steps = rates.iter().map(|(step, spec, rate)| {
            let mut value = json!({
                "name": step.name, "kernel": spec.describe(), "share": share(rate),
            });
            rate.add_to(&mut value);
            value
        });
        return console::print_json(&json!({
            "net": target.graph.name, "batch": batch, "threads": engine.n_threads, "runs": args.runs,
            "peak": {
                "gflops_per_second": peak.gflops,
                "vector_floats": gauge.lanes(),
                "read_gbytes_per_second": peak.gbytes,
            },
            "steps": steps.collect::<Vec<_>>(),
            "steps_seconds": sum, "run_seconds": whole,
        }));
    }
    let head = ["step", "kernel", "us", "share"];
    let mut rows = vec![
        head.into_iter()
            .chain(Rate::HEAD)
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    rows.extend(rates.iter().map(|(step, spec, rate)| {
        let time = format!("{:.1}", 1e6 * rate.seconds);
        let share = format!("{:.1}%", 100.0 * share(rate));
        let mut row = vec![step.name.clone(), spec.describe(), time, share];
        row.extend(rate.cells());
        row
    }));
    console::print(&format!(
        "{}, batch {batch}, threads: {}, {} runs\nthe machine at best: {:.1} GFLOP/s (vectors of {} floats), {:.1} GB/s read from memory\n\n{}\nall steps {:.3} ms, a whole run {:.3} ms\n",
        target.graph.name,
        engine.n_threads,
        args.runs,
        peak.gflops,
        gauge.lanes(),
        peak.gbytes,
        console::table(&rows, &[false, false, true, true, true, true, true, false]),
        1e3 * sum,
        1e3 * whole,
    ))
}
