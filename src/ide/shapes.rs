//! Shapes as they are shown, and several as one: what a step gives that is instantiated more than once.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::check::{ReceptiveField, receptive_fields};
use crate::elaborate::Traced;
use crate::graph::Shape;
use crate::symbolic::{Function, Open, SymDim, SymShape};

/// One dimension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    Number(u64),
    /// An expression of open sizes.
    Form(String),
}

/// The dimensions of a shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dims(Vec<Size>);

impl Dims {
    /// In numbers.
    pub fn of(shape: &Shape) -> Dims {
        Dims(shape.sizes().map(Size::Number).collect())
    }

    /// For all open sizes.
    pub fn open(shape: &SymShape, open: &[Open], forms: &Forms) -> Dims {
        let dims = shape.dims().iter();
        let dims = dims.map(|dim| match dim {
            SymDim::Known(size) => Size::Number(*size),
            other => Size::Form(forms.form(other, open)),
        });
        Dims(dims.collect())
    }
}

/// What takes a while to find and is asked for at every step: expressions, of which a net has few that are different, and
/// receptive fields, which are found for all of a net at once.
#[derive(Debug, Default)]
pub struct Forms {
    /// By the name of the open size.
    known: RefCell<HashMap<(String, Arc<Function>), String>>,
    /// By the address of the net, which stays where it is as long as the analysis.
    fields: RefCell<HashMap<usize, Rc<Vec<Option<ReceptiveField>>>>>,
}

impl Forms {
    /// The receptive field of each node of a net of the analysis.
    pub fn receptive_fields(&self, net: &Traced) -> Rc<Vec<Option<ReceptiveField>>> {
        let mut fields = self.fields.borrow_mut();
        let of_net = fields.entry(std::ptr::from_ref(net).addr());
        of_net
            .or_insert_with(|| Rc::new(receptive_fields(&net.graph)))
            .clone()
    }

    fn form(&self, dim: &SymDim, open: &[Open]) -> String {
        let SymDim::Of(variable, function) = dim else {
            return dim.form(open);
        };
        let name = open.get(variable.0).map_or("", |open| &open.name);
        let key = (name.to_string(), function.clone());
        let mut known = self.known.borrow_mut();
        let form = known.entry(key).or_insert_with(|| dim.form(open));
        form.clone()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Number(size) => size.fmt(f),
            Size::Form(form) => form.fmt(f),
        }
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.0.iter().map(Size::to_string).collect();
        write!(f, "[{}]", dims.join(", "))
    }
}

/// `[64, 56, 56]`; where shapes differ, `[64|128, 56|28, _]`: two sizes as they are, more as `smallest..largest` (expressions: `first..last`).
/// Shapes of several ranks are put side by side.
pub fn merged(shapes: &[Dims]) -> String {
    let mut ranks: Vec<usize> = shapes.iter().map(|shape| shape.0.len()).collect();
    ranks.sort();
    ranks.dedup();
    let of_rank = |rank: usize| {
        let of_rank = || shapes.iter().filter(|shape| shape.0.len() == rank);
        let dims: Vec<String> = (0..rank)
            .map(|axis| merged_dim(of_rank().map(|shape| &shape.0[axis])))
            .collect();
        format!("[{}]", dims.join(", "))
    };
    let ranks: Vec<String> = ranks.into_iter().map(of_rank).collect();
    ranks.join(" | ")
}

fn merged_dim<'d>(sizes: impl Iterator<Item = &'d Size>) -> String {
    let mut known: BTreeSet<&Size> = BTreeSet::new();
    let mut distinct: Vec<&Size> = sizes.filter(|size| known.insert(size)).collect();
    if distinct.iter().all(|size| matches!(size, Size::Number(_))) {
        distinct.sort();
    }
    match distinct.as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [a, b] => format!("{a}|{b}"),
        [first, .., last] => format!("{first}..{last}"),
    }
}
