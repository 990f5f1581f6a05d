//! `netc lsp`

use super::console::{self, Failure};
use super::target::Directories;
use super::threads;

/// Serve an editor: the language server protocol over the standard streams
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    from: Directories,

    /// Accepted and of no effect: editors pass it, and there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Serves until the editor says goodbye.
pub fn run(args: &Args) -> Result<(), Failure> {
    // One reads, one writes.
    threads::want(2)?;
    crate::lsp::serve_stdio(args.from.directories.clone()).map_err(|reason| {
        console::remark(&format!("netc lsp: {reason}"));
        Failure::Reported
    })
}
