//! Sets of sizes, exact for all sizes.

use std::sync::Arc;

use super::function::{Function, Undecided};

/// A set of sizes that is periodic from some size on: what a `where` allows, or where a step holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sizes(Arc<Function>);

impl Sizes {
    /// Every size: 1, 2, and so on.
    pub fn all() -> Sizes {
        let every = Function::sample((0, 1), |_| Some(1));
        Sizes(Arc::new(every.unwrap_or_else(|_| Function::identity())))
    }

    /// The sizes of which `holds` is true, which must be periodic with this period after the threshold.
    pub fn sample(
        rate: (usize, usize),
        mut holds: impl FnMut(u64) -> bool,
    ) -> Result<Sizes, Undecided> {
        let function = Function::sample(rate, |size| holds(size).then_some(1))?;
        Ok(Sizes(Arc::new(function)))
    }

    /// Whether a size belongs.
    pub fn contains(&self, size: u64) -> bool {
        self.0.at(size).is_some()
    }

    /// Threshold and period.
    pub fn rate(&self) -> (usize, usize) {
        (self.0.threshold(), self.0.period())
    }

    /// The smallest.
    pub fn first(&self) -> Option<u64> {
        self.0.telling().next().map(|(size, _)| size)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// Some of them, large ones after small ones, among which is one of every residue.
    pub fn telling(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.telling().map(|(size, _)| size)
    }

    /// What belongs to both.
    pub fn and(&self, other: &Sizes) -> Result<Sizes, Undecided> {
        let rate = super::function::settle(&[&self.0, &other.0], 0, 1)?;
        Sizes::sample(rate, |size| self.contains(size) && other.contains(size))
    }

    /// The open size itself, undefined outside of this set.
    pub fn identity(&self) -> Result<Function, Undecided> {
        Function::sample(self.rate(), |size| {
            self.contains(size)
                .then(|| i64::try_from(size).ok())
                .flatten()
        })
    }
}
