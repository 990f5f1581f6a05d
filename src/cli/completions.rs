//! `netc completions`

use clap_complete::Shell;

use super::console::{self, Failure};

/// Print a script that completes netc's commands and options in a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that reads it
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for `command`, the whole of netc.
pub fn run(args: &Args, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "netc", &mut script);
    console::print(&String::from_utf8_lossy(&script))
}
