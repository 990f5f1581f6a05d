//! Functions of one open size, exact for all of them.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

/// A function of a size `n = 1, 2, ...`: a table of its first values, then rays, one for each residue of the period.
///
/// Always in normal form, the shortest table: equal functions have equal tables. It may be undefined at some sizes, those that the
/// net is not for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    head: Vec<Option<i64>>,
    tail: Vec<Option<Ray>>,
}

/// `start`, and `slope` more after every period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ray {
    start: i64,
    slope: i64,
}

/// The lengths of the tables and the first ray tell functions apart well enough; hashing whole tables takes longer than comparing them.
impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.head.len(), self.tail.len(), self.tail.first()).hash(state);
    }
}

/// Why a question about all sizes has no answer: the table would be too long, or its numbers too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided;

/// No table is longer than this: periods are products of strides, thresholds of a few windows.
const TABLE: usize = 1 << 15;

/// Every two functions are compared at every residue, no more often than this.
const COMPARISONS: usize = 1 << 24;

impl Function {
    /// The function that `value` computes, which must be quasi-affine of this period after `threshold`.
    ///
    /// Three periods are evaluated, two to know the slopes and one to see that they stay.
    pub fn sample(
        (threshold, period): (usize, usize),
        mut value: impl FnMut(u64) -> Option<i64>,
    ) -> Result<Function, Undecided> {
        if period == 0 || threshold.saturating_add(period.saturating_mul(3)) > TABLE {
            return Err(Undecided);
        }
        let head: Vec<Option<i64>> = (1..=threshold as u64).map(&mut value).collect();
        let mut tail = Vec::with_capacity(period);
        for residue in 0..period {
            let first = (threshold + residue + 1) as u64;
            let [a, b, c] = [0, 1, 2].map(|round| value(first + round * period as u64));
            tail.push(match (a, b, c) {
                (None, None, None) => None,
                (Some(a), Some(b), Some(c)) => {
                    let slope = b.checked_sub(a).ok_or(Undecided)?;
                    if c.checked_sub(b) != Some(slope) {
                        return Err(Undecided);
                    }
                    Some(Ray { start: a, slope })
                }
                _ => return Err(Undecided),
            });
        }
        let mut function = Function { head, tail };
        function.shorten();
        Ok(function)
    }

    /// The open size itself.
    pub fn identity() -> Function {
        Function {
            head: Vec::new(),
            tail: vec![Some(Ray { start: 1, slope: 1 })],
        }
    }

    /// Value at a size of at least 1; `None` where it is undefined.
    pub fn at(&self, size: u64) -> Option<i64> {
        let index = usize::try_from(size.checked_sub(1)?).ok()?;
        if let Some(value) = self.head.get(index) {
            return *value;
        }
        let beyond = index - self.head.len();
        let ray = self.tail[beyond % self.tail.len()]?;
        let rounds = i64::try_from(beyond / self.tail.len()).ok()?;
        ray.slope.checked_mul(rounds)?.checked_add(ray.start)
    }

    /// The number of sizes before the periodic part.
    pub fn threshold(&self) -> usize {
        self.head.len()
    }

    /// The number of sizes after which it repeats, but for its slopes.
    pub fn period(&self) -> usize {
        self.tail.len()
    }

