//! Memory that goes back to the system once it is free.

/// Keeps glibc from holding on to free memory in pieces of `bytes` or more, as it does with what one layer's weights took until the next layer's come.
/// Elsewhere it does nothing.
pub fn from(bytes: i32) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it only takes numbers. Where it fails, memory is kept as before.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
        libc::mallopt(libc::M_TRIM_THRESHOLD, bytes);
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = bytes;
}
