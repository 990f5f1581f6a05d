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

use std::hash::Hasher;
use std::io::{self, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};
use twox_hash::XxHash64;

use super::LibraryError;
use crate::codegen::object::{ALIGNMENT, ImageHeader};
use crate::graph::Graph;
use crate::pipeline::BindError;
use crate::plan::Plan;
use crate::runtime::AlignedBuffer;
use crate::weights::{self, Stretch, WeightSource};

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

/// Floats that are packed while as many are written.
const STRETCH: usize = 4 << 20;

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

    /// Writes an image from where `to` stands on: the header, then the plans' blocks, a stretch at a time. `graph` and `plans` are those that this is the layout of.
    ///
    /// While a stretch is written, the next one is packed: no more of the weights is in memory.
    pub fn write(
        &self,
        graph: &Graph,
        plans: &[Plan],
        source: &WeightSource,
        to: &mut (impl Write + Seek + Send),
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(), LibraryError> {
        let start = to.stream_position()?;
        to.write_all(&self.header)?;
        let mut payload = Payload {
            to,
            len: self.header.len(),
            hash: XxHash64::with_seed(0),
        };
        let mut faults = Vec::new();
        let ends = self.blocks.iter().skip(1).chain([&self.len]);
        for (plan, &end) in plans.iter().zip(ends) {
            let stretches = weights::stretches(graph, plan, source, STRETCH);
            let longest = stretches.iter().map(Stretch::n_floats).max().unwrap_or(0);
            let buffer = || AlignedBuffer::zeroed(longest).map_err(BindError::Run);
            let (mut full, mut empty) = (buffer()?, buffer()?);
            let mut n_full = 0;
            for stretch in &stretches {
                let place = &mut empty[..stretch.n_floats()];
                let (written, found) = weights::join(
                    || payload.push(bytes(&full[..n_full])),
                    || stretch.fill(graph, source, place, progress),
                );
                written?;
                faults.extend(found);
                n_full = stretch.n_floats();
                std::mem::swap(&mut full, &mut empty);
            }
            payload.push(bytes(&full[..n_full]))?;
            payload.push(&vec![0; end - payload.len])?;
        }
        let checksum = payload.hash.finish();
        weights::usable(graph, source, faults).map_err(BindError::Weights)?;
        let to = payload.to;
        to.seek(SeekFrom::Start(start + CHECKSUM_AT as u64))?;
        to.write_all(&checksum.to_le_bytes())?;
        to.seek(SeekFrom::Start(start + self.len as u64))?;
        Ok(())
    }
}

/// What follows the header.
struct Payload<'a, W> {
    to: &'a mut W,
    /// Bytes of the image that are written.
    len: usize,
    /// Of what followed the header.
    hash: XxHash64,
}

impl<W: Write> Payload<'_, W> {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.hash.write(bytes);
        self.len += bytes.len();
        Ok(())
    }
}

/// Floats as they stand in memory.
fn bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: any float is four bytes, which are initialised and borrowed as long as the slice.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
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
