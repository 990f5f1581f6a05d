//! `netc report`

use std::path::PathBuf;

use super::console::{self, Failure};
use super::measure::Setting;
use super::profile;
use super::target;
use crate::report;

/// Write a page about a net: drawing, layers, memory, and where parameters, work and time sit
#[derive(Debug, clap::Args)]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// The file to write [default: the standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Run the net and show the time of every layer; the options about weights, inputs and threads are for this
    #[arg(long)]
    profile: bool,

    /// Measured runs; two more before them warm the caches
    #[arg(long, default_value_t = 20, requires = "profile", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    #[command(flatten)]
    setting: Setting,
}

/// Writes the page.
pub fn run(args: &Args) -> Result<(), Failure> {
    let choice = args.setting.weights.choice();
    let (report, target) = if args.profile {
        let measured = args.setting.load(&args.net)?;
        let profile = profile::measure(&measured, args.runs)?;
        let plan = measured.engine.session.plan();
        let report = report::report(measured.target.data()?, plan, Some(times(&profile)));
        (report, measured.target)
    } else {
        let target = target::open(&args.net, None, &args.setting.include)?;
        let mut graph = target.graph.clone();
        crate::optimize::optimize(&mut graph).map_err(Failure::Internal)?;
        let machine = args.setting.code.machine(args.setting.batch())?;
        let tuning = args.setting.code.tuning(&target.graph, &machine)?;
        let plan = crate::plan::plan(&graph, &machine, &tuning);
        (report::report(target.data()?, &plan, None), target)
    };
    let page = report::page(&report).map_err(|error| Failure::Internal(error.to_string()))?;
    let inputs = target.read_files(&choice).chain(args.setting.named_files());
    console::write(args.output.as_deref(), &page, inputs)
}

fn times(profile: &profile::Profile) -> report::Profile {
    let steps = profile.steps.iter().map(|step| report::StepTime {
        name: step.name.clone(),
        kernel: step.kernel.clone(),
        seconds: step.rate.seconds,
        share_of_bound: step.rate.share,
        bound: step.rate.bound,
        node: None,
    });
    report::Profile {
        setting: format!(
            "batch {}, threads: {}, median of {} runs",
            profile.batch, profile.n_threads, profile.n_runs
        ),
        run_seconds: profile.run_seconds,
        steps: steps.collect(),
    }
}
