//! The command line: one file a subcommand.

mod bench;
mod build;
mod check;
mod completions;
mod console;
mod diff;
mod dump;
mod engine;
mod eval;
mod explain;
mod fix;
mod fmt;
mod graph;
mod inputs;
mod list;
mod lsp;
mod machine;
mod man;
mod measure;
mod new;
mod profile;
mod ranking;
mod rate;
mod report;
mod run;
mod summary;
mod target;
mod threads;
mod watch;
mod weights;

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, Parser};

use crate::fault::Fault;
use console::Failure;

/// A compiler for declarative descriptions of convolutional networks
#[derive(Debug, Parser)]
#[command(name = "netc", version, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 clean, 1 diagnostics, 2 wrong usage. NO_COLOR turns colours off."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Whether diagnostics are coloured; `auto` means on a terminal and without NO_COLOR
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    New(new::Args),
    Check(check::Args),
    Watch(watch::Args),
    Explain(explain::Args),
    Fix(fix::Args),
    Fmt(fmt::Args),
    List(list::Args),
    Summary(summary::Args),
    Graph(graph::Args),
    Report(report::Args),
    Diff(diff::Args),
    Dump(dump::Args),
    Run(run::Args),
    Build(build::Args),
    #[command(subcommand)]
    Weights(weights::Command),
    Eval(eval::Args),
    Bench(bench::Args),
    Profile(profile::Args),
    Completions(completions::Args),
    Man(man::Args),
    Lsp(lsp::Args),
}

/// Does what the command line says. Wrong usage ends the process with status 2.
pub fn main() -> ExitCode {
    crate::files::remove_on_signals();
    let cli = Cli::parse();
    console::choose_colour(cli.color);
    let result = match cli.command {
        Command::New(args) => new::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Fix(args) => fix::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::List(args) => list::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Weights(command) => weights::run(&command),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Lsp(args) => lsp::run(&args),
    };
    let result = match result {
        Err(Failure::Diagnostics(diagnostics, sources)) => {
            console::report(&diagnostics, &sources);
            Err(Failure::Reported)
        }
        other => other,
    };
    console::report_rest();
    match result {
        // `netc list nets/vgg.net | head -1` is nobody's fault.
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Reported | Failure::Diagnostics(..)) => ExitCode::FAILURE,
        Err(Failure::Internal(reason)) => {
            console::remark(Fault::Internal(reason).to_string().trim_end());
            ExitCode::FAILURE
        }
    }
}
