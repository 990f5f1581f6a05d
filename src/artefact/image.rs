//! Packed weights as a program maps them: the file beside a library, or a constant in it.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `netcwts` and a 0 |
//! | 8..12 | layout version |
//! | 12..16 | number of blocks |
//! | 16..24 | length of the whole |
//! | 24..56 | SHA-256 of what the layout depends on |
//! | 56..64 | XXH64 (seed 0) of all that follows the header |
//! | 64.. | for each block 32 bytes: the family's name (16, zeros after it), where it begins, its length |
//!
//! Numbers are little-endian. The header is followed by zeros to a multiple of 64 bytes; so is each block.

use sha2::{Digest, Sha256};
use twox_hash::XxHash64;

use crate::codegen::object::{ALIGNMENT, ImageHeader};
use crate::graph::Graph;
use crate::plan::Plan;
use crate::runtime::{AlignedBuffer, RunError};

/// Changes whenever the header or the order of packed weights does.
pub const LAYOUT_VERSION: u32 = 1;

/// Where the checksum stands.
const CHECKSUM_AT: usize = 56;

/// Bytes before the list of blocks.
const FIXED: usize = 64;

/// Bytes that tell of a block.
const ENTRY: usize = 32;

/// Bytes of a float.
const FLOAT: usize = size_of::<f32>();

/// Where everything lies in an image of weights.
pub struct ImageLayout {
    header: Vec<u8>,
    /// Where each plan's block begins, bytes.
    pub blocks: Vec<usize>,
    /// Bytes of the whole.
    pub len: usize,
}

impl ImageLayout {
    /// For these plans of one optimised graph.
    pub fn of(graph: &Graph, plans: &[Plan]) -> ImageLayout {
        let n_header = (FIXED + ENTRY * plans.len()).next_multiple_of(ALIGNMENT);
        let mut len = n_header;
        let mut blocks = Vec::new();
        for plan in plans {
            blocks.push(len);
            // An empty block has a line of its own, so that there is always something to take a checksum of.
            len += (FLOAT * plan.packed_size.max(1)).next_multiple_of(ALIGNMENT);
        }
        let mut header = b"netcwts\0".to_vec();
        header.extend(LAYOUT_VERSION.to_le_bytes());
        header.extend((plans.len() as u32).to_le_bytes());
        header.extend((len as u64).to_le_bytes());
        header.extend(layout_hash(graph, plans));
        header.extend([0; 8]);
        for (plan, &begin) in plans.iter().zip(&blocks) {
            let mut name = plan.machine.family.name().as_bytes().to_vec();
            name.resize(16, 0);
            header.extend(name);
            header.extend((begin as u64).to_le_bytes());
            header.extend(((FLOAT * plan.packed_size) as u64).to_le_bytes());
        }
        header.resize(n_header, 0);
        ImageLayout {
            header,
            blocks,
            len,
        }
    }

    /// What code is to expect.
    pub fn header(&self) -> ImageHeader<'_> {
        ImageHeader {
            bytes: &self.header,
            checksum_at: CHECKSUM_AT,
            payload_at: self.header.len(),
            len: self.len,
        }
    }

    /// An image whose blocks are to be filled, before it is sealed.
    pub fn zeroed(&self) -> Result<WeightsImage, RunError> {
        let floats = AlignedBuffer::zeroed(self.len / FLOAT)?;
        Ok(WeightsImage { floats })
    }

    /// Writes the header, with the checksum of what is there.
    pub fn seal(&self, image: &mut WeightsImage) {
        let checksum = XxHash64::oneshot(0, &image.bytes()[self.header.len()..]);
        let mut header = self.header.clone();
        header[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&checksum.to_le_bytes());
        for (float, bytes) in image.floats.iter_mut().zip(header.chunks_exact(FLOAT)) {
            *float = f32::from_ne_bytes(std::array::from_fn(|byte| bytes[byte]));
        }
    }
}

/// Of all that decides in which order packed weights lie: what each parameter is computed from, and how it is packed.
fn layout_hash(graph: &Graph, plans: &[Plan]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for param in &graph.params {
        hash.update(format!("{param:?}\n"));
    }
    for packed in plans.iter().flat_map(|plan| &plan.packed) {
        hash.update(format!("{packed:?}\n"));
    }
    hash.finalize().into()
}

/// Weights, packed for all plans of an artefact.
pub struct WeightsImage {
    floats: AlignedBuffer,
}

impl WeightsImage {
    /// So many floats from a block's begin on.
    pub(super) fn block(&mut self, begin: usize, len: usize) -> &mut [f32] {
        &mut self.floats[begin / FLOAT..][..len]
    }

    /// What goes into the file.
    pub fn bytes(&self) -> &[u8] {
        let floats: &[f32] = &self.floats;
        // SAFETY: any float is four bytes, which are initialised and borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
    }
}
