//! What several fuzz targets share.

use std::ffi::c_void;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use netc::elaborate::Program;
use netc::graph::Graph;
use tempfile::TempDir;

/// Longest text that the targets of the front end read. Longer ones find nothing that shorter ones
/// do not, and cost time.
const TEXT_BYTES: usize = 8 << 10;

/// The bytes as a source text, unless they are none.
pub fn text(data: &[u8]) -> Option<&str> {
    (data.len() <= TEXT_BYTES)
        .then(|| std::str::from_utf8(data).ok())
        .flatten()
}

/// The text as a program without other files.
pub fn program(text: &str) -> Program {
    netc::parse("fuzz.net", text)
}

/// A net whose source is part of a target: it must be valid.
pub fn graph(text: &str, net: &str) -> Graph {
    match netc::expand(&program(text), net) {
        Ok(graph) => graph,
        Err(faults) => panic!("the target's own net is at fault: {faults:?}"),
    }
}

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let shared_memory = Path::new("/dev/shm");
    let made = match shared_memory.is_dir() {
        true => tempfile::tempdir_in(shared_memory),
        false => tempfile::tempdir(),
    };
    made.expect("a directory for the files that readers are given")
});

/// The bytes as a file of this name, for readers that take a path. The next call replaces it.
pub fn file(name: &str, data: &[u8]) -> PathBuf {
    let path = DIRECTORY.path().join(name);
    fs::write(&path, data).expect("a file in the scratch directory");
    path
}

/// Bytes in memory that no program may read before or behind: the last one is followed by a page
/// without access, and the first begins at a multiple of `alignment` as near to it as can be.
pub struct Guarded {
    map: *mut c_void,
    map_len: usize,
    data: *const u8,
    len: usize,
}

impl Guarded {
    /// Copies `bytes` before a guard page. Bytes between their end and the page, which the
    /// alignment causes, are fewer than `alignment`.
    pub fn new(bytes: &[u8], alignment: usize) -> Guarded {
        // SAFETY: it takes no pointer.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let room = bytes
            .len()
            .next_multiple_of(alignment)
            .next_multiple_of(page);
        let map_len = page + room + page;
        // SAFETY: a new mapping overlaps nothing.
        let map = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), map_len, access, flags, -1, 0)
        };
        assert_ne!(map, libc::MAP_FAILED, "no memory for a guarded buffer");
        let start = page + room - bytes.len().next_multiple_of(alignment);
        // SAFETY: `start + bytes.len()` is at most `page + room`, inside the mapping, and the two
        // pages that lose their access hold none of the bytes.
        let data = unsafe {
            let data = map.cast::<u8>().add(start);
            data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            for at in [0, page + room] {
                assert_eq!(libc::mprotect(map.add(at), page, libc::PROT_NONE), 0);
            }
            data
        };
        Guarded {
            map,
            map_len,
            data,
            len: bytes.len(),
        }
    }

    /// Where the bytes begin.
    pub fn as_ptr(&self) -> *const c_void {
        self.data.cast()
    }

    /// The number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is its own and nothing borrows it any more.
        unsafe { libc::munmap(self.map, self.map_len) };
    }
}
