//! Straight code for a constant matrix times a vector of vectors, with few instructions and few values alive at a time.

use super::VectorCode;

/// The code of a product `M x`: what to load, add and hand over, in order.
pub struct Pass {
    steps: Vec<Step>,
    /// The step that uses a value last.
    last_uses: Vec<usize>,
}

/// A value: the number of the step that makes it.
type Value = usize;

/// So many times a value.
type Term = (f32, Value);

enum Step {
    /// Makes an element of `x`.
    Load(usize),
    /// Makes a sum; the factor of its first term is 1.
    Sum(Vec<Term>),
    /// Makes nothing: an element of the product is there.
    Store(usize, Value),
}

impl Pass {
    /// For a matrix given by its rows. Each has an element that is 1.
    ///
    /// Two things are computed once: the sum and the difference of two elements that stand in all rows with equal or opposite factors, and what two rows have
    /// with equal, and what with opposite factors.
    pub fn new(rows: &[Vec<f64>]) -> Pass {
        let mut builder = Builder::new(rows);
        let mut is_done = vec![false; rows.len()];
        for row in 0..rows.len() {
            if std::mem::replace(&mut is_done[row], true) {
                continue;
            }
            match (row + 1..rows.len()).find(|&other| builder.are_twins(row, other)) {
                Some(other) => {
                    is_done[other] = true;
                    builder.twins(row, other);
                }
                None => builder.single(row),
            }
        }
        let mut last_uses: Vec<usize> = (0..builder.steps.len()).collect();
        for (index, step) in builder.steps.iter().enumerate() {
            match step {
                Step::Load(_) => {}
                Step::Sum(terms) => terms.iter().for_each(|term| last_uses[term.1] = index),
                Step::Store(_, value) => last_uses[*value] = index,
            }
        }
        Pass {
            steps: builder.steps,
            last_uses,
        }
    }

    /// What values are multiplied by, other than 1.
    pub fn factors(&self) -> impl Iterator<Item = f32> {
        let terms = self.steps.iter().flat_map(|step| match step {
            Step::Sum(terms) => &terms[..],
            _ => &[],
        });
        terms
            .map(|term| term.0.abs())
            .filter(|&factor| factor != 1.0)
    }

    /// Emits the code. `load` gives an element of `x`, `store` takes one of the product.
    pub fn emit<C: VectorCode>(
        &self,
        code: &mut C,
        factors: &Factors<C>,
        mut load: impl FnMut(&mut C, usize) -> C::Vector,
        mut store: impl FnMut(&mut C, usize, &C::Vector),
    ) {
        let mut values: Vec<Option<C::Vector>> = Vec::with_capacity(self.steps.len());
        for (index, step) in self.steps.iter().enumerate() {
            let value = match step {
                Step::Load(element) => Some(load(code, *element)),
                Step::Sum(terms) => Some(sum(code, factors, &values, terms)),
                Step::Store(row, value) => {
                    store(code, *row, get(&values, *value));
                    None
                }
            };
            values.push(value);
            // What is done with is let go at once: narrow families have 16 registers.
            for (value, &last) in values.iter_mut().zip(&self.last_uses) {
                if last == index {
                    *value = None;
                }
            }
        }
    }
}

fn get<V>(values: &[Option<V>], value: Value) -> &V {
    let value = values[value].as_ref();
    value.unwrap_or_else(|| unreachable!("a value before its last use"))
}

fn sum<C: VectorCode>(
    code: &mut C,
    factors: &Factors<C>,
    values: &[Option<C::Vector>],
    terms: &[Term],
) -> C::Vector {
    let mut sum = get(values, terms[0].1).clone();
    for &(factor, value) in &terms[1..] {
        let value = get(values, value);
        sum = match (factor.abs() == 1.0, factor > 0.0) {
            (true, true) => code.plus(&sum, value),
            (true, false) => code.minus(&sum, value),
            (false, true) => {
                let factor = factors.vector(code, factor);
                code.add_product(&sum, value, &factor)
            }
            (false, false) => {
                let factor = factors.vector(code, factor);
                code.sub_product(&sum, value, &factor)
            }
        };
    }
    sum
}

/// Numbers in registers: as many as the code has room for, the others are loaded where they are used.
pub struct Factors<C: VectorCode>(Vec<(f32, C::Vector)>);

