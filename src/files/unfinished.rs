//! Paths of unfinished files, which a signal's handler can remove.
//!
//! A handler may neither allocate nor take a lock, so paths are C strings in a fixed table of atomic pointers. Whoever swaps a
//! pointer out owns the string.

#[cfg(unix)]
pub use unix::*;

#[cfg(unix)]
mod unix {
    use std::ffi::{CString, c_char};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, Ordering};

    /// More files than one command has unfinished at a time.
    const PLACES: usize = 64;

    static PATHS: [AtomicPtr<c_char>; PLACES] = [const { AtomicPtr::new(ptr::null_mut()) }; PLACES];

    /// A path in the table, until this is dropped.
    #[derive(Debug)]
    pub struct Entry(Option<usize>);

    /// Notes a path before its file is made. Where the table is full, a signal leaves the file.
    pub fn note(path: &Path) -> Entry {
        // Relative paths stay true: nothing changes the working directory.
        let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
            return Entry(None);
        };
        let path = path.into_raw();
        let free = |place: &AtomicPtr<c_char>| {
            place
                .compare_exchange(ptr::null_mut(), path, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        let place = PATHS.iter().position(free);
        if place.is_none() {
            // SAFETY: the pointer came from `into_raw` above, and no place of the table took it.
            drop(unsafe { CString::from_raw(path) });
        }
        Entry(place)
    }

    impl Drop for Entry {
        fn drop(&mut self) {
            let Some(place) = self.0 else { return };
            let path = PATHS[place].swap(ptr::null_mut(), Ordering::AcqRel);
            if !path.is_null() {
                // SAFETY: `note` stored a pointer from `into_raw`, and who swaps it out owns it.
                drop(unsafe { CString::from_raw(path) });
            }
        }
    }

    /// Lets SIGINT, SIGTERM and SIGHUP remove unfinished files before they end the process, as they would have. A signal that
    /// the process was started to ignore (`nohup`) stays ignored.
    #[cfg(feature = "cli")]
    pub fn remove_on_signals() {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: both structures are plain data, for which zeros are valid, and `handle` is async-signal-safe.
            unsafe {
                let mut old: libc::sigaction = std::mem::zeroed();
                let asked = libc::sigaction(signal, ptr::null(), &mut old);
                if asked != 0 || old.sa_sigaction != libc::SIG_DFL {
                    continue;
                }
                let mut new: libc::sigaction = std::mem::zeroed();
                new.sa_sigaction = handle as extern "C" fn(i32) as usize;
                // The second time the signal does what it does by default, and does it at once.
                new.sa_flags = libc::SA_RESETHAND | libc::SA_NODEFER;
                libc::sigaction(signal, &new, ptr::null_mut());
            }
        }
    }

    #[cfg(feature = "cli")]
    extern "C" fn handle(signal: i32) {
        for place in &PATHS {
            let path = place.swap(ptr::null_mut(), Ordering::AcqRel);
            if !path.is_null() {
                // SAFETY: the string is whole and, as it was swapped out, nobody else's; it is not freed, since the process ends.
                unsafe { libc::unlink(path) };
            }
        }
        // SAFETY: `raise` is async-signal-safe; the handler was reset when this was called.
        unsafe { libc::raise(signal) };
    }
}

#[cfg(not(unix))]
pub use other::*;

#[cfg(not(unix))]
mod other {
    /// Nothing: there is no handler that would read a table.
    #[derive(Debug)]
    pub struct Entry;

    pub fn note(_: &std::path::Path) -> Entry {
        Entry
    }

    #[cfg(feature = "cli")]
    pub fn remove_on_signals() {}
}
