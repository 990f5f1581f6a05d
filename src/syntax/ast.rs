//! The syntax tree of a `.net` file: what was written, nothing of what it means.

use crate::source::{FileId, Span};

/// A file after parsing. Statements and declarations that could not be parsed are absent; their diagnostics tell of them.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The file.
    pub id: FileId,
    /// Its `use` declarations.
    pub uses: Vec<Use>,
    /// Its other declarations, in file order.
    pub declarations: Vec<Declaration>,
}

/// A name where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// `use "path"` or `use "path" (A, B as C)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The path as written.
    pub path: String,
    /// Span of the path literal.
    pub path_span: Span,
    /// The chosen names with their new names; `None` takes everything.
    pub names: Option<Vec<(Ident, Option<Ident>)>>,
    /// The whole declaration.
    pub span: Span,
}

/// `fn`, `block` or `net`.
#[derive(Clone, Debug, PartialEq)]
pub enum Declaration {
    /// An elementwise function.
    Fn(FnDeclaration),
    /// A block or a net.
    Template(Template),
}

impl Declaration {
    /// The declared name.
    pub fn name(&self) -> &Ident {
        match self {
            Declaration::Fn(f) => &f.name,
            Declaration::Template(t) => &t.name,
        }
    }
}

/// `fn f(x, slope: float = 0.01) = expression`.
#[derive(Clone, Debug, PartialEq)]
pub struct FnDeclaration {
    /// The `///` lines before it, joined by line ends.
    pub doc: String,
    /// Its name.
    pub name: Ident,
    /// Parameters; those without a type are tensors.
    pub params: Vec<Param>,
    /// The value.
    pub body: Expr,
    /// The whole declaration.
    pub span: Span,
}

/// Which of the two kinds of template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateKind {
    /// `block`
    Block,
    /// `net`
    Net,
}

/// A block or a net, with its own body or as a partial application of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Block or net.
    pub kind: TemplateKind,
    /// The `///` lines before it, joined by line ends.
    pub doc: String,
    /// Its name.
    pub name: Ident,
    /// Parameters (empty for an alias).
    pub params: Vec<Param>,
    /// What it stands for.
    pub definition: Definition,
    /// The whole declaration.
    pub span: Span,
}

/// What a template stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// `{ ... }`
    Body(Body),
    /// `= Base(...)`
    Alias(Call),
}

/// One parameter of a block, net or function.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type; `None` only in functions (a tensor).
    pub ty: Option<Type>,
    /// The default value.
    pub default: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// Type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `string`
    String,
    /// `size`: height and width
    Size,
    /// `block`: anything that can be a step
    Block,
    /// `[T]`
    List(Box<Type>),
}

/// Statements between braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// In order.
    pub statements: Vec<Statement>,
    /// With the braces.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// All of it.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `input name: [3, H, W] from image(...)`
    Input {
        /// The input's name.
        name: Ident,
        /// Its shape.
        shape: ShapePattern,
        /// `image(...)`, how a picture becomes the input.
        source: Option<Call>,
    },
    /// `where condition`: the open sizes for which the net is meant
    Where(Expr),
    /// `output name` or `output name: chain`
    Output {
        /// The output's name.
        name: Ident,
        /// The side branch.
        chain: Option<Chain>,
    },
    /// `let name = value`
    Let {
        /// The constant's name.
        name: Ident,
        /// Its value.
        value: Expr,
    },
    /// `require condition, "message"`
    Require {
        /// Must hold.
        condition: Expr,
        /// What to say otherwise.
        message: Option<Text>,
    },
    /// `labels [...]`
    Labels(Expr),
    /// A chain of steps.
    Chain(Chain),
}

/// Steps joined by `->`; at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// In order.
    pub steps: Vec<Step>,
    /// All of it.
    pub span: Span,
}

/// `label: step : [shape]`
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// None, one, or several for a split.
    pub labels: Vec<Text>,
    /// What it does.
    pub kind: StepKind,
    /// The shape assertion after it.
    pub assertion: Option<ShapePattern>,
    /// All of it, label and assertion included.
    pub span: Span,
}

