//! The parameters of the call that is being written.

use std::ops::Range;

use super::analysis::View;
use super::callee::{Callable, callables};
use super::cursor::{Cursor, OpenCall};

/// What a call can take, and which of it is being written.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// `conv(channels: int, kernel: size, ...)`
    pub label: String,
    /// What is called, in Markdown.
    pub doc: String,
    /// The place of each parameter in the label, and what it means.
    pub parameters: Vec<(Range<usize>, String)>,
    /// The one being written.
    pub active: Option<usize>,
}

/// The signatures for the innermost call that is open at a byte; several where a parameter stands for several blocks.
pub fn signature(view: View<'_>, at: usize) -> Vec<Signature> {
    let Some(call) = Cursor::new(view.analysis.text(), at).open_call() else {
        return Vec::new();
    };
    let callables = callables(view, &call.callee, call.callee_at);
    callables
        .iter()
        .map(|callable| of(callable, &call))
        .collect()
}

fn of(callable: &Callable, call: &OpenCall) -> Signature {
    let (label, places) = callable.signature();
    let docs = callable
        .parameters
        .iter()
        .map(|parameter| parameter.doc.clone());
    let active = match &call.name {
        Some(name) => callable.parameters.iter().position(|p| p.name == *name),
        None if callable.takes_values => None,
        None => Some(call.position).filter(|position| *position < places.len()),
    };
    Signature {
        label,
        doc: callable.doc.clone(),
        parameters: places.into_iter().zip(docs).collect(),
        active,
    }
}
