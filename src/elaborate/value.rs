//! Values of constants, and their types.

use std::fmt;
use std::rc::Rc;

use super::layers::Layer;
use super::open::OpenValue;
use super::program::DeclarationId;
use crate::limits;
use crate::syntax::ast::Type;

/// What a step applies, after names are resolved and partial applications followed to their base.
#[derive(Clone, Copy, Debug)]
pub enum Callee {
    /// A built-in layer.
    Layer(&'static Layer),
    /// A function or a block (or net) with a body.
    Declared(DeclarationId),
}

impl PartialEq for Callee {
    fn eq(&self, other: &Callee) -> bool {
        match (self, other) {
            (Callee::Layer(a), Callee::Layer(b)) => a.name == b.name,
            (Callee::Declared(a), Callee::Declared(b)) => a == b,
            _ => false,
        }
    }
}

/// Something that can be a step, with some of its arguments given.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What.
    pub callee: Callee,
    /// What it is called where it was written.
    pub name: Rc<str>,
    /// The arguments, by parameter; `None` is still free.
    pub fixed: Vec<Option<Value>>,
}

impl Applied {
    fn is_alike(&self, other: &Applied) -> bool {
        let alike = |pair: (&Option<Value>, &Option<Value>)| match pair {
            (Some(Value::Block(a)), Some(Value::Block(b))) => Rc::ptr_eq(a, b),
            (a, b) => a == b,
        };
        self.callee == other.callee && self.fixed.iter().zip(&other.fixed).all(alike)
    }
}

/// A constant.
#[derive(Clone, Debug)]
pub enum Value {
    /// The result of something that failed and was reported; whatever is made of it is unknown too, silently.
    Unknown,
    /// `int`
    Int(i64),
    /// `float`
    Float(f64),
    /// `bool`
    Bool(bool),
    /// `string`
    Text(Rc<str>),
    /// `size`: height, width
    Size([i64; 2]),
    /// `[T]`
    List(Rc<[Value]>),
    /// `block`
    Block(Rc<Applied>),
    /// `int` or `bool` that depends on an open size; only where a net is proved for all of them.
    Open(Rc<OpenValue>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Size(a), Value::Size(b)) => a == b,
            (Value::List(a), Value::List(b)) => Rc::ptr_eq(a, b) || a == b,
            // One level deep: blocks that are arguments of both must be the same value.
            (Value::Block(a), Value::Block(b)) => Rc::ptr_eq(a, b) || a.is_alike(b),
            (Value::Open(a), Value::Open(b)) => a == b,
            _ => false,
        }
    }
}

impl Value {
    /// What people call its type.
    pub fn type_name(&self) -> String {
        match self {
            Value::Unknown => "unknown".into(),
            Value::Int(_) => "int".into(),
            Value::Float(_) => "float".into(),
            Value::Bool(_) => "bool".into(),
            Value::Text(_) => "string".into(),
            Value::Size(_) => "size".into(),
            Value::Block(_) => "block".into(),
            Value::Open(open) if open.is_bool => "bool".into(),
            Value::Open(_) => "int".into(),
            Value::List(items) => match items.first() {
                Some(Value::List(_)) => "list of lists".into(),
                Some(first) => match items.iter().find(|x| x.type_name() != first.type_name()) {
                    Some(other) => {
                        format!("list of {} and {}", first.type_name(), other.type_name())
                    }
                    None => format!("[{}]", first.type_name()),
                },
                None => "[]".into(),
            },
        }
    }

    /// Whether it, or something in it, is unknown. Looks one level deep: lists of unknowns are made unknown at once.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Value::Unknown)
    }

    /// How much memory and time it takes to look at, in elements, those of lists inside included.
    ///
    /// Lists are kept below [`limits::LIST_ELEMENTS`] in this measure when they are made, so it never takes long.
    pub fn weight(&self) -> usize {
        match self {
            Value::List(items) => {
                let mut sum = 1usize;
                for item in items.iter() {
                    sum = sum.saturating_add(item.weight());
                    if sum > limits::LIST_ELEMENTS {
                        break;
                    }
                }
                sum
            }
            Value::Text(text) => text.len() / 16 + 1,
            _ => 1,
        }
    }

    /// Depth of nested lists and partial applications: bounds what compares, prints or drops it.
    pub fn depth(&self) -> usize {
        match self {
            Value::List(items) => 1 + items.iter().map(Value::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Appends the value as it would be written, but no more than about `limit` bytes.
    pub fn write(&self, text: &mut String, limit: usize) {
        if text.len() > limit {
            return;
        }
        match self {
            Value::Unknown => text.push('?'),
            Value::Int(value) => text.push_str(&value.to_string()),
            Value::Float(value) => text.push_str(&format!("{value:?}")),
            Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Value::Text(value) => text.push_str(value),
            Value::Size([height, width]) => text.push_str(&format!("{height}x{width}")),
            Value::Block(applied) => text.push_str(&applied.name),
            Value::Open(open) => text.push_str(&open.form()),
            Value::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if text.len() > limit {
                        return;
                    }
                    text.push_str(if index == 0 { "" } else { ", " });
                    let quote = if matches!(item, Value::Text(_)) {
                        "\""
                    } else {
                        ""
                    };
                    text.push_str(quote);
                    item.write(text, limit);
                    text.push_str(quote);
                }
                text.push(']');
            }
        }
    }
}