/// The kinds of step.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// A layer, function, block, value name, `in` or `it`.
    Call(Call),
    /// `{ ... }`
    Group(Body),
    /// `( chain )`, for grouping in `a + (b -> c)`
    Paren(Chain),
    /// `residual { ... } shortcut ...`
    Residual {
        /// The residual function F.
        body: Body,
        /// The other way.
        shortcut: Option<Shortcut>,
        /// The word itself.
        keyword: Span,
    },
    /// `concat { ... }`: each statement is a branch.
    Concat {
        /// The branches.
        branches: Body,
        /// The word itself.
        keyword: Span,
    },
    /// `repeat i in ... { ... }`
    Repeat {
        /// The variable.
        index: Ident,
        /// What it runs over.
        over: RepeatOver,
        /// What is repeated.
        body: Body,
        /// The word itself.
        keyword: Span,
    },
    /// `if c { } else if d { } else { }`
    If {
        /// Conditions with their bodies, in order; at least one.
        arms: Vec<(Expr, Body)>,
        /// The last `else`.
        otherwise: Option<Body>,
        /// The word itself.
        keyword: Span,
    },
    /// `a + b`, `a - b`, `a * b`
    Binary {
        /// Which.
        op: StepOp,
        /// Left side.
        lhs: Box<Step>,
        /// Right side.
        rhs: Box<Step>,
        /// The operator itself.
        op_span: Span,
    },
}

/// Elementwise operators between steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
}

/// `shortcut when condition { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Shortcut {
    /// Only then; otherwise the identity.
    pub when: Option<Expr>,
    /// The shortcut.
    pub body: Body,
    /// The word `shortcut`.
    pub keyword: Span,
}

/// What a `repeat` runs over.
#[derive(Clone, Debug, PartialEq)]
pub enum RepeatOver {
    /// `a..b`
    Range(Expr, Expr),
    /// A list.
    List(Expr),
}

/// `name`, `name()` or `name(arguments)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called; `in` and `it` too.
    pub callee: Ident,
    /// Arguments; empty if the parentheses were left out.
    pub arguments: Vec<Argument>,
    /// Whether there were parentheses.
    pub parenthesised: bool,
    /// All of it.
    pub span: Span,
}

/// `value` or `name=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name, if named.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// `[256, _, 13]`
#[derive(Clone, Debug, PartialEq)]
pub struct ShapePattern {
    /// The dimensions.
    pub dims: Vec<Dimension>,
    /// With the brackets.
    pub span: Span,
}

/// One dimension of a [`ShapePattern`].
#[derive(Clone, Debug, PartialEq)]
pub enum Dimension {
    /// `_`
    Any,
    /// `H = 224`: an open size with its default; in inputs only.
    Open(Ident, Expr),
    /// A size. In an input, a name that nothing declares and that begins with a capital letter is an open size.
    Size(Expr),
}

impl Dimension {
    /// The size, or the default of an open one.
    pub fn expression(&self) -> Option<&Expr> {
        match self {
            Dimension::Any => None,
            Dimension::Open(_, size) | Dimension::Size(size) => Some(size),
        }
    }
}

/// A text with expressions in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Its parts in order; a plain text is one literal (or none when empty).
    pub parts: Vec<TextPart>,
    /// All of it (with the quotes, for a string).
    pub span: Span,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    /// As it is, escapes resolved.
    Literal(String),
    /// `{expression}`
    Expr(Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `12`
    Int(i64),
    /// `0.5`
    Float(f64),
    /// `true`
    Bool(bool),
    /// `"text {x}"`
    Text(Text),
    /// `3x5`: height, width
    Size(i64, i64),
    /// A parameter, constant, value, block or layer; `in` and `it` too.
    Name(String),
    /// `x.channels`
    Field(Box<Expr>, Ident),
    /// `xs[i]`
    Index(Box<Expr>, Box<Expr>),
    /// `-x`, `not x`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>, Span),
    /// `if c then a else b`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `f(a, b=1)`
    Call(Call),
}

/// Unary operators of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`
    Not,
}

/// Binary operators of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its own name
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}

impl BinaryOp {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Rem => "%",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
        }
    }
}
