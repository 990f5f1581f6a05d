//! Files that are written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::read::descriptor;
use super::reason;
use super::unfinished;
use crate::diagnostic::{Diagnostic, codes};

/// A file on its way to a path: its bytes are written to another place, and are the path's once it is [finished](NewFile::finish).
#[derive(Debug)]
pub struct NewFile {
    file: File,
    /// `None` for what is written directly.
    part: Option<Part>,
}

/// An unfinished file. It goes with its owner.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    to: PathBuf,
    /// What is replaced; `None` where there is nothing.
    old: Option<fs::Metadata>,
    _entry: unfinished::Entry,
}

impl NewFile {
    /// Begins a file at `path`. What stands there stays until the file is finished.
    pub fn create(path: &Path) -> io::Result<NewFile> {
        if let Some(number) = descriptor(path) {
            // `-` names the standard output where something is written.
            let number = if path == Path::new("-") { 1 } else { number };
            return Ok(NewFile {
                file: duplicate(number)?,
                part: None,
            });
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(io::Error::other("a path that ends in `/` is a directory"));
        }
        let to = behind_links(path)?;
        let old = match fs::metadata(&to) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some(old) = &old {
            if old.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            // Renaming asks for the directory's permission only: a file that is write-protected is to stay.
            let file = OpenOptions::new().write(true).open(&to)?;
            if !old.is_file() {
                return Ok(NewFile { file, part: None });
            }
        }
        let (file, path, entry) = unfinished_beside(&to, old.is_some())?;
        let part = Part {
            path,
            to,
            old,
            _entry: entry,
        };
        Ok(NewFile {
            file,
            part: Some(part),
        })
    }

    /// The file to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where its bytes are until it is finished, for programs that write the file; an error for what is written directly.
    pub fn place(&self) -> io::Result<&Path> {
        match &self.part {
            Some(part) => Ok(&part.path),
            None => Err(io::Error::other("it is not a regular file")),
        }
    }

    /// Gives the path its new contents.
    pub fn finish(self) -> io::Result<()> {
        let Some(part) = &self.part else {
            return Ok(());
        };
        if let Some(old) = &part.old {
            keep_owner_and_mode(&part.path, old)?;
            // By its name: another program may have put a file of its own there.
            let file = File::open(&part.path)?;
            match file.sync_all() {
                // Some file systems have nothing to wait for.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                done => done?,
            }
        }
        fs::rename(&part.path, &part.to)
    }

    /// Gives the path its contents, unless there is something already.
    #[cfg(feature = "cli")]
    fn finish_new(self) -> io::Result<()> {
        let Some(part) = &self.part else {
            return Ok(());
        };
        match fs::hard_link(&part.path, &part.to) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // Not every file system has links.
            Err(_) if fs::symlink_metadata(&part.to).is_err() => fs::rename(&part.path, &part.to),
            Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there once it is finished.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes a file at once.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.file().write_all(bytes)?;
    file.finish()
}

/// Writes a file where there is none.
#[cfg(feature = "cli")]
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut file = NewFile::create(path)?;
    file.file().write_all(bytes)?;
    file.finish_new()
}

/// E0903: a file was not written.
pub fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("cannot write `{}`: {}", path.display(), reason(error));
    Diagnostic::without_place(codes::OUTPUT_FILE, message)
}

/// Makes a directory and those above it.
pub fn create_directories(path: &Path) -> io::Result<()> {
    match path.as_os_str().is_empty() {
        true => Ok(()),
        false => fs::create_dir_all(path),
    }
}

/// Fails if an output is a file that the same command reads; two paths of one file are the same. Devices may be both.
pub fn refuse_inputs<'p>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> io::Result<()> {
    let Some(identity) = identity(output) else {
        return Ok(());
    };
    let is_same = |input: &&Path| self::identity(input).as_ref() == Some(&identity);
    match inputs.into_iter().find(is_same) {
        None => Ok(()),
        Some(input) if input == output => Err(io::Error::other("this command reads it")),
        Some(input) => Err(io::Error::other(format!(
            "it is the same file as `{}`, which this command reads",
            input.display()
        ))),
    }
}

/// What tells a regular file from all others.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok().filter(|path| path.is_file())
}

/// Symbolic links that a path may lead through, as in Linux.
const LINKS: usize = 40;

/// The path that a path's symbolic links lead to, whether or not anything is there.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            // An absolute target takes the place of the whole path.
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its symbolic links lead in a circle"))
}

/// A new file in the directory of `to`, which no other process has. Where it replaces another, only its owner may read it until
/// it gets that one's permissions.
fn unfinished_beside(
    to: &Path,
    is_private: bool,
) -> io::Result<(File, PathBuf, unfinished::Entry)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if is_private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = is_private;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Short, so that a file whose name has the longest length can be written too.
        let name = format!(".netc.{}.{number}.part", std::process::id());
        let path = to.with_file_name(name);
        let entry = unfinished::note(&path);
        match options.open(&path) {
            Ok(file) => return Ok((file, path, entry)),
            // A process of the same number in another container, or one that was killed, left it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(in_directory(to, error)),
        }
    }
}

/// Names the directory where it is at fault.
fn in_directory(to: &Path, error: io::Error) -> io::Error {
    let directory = match to.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    let directory = directory.display();
    let reason = match error.kind() {
        io::ErrorKind::NotFound => format!("there is no directory `{directory}`"),
        io::ErrorKind::NotADirectory => format!("`{directory}` is not a directory"),
        io::ErrorKind::PermissionDenied => {
            format!("its directory `{directory}` does not permit new files")
        }
        _ => return error,
    };
    io::Error::new(error.kind(), Reason(reason))
}

/// A reason that keeps its error's kind.
#[derive(Debug)]
struct Reason(String);

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Reason {}

/// Gives a file the owner and the permissions of another. Not everybody may give files away: then those bits go that would let
/// others act as the new owner.
#[cfg(unix)]
fn keep_owner_and_mode(path: &Path, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let new = fs::metadata(path)?;
    let is_owned = (new.uid(), new.gid()) == (old.uid(), old.gid())
        || std::os::unix::fs::chown(path, Some(old.uid()), Some(old.gid())).is_ok();
    let kept = if is_owned { 0o7777 } else { 0o777 };
    fs::set_permissions(path, fs::Permissions::from_mode(old.mode() & kept))
}

#[cfg(not(unix))]
fn keep_owner_and_mode(path: &Path, old: &fs::Metadata) -> io::Result<()> {
    fs::set_permissions(path, old.permissions())
}

/// A descriptor of this process once more, so that it goes on where that one is.
#[cfg(unix)]
pub fn duplicate(number: u32) -> io::Result<File> {
    use std::os::fd::{FromRawFd, OwnedFd};
    let number = i32::try_from(number).map_err(|_| io::ErrorKind::NotFound)?;
    // SAFETY: `dup` takes any number, and fails on one that is not open.
    let copy = unsafe { libc::dup(number) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and was made for this owner.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}

#[cfg(not(unix))]
pub fn duplicate(_: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
