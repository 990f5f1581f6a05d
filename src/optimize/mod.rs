//! Portable rewrites of the graph: what is true on every machine. [`PASSES`] is the whole story, one file a pass.
//!
//! A pass may leave nodes behind that nobody reads; `remove_dead` runs wherever the next pass counts readers. Values that are outputs of the net count as
//! read, so no pass fuses them away. The net's inputs stay, even unused ones.

mod absorb_flatten;
mod compose_maps;
mod fold_batch_norm;
mod fuse_epilogue;
mod merge_equal;
mod operands;
mod remove_dead;
mod remove_identity;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, verify};

/// A rewrite of the graph.
pub struct Pass {
    /// A verb phrase.
    pub name: &'static str,
    /// Does it.
    pub run: fn(&mut Graph),
}

const REMOVE_DEAD: Pass = Pass {
    name: "remove_dead",
    run: remove_dead::remove_dead,
};

/// The passes in their order.
pub const PASSES: &[Pass] = &[
    REMOVE_DEAD,
    Pass {
        name: "remove_identity",
        run: remove_identity::remove_identity,
    },
    Pass {
        name: "absorb_flatten",
        run: absorb_flatten::absorb_flatten,
    },
    REMOVE_DEAD,
    Pass {
        name: "fold_batch_norm",
        run: fold_batch_norm::fold_batch_norm,
    },
    Pass {
        name: "merge_equal",
        run: merge_equal::merge_equal,
    },
    REMOVE_DEAD,
    Pass {
        name: "compose_maps",
        run: compose_maps::compose_maps,
    },
    REMOVE_DEAD,
    Pass {
        name: "fuse_epilogue",
        run: fuse_epilogue::fuse_epilogue,
    },
    REMOVE_DEAD,
];

/// Runs every pass, with the verifier before the first and after each. An error is a fault of the compiler.
///
/// The result has no [`Graph::origins`]: user errors are all reported by now.
pub fn optimize(graph: &mut Graph) -> Result<(), String> {
    verify(graph).map_err(|error| format!("before the passes: {error}"))?;
    graph.origins.clear();
    for pass in PASSES {
        (pass.run)(graph);
        verify(graph).map_err(|error| format!("after {}: {error}", pass.name))?;
    }
    Ok(())
}
