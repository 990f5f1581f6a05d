//! `netc list`

use std::path::PathBuf;

use super::console::{self, Failure};
use super::target::{Directories, load_program};
use crate::diagnostic::Diagnostic;
use crate::elaborate;

/// List the nets of a file, one a line
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .net file
    file: PathBuf,

    /// With the first line of each net's documentation, templates too
    #[arg(long)]
    long: bool,

    #[command(flatten)]
    from: Directories,
}

/// Lists what can be compiled.
pub fn run(args: &Args) -> Result<(), Failure> {
    let program = load_program(&args.file, &args.from)?;
    let nets = elaborate::nets(&program);
    let mut rows = Vec::new();
    for net in nets.iter().filter(|net| net.complete || args.long) {
        let mut row = vec![net.name.clone()];
        if args.long {
            let first = net.doc.lines().next().unwrap_or_default().trim();
            let kind = if net.complete { "" } else { "(template) " };
            row.push(format!("{kind}{}", console::visible(first)));
        }
        rows.push(row);
    }
    console::print(&console::table(&rows, &[false, false]))?;
    let faults: Vec<Diagnostic> = program
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .cloned()
        .collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::Diagnostics(faults, program.sources)),
    }
}