impl<C: VectorCode> Factors<C> {
    /// All that some passes multiply by.
    pub fn new(code: &mut C, passes: &[&Pass]) -> Factors<C> {
        let mut factors: Vec<f32> = passes.iter().flat_map(|pass| pass.factors()).collect();
        factors.sort_by(f32::total_cmp);
        factors.dedup();
        let numbers = factors.into_iter().take(code.room());
        Factors(
            numbers
                .map(|factor| (factor, code.number(factor)))
                .collect(),
        )
    }

    fn vector(&self, code: &mut C, factor: f32) -> C::Vector {
        let found = self.0.iter().find(|(number, _)| *number == factor.abs());
        match found {
            Some((_, vector)) => vector.clone(),
            None => code.number(factor.abs()),
        }
    }
}

/// What rows add up: an element of `x`, or the sum or difference of two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Element(usize),
    Sum(usize, usize),
    Difference(usize, usize),
}

struct Builder {
    rows: Vec<Vec<(f64, Symbol)>>,
    made: Vec<(Symbol, Value)>,
    steps: Vec<Step>,
}

impl Builder {
    fn new(rows: &[Vec<f64>]) -> Builder {
        let n_columns = rows.first().map_or(0, Vec::len);
        let mut partner = vec![None; n_columns];
        for left in 0..n_columns {
            let right = (left + 1..n_columns)
                .find(|&right| partner[right].is_none() && are_paired(rows, left, right));
            if let (None, Some(right)) = (partner[left], right) {
                (partner[left], partner[right]) = (Some(right), Some(left));
            }
        }
        let symbols = |row: &Vec<f64>| {
            let elements = row.iter().enumerate().filter(|(_, factor)| **factor != 0.0);
            let symbols = elements.filter_map(|(column, &factor)| match partner[column] {
                None => Some((factor, Symbol::Element(column))),
                Some(right) if right < column => None,
                Some(right) if row[right] == factor => Some((factor, Symbol::Sum(column, right))),
                Some(right) => Some((factor, Symbol::Difference(column, right))),
            });
            symbols.collect()
        };
        Builder {
            rows: rows.iter().map(symbols).collect(),
            made: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn push(&mut self, step: Step) -> Value {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// The value of a symbol, made when it is first asked for.
    fn value(&mut self, symbol: Symbol) -> Value {
        if let Some((_, value)) = self.made.iter().find(|(made, _)| *made == symbol) {
            return *value;
        }
        if let Symbol::Element(element) = symbol {
            let value = self.push(Step::Load(element));
            self.made.push((symbol, value));
            return value;
        }
        let (Symbol::Sum(left, right) | Symbol::Difference(left, right)) = symbol else {
            unreachable!("not an element");
        };
        let operands = [left, right].map(|column| self.value(Symbol::Element(column)));
        // Both at once, so that the two elements need not be kept.
        for (symbol, sign) in [
            (Symbol::Sum(left, right), 1.0),
            (Symbol::Difference(left, right), -1.0),
        ] {
            let is_used = self.rows.iter().flatten().any(|(_, used)| *used == symbol);
            if is_used {
                let value = self.push(Step::Sum(vec![(1.0, operands[0]), (sign, operands[1])]));
                self.made.push((symbol, value));
            }
        }
        self.value(symbol)
    }

    /// A sum of symbols, each so many times; one of them once.
    fn sum(&mut self, symbols: &[(f64, Symbol)]) -> Value {
        let terms = symbols
            .iter()
            .map(|&(factor, symbol)| (factor as f32, self.value(symbol)));
        let mut terms: Vec<Term> = terms.collect();
        let first = terms.iter().position(|(factor, _)| *factor == 1.0);
        let first = first.unwrap_or_else(|| unreachable!("a row without a 1"));
        terms.swap(0, first);
        match terms[..] {
            [(_, value)] => value,
            _ => self.push(Step::Sum(terms)),
        }
    }

    fn single(&mut self, row: usize) {
        let symbols = self.rows[row].clone();
        let value = self.sum(&symbols);
        self.push(Step::Store(row, value));
    }

    /// Symbols that two rows have with equal, and those that they have with opposite factors, as the first has them; nothing if there are others.
    fn halves(&self, row: usize, other: usize) -> Option<[Vec<(f64, Symbol)>; 2]> {
        let (row, other) = (&self.rows[row], &self.rows[other]);
        let is_alike = row.len() == other.len()
            && row
                .iter()
                .zip(other)
                .all(|(a, b)| a.1 == b.1 && a.0.abs() == b.0.abs());
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for (&term, other) in row.iter().zip(other) {
            if term.0 == other.0 {
                &mut even
            } else {
                &mut odd
            }
            .push(term);
        }
        is_alike.then_some([even, odd])
    }

    /// Whether it pays to compute two rows together, as the sum and the difference of what they share.
    fn are_twins(&self, row: usize, other: usize) -> bool {
        self.halves(row, other).is_some_and(|[even, odd]| {
            let has_one = even.iter().any(|term| term.0 == 1.0);
            has_one && !odd.is_empty() && even.len() + odd.len() > 2
        })
    }

    fn twins(&mut self, row: usize, other: usize) {
        let Some([even, mut odd]) = self.halves(row, other) else {
            unreachable!("rows that are twins");
        };
        // The odd half comes with a factor, so that one of its terms has none.
        let scale = odd[0].0;
        let scale = odd
            .iter()
            .map(|term| term.0)
            .fold(scale, |a, b| if b.abs() < a.abs() { b } else { a });
        odd.iter_mut().for_each(|term| term.0 /= scale);
        let (even, odd) = (self.sum(&even), self.sum(&odd));
        for (row, scale) in [(row, scale), (other, -scale)] {
            let value = self.push(Step::Sum(vec![(1.0, even), (scale as f32, odd)]));
            self.push(Step::Store(row, value));
        }
    }
}

/// Whether two columns have equal or opposite elements in all rows, and elements in several.
fn are_paired(rows: &[Vec<f64>], left: usize, right: usize) -> bool {
    let is_alike = rows.iter().all(|row| row[left].abs() == row[right].abs());
    is_alike && rows.iter().filter(|row| row[left] != 0.0).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::winograd::{SCHEMES, Transforms};

    /// Arithmetic on plain numbers; counts instructions.
    #[derive(Default)]
    struct Count(usize);

    impl VectorCode for Count {
        type Address = ();
        type Vector = f64;

        fn load_at(&mut self, _: &(), _: usize) -> f64 {
            unreachable!("passes do not load themselves")
        }

        fn store_at(&mut self, _: &f64, _: &(), _: usize) {
            unreachable!("passes do not store themselves")
        }

        fn room(&self) -> usize {
            1
        }

        fn number(&mut self, value: f32) -> f64 {
            value.into()
        }

        fn plus(&mut self, a: &f64, b: &f64) -> f64 {
            self.0 += 1;
            a + b
        }

        fn minus(&mut self, a: &f64, b: &f64) -> f64 {
            self.0 += 1;
            a - b
        }

        fn add_product(&mut self, c: &f64, a: &f64, b: &f64) -> f64 {
            self.0 += 1;
            c + a * b
        }

        fn sub_product(&mut self, c: &f64, a: &f64, b: &f64) -> f64 {
            self.0 += 1;
            c - a * b
        }
    }

    /// The product and the number of instructions.
    fn run(rows: &[Vec<f64>], x: &[f64]) -> (Vec<f64>, usize) {
        let pass = Pass::new(rows);
        let mut code = Count::default();
        let factors = Factors::new(&mut code, &[&pass]);
        let mut product = vec![f64::NAN; rows.len()];
        pass.emit(
            &mut code,
            &factors,
            |_, i| x[i],
            |_, row, value| product[row] = *value,
        );
        (product, code.0)
    }

    #[test]
    fn passes_are_products_of_their_matrices() {
        for scheme in SCHEMES {
            let transforms = Transforms::of(scheme);
            for end in 1..=scheme.results {
                for rows in [&transforms.input[..], &transforms.output[..end]] {
                    for place in 0..rows[0].len() {
                        let unit: Vec<f64> =
                            (0..rows[0].len()).map(|i| f64::from(i == place)).collect();
                        let column: Vec<f64> = rows.iter().map(|row| row[place]).collect();
                        assert_eq!(run(rows, &unit).0, column, "{scheme:?}");
                    }
                }
            }
        }
    }

    /// As many as one writes by hand: see Lavin and Gray 2015, section 4.
    #[test]
    fn what_rows_share_is_computed_once() {
        let counts = SCHEMES.map(|scheme| {
            let transforms = Transforms::of(scheme);
            let count = |rows: &[Vec<f64>]| run(rows, &vec![0.0; rows[0].len()]).1;
            (count(&transforms.input), count(&transforms.output))
        });
        assert_eq!(
            counts,
            [
                (4, 4),
                (12, 10),
                (27, 16),
                (12, 8),
                (2, 4),
                (11, 12),
                (6, 8),
                (23, 22)
            ]
        );
    }
}