    /// How much a period adds, by residue, from the first size after the threshold on; `None` where it is undefined.
    pub fn slopes(&self) -> impl Iterator<Item = Option<i64>> + '_ {
        self.tail.iter().map(|ray| ray.map(|ray| ray.slope))
    }

    /// All sizes that say everything: the threshold and two periods.
    pub fn telling(&self) -> impl Iterator<Item = (u64, i64)> + '_ {
        let end = (self.head.len() + 2 * self.tail.len()) as u64;
        (1..=end).filter_map(|size| Some((size, self.at(size)?)))
    }

    /// Its value if it has only one.
    pub fn constant(&self) -> Option<i64> {
        let mut values = self.telling().map(|(_, value)| value);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// Brings the table to its shortest: the least period, then the least threshold.
    fn shorten(&mut self) {
        let period = self.tail.len();
        let least = (1..=period)
            .filter(|candidate| period.is_multiple_of(*candidate))
            .find(|candidate| self.repeats_after(*candidate))
            .unwrap_or(period);
        let rounds = (period / least) as i64;
        self.tail.truncate(least);
        for ray in self.tail.iter_mut().flatten() {
            ray.slope /= rounds;
        }
        let mut tail = VecDeque::from(std::mem::take(&mut self.tail));
        while let Some(last) = self.head.last() {
            let next = tail.back().copied().flatten();
            let before = next.and_then(|ray| {
                let start = ray.start.checked_sub(ray.slope)?;
                Some(Ray { start, ..ray })
            });
            if before.map(|ray| ray.start) != *last || before.is_some() != next.is_some() {
                break;
            }
            self.head.pop();
            tail.pop_back();
            tail.push_front(before);
        }
        self.tail = tail.into();
    }

    /// Whether a part of the period is one.
    fn repeats_after(&self, candidate: usize) -> bool {
        let period = self.tail.len();
        let rounds = (period / candidate) as i64;
        (0..period).all(|residue| {
            let next = (residue + candidate) % period;
            match (self.tail[residue], self.tail[next]) {
                (None, None) => true,
                (Some(ray), Some(after)) => {
                    let wraps = if next < residue { after.slope } else { 0 };
                    ray.slope == after.slope
                        && ray.slope % rounds == 0
                        && ray.start.checked_add(ray.slope / rounds)
                            == after.start.checked_add(wraps)
                }
                _ => false,
            }
        })
    }
}

/// Threshold and period of whatever depends on these functions only through its values up to `reach`, their order among each
/// other, and their residues of `modulus`.
///
/// After the threshold, every function that grows or falls is beyond `reach`, and any two of different slope are further apart
/// than that.
pub fn settle(
    functions: &[&Function],
    reach: u64,
    modulus: u64,
) -> Result<(usize, usize), Undecided> {
    let threshold = functions.iter().map(|f| f.threshold()).max().unwrap_or(0);
    let mut period = 1usize;
    for function in functions {
        period = least_common_multiple(period, function.period())?;
    }
    let modulus = usize::try_from(modulus).map_err(|_| Undecided)?;
    let reach = i128::from(reach);
    let mut rounds: i128 = 0;
    let mut wait = |start: i128, slope: i128| {
        if slope != 0 {
            let ahead = reach - start * slope.signum();
            rounds = rounds.max(ahead.div_euclid(slope.abs()) + 1);
        }
    };
    let n_pairs = functions.len().saturating_mul(functions.len());
    if threshold.saturating_add(period) > TABLE || n_pairs.saturating_mul(period) > COMPARISONS {
        return Err(Undecided);
    }
    for residue in 0..period {
        let first = (threshold + residue + 1) as u64;
        let rays: Vec<(i128, i128)> = functions
            .iter()
            .filter_map(|function| {
                let start = i128::from(function.at(first)?);
                let next = i128::from(function.at(first + period as u64)?);
                Some((start, next - start))
            })
            .collect();
        for (index, (start, slope)) in rays.iter().enumerate() {
            wait(*start, *slope);
            for (other, other_slope) in &rays[index + 1..] {
                wait(start - other, slope - other_slope);
            }
        }
    }
    let rounds = usize::try_from(rounds).map_err(|_| Undecided)?;
    let waiting = rounds.checked_mul(period).ok_or(Undecided)?;
    let threshold = threshold.checked_add(waiting).ok_or(Undecided)?;
    let period = period.checked_mul(modulus.max(1)).ok_or(Undecided)?;
    Ok((threshold, period))
}

fn least_common_multiple(a: usize, b: usize) -> Result<usize, Undecided> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).checked_mul(b).ok_or(Undecided)
}
