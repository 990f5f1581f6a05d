//! Files that are read and written: the one place that opens any.
//!
//! # What is read
//!
//! [`open`] opens regular files. A pipe, a device, a socket or a directory is refused, so that no command waits for a writer
//! that never comes. [`read_at_most`] bounds the bytes too. Text may also come from a descriptor that the process was started with
//! (`-`, `/dev/stdin`, `/dev/fd/63` of a shell's `<(...)`): [`descriptor`] tells which paths mean one.
//!
//! # What is written
//!
//! A file is replaced as a whole ([`NewFile`]): the new contents are written to a file of another name in the same directory,
//! and renamed when they are complete. After a failure, a signal or a crash, the path holds the old contents or the new
//! ones.
//!
//! - Permissions stay, and the owner where the system allows it. A file that may not be written is not replaced.
//! - A symbolic link stays, and the file that it leads to is replaced.
//! - A hard link is not followed: the path gets the new contents, the file's other names keep the old ones.
//! - The directory must permit new files. If it does not, nothing is written.
//! - A file that replaces another reaches the disk before it is renamed. A new one may not have when the command ends.
//! - Devices, pipes and the process's own descriptors (`/dev/stdout`) are written directly.
//! - An output that is an input of the same command is refused: [`refuse_inputs`].
//! - A failure removes the unfinished file. So do SIGINT, SIGTERM and SIGHUP in the command ([`remove_on_signals`]);
//!   a library leaves signals to its program.

mod read;
mod unfinished;
mod write;

pub use read::{descriptor, open, read_at_most};
#[cfg(feature = "cli")]
pub use unfinished::remove_on_signals;
#[cfg(feature = "cli")]
pub use write::write_new;
pub use write::{NewFile, cannot_write, create_directories, duplicate, refuse_inputs, write};

use std::io;

/// What the system says of a failure, without its number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        // One of this module's own.
        _ if error.get_ref().is_some() => error.to_string(),
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        _ => {
            let text = error.to_string();
            match text.split_once(" (os error ") {
                Some((reason, _)) => reason.to_lowercase(),
                None => text,
            }
        }
    }
}

#[cfg(test)]
mod tests;
