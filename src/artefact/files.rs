//! An artefact's files in a directory, as `netc build` and build scripts write them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Artefact, LibraryError, WeightsImage, archive, default_linker, link, write_object};
use crate::diagnostic::{Diagnostic, codes};
use crate::fault::Fault;

/// A kind of file that is made of an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The C header.
    Header,
    /// A package for CMake.
    Cmake,
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

/// Writes files of an artefact; answers which. `image` are its weights, for the object that embeds them or for a file of their own. `linker` makes shared
/// libraries; the target's C compiler, if none is named.
pub fn write_files(
    artefact: &Artefact,
    image: Option<WeightsImage>,
    kinds: &[FileKind],
    directory: &Path,
    linker: Option<OsString>,
) -> Result<Vec<PathBuf>, Fault> {
    let name = &artefact.options().name;
    let mut files = Vec::new();
    for kind in kinds {
        let path = directory.join(kind.file_name(name));
        match kind {
            FileKind::Header => write_bytes(&path, artefact.header().as_bytes())?,
            FileKind::Cmake => write_bytes(&path, artefact.cmake().as_bytes())?,
            FileKind::Clif => write_bytes(&path, artefact.print_clif()?.as_bytes())?,
            FileKind::Asm => write_bytes(&path, artefact.print_asm()?.as_bytes())?,
            FileKind::Weights => match &image {
                Some(image) => write_bytes(&path, image.bytes())?,
                None => continue,
            },
            FileKind::Object | FileKind::Archive | FileKind::Library => continue,
        }
        files.push(path);
    }
    if kinds.iter().any(|kind| kind.has_code()) {
        files.extend(write_code(artefact, image, kinds, directory, linker)?);
    }
    Ok(files)
}

/// Writes a file, or leaves what is there: a program may have the old file mapped, and keeps that one.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let part = beside(path, "part");
    let written = fs::create_dir_all(path.parent().unwrap_or(Path::new("")))
        .and_then(|()| fs::write(&part, bytes))
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        cannot_write(path, &error).into()
    })
}

/// A hidden file of this process beside another.
fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().display();
    path.with_file_name(format!(".{name}.{}.{what}", std::process::id()))
}

/// Writes the object and the libraries that are made of it; answers what was asked for.
fn write_code(
    artefact: &Artefact,
    image: Option<WeightsImage>,
    kinds: &[FileKind],
    directory: &Path,
    linker: Option<OsString>,
) -> Result<Vec<PathBuf>, Fault> {
    let name = &artefact.options().name;
    fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
    // Of an object that was not asked for nothing is left, and one that is there stays.
    let wants_object = kinds.contains(&FileKind::Object);
    let object = directory.join(FileKind::Object.file_name(name));
    let object = match wants_object {
        true => object,
        false => beside(&object, "o"),
    };
    let made = write_libraries(artefact, image, kinds, directory, linker, &object);
    match wants_object {
        true => made.map(|files| [vec![object], files].concat()),
        false => {
            let _ = fs::remove_file(object);
            made
        }
    }
}

fn write_libraries(
    artefact: &Artefact,
    image: Option<WeightsImage>,
    kinds: &[FileKind],
    directory: &Path,
    linker: Option<OsString>,
    object: &Path,
) -> Result<Vec<PathBuf>, Fault> {
    let options = artefact.options();
    let embedded = image.as_ref().filter(|_| options.embeds);
    write_object(artefact, embedded, object).map_err(|error| cannot_make(object, error))?;
    // Libraries are made of the file: weights are not in memory twice.
    drop(image);
    let mut files = Vec::new();
    for kind in kinds {
        let file = kind.file_name(&options.name);
        let path = directory.join(&file);
        let made = match kind {
            FileKind::Archive => {
                let member = FileKind::Object.file_name(&options.name);
                archive(object, &member, &path)
            }
            FileKind::Library => {
                let linker = linker.clone();
                let linker = linker.unwrap_or_else(|| default_linker(options.target));
                link(&linker, object, &path, &file)
            }
            _ => continue,
        };
        made.map_err(|error| cannot_make(&path, error))?;
        files.push(path);
    }
    Ok(files)
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
        LibraryError::NoLinker { .. } => diagnostic
            .with_help("install a C compiler, name one with --linker, or link NAME.o or libNAME.a, which need none here")
            .into(),
        LibraryError::Io(_) | LibraryError::Linker { .. } => diagnostic.into(),
    }
}
