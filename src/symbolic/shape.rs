//! Shapes whose dimensions depend on open sizes, and sums of their products.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::function::Function;
use super::lift::{Assignment, Open};
use crate::graph::Shape;

/// Handle of an open size of a net: its place in the list of [`Open`] sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable(pub usize);

/// Functions of open sizes, multiplied; in order, so that equal products compare equal.
type Factors = Vec<(Variable, Arc<Function>)>;

/// One dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SymDim {
    /// The same for all sizes.
    Known(u64),
    /// A function of one open size, not constant.
    Of(Variable, Arc<Function>),
    /// What `flatten` makes: a number times functions. They are more than one, or the number is.
    Product(u64, Factors),
}

impl SymDim {
    /// A function of an open size, or the number that it always is.
    pub fn of(variable: Variable, function: Function) -> SymDim {
        match function.constant().map(u64::try_from) {
            Some(Ok(size)) => SymDim::Known(size),
            _ => SymDim::Of(variable, Arc::new(function)),
        }
    }

    /// The product of dimensions.
    pub fn product(dims: &[SymDim]) -> SymDim {
        let mut number = 1u64;
        let mut factors = Factors::new();
        for dim in dims {
            match dim {
                SymDim::Known(size) => number = number.saturating_mul(*size),
                SymDim::Of(variable, function) => factors.push((*variable, function.clone())),
                SymDim::Product(size, more) => {
                    number = number.saturating_mul(*size);
                    factors.extend(more.iter().cloned());
                }
            }
        }
        factors.sort();
        match (number, factors.len()) {
            (_, 0) => SymDim::Known(number),
            (1, 1) => {
                let (variable, function) = factors.remove(0);
                SymDim::Of(variable, function)
            }
            _ => SymDim::Product(number, factors),
        }
    }

    /// The other factor of a product, if `divisor` is one.
    pub fn divided_by(&self, divisor: &SymDim) -> Option<SymDim> {
        let (number, mut factors) = self.factors();
        let (by, functions) = divisor.factors();
        for function in functions {
            let index = factors.iter().position(|factor| *factor == function)?;
            factors.remove(index);
        }
        let whole = by > 0 && number.is_multiple_of(by);
        let mut dims: Vec<SymDim> = factors
            .into_iter()
            .map(|(variable, function)| SymDim::Of(variable, function))
            .collect();
        dims.push(SymDim::Known(number.checked_div(by)?));
        whole.then(|| SymDim::product(&dims))
    }

    /// The number and the functions that it is the product of.
    fn factors(&self) -> (u64, Factors) {
        match self {
            SymDim::Known(size) => (*size, Factors::new()),
            SymDim::Of(variable, function) => (1, vec![(*variable, function.clone())]),
            SymDim::Product(number, factors) => (*number, factors.clone()),
        }
    }

    /// Its size where the open sizes are these; `None` where the net is not for them.
    pub fn at(&self, sizes: &Assignment) -> Option<u64> {
        let value = |variable: Variable, function: &Function| {
            u64::try_from(function.at(sizes.get(variable))?).ok()
        };
        match self {
            SymDim::Known(size) => Some(*size),
            SymDim::Of(variable, function) => value(*variable, function),
            SymDim::Product(number, factors) => {
                let mut factors = factors.iter();
                factors.try_fold(*number, |product, (variable, function)| {
                    product.checked_mul(value(*variable, function)?)
                })
            }
        }
    }

    /// The functions in it.
    pub fn functions(&self) -> impl Iterator<Item = (Variable, &Function)> {
        let of = match self {
            SymDim::Of(variable, function) => Some((*variable, &**function)),
            _ => None,
        };
        let product = match self {
            SymDim::Product(_, factors) => factors.as_slice(),
            _ => &[],
        };
        of.into_iter()
            .chain(product.iter().map(|(variable, f)| (*variable, &**f)))
    }

    /// As an expression of the language.
    pub fn form(&self, open: &[Open]) -> String {
        let (number, factors) = self.factors();
        product_form(u128::from(number), &factors, open)
    }
}