/// Short form for messages.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LIMIT: usize = 60;
        let mut text = String::new();
        match self {
            Value::Text(value) => {
                text.push('"');
                text.extend(value.chars().take(LIMIT));
                text.push('"');
            }
            other => other.write(&mut text, LIMIT),
        }
        if text.chars().count() > LIMIT {
            text = text.chars().take(LIMIT).chain("...".chars()).collect();
        }
        f.write_str(&text)
    }
}

/// What a parameter or attribute accepts.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A type of the language.
    Type(Type),
    /// A list of ints.
    Ints,
    /// A list of floats.
    Floats,
    /// `pad` of windows: a size, four numbers, or `"same"`.
    WindowPad,
    /// `spatial` of `pad`: a size or four numbers.
    Margins,
    /// Two ints: before and after.
    Pair,
    /// `parts` of `split`: a number or sizes.
    Parts,
    /// `resize` of `image`: the shorter side, or a size.
    Resize,
    /// A tensor: the parameters of functions that have no type.
    Tensor,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Type(ty) => f.write_str(&type_name(ty)),
            Kind::Ints => f.write_str("[int]"),
            Kind::Floats => f.write_str("[float]"),
            Kind::WindowPad => f.write_str("size, [top, left, bottom, right] or \"same\""),
            Kind::Margins => f.write_str("size or [top, left, bottom, right]"),
            Kind::Pair => f.write_str("[before, after]"),
            Kind::Parts => f.write_str("int or [int]"),
            Kind::Resize => f.write_str("int or size"),
            Kind::Tensor => f.write_str("tensor"),
        }
    }
}

/// A type as it is written.
pub fn type_name(ty: &Type) -> String {
    match ty {
        Type::Int => "int".into(),
        Type::Float => "float".into(),
        Type::Bool => "bool".into(),
        Type::String => "string".into(),
        Type::Size => "size".into(),
        Type::Block => "block".into(),
        Type::List(item) => format!("[{}]", type_name(item)),
    }
}

/// The value as what is wanted, with the conversions that the language makes by itself; `None` if it is something else.
pub fn convert(value: &Value, kind: &Kind) -> Option<Value> {
    if value.is_unknown() {
        return Some(Value::Unknown);
    }
    match kind {
        Kind::Type(ty) => convert_type(value, ty),
        Kind::Ints => all_of(value, &Type::Int),
        Kind::Floats => all_of(value, &Type::Float),
        Kind::Pair => all_of(value, &Type::Int).filter(|list| has_length(list, 2)),
        Kind::WindowPad => match value {
            Value::Text(text) => (&**text == "same").then(|| value.clone()),
            _ => convert(value, &Kind::Margins),
        },
        Kind::Margins => convert_type(value, &Type::Size)
            .or_else(|| all_of(value, &Type::Int).filter(|list| has_length(list, 4))),
        Kind::Parts => convert_type(value, &Type::Int).or_else(|| all_of(value, &Type::Int)),
        Kind::Resize => {
            convert_type(value, &Type::Int).or_else(|| convert_type(value, &Type::Size))
        }
        Kind::Tensor => None,
    }
}

fn has_length(value: &Value, length: usize) -> bool {
    matches!(value, Value::List(items) if items.len() == length)
}

fn all_of(value: &Value, ty: &Type) -> Option<Value> {
    let Value::List(items) = value else {
        return None;
    };
    let items: Option<Vec<Value>> = items.iter().map(|item| convert_type(item, ty)).collect();
    items.map(|items| Value::List(items.into()))
}

/// Recurses along the type, whose depth the parser bounds.
fn convert_type(value: &Value, ty: &Type) -> Option<Value> {
    match (ty, value) {
        (_, Value::Unknown)
        | (Type::Int, Value::Int(_))
        | (Type::Float, Value::Float(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::String, Value::Text(_))
        | (Type::Size, Value::Size(_))
        | (Type::Block, Value::Block(_)) => Some(value.clone()),
        (Type::Int, Value::Open(open)) if !open.is_bool => Some(value.clone()),
        (Type::Bool, Value::Open(open)) if open.is_bool => Some(value.clone()),
        (Type::Size, Value::Open(open)) if !open.is_bool => {
            Some(Value::List(vec![value.clone(), value.clone()].into()))
        }
        (Type::Float, Value::Int(value)) => Some(Value::Float(*value as f64)),
        (Type::Size, Value::Int(value)) => Some(Value::Size([*value; 2])),
        (Type::Size, Value::List(items)) => match &**items {
            [Value::Int(height), Value::Int(width)] => Some(Value::Size([*height, *width])),
            [Value::Open(_), Value::Int(_) | Value::Open(_)] | [Value::Int(_), Value::Open(_)] => {
                Some(value.clone())
            }
            _ => None,
        },
        (Type::List(item), Value::List(_)) => all_of(value, item),
        _ => None,
    }
}
