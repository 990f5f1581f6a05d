//! Files that are read.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file.
///
/// The file is looked at after it is open, so nothing can take its place in between; it is opened without waiting, because
/// a pipe without a writer would block for ever.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path).map_err(|error| special(path, error))?;
    match what(file.metadata()?.file_type()) {
        None => Ok(file),
        Some(what) => Err(io::Error::other(format!(
            "it is {what}, not a regular file"
        ))),
    }
}

/// Sockets and some devices cannot be opened at all: what they are is the better reason.
fn special(path: &Path, error: io::Error) -> io::Error {
    match path.metadata().ok().and_then(|it| what(it.file_type())) {
        Some(what) => io::Error::other(format!("it is {what}, not a regular file")),
        None => error,
    }
}

/// What a file is that is not a regular one.
fn what(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return Some("a device");
        }
    }
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => None,
        (_, true) => Some("a directory"),
        _ => Some("something else"),
    }
}

/// The bytes of an open file up to `most`; `None` if there are more. What a directory says of its size is not believed.
pub fn read_at_most(file: &mut impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// The number of the descriptor of this process that a path means, such as 0 for `-` and `/dev/stdin`.
pub fn descriptor(path: &Path) -> Option<u32> {
    let text = path.to_str()?;
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    };
    match text {
        "-" => Some(0),
        "/dev/stdin" if cfg!(unix) => Some(0),
        "/dev/stdout" if cfg!(unix) => Some(1),
        "/dev/stderr" if cfg!(unix) => Some(2),
        _ if cfg!(unix) => ["/dev/fd/", "/proc/self/fd/"]
            .iter()
            .find_map(|directory| number(text.strip_prefix(directory)?)),
        _ => None,
    }
}
