//! Files: an object, and archives and shared libraries of it.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use ar_archive_writer::{
    ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream,
};
use memmap2::Mmap;

use super::Artefact;
use crate::codegen::Target;
use crate::files;
use crate::pipeline::{BindError, CompileError};
use crate::weights::WeightSource;

/// Why a library could not be made.
#[derive(Debug)]
pub enum LibraryError {
    /// The code could not be made.
    Compile(CompileError),
    /// The weights could not be packed.
    Weights(BindError),
    /// Reading the object or writing the library failed.
    Io(io::Error),
    /// The linker cannot be started.
    NoLinker {
        /// What was to be started.
        linker: OsString,
        /// Why it was not.
        reason: io::Error,
    },
    /// It was not content.
    Linker {
        /// What was started.
        linker: OsString,
        /// What it said.
        message: String,
    },
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LibraryError::Compile(error) => error.fmt(f),
            LibraryError::Weights(error) => error.fmt(f),
            LibraryError::Io(error) => error.fmt(f),
            LibraryError::NoLinker { linker, reason } => {
                write!(f, "`{}` cannot be started: {reason}", linker.display())
            }
            LibraryError::Linker { linker, message } => {
                write!(f, "`{}` failed: {}", linker.display(), message.trim_end())
            }
        }
    }
}

impl std::error::Error for LibraryError {}

impl From<BindError> for LibraryError {
    fn from(error: BindError) -> LibraryError {
        LibraryError::Weights(error)
    }
}

impl From<io::Error> for LibraryError {
    fn from(error: io::Error) -> LibraryError {
        LibraryError::Io(error)
    }
}

/// Compiles an artefact and writes its object file to `to`, with weights in it if it embeds them; `progress` is that of [`Artefact::write_weights`].
pub fn write_object(
    artefact: &Artefact,
    weights: Option<&WeightSource>,
    to: &mut File,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<(), LibraryError> {
    let object = artefact.object().map_err(LibraryError::Compile)?;
    let mut writer = BufWriter::new(to);
    match weights.filter(|_| artefact.options().embeds) {
        Some(source) => object.write_with(
            artefact.weights_len(),
            |to| artefact.write_weights(source, to, progress),
            &mut writer,
        )?,
        None => object.write(&mut writer)?,
    }
    writer.flush()?;
    Ok(())
}

/// Writes an archive with an index, whose one member is the file `object`, called `member`. Equal objects make equal archives.
pub fn archive(object: &Path, member: &str, to: &mut File) -> Result<(), LibraryError> {
    let file = files::open(object)?;
    // SAFETY: the file was just written and is nobody else's.
    let mapped = unsafe { Mmap::map(&file)? };
    let members = [NewArchiveMember::new(
        &mapped[..],
        &DEFAULT_OBJECT_READER,
        member.to_owned(),
    )];
    let mut writer = Copier {
        to: BufWriter::new(to),
        mapped: &mapped,
        file: &file,
    };
    write_archive_to_stream(&mut writer, &members, ArchiveKind::Gnu, false, None)?;
    writer.flush()?;
    Ok(())
}

/// A file that is written. What is all of another file, which is mapped, is copied from there: what is read through a map is in this process's memory.
struct Copier<'a> {
    to: BufWriter<&'a mut File>,
    mapped: &'a [u8],
    file: &'a File,
}

impl Write for Copier<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !std::ptr::eq(bytes, self.mapped) {
            return self.to.write(bytes);
        }
        self.to.flush()?;
        self.file.rewind()?;
        let n_copied = io::copy(&mut self.file, &mut **self.to.get_mut())?;
        match n_copied == bytes.len() as u64 {
            true => Ok(bytes.len()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Seek for Copier<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.to.seek(to)
    }
}

/// The program that links for a target: the C compiler's driver.
pub fn default_linker(target: Target) -> OsString {
    if Target::host() == Some(target) {
        return "cc".into();
    }
    match target {
        Target::X86_64Linux => "x86_64-linux-gnu-gcc".into(),
        Target::Aarch64Linux => "aarch64-linux-gnu-gcc".into(),
    }
}

/// Links the object file into a shared library that depends on no other.
pub fn link(linker: &OsString, object: &Path, to: &Path, soname: &str) -> Result<(), LibraryError> {
    let output = Command::new(linker)
        .args(["-shared", "-nostdlib", "-Wl,--build-id=none"])
        .args([
            "-Wl,--no-undefined",
            "-Wl,-z,noexecstack",
            "-Wl,-z,relro,-z,now",
        ])
        .arg(format!("-Wl,-soname,{soname}"))
        .arg("-o")
        .arg(to)
        .arg(object)
        .output();
    let output = output.map_err(|reason| LibraryError::NoLinker {
        linker: linker.clone(),
        reason,
    })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(LibraryError::Linker {
            linker: linker.clone(),
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}
