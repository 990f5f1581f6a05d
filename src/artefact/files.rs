//! An artefact's files in a directory, as `netc build` and build scripts write them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Artefact, LibraryError, archive, default_linker, link, write_object};
use crate::diagnostic::{Diagnostic, codes};
use crate::fault::Fault;
use crate::weights::WeightSource;

/// A kind of file that is made of an artefact. Build scripts ask for some of them only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "cli"), expect(dead_code))]
pub enum FileKind {
    /// The C header.
    Header,
    /// A package for CMake.
    Cmake,
    /// A package for pkg-config.
    PkgConfig,
    /// The kernels in Cranelift's intermediate representation.
    Clif,
    /// The kernels' machine code.
    Asm,
    /// The packed weights.
    Weights,
    /// An object.
    Object,
    /// An archive of the object.
    Archive,
    /// A shared library of the object.
    Library,
}

impl FileKind {
    /// The file's name, for functions that are called after `name`.
    pub fn file_name(self, name: &str) -> String {
        match self {
            FileKind::Header => format!("{name}.h"),
            FileKind::Cmake => format!("{name}Config.cmake"),
            FileKind::PkgConfig => format!("{name}.pc"),
            FileKind::Clif => format!("{name}.clif"),
            FileKind::Asm => format!("{name}.asm"),
            FileKind::Weights => format!("{name}.weights"),
            FileKind::Object => format!("{name}.o"),
            FileKind::Archive => format!("lib{name}.a"),
            FileKind::Library => format!("lib{name}.so"),
        }
    }

    /// Whether the object is needed for it.
    pub fn has_code(self) -> bool {
        matches!(
            self,
            FileKind::Object | FileKind::Archive | FileKind::Library
        )
    }
}

/// Writes files of an artefact; answers which. `weights` are for the object that embeds them or for a file of their own, and their `progress` that of
/// [`Artefact::write_weights`]. `linker` makes shared libraries; the target's C compiler, if none is named.
///
/// Where weights or code cannot be made, nothing is written.
pub fn write_files(
    artefact: &Artefact,
    weights: Option<&WeightSource>,
    kinds: &[FileKind],
    directory: &Path,
    linker: Option<OsString>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<PathBuf>, Fault> {
    let options = artefact.options();
    let path = |kind: FileKind| directory.join(kind.file_name(&options.name));
    fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
    // Libraries are made of it, and of an object that was not asked for nothing is left.
    let object = Part::beside(&path(FileKind::Object));
    if kinds.iter().any(|kind| kind.has_code()) {
        write_object(artefact, weights, &object.path, progress)
            .map_err(|error| cannot_make(&path(FileKind::Object), error))?;
    }
    let packed = weights.filter(|_| kinds.contains(&FileKind::Weights));
    if let Some(source) = packed {
        let path = path(FileKind::Weights);
        write_file(&path, |file| {
            let mut file = BufWriter::new(file);
            artefact.write_weights(source, &mut file, progress)?;
            Ok(file.flush()?)
        })
        .map_err(|error| cannot_make(&path, error))?;
    }
    let mut files = Vec::new();
    for &kind in kinds {
        let path = path(kind);
        match kind {
            FileKind::Header => write_bytes(&path, artefact.header().as_bytes())?,
            FileKind::Cmake => write_bytes(&path, artefact.cmake().as_bytes())?,
            FileKind::PkgConfig => write_bytes(&path, artefact.pkg_config().as_bytes())?,
            FileKind::Clif => write_bytes(&path, artefact.print_clif()?.as_bytes())?,
            FileKind::Asm => write_bytes(&path, artefact.print_asm()?.as_bytes())?,
            FileKind::Weights if packed.is_none() => continue,
            FileKind::Weights | FileKind::Object => {}
            FileKind::Archive => {
                let member = FileKind::Object.file_name(&options.name);
                archive(&object.path, &member, &path).map_err(|error| cannot_make(&path, error))?;
            }
            FileKind::Library => {
                let linker = linker.clone();
                let linker = linker.unwrap_or_else(|| default_linker(options.target));
                let soname = kind.file_name(&options.name);
                link(&linker, &object.path, &path, &soname)
                    .map_err(|error| cannot_make(&path, error))?;
            }
        }
        files.push(path);
    }
    if kinds.contains(&FileKind::Object) {
        let path = path(FileKind::Object);
        let moved = object.rename(&path);
        moved.map_err(|error| cannot_write(&path, &error))?;
    }
    Ok(files)
}

/// Writes a file, or leaves what is there.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let written = write_file(path, |mut file| file.write_all(bytes));
    written.map_err(|error| cannot_write(path, &error).into())
}

/// The same for what is written bit by bit. A program may have the old file mapped, and keeps that one.
fn write_file<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    let part = Part::beside(path);
    write(File::create(&part.path)?)?;
    Ok(part.rename(path)?)
}

/// A hidden file of this process beside another. It goes with its owner, unless it gets that one's name.
struct Part {
    path: PathBuf,
}

impl Part {
    fn beside(path: &Path) -> Part {
        let name = path.file_name().unwrap_or_default().display();
        Part {
            path: path.with_file_name(format!(".{name}.{}.part", std::process::id())),
        }
    }

    fn rename(&self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It need not be there.
        let _ = fs::remove_file(&self.path);
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("cannot write `{}`: {error}", path.display());
    Diagnostic::without_place(codes::OUTPUT_FILE, message)
}

fn cannot_make(path: &Path, error: LibraryError) -> Fault {
    let message = format!("cannot make `{}`: {error}", path.display());
    let diagnostic = Diagnostic::without_place(codes::LINK, message);
    match error {
        LibraryError::Compile(error) => error.into(),
        LibraryError::Weights(error) => error.into(),
        LibraryError::Io(error) => cannot_write(path, &error).into(),
        LibraryError::NoLinker { .. } => diagnostic
            .with_help("install a C compiler, name one with --linker, or link NAME.o or libNAME.a, which need none here")
            .into(),
        LibraryError::Linker { .. } => diagnostic.into(),
    }
}
