//! Memory whose ends fault, for tests and fuzzing.

use std::io::Error;
use std::ops::{Deref, DerefMut};
use std::ptr::null_mut;

/// At which of its ends memory meets a page that nobody may touch without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A read or write before the first float stops the process.
    Start,
    /// One behind the last float does.
    End,
}

/// Floats between two pages that nobody may touch, NaN at first: what reads or writes beyond them faults.
pub struct Guarded {
    pages: *mut libc::c_void,
    n_bytes: usize,
    start: *mut f32,
    len: usize,
}

// SAFETY: it owns its floats, as a `Box<[f32]>` does.
unsafe impl Send for Guarded {}
// SAFETY: shared references only read.
unsafe impl Sync for Guarded {}

/// No smaller than a page of any machine that is supported.
const PAGE: usize = 1 << 16;

impl Guarded {
    /// `len` floats; they begin as floats do, at any multiple of 4 bytes.
    pub fn new(len: usize, edge: Edge) -> Result<Guarded, Error> {
        let own = (len * size_of::<f32>()).next_multiple_of(PAGE);
        let n_bytes = own + 2 * PAGE;
        let (none, all) = (libc::PROT_NONE, libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping touches no memory of anybody.
        let pages = unsafe { libc::mmap(null_mut(), n_bytes, none, flags, -1, 0) };
        if pages == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let first = pages.wrapping_byte_add(PAGE);
        let skipped = match edge {
            Edge::Start => 0,
            Edge::End => own - len * size_of::<f32>(),
        };
        let mut guarded = Guarded {
            pages,
            n_bytes,
            start: first.wrapping_byte_add(skipped).cast(),
            len,
        };
        // SAFETY: these pages are the mapping's own.
        if own > 0 && unsafe { libc::mprotect(first, own, all) } != 0 {
            return Err(Error::last_os_error());
        }
        guarded.fill(f32::NAN);
        Ok(guarded)
    }

    /// A copy of `values`.
    pub fn from_slice(values: &[f32], edge: Edge) -> Result<Guarded, Error> {
        let mut guarded = Guarded::new(values.len(), edge)?;
        guarded.copy_from_slice(values);
        Ok(guarded)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is as it was made, and nothing borrows from it.
        unsafe { libc::munmap(self.pages, self.n_bytes) };
    }
}

impl Deref for Guarded {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: so many floats are mapped, initialised, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl DerefMut for Guarded {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: the same, borrowed by nobody else.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}
