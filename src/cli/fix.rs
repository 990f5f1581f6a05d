//! `netc fix`

use std::path::{Path, PathBuf};

use super::check::counted;
use super::console::{self, Failure};
use super::fmt::write_source;
use super::target::{Include, read_source};
use crate::diagnostic::Diagnostic;
use crate::elaborate::{self, Program};
use crate::files;
use crate::loader::DiskLoader;

/// Apply the changes that diagnostics suggest, those that are certain to be what was meant
///
/// A file is written only if it has fewer errors than before, all others still, and the nets that were without errors as they were.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// .net files; `-` reads the standard input and writes the standard output
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Change nothing; tell what would change, and answer with status 1 if anything would
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    include: Include,
}

/// Repairs every file, whatever the ones before it hold, and tells the errors that are left.
pub fn run(args: &Args) -> Result<(), Failure> {
    console::for_each_file(&args.files, |path| fix(path, args))
}

/// Repairs a file. Answers whether it has no error now and, with `--check`, whether it would stay as it is.
fn fix(path: &Path, args: &Args) -> Result<bool, Failure> {
    let mut load = |text: String| {
        let mut loader = DiskLoader::new(path, &args.include.from.directories);
        Program::load(path, text, &mut loader)
    };
    let sizes = args.include.sizes();
    let program = load(read_source(path)?);
    let sources = program.sources.clone();
    let repaired = elaborate::repair(program, &sizes, &mut load);
    if args.check && repaired.n_changes > 0 {
        console::report(&repaired.first, &sources);
        return Ok(false);
    }
    let program = &repaired.program;
    let text = &program.sources.file(program.root()).text;
    if files::descriptor(path).is_some() {
        if !args.check {
            console::print(text)?;
        }
    } else if repaired.n_changes > 0 {
        write_source(path, text)?;
        console::remark(&format!(
            "{}: {}",
            path.display(),
            counted(repaired.n_changes, "change")
        ));
    }
    let errors: Vec<Diagnostic> = repaired
        .found
        .into_iter()
        .filter(Diagnostic::is_error)
        .collect();
    console::report(&errors, &program.sources);
    Ok(errors.is_empty())
}
