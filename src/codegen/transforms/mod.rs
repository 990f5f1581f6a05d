//! Winograd's transforms, written once for all families of tiles: arithmetic on whole vectors, lane by lane.
//!
//! Both are separable: a pass over the columns, whose results wait in memory, then a pass over the rows. See [`crate::kernels::winograd`] for the matrices.

mod pass;

use crate::kernels::winograd::{Matrix, Scheme, Transforms};
use pass::{Factors, Pass};

/// Straight code on vectors of floats.
pub trait VectorCode {
    /// A pointer.
    type Address;
    /// A vector.
    type Vector: Clone;

    /// Loads the vector that lies so many floats from `base`.
    fn load_at(&mut self, base: &Self::Address, floats: usize) -> Self::Vector;
    /// Stores it.
    fn store_at(&mut self, vector: &Self::Vector, base: &Self::Address, floats: usize);
    /// Numbers that can stay in registers beside what a transform computes.
    fn room(&self) -> usize;
    /// A number in all lanes.
    fn number(&mut self, value: f32) -> Self::Vector;
    /// `a + b`
    fn plus(&mut self, a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// `a - b`
    fn minus(&mut self, a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// `c + a * b`
    fn add_product(&mut self, c: &Self::Vector, a: &Self::Vector, b: &Self::Vector)
    -> Self::Vector;
    /// `c - a * b`
    fn sub_product(&mut self, c: &Self::Vector, a: &Self::Vector, b: &Self::Vector)
    -> Self::Vector;
}

/// The code of a transform from a square of vectors to another.
pub struct Transform<C: VectorCode> {
    columns: Pass,
    rows: Pass,
    factors: Factors<C>,
    /// Vectors of a side, before and after.
    before: usize,
    after: [usize; 2],
}

impl<C: VectorCode> Transform<C> {
    /// From a tile's inputs to points; loads what it multiplies by into registers.
    pub fn of_input(code: &mut C, scheme: Scheme) -> Transform<C> {
        let n = scheme.points();
        Transform::new(code, &Transforms::of(scheme).input, [n, n])
    }

    /// From the points of a product to the results of the first `size` rows and columns.
    pub fn of_output(code: &mut C, scheme: Scheme, size: [usize; 2]) -> Transform<C> {
        Transform::new(code, &Transforms::of(scheme).output, size)
    }

    fn new(code: &mut C, matrix: &Matrix, after: [usize; 2]) -> Transform<C> {
        let [columns, rows] = after.map(|end| Pass::new(&matrix[..end]));
        Transform {
            factors: Factors::new(code, &[&columns, &rows]),
            columns,
            rows,
            before: matrix[0].len(),
            after,
        }
    }

    /// Emits it. `bias` is added to all results of a transform of products. `passing` has room for the points of a tile; `finish` takes each result with its row and column.
    pub fn emit(
        &self,
        code: &mut C,
        source: Grid<C::Address>,
        bias: Option<&C::Vector>,
        passing: Grid<C::Address>,
        mut finish: impl FnMut(&mut C, [usize; 2], &C::Vector),
    ) {
        for column in 0..self.before {
            let load = |code: &mut C, row: usize| {
                let value = source.load(code, row, column);
                match bias {
                    // The point 1 counts once in every result, so what is added there is added to all.
                    Some(bias) if [row, column] == [1, 1] => code.plus(&value, bias),
                    _ => value,
                }
            };
            let store = |code: &mut C, row: usize, value: &C::Vector| {
                passing.store(code, row, column, value);
            };
            self.columns.emit(code, &self.factors, load, store);
        }
        for row in 0..self.after[0] {
            let load = |code: &mut C, column: usize| passing.load(code, row, column);
            let finish = |code: &mut C, column: usize, value: &C::Vector| {
                finish(code, [row, column], value);
            };
            self.rows.emit(code, &self.factors, load, finish);
        }
    }
}

/// Vectors that lie at regular distances: floats from one row and column (or point) to the next.
pub struct Grid<'a, A> {
    /// The first.
    pub start: &'a A,
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

impl<'a, A> Grid<'a, A> {
    /// `n` by `n` points, each so many floats from the one before.
    pub fn of_points(start: &'a A, n: usize, point: usize) -> Grid<'a, A> {
        Grid {
            start,
            row: n * point,
            column: point,
        }
    }

    fn load<C: VectorCode<Address = A>>(&self, c: &mut C, row: usize, column: usize) -> C::Vector {
        c.load_at(self.start, row * self.row + column * self.column)
    }

    /// Stores a vector at its place.
    pub fn store<C: VectorCode<Address = A>>(
        &self,
        c: &mut C,
        row: usize,
        column: usize,
        vector: &C::Vector,
    ) {
        c.store_at(vector, self.start, row * self.row + column * self.column);
    }
}
