//! How much memory a net takes: what the plan says, and what the process had.

use std::path::Path;

use serde_json::{Value, json};

use super::super::console;
use crate::files;
use crate::plan::lower_bound;
use crate::runtime::Session;

/// Bytes that a session needs, and those that its process had.
pub struct Memory {
    weights: usize,
    activations: usize,
    arena: usize,
    least_arena: usize,
    peak: Option<u64>,
}

impl Memory {
    /// That of a session after runs of so many images.
    pub fn of(session: &Session, batch: usize) -> Memory {
        let plan = session.plan();
        let bytes = |floats: usize| size_of::<f32>() * floats;
        Memory {
            weights: bytes(plan.packed_size),
            activations: bytes(session.activations(batch)),
            arena: bytes(plan.arena_size),
            least_arena: bytes(lower_bound(&plan.buffers)),
            peak: peak(),
        }
    }

    /// What the process had at most beyond weights and activations.
    fn beyond(&self) -> Option<u64> {
        let planned = (self.weights + self.activations) as u64;
        Some(self.peak?.saturating_sub(planned))
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "weights_bytes": self.weights,
            "activations_bytes": self.activations,
            "arena_bytes": self.arena,
            "least_arena_bytes": self.least_arena,
            "peak_bytes": self.peak,
            "beyond_bytes": self.beyond(),
        })
    }

    /// As rows of a table.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let size = |bytes: u64| console::human_bytes(bytes);
        let mut rows = vec![
            ("weights", size(self.weights as u64)),
            ("activations", size(self.activations as u64)),
        ];
        if let (Some(peak), Some(beyond)) = (self.peak, self.beyond()) {
            rows.push(("memory, most", size(peak)));
            rows.push(("beyond both", size(beyond)));
        }
        let row = |(name, text): (&str, String)| vec![name.to_owned(), text];
        rows.into_iter().map(row).collect()
    }
}

/// The most memory that this process ever had, in bytes, where the system tells it (Linux).
pub fn peak() -> Option<u64> {
    let status = {
        let mut file = files::open(Path::new("/proc/self/status")).ok()?;
        let bytes = files::read_at_most(&mut file, 1 << 20).ok()??;
        String::from_utf8(bytes).ok()?
    };
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
