//! `netc man`

use std::path::{Path, PathBuf};

use super::console::{self, Failure};
use crate::files;

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
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_pages(command, directory)
}

/// Writes the page of a command and of each of its subcommands.
fn write_pages(command: clap::Command, directory: &Path) -> Result<(), Failure> {
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    for subcommand in shown.cloned() {
        write_pages(subcommand, directory)?;
    }
    let page = clap_mangen::Man::new(command);
    let path = directory.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)
        .and_then(|()| files::write(&path, &text))
        .map_err(|error| files::cannot_write(&path, &error).into())
}
