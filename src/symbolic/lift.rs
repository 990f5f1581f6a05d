//! Rules about numbers, made rules about functions of open sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::function::{Function, Undecided, settle};
use super::shape::{SymDim, SymShape, Variable};
use super::sizes::Sizes;
use crate::graph::Shape;

/// A size that is left open.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Its name.
    pub name: String,
    /// Other names of it: sizes that a `where` makes equal to it.
    pub also: Vec<String>,
    /// The sizes that the net is for.
    pub allowed: Sizes,
    /// One of them, at which the graph stands.
    pub witness: u64,
}

impl Open {
    /// Whether it is what a name stands for.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.also.iter().any(|other| other == name)
    }
}

/// A value for each open size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment(Vec<u64>);

impl Assignment {
    /// The witnesses.
    pub fn witnesses(open: &[Open]) -> Assignment {
        Assignment(open.iter().map(|open| open.witness).collect())
    }

    /// The value of an open size.
    pub fn get(&self, variable: Variable) -> u64 {
        self.0.get(variable.0).copied().unwrap_or(1)
    }

    /// The same with another value of one of them.
    pub fn with(&self, variable: Variable, size: u64) -> Assignment {
        let mut sizes = self.0.clone();
        if let Some(slot) = sizes.get_mut(variable.0) {
            *slot = size;
        }
        Assignment(sizes)
    }
}

/// So many combinations of sizes are tried where a rule gives no shape at the witnesses.
const COMBINATIONS: usize = 1 << 20;

/// What of its arguments a rule depends on besides their order among each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// It treats all sizes above this alike.
    pub reach: u64,
    /// It depends on residues of this number.
    pub modulus: u64,
    /// Its result has the shape of its arguments if they have one shape, whatever that is.
    pub keeps: bool,
}

impl Rate {
    /// Of a rule that compares sizes with each other and with 1.
    pub const COMPARES: Rate = Rate {
        reach: 2,
        modulus: 1,
        keeps: false,
    };

    /// The same, of equal shapes giving that shape.
    pub const KEEPS: Rate = Rate {
        keeps: true,
        ..Rate::COMPARES
    };
}

/// Why a rule gives no shape for all allowed sizes.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure<E> {
    /// It does for no size: the rule's own answer at the witnesses says why.
    Never,
    /// It does for some sizes.
    Sometimes {
        /// The open size that decides.
        variable: Variable,
        /// Where the rule gives a shape.
        holds: Sizes,
        /// The smallest allowed size where it does not; the others are such that it is the only cause.
        counterexample: Assignment,
        /// What the rule says there.
        error: E,
    },
    /// It relates two open sizes, so that it is decided by no single one.
    Related(Variable, Variable),
    /// A dimension is a product of open sizes (after `flatten`), of which the rule wants to know more.
    Product,
    /// The numbers are too large.
    Undecided,
}

impl<E> From<Undecided> for Failure<E> {
    fn from(_: Undecided) -> Failure<E> {
        Failure::Undecided
    }
}

/// The shape of a result for sizes of the open ones and the shapes of its arguments there.
pub type Rule<'r, E> = dyn FnMut(&Assignment, &[&Shape]) -> Result<Shape, E> + 'r;