/// A shape, per image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SymShape(Arc<[SymDim]>);

impl SymShape {
    /// From dimensions.
    pub fn new(dims: Vec<SymDim>) -> SymShape {
        SymShape(dims.into())
    }

    /// One that does not depend on any size.
    pub fn known(shape: &Shape) -> SymShape {
        SymShape(shape.sizes().map(SymDim::Known).collect())
    }

    /// The dimensions.
    pub fn dims(&self) -> &[SymDim] {
        &self.0
    }

    /// Whether no dimension depends on an open size.
    pub fn is_known(&self) -> bool {
        self.0.iter().all(|dim| matches!(dim, SymDim::Known(_)))
    }

    /// Whether a dimension is a product of functions.
    pub fn has_product(&self) -> bool {
        self.0.iter().any(|dim| matches!(dim, SymDim::Product(..)))
    }

    /// The shape where the open sizes are these.
    pub fn at(&self, sizes: &Assignment) -> Option<Shape> {
        let sizes: Option<Vec<u64>> = self.0.iter().map(|dim| dim.at(sizes)).collect();
        sizes.map(Shape::new)
    }

    /// As it would be written: `[64, ceil(H / 2), ceil(W / 2)]`.
    pub fn form(&self, open: &[Open]) -> String {
        let dims: Vec<String> = self.0.iter().map(|dim| dim.form(open)).collect();
        format!("[{}]", dims.join(", "))
    }
}

/// A sum of products of functions of open sizes: what a net costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polynomial(BTreeMap<Factors, u128>);

impl Polynomial {
    /// Adds `times` the number of elements of a shape.
    pub fn add(&mut self, times: u64, shape: &SymShape) {
        let (number, factors) = SymDim::product(shape.dims()).factors();
        let number = u128::from(number).saturating_mul(u128::from(times));
        if number > 0 {
            let sum = self.0.entry(factors).or_default();
            *sum = sum.saturating_add(number);
        }
    }

    /// Adds another sum.
    pub fn add_all(&mut self, other: &Polynomial) {
        for (factors, number) in &other.0 {
            let sum = self.0.entry(factors.clone()).or_default();
            *sum = sum.saturating_add(*number);
        }
    }

    /// Its value where the open sizes are these.
    pub fn at(&self, sizes: &Assignment) -> Option<u128> {
        self.0.iter().try_fold(0u128, |sum, (factors, number)| {
            let product = factors.iter().try_fold(*number, |product, (variable, f)| {
                let value = u128::try_from(f.at(sizes.get(*variable))?).ok()?;
                product.checked_mul(value)
            })?;
            sum.checked_add(product)
        })
    }

    /// As an expression of the language, the largest number last: it says how the cost grows.
    pub fn form(&self, open: &[Open]) -> String {
        let terms: Vec<String> = self
            .0
            .iter()
            .map(|(factors, number)| product_form(*number, factors, open))
            .collect();
        match terms.is_empty() {
            true => "0".into(),
            false => terms.join(" + "),
        }
    }
}

fn product_form(number: u128, factors: &Factors, open: &[Open]) -> String {
    let is_alone = number == 1 && factors.len() == 1;
    let mut text = match number {
        1 if !factors.is_empty() => String::new(),
        _ => number.to_string(),
    };
    for (variable, function) in factors {
        let name = open.get(variable.0).map_or("?", |open| &open.name);
        let form = function.form(name);
        let is_word = form.chars().all(|c| c.is_alphanumeric() || c == '_');
        let is_call = ["floor(", "ceil("]
            .iter()
            .any(|word| form.starts_with(word))
            && form.ends_with(')')
            && form.matches('(').count() - form[..form.len() - 1].matches(')').count() == 1;
        let separator = if text.is_empty() { "" } else { " * " };
        let _ = match is_alone || is_word || is_call {
            true => write!(text, "{separator}{form}"),
            false => write!(text, "{separator}({form})"),
        };
    }
    text
}
