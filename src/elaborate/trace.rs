//! What became of every step while a net was expanded. For tools that show it beside the text.

use std::collections::BTreeMap;
use std::ops::Range;

use super::expand::{Expander, Tensor};
use super::value::Callee;
use crate::graph::{Graph, NodeId};
use crate::source::Span;
use crate::symbolic::{Open, SymShape};

/// The expansion of a net, as far as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traced {
    /// The net.
    pub name: String,
    /// Its graph; without outputs if the net has errors.
    pub graph: Graph,
    /// Whether it is whole.
    pub is_complete: bool,
    /// What became of its steps.
    pub trace: Trace,
    /// Its open sizes, and what is allowed of each, if it was proved for those.
    pub open: Vec<Open>,
    /// The shape of each node for all open sizes, by node; empty if it was not proved.
    pub shapes: Vec<SymShape>,
    /// An open size has no value. The graph stands at sizes that mean nothing: `shapes` says what there is to say.
    pub lacks_size: bool,
}

/// What became of the steps of a net.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// By the step's place: one for each time that it was expanded and gave a value.
    pub steps: BTreeMap<Span, Vec<Observation>>,
    /// By the place of a parameter's name in a step: what the parameter stood for.
    pub applied: BTreeMap<Span, Vec<Callee>>,
}

/// One expansion of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The value that arrived, if there was one.
    pub arriving: Option<NodeId>,
    /// The value it gave.
    pub value: NodeId,
    /// The nodes that were made for it.
    pub nodes: Range<u32>,
}

impl Expander<'_> {
    /// Notes what a step gave. `first` is the number of nodes before it.
    pub(super) fn observe(&mut self, span: Span, arriving: Tensor, value: Tensor, first: usize) {
        let (Some(trace), Tensor::Node(value)) = (&mut self.trace, value) else {
            return;
        };
        trace.steps.entry(span).or_default().push(Observation {
            arriving: match arriving {
                Tensor::Node(node) => Some(node),
                Tensor::Nothing | Tensor::Unknown => None,
            },
            value,
            nodes: first as u32..self.graph.nodes.len() as u32,
        });
    }

    /// Notes what a parameter of type `block` stands for in a step.
    pub(super) fn observe_applied(&mut self, span: Span, callee: Callee) {
        let Some(trace) = &mut self.trace else {
            return;
        };
        let known = trace.applied.entry(span).or_default();
        if !known.contains(&callee) {
            known.push(callee);
        }
    }
}
