//! Constants that depend on an open size, and the arithmetic on them: that on numbers, size by size.

use std::rc::Rc;

use super::operators::Fault;
use super::value::Value;
use crate::diagnostic::codes;
use crate::symbolic::{Function, Sizes, Variable, settle};

/// An int or a bool that depends on one open size, and is not the same for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenValue {
    /// The open size.
    pub variable: Variable,
    /// Its name.
    pub name: Rc<str>,
    /// The value; of a bool, 1 where it is true.
    pub function: Function,
    /// Whether it is a bool.
    pub is_bool: bool,
}

impl OpenValue {
    /// The value at a size; `None` where the net is not for it.
    pub fn at(&self, size: u64) -> Option<Value> {
        let value = self.function.at(size)?;
        Some(match self.is_bool {
            true => Value::Bool(value == 1),
            false => Value::Int(value),
        })
    }

    /// Where a bool is true. `None` if that cannot be told.
    pub fn holds(&self) -> Option<Sizes> {
        let rate = (self.function.threshold(), self.function.period());
        Sizes::sample(rate, |size| self.function.at(size) == Some(1)).ok()
    }

    /// As an expression of the language.
    pub fn form(&self) -> String {
        match (self.is_bool, self.holds()) {
            (true, Some(sizes)) => sizes.condition(&self.name),
            _ => self.function.form(&self.name),
        }
    }
}

/// Names of open sizes begin with a capital letter, so that a misspelt parameter stays an error.
pub(crate) fn may_be_open(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

/// The open values in a value.
pub(super) fn open_values(value: &Value) -> Vec<&OpenValue> {
    match value {
        Value::Open(open) => vec![open],
        Value::List(items) => items.iter().flat_map(open_values).collect(),
        _ => Vec::new(),
    }
}

/// The value with open values replaced by those that `at` answers.
pub(super) fn resolve(value: &Value, at: &dyn Fn(&OpenValue) -> Option<Value>) -> Option<Value> {
    match value {
        Value::Open(open) => at(open),
        Value::List(items) => {
            let items: Option<Vec<Value>> = items.iter().map(|item| resolve(item, at)).collect();
            items.map(|items| Value::List(items.into()))
        }
        other => Some(other.clone()),
    }
}

/// The sum of the numbers in a value, and the lengths of its lists: beyond it, an open size is larger than all of them.
fn reach(value: &Value) -> u64 {
    match value {
        Value::Int(x) => x.unsigned_abs(),
        Value::Size(size) => size
            .iter()
            .map(|x| x.unsigned_abs())
            .fold(0, u64::saturating_add),
        Value::Float(x) => x.abs() as u64,
        Value::List(items) => items
            .iter()
            .map(reach)
            .fold(items.len() as u64, u64::saturating_add),
        _ => 0,
    }
}

/// An operation on values of which some are open; `None` if none is. `modulus`: it depends on residues of this.
pub(super) fn pointwise(
    arguments: &[&Value],
    modulus: u64,
    operation: &dyn Fn(&[Value]) -> Result<Value, Fault>,
) -> Option<Result<Value, Fault>> {
    let open: Vec<&OpenValue> = arguments
        .iter()
        .flat_map(|value| open_values(value))
        .collect();
    let first = *open.first()?;
    if let Some(other) = open.iter().find(|other| other.variable != first.variable) {
        let message = format!(
            "this relates `{}` and `{}`, which nothing decides while both are open",
            first.name, other.name
        );
        return Some(Err((codes::UNDECIDED, message)));
    }
    let undecided = || {
        let message = format!("this cannot be told for every `{}`", first.name);
        Err((codes::UNDECIDED, message))
    };
    let functions: Vec<&Function> = open.iter().map(|open| &open.function).collect();
    let reach = arguments
        .iter()
        .map(|value| reach(value))
        .fold(2, u64::saturating_add);
    let Ok(rate) = settle(&functions, reach, modulus) else {
        return Some(undecided());
    };
    let (mut fault, mut n_ints, mut n_bools, mut n_others) = (None, 0, 0, 0);
    let function = Function::sample(rate, |size| {
        let resolved: Option<Vec<Value>> = arguments
            .iter()
            .map(|value| resolve(value, &|open| open.at(size)))
            .collect();
        match operation(&resolved?) {
            Ok(Value::Int(x)) => {
                n_ints += 1;
                Some(x)
            }
            Ok(Value::Bool(x)) => {
                n_bools += 1;
                Some(i64::from(x))
            }
            Ok(_) => {
                n_others += 1;
                None
            }
            Err((code, message)) => {
                let place = format!("{message}, where {} is {size}", first.name);
                fault.get_or_insert((code, place));
                None
            }
        }
    });
    if let Some(fault) = fault {
        return Some(Err(fault));
    }
    let is_bool = n_bools > 0;
    match function {
        Ok(function) if n_others == 0 && (n_ints == 0 || n_bools == 0) => {
            Some(Ok(open_value(first, function, is_bool)))
        }
        _ => Some(undecided()),
    }
}

/// A plain value where the function is constant.
fn open_value(like: &OpenValue, function: Function, is_bool: bool) -> Value {
    match function.constant() {
        Some(value) if is_bool => Value::Bool(value == 1),
        Some(value) => Value::Int(value),
        None => Value::Open(Rc::new(OpenValue {
            function,
            is_bool,
            ..like.clone()
        })),
    }
}
