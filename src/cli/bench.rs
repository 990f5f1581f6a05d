//! `netc bench`

use std::time::Instant;

use serde_json::json;

use self::memory::Memory;
use super::console::{self, Failure};
use super::measure::{Measured, Setting};
use crate::check::summarise;

mod kernels;
mod memory;
mod serve;

/// Measure how long a net takes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Times are wall-clock times of whole runs, conversion between plain and blocked layouts included. The spread is that of the middle half of the runs. Without --weights the weights are random (seed 0), which takes as long as trained ones. Activations are what the plan sets aside for such a batch on so many threads, scratch memory included; `memory, most` is the most that the whole process ever had, where the system tells (Linux).

--serve keeps the net loaded, so that it can take turns with other programs. It runs twice, prints one line of JSON, {\"ready\":true,\"compile_ms\":..,\"bind_ms\":..,\"peak_rss_mb\":..}, and then answers each line of the standard input, a number of seconds, with the times of the runs it made in them, at least one and at most a million: {\"ms\":[..]}. The end of the input ends it.

--kernels takes several nets, or without any those of nets/ in the working directory that speed is judged by, and measures each distinct kernel once, in turns with the machine's peak (`netc profile --help` tells of that); the best of each counts. Its parameters and tensors are in the caches as far as they fit.")]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    #[arg(required_unless_present = "kernels")]
    net: Option<String>,

    /// More nets, for --kernels
    #[arg(value_name = "NET", requires = "kernels")]
    more: Vec<String>,

    #[command(flatten)]
    setting: Setting,

    /// Measured runs; two more before them warm the caches
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Measure on request, by a protocol of lines, see below
    #[arg(long, conflicts_with_all = ["runs", "json"])]
    serve: bool,

    /// Measure each kernel of convolutions and dense layers by itself, see below
    #[arg(long, conflicts_with_all = ["runs", "serve", "input"])]
    kernels: bool,
}

/// Does what the arguments say.
pub fn run(args: &Args) -> Result<(), Failure> {
    let nets: Vec<&str> = args
        .net
        .iter()
        .chain(&args.more)
        .map(String::as_str)
        .collect();
    match nets.as_slice() {
        [net] if !args.kernels => runs(args, net),
        nets => kernels::run(&args.setting, nets, args.json),
    }
}

/// Times whole runs.
fn runs(args: &Args, net: &str) -> Result<(), Failure> {
    let Measured {
        target,
        engine,
        inputs,
        batch,
    } = args.setting.load(net)?;
    if args.serve {
        return serve::serve(&engine, &inputs);
    }

    let n_runs = u64::from(args.runs);
    let bar = console::progress("measuring", n_runs);
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
    let memory = Memory::of(&engine.session, batch);
    let (compile, bind) = (engine.compile_seconds, engine.bind_seconds);
    if args.json {
        return console::print_json(&json!({
            "net": target.graph.name, "batch": batch, "runs": n_runs,
            "seconds": { "min": least, "median": median, "spread": spread },
            "gmacs_per_second": gmacs, "compile_seconds": compile, "bind_seconds": bind,
            "memory": memory.json(),
        }));
    }
    let ms = |seconds: f64| format!("{:.3} ms", 1e3 * seconds);
    let mut rows = vec![
        vec!["compile".to_owned(), ms(compile)],
        vec!["bind weights".to_owned(), ms(bind)],
        vec!["run, min".to_owned(), ms(least)],
        vec!["run, median".to_owned(), ms(median)],
        vec!["run, spread".to_owned(), ms(spread)],
    ];
    rows.extend(memory.rows());
    console::print(&format!(
        "{}, batch {batch}, {n_runs} runs\n{}{gmacs:.1} billion multiply-accumulates a second\n",
        target.graph.name,
        console::table(&rows, &[false, true]),
    ))
}
