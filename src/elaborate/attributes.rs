//! The attributes of one layer with their values, and the ranges of the table.

use super::layers::{Layer, Preset, Range};
use super::lifts::RuleName;
use super::open::{OpenValue, open_values, resolve};
use super::value::{Value, convert};
use crate::check::{ShapeError, same_pad};
use crate::diagnostic::{Code, codes};
use crate::graph::{Margins, Op, Pool, PoolKind, Shape};
use crate::symbolic::Assignment;

/// Largest int that an attribute takes: all sizes of tensors stay far below it.
const LARGEST: i64 = i32::MAX as i64;

/// Why a value of the right type is outside an attribute's range.
pub(super) fn out_of_range(name: &str, value: &Value, range: Range) -> Option<(Code, String)> {
    let fault =
        |wanted: String| Some((codes::ATTRIBUTE_RANGE, format!("`{name}` must be {wanted}")));
    match (range, value) {
        (_, Value::Unknown) | (Range::Any, _) => None,
        (Range::AtLeast(least), Value::Int(x)) if *x < least => fault(format!("at least {least}")),
        (Range::AtLeast(_), Value::Int(x)) if *x > LARGEST => fault(format!("at most {LARGEST}")),
        (Range::AtLeast(_), Value::Size(size)) => size
            .iter()
            .find_map(|x| out_of_range(name, &Value::Int(*x), range)),
        (Range::AtLeast(_), Value::List(items)) => items
            .iter()
            .find_map(|item| out_of_range(name, item, range)),
        (Range::Positive, Value::Float(x)) if *x <= 0.0 => fault("above 0".into()),
        (Range::Unit, Value::Float(x)) if !(0.0..=1.0).contains(x) => fault("from 0 to 1".into()),
        (Range::OneOf(words), Value::Text(text)) if !words.contains(&&**text) => {
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            Some((
                codes::ATTRIBUTE_VALUE,
                format!("`{name}` is one of {}", words.join(", ")),
            ))
        }
        _ => None,
    }
}

/// The attributes of one layer with their values, defaults filled in. Asking for one of another type gives zero: the table and
/// the readers below agree on types.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    layer: &'static Layer,
    values: Vec<Option<Value>>,
}

impl Attributes {
    pub fn new(layer: &'static Layer, mut values: Vec<Option<Value>>) -> Attributes {
        for (index, attribute) in layer.attributes.iter().enumerate() {
            if values.get(index).is_some_and(Option::is_some) {
                continue;
            }
            let value = match attribute.default {
                Preset::Required | Preset::Absent => None,
                Preset::Int(x) => convert(&Value::Int(x), attribute.kind),
                Preset::Float(x) => Some(Value::Float(x)),
                Preset::Bool(x) => Some(Value::Bool(x)),
                Preset::Text(text) => Some(Value::Text(text.into())),
                Preset::Zeros => Some(Value::List(vec![Value::Int(0), Value::Int(0)].into())),
                Preset::Same(other) => layer
                    .attributes
                    .iter()
                    .position(|attribute| attribute.name == other)
                    .and_then(|index| values.get(index).cloned().flatten()),
            };
            if let Some(slot) = values.get_mut(index) {
                *slot = value;
            }
        }
        Attributes { layer, values }
    }

    /// The name of the layer's rule.
    pub fn rule(&self) -> RuleName<'_> {
        RuleName {
            rule: self.layer.name,
            values: &self.values,
        }
    }

    /// The open values in the attributes, with the names of those.
    pub fn open_values(&self) -> impl Iterator<Item = (&'static str, &OpenValue)> {
        let names = self.layer.attributes.iter().map(|attribute| attribute.name);
        names.zip(&self.values).flat_map(|(name, value)| {
            let open = value.iter().flat_map(open_values);
            open.map(move |open| (name, open))
        })
    }

    /// The attributes where the open sizes are these; the ranges of the table are checked again.
    pub fn at(&self, sizes: &Assignment) -> Result<Attributes, ShapeError> {
        let mut values = Vec::with_capacity(self.values.len());
        for (attribute, value) in self.layer.attributes.iter().zip(&self.values) {
            let at = |open: &OpenValue| open.at(sizes.get(open.variable));
            let resolved = value.as_ref().and_then(|value| resolve(value, &at));
            let converted = resolved.and_then(|value| convert(&value, attribute.kind));
            if let Some(value) = &converted
                && let Some((code, message)) = out_of_range(attribute.name, value, attribute.range)
            {
                return Err(ShapeError::new(code, message).at(attribute.name));
            }
            values.push(converted);
        }
        Ok(Attributes {
            layer: self.layer,
            values,
        })
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let index = self.layer.attributes.iter().position(|a| a.name == name)?;
        self.values.get(index)?.as_ref()
    }

    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.int(name)).unwrap_or(0)
    }

    pub fn int(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Int(x)) => *x,
            _ => 0,
        }
    }

    pub fn size(&self, name: &str) -> Option<[usize; 2]> {
        match self.get(name) {
            Some(Value::Size(size)) => Some(size.map(|x| usize::try_from(x).unwrap_or(0))),
            _ => None,
        }
    }

    pub fn pair(&self, name: &str) -> [usize; 2] {
        self.size(name).unwrap_or([0, 0])
    }

    pub fn float(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Float(x)) => *x,
            _ => 0.0,
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn ints(&self, name: &str) -> Vec<i64> {
        match self.get(name) {
            Some(Value::List(items)) => items
                .iter()
                .filter_map(|item| match item {
                    Value::Int(x) => Some(*x),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        match self.get(name) {
            Some(Value::List(items)) => items
                .iter()
                .filter_map(super::operators::number)
                .map(|x| x as f32)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A size or four numbers; `"same"` is not for this.
    pub fn margins(&self, name: &str) -> Margins {
        let four: Vec<usize> = self
            .ints(name)
            .into_iter()
            .map(|x| usize::try_from(x).unwrap_or(0))
            .collect();
        match four[..] {
            [top, left, bottom, right] => Margins {
                top,
                left,
                bottom,
                right,
            },
            _ => Margins::symmetric(self.pair(name)),
        }
    }

    /// The padding of windows over `input`.
    pub fn window_pad(&self, input: &Shape) -> Margins {
        if self.text("pad").is_none() {
            return self.margins("pad");
        }
        let (kernel, stride) = (self.pair("kernel"), self.pair("stride"));
        let dilation = self.size("dilation").unwrap_or([1, 1]);
        let [top, bottom] = same_pad(input.height(), kernel[0], stride[0], dilation[0]);
        let [left, right] = same_pad(input.width(), kernel[1], stride[1], dilation[1]);
        Margins {
            top,
            left,
            bottom,
            right,
        }
    }

    /// A pool with these attributes.
    pub fn pool(&self, kind: PoolKind, input: &Shape) -> Op {
        Op::Pool(Pool {
            kind,
            kernel: self.pair("kernel"),
            stride: self.pair("stride"),
            pad: self.window_pad(input),
            dilation: self.size("dilation").unwrap_or([1, 1]),
            ceil: self.flag("ceil"),
        })
    }
}
