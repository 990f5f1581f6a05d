//! What rules gave when they were proved before: most steps of a net, of its relatives in the file, and of the same file after the next
//! keystroke apply a rule that was known already to shapes that were known.

use std::collections::HashMap;
use std::rc::Rc;

use super::open::OpenValue;
use super::value::Value;
use crate::symbolic::{Sizes, SymDim, SymShape};

/// So many sizes may stand in the tables of what is remembered. Beyond, all is forgotten: while a text is edited, most was of states that
/// are gone.
const REMEMBERED: usize = 1 << 20;

/// Shapes that rules gave. What a rule gives depends on nothing but its key, so they stay true whatever becomes of the text.
#[derive(Debug, Default)]
pub struct Lifts {
    known: HashMap<Key, SymShape>,
    weight: usize,
}

/// A rule, what it is applied to, and the sizes that are allowed.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    rule: &'static str,
    values: Vec<Part>,
    inputs: Vec<SymShape>,
    allowed: Vec<Sizes>,
}

/// A value by which rules are told apart; of numbers, the bits.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Part {
    Absent,
    Int(i64),
    Float(u64),
    Bool(bool),
    Text(Rc<str>),
    Size([i64; 2]),
    List(Vec<Part>),
    Open(Rc<OpenValue>),
}

/// What tells a rule from others: a name, and the values that it depends on.
#[derive(Clone, Copy)]
pub(super) struct RuleName<'v> {
    pub rule: &'static str,
    pub values: &'v [Option<Value>],
}

impl RuleName<'_> {
    /// A rule that depends on nothing but the shapes it is applied to.
    pub fn plain(rule: &'static str) -> RuleName<'static> {
        RuleName { rule, values: &[] }
    }
}

impl Key {
    /// `None` if a value is no number, text or list of such: nothing is remembered then.
    pub fn new(
        name: RuleName<'_>,
        inputs: &[SymShape],
        allowed: impl Iterator<Item = Sizes>,
    ) -> Option<Key> {
        let values: Option<Vec<Part>> = name.values.iter().map(|v| part(v.as_ref())).collect();
        Some(Key {
            rule: name.rule,
            values: values?,
            inputs: inputs.to_vec(),
            allowed: allowed.collect(),
        })
    }
}

fn part(value: Option<&Value>) -> Option<Part> {
    let Some(value) = value else {
        return Some(Part::Absent);
    };
    Some(match value {
        Value::Int(value) => Part::Int(*value),
        Value::Float(value) => Part::Float(value.to_bits()),
        Value::Bool(value) => Part::Bool(*value),
        Value::Text(text) => Part::Text(text.clone()),
        Value::Size(size) => Part::Size(*size),
        Value::Open(open) => Part::Open(open.clone()),
        Value::List(items) => {
            let parts: Option<Vec<Part>> = items.iter().map(|item| part(Some(item))).collect();
            Part::List(parts?)
        }
        Value::Unknown | Value::Block(_) => return None,
    })
}

impl Lifts {
    /// Nothing yet.
    pub fn new() -> Lifts {
        Lifts::default()
    }

    /// What the rule gave.
    pub(super) fn get(&self, key: &Key) -> Option<&SymShape> {
        self.known.get(key)
    }

    /// Remembers what it gave.
    pub(super) fn insert(&mut self, key: Key, shape: SymShape) {
        let shapes = key.inputs.iter().chain([&shape]);
        let weight: usize = shapes.map(weight).sum();
        if self.weight.saturating_add(weight) > REMEMBERED {
            self.known.clear();
            self.weight = 0;
        }
        self.weight += weight;
        self.known.insert(key, shape);
    }
}

/// The lengths of its tables, and something for itself.
pub(super) fn weight(shape: &SymShape) -> usize {
    let functions = shape.dims().iter().flat_map(SymDim::functions);
    functions.fold(8, |sum, (_, function)| {
        sum + function.threshold() + function.period()
    })
}
