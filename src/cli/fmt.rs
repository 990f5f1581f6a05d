//! `netc fmt`

use std::path::{Path, PathBuf};

use super::console::{self, Failure};
use super::target::read_source;
use crate::files;
use crate::source::SourceMap;
use crate::syntax;

/// Lay files out in the canonical form, in place; comments and line breaks inside statements stay
#[derive(Debug, clap::Args)]
pub struct Args {
    /// .net files; `-` reads the standard input and writes the standard output
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Change nothing; name the files that would change, and answer with status 1 if there are any
    #[arg(long)]
    check: bool,
}

/// Formats every file, whatever the ones before it hold. A file with errors is left as it is.
pub fn run(args: &Args) -> Result<(), Failure> {
    console::for_each_file(&args.files, |path| {
        let is_stream = files::descriptor(path).is_some();
        let text = read_source(path)?;
        let formatted = format(path, &text)?;
        if is_stream && !args.check {
            console::print(&formatted)?;
            return Ok(true);
        }
        let is_fine = formatted == text;
        match (is_fine, args.check) {
            (true, _) => {}
            (false, true) => console::print(&format!("{}\n", path.display()))?,
            (false, false) => write_source(path, &formatted)?,
        }
        Ok(is_fine || !args.check)
    })
}

fn format(path: &Path, text: &str) -> Result<String, Failure> {
    let mut sources = SourceMap::new();
    let id = sources.add(path, text);
    syntax::format(id, text).map_err(|faults| Failure::Diagnostics(faults, sources))
}

/// Writes a source back to where it came from.
pub fn write_source(path: &Path, text: &str) -> Result<(), Failure> {
    files::write(path, text.as_bytes()).map_err(|error| files::cannot_write(path, &error).into())
}
