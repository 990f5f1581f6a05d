//! The names of bodies while they are resolved.

use std::collections::BTreeMap;

use crate::elaborate::LocalKind;
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
    /// Labels with expressions in them: what stands before the first and after the last expression.
    patterns: Vec<(String, String, Span)>,
    labels_leak: bool,
}

/// The scopes of one declaration, innermost last, and every constant that it ever declared.
#[derive(Debug)]
pub(super) struct Scopes<'p> {
    scopes: Vec<Scope<'p>>,
    variables: Vec<Variable<'p>>,
    /// Open sizes, where they are declared.
    sizes: BTreeMap<&'p str, Span>,
    /// Labels by scope of names (section 6 of the specification), innermost last.
    labels: Vec<BTreeMap<String, Span>>,
}

impl Default for Scopes<'_> {
    fn default() -> Self {
        Scopes {
            scopes: vec![Scope::default()],
            variables: Vec::new(),
            sizes: BTreeMap::new(),
            labels: vec![BTreeMap::new()],
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
        let fits = |(start, end, _): &&(String, String, Span)| {
            name.len() >= start.len() + end.len()
                && name.starts_with(start.as_str())
                && name.ends_with(end.as_str())
        };
        self.scopes.iter().rev().find_map(|scope| {
            let plain = scope.values.get(name).copied();
            plain.or_else(|| scope.patterns.iter().find(fits).map(|pattern| pattern.2))
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
                scope.patterns.push((ends.0, ends.1, label.span));
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
    pub fn labels(&mut self) -> &mut Vec<BTreeMap<String, Span>> {
        &mut self.labels
    }

    /// Notes a label; answers where it was used before in its scope of names.
    pub fn claim(&mut self, label: &Text) -> Option<Span> {
        let name = plain(label)?;
        let labels = self.labels.last_mut()?;
        match labels.get(&name) {
            Some(first) => Some(*first),
            None => {
                labels.insert(name, label.span);
                None
            }
        }
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
