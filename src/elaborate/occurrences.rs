//! Which name means what: an entry for every place of a text where something is named. For tools that follow names.

use super::layers::Layer;
use super::program::DeclarationId;
use crate::source::Span;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A built-in layer, or `image`.
    Layer(&'static Layer),
    /// An attribute of a built-in layer, by its index.
    Attribute(&'static Layer, usize),
    /// A function of expressions, such as `min`.
    Builtin,
    /// A `fn`, `block` or `net`.
    Declared(DeclarationId),
    /// A parameter, a `let`, the variable of a `repeat`, an open size, a label or an input: the place that declares it.
    Local(Span, LocalKind),
}

/// What declares a local name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalKind {
    /// A parameter.
    Parameter,
    /// `let`
    Constant,
    /// The variable of a `repeat`.
    Index,
    /// An open size.
    Size,
    /// A label, an input or an output: a value of the network.
    Value,
}

/// A place that names something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occurrence {
    /// The name.
    pub span: Span,
    /// What it stands for.
    pub target: Target,
    /// Whether it is declared here.
    pub declares: bool,
}
