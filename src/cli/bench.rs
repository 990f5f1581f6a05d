//! `netc bench`

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::json;

use super::console::{self, Failure};
use super::engine::Engine;
use super::target::{self, Include, Weights};
use crate::check::summarise;
use crate::runtime::Tensor;

/// Measure how long a net takes, on random input
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Times are wall-clock times of whole runs, conversion between plain and blocked layouts included. The spread is that of the middle half of the runs. Without --weights the weights are random (seed 0), which takes as long as trained ones.")]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    #[command(flatten)]
    weights: Weights,

    /// Images at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// Threads to run on, at most 256 [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Measured runs; two more before them warm the caches
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    include: Include,
}

/// Times whole runs.
pub fn run(args: &Args) -> Result<(), Failure> {
    let target = target::open(&args.net, args.weights.weights.as_deref(), &args.include)?;
    let mut weights = args.weights.clone();
    if weights.weights.is_none() && weights.init.is_none() {
        weights.init = Some(0);
    }
    let source = target.weights(&weights)?;
    let engine = Engine::build(&target, &source, args.threads)?;
    let batch = usize::from(args.batch);
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut inputs = Vec::new();
    for input in &target.graph.inputs {
        let sizes = target.graph.node(input.node).shape.sizes();
        let shape = std::iter::once(batch).chain(sizes.map(|size| size as usize));
        let mut tensor = Tensor::zeroed(shape.collect())?;
        for value in tensor.values_mut() {
            *value = StandardNormal.sample(&mut random);
        }
        inputs.push(tensor);
    }

    let n_runs = u64::from(args.runs);
    let bar = console::progress("measuring", n_runs);
    for _ in 0..2 {
        engine.run_tensors(&inputs)?;
    }
    let mut seconds = Vec::new();
    for _ in 0..n_runs {
        let start = Instant::now();
        engine.run_tensors(&inputs)?;
        seconds.push(start.elapsed().as_secs_f64());
        bar.inc(1);
    }
    bar.finish_and_clear();
    seconds.sort_by(f64::total_cmp);

    let at = |fraction: f64| seconds[((seconds.len() - 1) as f64 * fraction).round() as usize];
    let (least, median, spread) = (at(0.0), at(0.5), at(0.75) - at(0.25));
    let macs = summarise(&target.graph).macs as f64 * batch as f64;
    let gmacs = macs / median / 1e9;
    let (compile, bind) = (engine.compile_seconds, engine.bind_seconds);
    if args.json {
        return console::print_json(&json!({
            "net": target.graph.name, "batch": batch, "runs": n_runs,
            "seconds": { "min": least, "median": median, "spread": spread },
            "gmacs_per_second": gmacs, "compile_seconds": compile, "bind_seconds": bind,
        }));
    }
    let ms = |seconds: f64| format!("{:.3} ms", 1e3 * seconds);
    let rows = [
        vec!["compile".to_owned(), ms(compile)],
        vec!["bind weights".to_owned(), ms(bind)],
        vec!["run, min".to_owned(), ms(least)],
        vec!["run, median".to_owned(), ms(median)],
        vec!["run, spread".to_owned(), ms(spread)],
    ];
    console::print(&format!(
        "{}, batch {batch}, {n_runs} runs\n{}{gmacs:.1} billion multiply-accumulates a second\n",
        target.graph.name,
        console::table(&rows, &[false, true]),
    ))
}
