//! `netc fix`

use std::path::{Path, PathBuf};

use super::check::counted;
use super::console::{self, Failure};
use super::fmt::write_source;
use super::target::{Include, read_source};
use crate::diagnostic::{Diagnostic, Fix, apply_fixes};
use crate::elaborate::{self, Program};
use crate::loader::DiskLoader;

/// Apply the changes that diagnostics suggest, those that are certain to be what was meant
#[derive(Debug, clap::Args)]
pub struct Args {
    /// .net files
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Change nothing; tell what would change, and answer with status 1 if anything would
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    include: Include,
}

/// A fix may bring to light what it hid, so a file is checked again; a fix that does not help must not go on for ever.
const ROUNDS: usize = 100;

/// Repairs every file, whatever the ones before it hold, and tells the errors that are left.
pub fn run(args: &Args) -> Result<(), Failure> {
    console::for_each_file(&args.files, |path| fix(path, args))
}

/// Repairs a file. Answers whether it has no error now and, with `--check`, whether it would stay as it is.
fn fix(path: &Path, args: &Args) -> Result<bool, Failure> {
    let load = |text: String| {
        let mut loader = DiskLoader::new(path, &args.include.from.directories);
        Program::load(path, text, &mut loader)
    };
    let sizes = args.include.sizes();
    let mut program = load(read_source(path)?);
    let mut found = elaborate::check_with(&program, &sizes);
    let mut n_fixed = 0;
    for _ in 0..ROUNDS {
        let root = program.root();
        let safe = |diagnostic: &&Diagnostic| {
            let is_here = |fix: &Fix| fix.is_safe && fix.span.file == root;
            diagnostic.fix.as_ref().is_some_and(is_here)
        };
        let repaired: Vec<&Diagnostic> = found.iter().filter(safe).collect();
        if repaired.is_empty() {
            break;
        }
        if args.check {
            let repaired: Vec<Diagnostic> = repaired.into_iter().cloned().collect();
            console::report(&repaired, &program.sources);
            return Ok(false);
        }
        let fixes = repaired.iter().filter_map(|it| it.fix.as_ref());
        let (text, n_applied) = apply_fixes(&program.sources.file(root).text, fixes);
        n_fixed += n_applied;
        program = load(text);
        found = elaborate::check_with(&program, &sizes);
    }
    if n_fixed > 0 {
        write_source(path, &program.sources.file(program.root()).text)?;
        console::remark(&format!(
            "{}: {}",
            path.display(),
            counted(n_fixed, "change")
        ));
    }
    let errors: Vec<Diagnostic> = found.into_iter().filter(Diagnostic::is_error).collect();
    console::report(&errors, &program.sources);
    Ok(errors.is_empty())
}
