//! `netc check`

use std::path::Path;

use serde_json::Value;

use super::console::{self, Failure};
use super::target::{Include, check_net, file_and_net, load_program};
use crate::diagnostic::{Budget, Diagnostic, render_json, render_sarif};
use crate::elaborate;
use crate::source::SourceMap;

/// Check files: syntax, names, shapes and attributes of every net in them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// .net files; FILE.net:NET checks only that net
    #[arg(required = true)]
    files: Vec<String>,

    /// How findings are told: text on stderr, JSON or SARIF 2.1.0 on stdout
    #[arg(long, value_enum, default_value = "text")]
    message_format: Format,

    #[command(flatten)]
    include: Include,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

/// Checks every file, whatever the ones before it hold.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut logged = Vec::new();
    let (mut n_errors, mut n_warnings, mut n_nets) = (0, 0, 0);
    let mut budget = Budget::default();
    let mut tell = |diagnostics: Vec<Diagnostic>, sources: &SourceMap| {
        let n = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .count();
        n_errors += n;
        n_warnings += diagnostics.len() - n;
        let diagnostics = budget.take(diagnostics);
        let diagnostics = diagnostics.as_slice();
        match args.message_format {
            Format::Text => console::report(diagnostics, sources),
            Format::Json => {
                if let Value::Array(values) = render_json(diagnostics, sources) {
                    found.extend(values);
                }
            }
            Format::Sarif => logged.push((diagnostics.to_vec(), sources.clone())),
        }
    };
    let sizes = args.include.sizes();
    for file in &args.files {
        let (path, net) = file_and_net(file);
        let path = Path::new(path);
        match (load_program(path, &args.include.from), net) {
            (Ok(program), Some(net)) => match check_net(&program, path, net, &sizes) {
                Ok(diagnostics) => {
                    n_nets += 1;
                    tell(diagnostics, &program.sources);
                }
                Err(diagnostic) => tell(vec![diagnostic], &program.sources),
            },
            (Ok(program), None) => {
                n_nets += elaborate::nets(&program)
                    .iter()
                    .filter(|net| net.complete)
                    .count();
                tell(elaborate::check_with(&program, &sizes), &program.sources);
            }
            (Err(Failure::Diagnostics(diagnostics, sources)), _) => tell(diagnostics, &sources),
            (Err(other), _) => return Err(other),
        }
    }
    if let Some(rest) = budget.rest() {
        match args.message_format {
            Format::Text => console::report(&[rest], &SourceMap::new()),
            Format::Json => found.push(render_json(&[rest], &SourceMap::new())[0].take()),
            Format::Sarif => logged.push((vec![rest], SourceMap::new())),
        }
    }
    match args.message_format {
        Format::Json => console::print_json(&Value::Array(found))?,
        Format::Sarif => console::print_json(&render_sarif(
            logged
                .iter()
                .map(|(diagnostics, sources)| (diagnostics.as_slice(), sources)),
        ))?,
        Format::Text => console::remark(&format!(
            "checked {} with {}: {}, {}",
            counted(args.files.len(), "file"),
            counted(n_nets, "net"),
            counted(n_errors, "error"),
            counted(n_warnings, "warning"),
        )),
    }
    match n_errors {
        0 => Ok(()),
        _ => Err(Failure::Reported),
    }
}

/// `1 file`, `2 files`
pub fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
