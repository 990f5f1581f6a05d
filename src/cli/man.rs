//! `netc man`

use std::path::PathBuf;

use super::console::{self, Failure};
use crate::diagnostic::{Diagnostic, codes};

/// Print the manual page, or write it and one for each subcommand to a directory
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A directory for netc.1, netc-check.1 and so on; it must exist
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Renders the pages of `command`, the whole of netc.
pub fn run(args: &Args, command: clap::Command) -> Result<(), Failure> {
    let Some(directory) = &args.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        return console::print(&String::from_utf8_lossy(&page));
    };
    clap_mangen::generate_to(command, directory).map_err(|error| {
        Diagnostic::without_place(
            codes::OUTPUT_FILE,
            format!("cannot write to `{}`: {error}", directory.display()),
        )
        .into()
    })
}
