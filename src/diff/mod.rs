//! What makes one net another: blocks that repeat more often, other arguments, layers that come and go, other shapes.
//!
//! `align.rs` finds what of one body corresponds to what of the other, `changes.rs` tells what is left, `text.rs` says it.

mod align;
mod changes;
#[cfg(test)]
mod tests;
mod text;

pub use text::render;

use serde::Serialize;

use crate::check::{Costs, costs};
use crate::graph::Graph;

/// What is different between two nets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The first net.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// What was changed, in the order of the second net.
    pub changes: Vec<Change>,
    /// How many parameters layers have more that did not change but work on other shapes.
    pub further_params: i64,
    /// The same of multiply-accumulates.
    pub further_macs: i64,
    /// Layers that correspond but whose results have other shapes.
    pub shapes: Vec<Reshaped>,
}

/// A net in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Its name.
    pub net: String,
    /// Nodes but the inputs.
    pub layers: u64,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates per image.
    pub macs: u64,
}

/// One change, which may be the same at several places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Paths of labels and numbers: those of the second net where it has the place.
    pub places: Vec<String>,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
    /// How many parameters it adds.
    pub params: i64,
    /// How many multiply-accumulates it adds, per image.
    pub macs: i64,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[allow(missing_docs)] // what stood there before and after
pub enum What {
    /// A block behind itself so many times.
    Repeats {
        block: String,
        before: usize,
        after: usize,
    },
    /// The parts are calls of another block.
    MadeOf { before: String, after: String },
    /// The call of a block.
    Call { before: String, after: String },
    /// A layer and its attributes.
    Layer { before: String, after: String },
    /// A label, and with it the names of parameters.
    Label { before: String, after: String },
    /// Where a layer gets what it works on.
    Reads { before: String, after: String },
    /// What was not there.
    Added { after: Vec<String> },
    /// What is there no longer.
    Removed { before: Vec<String> },
    /// The body of a block or group has nothing to do with what it was; the word is the block's name, empty for a group.
    Rewritten { block: String },
    /// The shape of an input.
    Input { before: String, after: String },
    /// The values that are outputs, by their names.
    Outputs {
        before: Vec<String>,
        after: Vec<String>,
    },
}

/// A layer whose result has another shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reshaped {
    /// Its path in the second net.
    pub layer: String,
    /// Its shape in the first net.
    pub before: String,
    /// Its shape in the second.
    pub after: String,
}

/// Compares two nets as the front end makes them.
pub fn diff(before: &Graph, after: &Graph) -> Difference {
    let changes::Findings {
        changes,
        shapes,
        further: [further_params, further_macs],
    } = changes::changes(before, after);
    Difference {
        before: side(before),
        after: side(after),
        changes,
        further_params,
        further_macs,
        shapes,
    }
}

/// How much more the second is.
fn more(before: u64, after: u64) -> i64 {
    let difference = i128::from(after) - i128::from(before);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

fn side(graph: &Graph) -> Side {
    let costs: Costs = graph.node_ids().map(|id| costs(graph, id)).sum();
    Side {
        net: graph.name.clone(),
        layers: (graph.nodes.len() - graph.inputs.len()) as u64,
        params: costs.params,
        macs: costs.macs,
    }
}
