//! An artefact's files in a directory, as `netc build` and build scripts write them.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Artefact, LibraryError, archive, default_linker, link, write_object};
use crate::diagnostic::{Diagnostic, codes};
use crate::fault::Fault;
use crate::files::{self, NewFile, cannot_write};
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

/// Writes files of an artefact and returns their paths. `weights` are for the object that embeds them or for a file of their
/// own, and their `progress` is that of [`Artefact::write_weights`]. `linker` makes shared libraries; the target's C compiler
/// does if none is named. `inputs` are the files that were read, none of which is written over.
///
/// All files are made before the first is put in its place: where one cannot be made, nothing is written.
pub fn write_files(
    artefact: &Artefact,
    weights: Option<&WeightSource>,
    kinds: &[FileKind],
    directory: &Path,
    linker: Option<OsString>,
    inputs: &[&Path],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<PathBuf>, Fault> {
    let options = artefact.options();
    let path = |kind: FileKind| directory.join(kind.file_name(&options.name));
    for &kind in kinds {
        files::refuse_inputs(&path(kind), inputs.iter().copied())
            .map_err(|error| cannot_write(&path(kind), &error))?;
    }
    files::create_directories(directory).map_err(|error| cannot_write(directory, &error))?;
    let begin = |kind: FileKind| {
        NewFile::create(&path(kind)).map_err(|error| cannot_write(&path(kind), &error))
    };
    // Libraries are made of it, and of an object that was not asked for nothing is left.
    let mut object = None;
    if kinds.iter().any(|kind| kind.has_code()) {
        let mut file = begin(FileKind::Object)?;
        write_object(artefact, weights, file.file(), progress)
            .map_err(|error| cannot_make(&path(FileKind::Object), error))?;
        object = Some(file);
    }
    let mut made = Vec::new();
    for &kind in kinds {
        let path = path(kind);
        let written = match kind {
            FileKind::Header => whole(&path, artefact.header().as_bytes()),
            FileKind::Cmake => whole(&path, artefact.cmake().as_bytes()),
            FileKind::PkgConfig => whole(&path, artefact.pkg_config().as_bytes()),
            FileKind::Clif => whole(&path, artefact.print_clif()?.as_bytes()),
            FileKind::Asm => whole(&path, artefact.print_asm()?.as_bytes()),
            FileKind::Weights => match weights {
                Some(source) => packed(artefact, source, &path, progress),
                None => continue,
            },
            FileKind::Object => continue,
            FileKind::Archive => of_object(&object, &path, |object, file| {
                let member = FileKind::Object.file_name(&options.name);
                archive(object, &member, file.file())
            }),
            FileKind::Library => of_object(&object, &path, |object, file| {
                let linker = linker.clone();
                let linker = linker.unwrap_or_else(|| default_linker(options.target));
                link(
                    &linker,
                    object,
                    file.place()?,
                    &kind.file_name(&options.name),
                )
            }),
        };
        made.push((kind, written.map_err(|error| cannot_make(&path, error))?));
    }
    if let Some(file) = object.filter(|_| kinds.contains(&FileKind::Object)) {
        made.push((FileKind::Object, file));
    }
    let written = kinds
        .iter()
        .filter(|kind| made.iter().any(|(it, _)| it == *kind));
    let paths = written.map(|kind| path(*kind)).collect();
    for (kind, file) in made {
        file.finish()
            .map_err(|error| cannot_write(&path(kind), &error))?;
    }
    Ok(paths)
}

/// A file that is known as a whole.
fn whole(path: &Path, bytes: &[u8]) -> Result<NewFile, LibraryError> {
    let mut file = NewFile::create(path)?;
    file.file().write_all(bytes)?;
    Ok(file)
}

/// The file of packed weights.
fn packed(
    artefact: &Artefact,
    source: &WeightSource,
    path: &Path,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<NewFile, LibraryError> {
    let mut file = NewFile::create(path)?;
    let mut writer = BufWriter::new(file.file());
    artefact.write_weights(source, &mut writer, progress)?;
    writer.flush()?;
    drop(writer);
    Ok(file)
}

/// A file that is made of the object, which is unfinished still.
fn of_object(
    object: &Option<NewFile>,
    path: &Path,
    make: impl FnOnce(&Path, &mut NewFile) -> Result<(), LibraryError>,
) -> Result<NewFile, LibraryError> {
    let object = object
        .as_ref()
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?
        .place()?;
    let mut file = NewFile::create(path)?;
    make(object, &mut file)?;
    Ok(file)
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
