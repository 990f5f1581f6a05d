//! The intermediate representation: a network after its blocks are expanded, as an arena of nodes.
//!
//! A node's inputs always have smaller handles than the node, so a graph cannot hold a cycle and the arena's order is an
//! order of execution. What the front end knows about a node's origin stands in a side table ([`Graph::origins`]).

mod op;
mod param;
#[cfg(test)]
pub(crate) mod random;
mod recipe;
pub mod reference;
mod scalar;
mod shape;
pub mod text;
mod verify;

pub use op::{Conv, ConvTranspose, Margins, Op, Pool, PoolKind, Resize, ResizeMode, nearest};
pub use param::{Init, Param, ParamId, Recipe};
pub use recipe::{StoredTensors, evaluate_recipe, evaluate_recipe_exact, scale_rows};
pub use scalar::{
    CompareOp, ScalarBinary, ScalarBuilder, ScalarFn, ScalarId, ScalarOp, ScalarUnary, operands,
};
pub use shape::{Dim, Shape};
pub use verify::verify;

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Label;
use crate::source::Span;

/// Handle of a [`Node`] in its [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index into the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// The tensors it takes: first those of the operation ([`Node::op_inputs`]), then those of the epilogue.
    pub inputs: Vec<NodeId>,
    /// Its parameters, in the order that [`Op`] states.
    pub params: Vec<ParamId>,
    /// Applied to every element of the result before it is stored: argument 0 is the operation's own result, argument `i` the
    /// node's input `n_op_inputs + i - 1`, broadcast to the result. Only after `fuse_epilogue`.
    pub epilogue: Option<ScalarFn>,
    /// Shape of the result, per image.
    pub shape: Shape,
    /// Path of labels and numbers, such as `layer1.0.conv1`; unique for nodes with parameters.
    pub name: String,
}

impl Node {
    /// How many of the inputs belong to the operation itself.
    pub fn n_op_inputs(&self) -> usize {
        match &self.epilogue {
            None => self.inputs.len(),
            Some(epilogue) => self.inputs.len() + 1 - epilogue.n_args(),
        }
    }

    /// The inputs of the operation itself.
    pub fn op_inputs(&self) -> &[NodeId] {
        &self.inputs[..self.n_op_inputs()]
    }

    /// The inputs of the epilogue: its arguments from 1 on.
    pub fn epilogue_inputs(&self) -> &[NodeId] {
        &self.inputs[self.n_op_inputs()..]
    }
}

/// Where a node came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The step in the source.
    pub span: Span,
    /// The calls and rounds around it.
    pub trail: Trail,
    /// The author said whether there is a bias, rather than leave it to the default.
    pub states_bias: bool,
}

/// The calls and repeat rounds around a node. A list that is shared: the nodes of one call hold the same one.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Trail(Option<Arc<TrailEntry>>);

#[derive(Debug, PartialEq)]
struct TrailEntry {
    label: Label,
    call: Option<BlockCall>,
    outer: Trail,
}

/// A call of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCall {
    /// The path that stands before the names of the block's steps, such as `layer1.0`.
    pub scope: String,
    /// The block's name.
    pub block: String,
    /// The arguments that the call or a partial application gives, such as `planes=64, stride=2`.
    pub arguments: String,
}

impl Trail {
    /// This trail and one more round, or one more call, inside it.
    pub fn inside(&self, label: Label, call: Option<BlockCall>) -> Trail {
        Trail(Some(Arc::new(TrailEntry {
            label,
            call,
            outer: self.clone(),
        })))
    }

    /// The calls and rounds, innermost first.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.entries().map(|entry| &entry.label)
    }

    /// The calls without the rounds, innermost first, and where each stands.
    pub fn calls(&self) -> impl Iterator<Item = (&BlockCall, Span)> {
        self.entries()
            .filter_map(|entry| Some((entry.call.as_ref()?, entry.label.span)))
    }

    fn entries(&self) -> impl Iterator<Item = &TrailEntry> {
        std::iter::successors(self.0.as_deref(), |entry| entry.outer.0.as_deref())
    }
}

impl fmt::Display for BlockCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.arguments.as_str() {
            "" => f.write_str(&self.block),
            arguments => write!(f, "{}({arguments})", self.block),
        }
    }
}

/// How a picture becomes an input: the `image(...)` of the language or of a manifest.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ImageSpec {
    /// Resize first.
    pub resize: Option<ImageResize>,
    /// Then crop the centre to height, width.
    pub crop: Option<[usize; 2]>,
    /// Order of the channels.
    pub order: ChannelOrder,
    /// The value of full brightness: 1 or 255.
    pub range: f32,
    /// Subtracted, one a channel (empty: nothing).
    pub mean: Vec<f32>,
    /// Divides, one a channel (empty: nothing).
    pub std: Vec<f32>,
}

/// The resize of an [`ImageSpec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageResize {
    /// The shorter side gets this many pixels, the other follows.
    ShorterSide(usize),
    /// Exactly this height and width.
    Exact([usize; 2]),
}

/// Order of an image's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red (Caffe).
    Bgr,
    /// One channel of luminance.
    Gray,
}

/// An input of the net.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its node, an [`Op::Input`].
    pub node: NodeId,
    /// How a picture becomes it.
    pub image: Option<ImageSpec>,
}

/// An output of the net.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub node: NodeId,
}

/// A whole network.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Graph {
    /// Name of the net.
    pub name: String,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Where each node came from, by node; empty after passes that rebuild the arena (nothing reports user errors then).
    pub origins: Vec<Origin>,
    /// All parameters: those of the weights file and those derived from them.
    pub params: Vec<Param>,
    /// The net's inputs.
    pub inputs: Vec<Input>,
    /// The net's outputs.
    pub outputs: Vec<Output>,
    /// Names of the classes, if the source states them.
    pub class_labels: Vec<String>,
}

impl Graph {
    /// The node behind a handle.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The parameter behind a handle.
    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[id.index()]
    }

    /// All handles in order of execution.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Adds a node whose inputs are there already.
    pub fn push(&mut self, node: Node) -> NodeId {
        debug_assert!(
            node.inputs
                .iter()
                .all(|input| input.index() < self.nodes.len())
        );
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// Adds a parameter.
    pub fn push_param(&mut self, param: Param) -> ParamId {
        self.params.push(param);
        ParamId(self.params.len() as u32 - 1)
    }

    /// How often each node is read, as an input or as an output of the net.
    pub fn use_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.nodes.len()];
        for id in self.nodes.iter().flat_map(|node| &node.inputs) {
            counts[id.index()] += 1;
        }
        for output in &self.outputs {
            counts[output.node.index()] += 1;
        }
        counts
    }
}
