//! `netc lsp`

use std::path::PathBuf;

use super::console::Failure;

/// Serve an editor: the language server protocol over the standard streams
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A directory that `use` may read from, besides that of each file itself
    #[arg(long = "include", value_name = "DIR")]
    include: Vec<PathBuf>,

    /// Accepted and of no effect: editors pass it, and there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Serves until the editor says goodbye.
pub fn run(args: &Args) -> Result<(), Failure> {
    crate::lsp::serve_stdio(args.include.clone()).map_err(Failure::Internal)
}
