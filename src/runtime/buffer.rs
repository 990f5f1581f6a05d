//! Memory that begins at a cache line.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use memmap2::MmapMut;

use super::RunError;

/// Bytes of a cache line, and of the widest vectors there are.
const ALIGNMENT: usize = 64;

/// Bytes from which a buffer gets pages of its own: large ones, so that reading a hundred megabytes of weights does not wait for page tables.
const LARGE: usize = 4 << 20;

/// Floats that begin at a multiple of 64 bytes, zero at first. The system gives large ones page by page as they are touched.
pub struct AlignedBuffer {
    start: NonNull<f32>,
    len: usize,
    /// What owns the floats, if they are not from the allocator.
    pages: Option<MmapMut>,
}

// SAFETY: the buffer owns its floats, as a `Box<[f32]>` does.
unsafe impl Send for AlignedBuffer {}
// SAFETY: shared references only read.
unsafe impl Sync for AlignedBuffer {}

impl AlignedBuffer {
    /// `len` zeros, or an error where there is no such memory.
    pub fn zeroed(len: usize) -> Result<AlignedBuffer, RunError> {
        let layout = layout(len).ok_or(RunError::Memory { floats: None })?;
        let no_memory = RunError::Memory { floats: Some(len) };
        let mut pages = None;
        let start = if len == 0 {
            NonNull::<f32>::dangling().as_ptr()
        } else if layout.size() < LARGE {
            // SAFETY: the layout's size is not zero.
            unsafe { alloc_zeroed(layout) }.cast()
        } else {
            let mapped = map_pages(layout.size()).map_err(|_| no_memory.clone())?;
            pages.insert(mapped).as_mut_ptr().cast()
        };
        let start = NonNull::new(start).ok_or(no_memory)?;
        Ok(AlignedBuffer { start, len, pages })
    }

    /// A copy of `values`.
    pub fn from_slice(values: &[f32]) -> Result<AlignedBuffer, RunError> {
        let mut buffer = AlignedBuffer::zeroed(values.len())?;
        buffer.copy_from_slice(values);
        Ok(buffer)
    }

    /// The first float, for kernels to write through.
    pub(super) fn pointer(&self) -> *mut f32 {
        self.start.as_ptr()
    }
}

fn layout(len: usize) -> Option<Layout> {
    let bytes = len.checked_mul(size_of::<f32>())?;
    Layout::from_size_align(bytes, ALIGNMENT).ok()
}

/// Zeros. Asks for large pages and does without where there are none.
fn map_pages(bytes: usize) -> std::io::Result<MmapMut> {
    let pages = MmapMut::map_anon(bytes)?;
    #[cfg(target_os = "linux")]
    let _ = pages.advise(memmap2::Advice::HugePage);
    Ok(pages)
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        if self.len > 0
            && self.pages.is_none()
            && let Some(layout) = layout(self.len)
        {
            // SAFETY: `zeroed` allocated it with this layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) }
        }
    }
}

impl Deref for AlignedBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `len` floats from `start` on are allocated or mapped, initialised and owned (dangling only if `len` is 0).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`, and `&mut self` is the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl std::fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedBuffer({} floats)", self.len)
    }
}
