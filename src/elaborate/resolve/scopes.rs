//! The names of bodies while they are resolved.

use std::collections::BTreeMap;

use crate::elaborate::LocalKind;
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Ident, Text, TextPart, Type};

/// What declared a constant.
#[derive(Clone, Copy, Debug)]
pub(super) enum VariableKind<'p> {
    /// A parameter, with its type.
    Parameter(Option<&'p Type>),
    /// `let`
    Constant,
    /// The variable of a `repeat`.
    Index,
}

impl VariableKind<'_> {
    /// The same, as other rooms know it.
    pub fn local(self) -> LocalKind {
        match self {
            VariableKind::Parameter(_) => LocalKind::Parameter,
            VariableKind::Constant => LocalKind::Constant,
            VariableKind::Index => LocalKind::Index,
        }
    }
}

/// A constant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable<'p> {
    pub name: &'p Ident,
    pub kind: VariableKind<'p>,
    pub is_read: bool,
}

#[derive(Debug, Default)]
struct Scope<'p> {
    constants: BTreeMap<&'p str, usize>,
    /// By name, the place of the label.
    values: BTreeMap<String, Span>,
    patterns: Patterns,
    labels_leak: bool,
}

/// Labels with expressions in them, by what stands before the first and after the last expression.
#[derive(Debug, Default)]
struct Patterns(BTreeMap<String, BTreeMap<String, Span>>);

impl Patterns {
    fn insert(&mut self, start: String, end: String, place: Span) {
        let ends = self.0.entry(start).or_default();
        ends.entry(end).or_insert(place);
    }

    /// The first label that may have given a value this name. Looks at the parts of the name, not at every label: a body may have
    /// as many labels as names that are looked for.
    fn fitting(&self, name: &str) -> Option<Span> {
        if self.0.is_empty() || name.len() > limits::NAME_BYTES {
            return None;
        }
        let starts = (0..=name.len()).filter_map(|end| name.get(..end));
        let fitting = starts.filter_map(|start| {
            let ends = self.0.get(start)?;
            let rests = (start.len()..=name.len()).filter_map(|from| name.get(from..));
            rests.filter_map(|end| ends.get(end)).min()
        });
        fitting.min().copied()
    }
}

/// The labels of one scope of names. Those that came last can be taken out again, in time that only they take: the arms of an `if` do
/// not see each other's.
#[derive(Debug, Default)]
pub(super) struct Labels {
    places: BTreeMap<String, Span>,
    order: Vec<String>,
}

impl Labels {
    pub fn get(&self, name: &str) -> Option<Span> {
        self.places.get(name).copied()
    }

    pub fn insert(&mut self, name: String, place: Span) {
        if self.places.insert(name.clone(), place).is_none() {
            self.order.push(name);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Takes all out but the first.
    pub fn split_off(&mut self, n_kept: usize) -> Vec<(String, Span)> {
        let names = self.order.split_off(n_kept.min(self.order.len()));
        let taken = names.into_iter();
        taken
            .filter_map(|name| self.places.remove_entry(&name))
            .collect()
    }
}

/// The scopes of one declaration, innermost last, and every constant that it ever declared.
#[derive(Debug)]
pub(super) struct Scopes<'p> {
    scopes: Vec<Scope<'p>>,
    variables: Vec<Variable<'p>>,
    /// Open sizes, where they are declared.
    sizes: BTreeMap<&'p str, Span>,
    /// Labels by scope of names (section 6 of the specification), innermost last.
    labels: Vec<Labels>,
}

impl Default for Scopes<'_> {
    fn default() -> Self {
        Scopes {
            scopes: vec![Scope::default()],
            variables: Vec::new(),
            sizes: BTreeMap::new(),
            labels: vec![Labels::default()],
        }
    }
}

impl<'p> Scopes<'p> {
    pub fn open(&mut self, labels_leak: bool) {
        self.scopes.push(Scope {
            labels_leak,
            ..Scope::default()
        });
    }

    pub fn close(&mut self) {
        self.scopes.pop();
    }

    pub fn define(&mut self, name: &'p Ident, kind: VariableKind<'p>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.constants.insert(&name.name, self.variables.len());
            self.variables.push(Variable {
                name,
                kind,
                is_read: false,
            });
        }
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.constants.get(name).copied())
    }

    pub fn constant(&self, name: &str) -> Option<Variable<'p>> {
        self.variables.get(self.index_of(name)?).copied()
    }

    /// The constant with this name, which is read.
    pub fn read(&mut self, name: &str) -> Option<Variable<'p>> {
        let index = self.index_of(name)?;
        let variable = self.variables.get_mut(index)?;
        variable.is_read = true;
        Some(*variable)
    }

    pub fn define_size(&mut self, name: &'p str, span: Span) {
        self.sizes.insert(name, span);
    }

    /// Where an open size of this name is declared.
    pub fn size(&self, name: &str) -> Option<Span> {
        self.sizes.get(name).copied()
    }

    pub fn variables(&self) -> std::vec::IntoIter<Variable<'p>> {
        self.variables.clone().into_iter()
    }

    /// Whether a label may have given this name to a value.
    pub fn has_value(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The label that gave this name to a value, or may have.
    pub fn value(&self, name: &str) -> Option<Span> {
        self.scopes.iter().rev().find_map(|scope| {
            let plain = scope.values.get(name).copied();
            plain.or_else(|| scope.patterns.fitting(name))
        })
    }

    pub fn define_value(&mut self, label: &Text) {
        let keeper = self.scopes.iter().rposition(|scope| !scope.labels_leak);
        let Some(scope) = self.scopes.get_mut(keeper.unwrap_or(0)) else {
            return;
        };
        match plain(label) {
            Some(name) => {
                scope.values.insert(name, label.span);
            }
            None => {
                let literal = |part: Option<&TextPart>| match part {
                    Some(TextPart::Literal(literal)) => literal.clone(),
                    _ => String::new(),
                };
                let (first, last) = (label.parts.first(), label.parts.last());
                let ends = (literal(first), literal(last));
                scope.patterns.insert(ends.0, ends.1, label.span);
            }
        }
    }

    /// All names of values and constants that are visible.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let sizes = self.sizes.keys().copied();
        sizes.chain(self.scopes.iter().flat_map(|scope| {
            let constants = scope.constants.keys().copied();
            constants.chain(scope.values.keys().map(String::as_str))
        }))
    }

    /// Labels of the current scope of names.
    pub fn labels(&mut self) -> &mut Vec<Labels> {
        &mut self.labels
    }

    /// Notes a label; answers where it was used before in its scope of names.
    pub fn claim(&mut self, label: &Text) -> Option<Span> {
        let name = plain(label)?;
        let labels = self.labels.last_mut()?;
        let first = labels.get(&name);
        if first.is_none() {
            labels.insert(name, label.span);
        }
        first
    }
}

/// A label without expressions.
pub(super) fn plain(label: &Text) -> Option<String> {
    let mut name = String::new();
    for part in &label.parts {
        match part {
            TextPart::Literal(literal) => name.push_str(literal),
            TextPart::Expr(_) => return None,
        }
    }
    Some(name)
}