/// The shape that `rule` gives, as a function of the open sizes.
///
/// The rule is evaluated at as many sizes of each open size as it takes to know it for all, the others fixed; so it must look at
/// each axis of its arguments by itself. `attributes` are functions that the rule evaluates itself.
pub fn lift<E>(
    open: &[Open],
    inputs: &[SymShape],
    attributes: &[(Variable, &Function)],
    rate: Rate,
    rule: &mut Rule<'_, E>,
) -> Result<SymShape, Failure<E>> {
    let witnesses = Assignment::witnesses(open);
    let shapes_at = |sizes: &Assignment| -> Option<Vec<Shape>> {
        inputs.iter().map(|input| input.at(sizes)).collect()
    };
    let mut apply = |sizes: &Assignment| -> Option<Result<Shape, E>> {
        let shapes = shapes_at(sizes)?;
        Some(rule(sizes, &shapes.iter().collect::<Vec<_>>()))
    };
    let functions = || {
        let of_inputs = inputs.iter().flat_map(|input| input.dims());
        let of_inputs = of_inputs.flat_map(SymDim::functions);
        of_inputs.chain(attributes.iter().copied())
    };
    let variables: BTreeSet<Variable> = functions().map(|(variable, _)| variable).collect();
    let are_equal = inputs.windows(2).all(|pair| pair[0] == pair[1]);
    if let (true, true, Some(first)) = (rate.keeps, are_equal, inputs.first()) {
        // What it wants of its arguments besides, such as their rank, does not depend on sizes.
        return match apply(&witnesses) {
            Some(Ok(_)) => Ok(first.clone()),
            _ => Err(Failure::Never),
        };
    }
    if variables.is_empty() {
        return match apply(&witnesses) {
            Some(Ok(shape)) => Ok(SymShape::known(&shape)),
            _ => Err(Failure::Never),
        };
    }
    if inputs.iter().any(SymShape::has_product) {
        return Err(Failure::Product);
    }
    related(inputs)?;

    let reach = rate.reach.max(known_beside_open(inputs).saturating_add(1));
    let mut rates = BTreeMap::new();
    for variable in variables {
        // Once each: a concatenation may have a thousand arguments of one shape.
        let of_variable: BTreeSet<&Function> = functions()
            .filter(|(other, _)| *other == variable)
            .map(|(_, function)| function)
            .collect();
        let of_variable: Vec<&Function> = of_variable.into_iter().collect();
        let found = settle(&of_variable, reach, rate.modulus)?;
        // What a table of this length refuses is found out before it is filled.
        Function::sample(found, |_| None)?;
        rates.insert(variable, found);
    }
    let base = reference(open, &witnesses, &rates, &mut apply)?.ok_or(Failure::Never)?;
    let Some(Ok(at_base)) = apply(&base) else {
        return Err(Failure::Never);
    };
    let mut dims: Vec<SymDim> = at_base.sizes().map(SymDim::Known).collect();
    for (variable, (threshold, period)) in rates {
        let allowed = &open.get(variable.0).ok_or(Failure::Undecided)?.allowed;
        let end = threshold + 3 * period;
        // Behind a stride, neighbouring sizes give the same shapes: the rule is asked once for those, if they are all that it looks at.
        let mut last: Option<(Vec<Shape>, Option<Rc<Shape>>)> = None;
        let table: Vec<Option<Rc<Shape>>> = (1..=end as u64)
            .map(|size| {
                let sizes = base.with(variable, size);
                let shapes = shapes_at(&sizes).filter(|_| allowed.contains(size))?;
                if let Some((before, result)) = &last
                    && attributes.is_empty()
                    && *before == shapes
                {
                    return result.clone();
                }
                let result = apply(&sizes).and_then(Result::ok).map(Rc::new);
                last = Some((shapes, result.clone()));
                result
            })
            .collect();
        let at = |size: u64| table.get(size as usize - 1).and_then(Option::as_ref);
        let holds = Sizes::sample((threshold, period), |size| at(size).is_some())?;
        if holds != *allowed {
            let smallest = (1..=end as u64)
                .find(|size| allowed.contains(*size) && at(*size).is_none())
                .ok_or(Failure::Undecided)?;
            let counterexample = base.with(variable, smallest);
            return match apply(&counterexample) {
                Some(Err(error)) => Err(Failure::Sometimes {
                    variable,
                    holds,
                    counterexample,
                    error,
                }),
                _ => Err(Failure::Undecided),
            };
        }
        for (axis, dim) in dims.iter_mut().enumerate() {
            let function = Function::sample((threshold, period), |size| {
                i64::try_from(at(size)?.sizes().nth(axis)?).ok()
            })?;
            match (SymDim::of(variable, function), &dim) {
                (SymDim::Known(_), _) => {}
                (_, SymDim::Of(other, _)) => return Err(Failure::Related(*other, variable)),
                (found, _) => *dim = found,
            }
        }
    }
    Ok(SymShape::new(dims))
}

/// Sizes at which the rule gives a shape: the witnesses, or others if there are any.
fn reference<E>(
    open: &[Open],
    witnesses: &Assignment,
    rates: &BTreeMap<Variable, (usize, usize)>,
    apply: &mut dyn FnMut(&Assignment) -> Option<Result<Shape, E>>,
) -> Result<Option<Assignment>, Undecided> {
    let mut holds = |sizes: &Assignment| matches!(apply(sizes), Some(Ok(_)));
    if holds(witnesses) {
        return Ok(Some(witnesses.clone()));
    }
    // Large sizes first, one of each residue, then smaller ones: for every size there is one here that is as good.
    let choices: Vec<(Variable, Vec<u64>)> = rates
        .iter()
        .filter_map(|(variable, (threshold, period))| {
            let allowed = &open.get(variable.0)?.allowed;
            let sizes = (1..=(threshold + period) as u64).rev();
            let sizes = sizes.filter(|size| allowed.contains(*size)).collect();
            Some((*variable, sizes))
        })
        .collect();
    let n_all = choices
        .iter()
        .try_fold(1usize, |product, (_, sizes)| {
            product.checked_mul(sizes.len())
        })
        .filter(|n_all| *n_all <= COMBINATIONS)
        .ok_or(Undecided)?;
    let combination = |mut index: usize| {
        let mut chosen = witnesses.clone();
        for (variable, sizes) in &choices {
            chosen = chosen.with(*variable, sizes[index % sizes.len()]);
            index /= sizes.len();
        }
        chosen
    };
    Ok((0..n_all).map(combination).find(|sizes| holds(sizes)))
}

/// The largest known size on an axis where another argument has a function: they may meet there, and not after.
fn known_beside_open(inputs: &[SymShape]) -> u64 {
    let rank = inputs.iter().map(|input| input.dims().len()).max();
    let largest = (0..rank.unwrap_or(0)).filter_map(|axis| {
        let dims = || inputs.iter().filter_map(|input| input.dims().get(axis));
        let is_open = dims().any(|dim| matches!(dim, SymDim::Of(..)));
        let known = dims().filter_map(|dim| match dim {
            SymDim::Known(size) => Some(*size),
            _ => None,
        });
        is_open.then(|| known.max()).flatten()
    });
    largest.max().unwrap_or(0)
}

/// An axis whose sizes depend on two open sizes in two arguments is decided by neither.
fn related<E>(inputs: &[SymShape]) -> Result<(), Failure<E>> {
    let rank = inputs.iter().map(|input| input.dims().len()).max();
    for axis in 0..rank.unwrap_or(0) {
        let mut variables = inputs
            .iter()
            .filter_map(|input| input.dims().get(axis))
            .flat_map(SymDim::functions)
            .map(|(variable, _)| variable);
        if let Some(first) = variables.next()
            && let Some(other) = variables.find(|other| *other != first)
        {
            return Err(Failure::Related(first, other));
        }
    }
    Ok(())
}
