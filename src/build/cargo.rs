//! What Cargo tells a build script, and what it is told.

use std::env;
use std::path::{Path, PathBuf};

use crate::codegen::Target;
use crate::diagnostic::{Diagnostic, codes};
use crate::fault::Fault;

/// The target by its name, or Cargo's.
pub fn target(triple: Option<&str>) -> Result<Target, Fault> {
    let triple = match triple {
        Some(triple) => triple.to_owned(),
        None => env::var("TARGET").map_err(|_| {
            let message = "nothing says which target to compile for";
            let diagnostic = Diagnostic::without_place(codes::TARGET, message);
            diagnostic.with_help("Cargo sets TARGET for build scripts; elsewhere call `target`")
        })?,
    };
    let known = Target::ALL
        .into_iter()
        .find(|target| target.triple() == triple);
    known.ok_or_else(|| {
        let message = format!("there is no code for the target `{triple}`");
        let names = Target::ALL.map(Target::triple).join(" and ");
        let diagnostic = Diagnostic::without_place(codes::TARGET, message);
        diagnostic.with_note(format!("there is for {names}")).into()
    })
}

/// The directory to write to.
pub fn out_dir(directory: Option<&Path>) -> Result<PathBuf, Fault> {
    let directory = match directory {
        Some(directory) => Some(directory.to_path_buf()),
        None => env::var_os("OUT_DIR").map(PathBuf::from),
    };
    directory.ok_or_else(|| {
        let message = "nothing says where to write";
        let diagnostic = Diagnostic::without_place(codes::OUTPUT_FILE, message);
        let help = "Cargo sets OUT_DIR for build scripts; elsewhere call `out_dir`";
        diagnostic.with_help(help).into()
    })
}

/// What functions and libraries are called after: with the package's name, so that nets of two packages of a program do not meet.
pub fn library_name(name: &str) -> String {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let letters = package.chars();
    let letters = letters.map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    match package.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => format!("{}_{name}", letters.collect::<String>()),
        false => name.to_owned(),
    }
}

/// What Cargo is told: where libraries are, which files were read, what is doubtful.
pub fn directives<'p>(
    directory: &Path,
    read: impl Iterator<Item = &'p Path>,
    warnings: &[String],
) -> String {
    let search = format!("cargo:rustc-link-search=native={}\n", directory.display());
    let read = read.map(|path| format!("cargo:rerun-if-changed={}\n", path.display()));
    let warnings = warnings
        .iter()
        .map(|line| format!("cargo:warning={line}\n"));
    std::iter::once(search)
        .chain(read)
        .chain(warnings)
        .collect()
}
