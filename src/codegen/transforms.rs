//! Winograd's transforms, written once for all families of tiles: arithmetic on whole vectors, lane by lane.
//!
//! Both are separable: a pass over the columns, whose results wait in memory, then a pass over the rows. See [`crate::kernels::winograd`] for the matrices.

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

/// A pass of the transform of inputs: `B^T` times a vector of vectors.
pub struct InputPass<C: VectorCode> {
    constants: Vec<C::Vector>,
    tile: usize,
}

impl<C: VectorCode> InputPass<C> {
    /// For tiles of `m`; takes three registers for `m = 4`.
    pub fn new(code: &mut C, m: usize) -> InputPass<C> {
        let constants: &[f32] = match m {
            2 => &[],
            _ => &[2.0, 4.0, 5.0],
        };
        InputPass {
            constants: constants.iter().map(|&value| code.number(value)).collect(),
            tile: m,
        }
    }

    fn apply(&self, c: &mut C, d: Vec<C::Vector>) -> Vec<C::Vector> {
        if self.tile == 2 {
            return vec![
                c.minus(&d[0], &d[2]),
                c.plus(&d[1], &d[2]),
                c.minus(&d[2], &d[1]),
                c.minus(&d[3], &d[1]),
            ];
        }
        let [two, four, five] = &self.constants[..] else {
            unreachable!("the constants of `new`");
        };
        // What is done with is let go at once: on x86-64 with 16 registers not one is left.
        let mut first = c.sub_product(&d[4], &d[2], five);
        first = c.add_product(&first, &d[0], four);
        let mut last = c.sub_product(&d[5], &d[3], five);
        last = c.add_product(&last, &d[1], four);
        let (second, third) = {
            let even = c.sub_product(&d[4], &d[2], four);
            let odd = c.sub_product(&d[3], &d[1], four);
            (c.plus(&even, &odd), c.minus(&even, &odd))
        };
        let even = c.minus(&d[4], &d[2]);
        let odd = c.minus(&d[3], &d[1]);
        drop(d);
        let fourth = c.add_product(&even, &odd, two);
        let fifth = c.sub_product(&even, &odd, two);
        vec![first, second, third, fourth, fifth, last]
    }
}

/// A pass of the transform of products: `A^T` times a vector of vectors.
pub struct OutputPass<C: VectorCode> {
    constants: Vec<C::Vector>,
    tile: usize,
}

impl<C: VectorCode> OutputPass<C> {
    /// For tiles of `m`; takes three registers for `m = 4`.
    pub fn new(code: &mut C, m: usize) -> OutputPass<C> {
        let constants: &[f32] = match m {
            2 => &[],
            _ => &[2.0, 4.0, 8.0],
        };
        OutputPass {
            constants: constants.iter().map(|&value| code.number(value)).collect(),
            tile: m,
        }
    }

    fn apply(&self, c: &mut C, p: Vec<C::Vector>) -> Vec<C::Vector> {
        let (sum, difference) = (c.plus(&p[1], &p[2]), c.minus(&p[1], &p[2]));
        if self.tile == 2 {
            return vec![c.plus(&p[0], &sum), c.plus(&difference, &p[3])];
        }
        let [two, four, eight] = &self.constants[..] else {
            unreachable!("the constants of `new`");
        };
        let (far_sum, far_difference) = (c.plus(&p[3], &p[4]), c.minus(&p[3], &p[4]));
        let mut first = c.plus(&p[0], &sum);
        first = c.plus(&first, &far_sum);
        let mut last = c.plus(&difference, &p[5]);
        drop(p);
        let second = c.add_product(&difference, &far_difference, two);
        let third = c.add_product(&sum, &far_sum, four);
        last = c.add_product(&last, &far_difference, eight);
        vec![first, second, third, last]
    }
}

/// Where a tile lies: floats from one row and column (or point) to the next.
#[derive(Clone, Copy)]
pub struct Strides {
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

/// Transforms the `n = m + 2` by `n` vectors at `source` into points at `target`, point `(i, j)` at `(i * n + j) * point` floats. `passing` has room for all points.
pub fn transform_input<C: VectorCode>(
    c: &mut C,
    pass: &InputPass<C>,
    source: &C::Address,
    strides: Strides,
    target: &C::Address,
    point: usize,
    passing: &C::Address,
    lanes: usize,
) {
    let n = pass.tile + 2;
    for j in 0..n {
        let place = |i: usize| i * strides.row + j * strides.column;
        let column = (0..n).map(|i| c.load_at(source, place(i))).collect();
        for (i, value) in pass.apply(c, column).into_iter().enumerate() {
            c.store_at(&value, passing, (i * n + j) * lanes);
        }
    }
    for i in 0..n {
        let row = (0..n).map(|j| c.load_at(passing, (i * n + j) * lanes)).collect();
        for (j, value) in pass.apply(c, row).into_iter().enumerate() {
            c.store_at(&value, target, (i * n + j) * point);
        }
    }
}

/// Transforms the points of a product at `source` (see [`transform_input`]) into `m` by `m` results and hands over those of the first `size` rows and columns:
/// `finish(row, column, result)`. `bias` is added to all of them.
pub fn transform_output<C: VectorCode>(
    c: &mut C,
    pass: &OutputPass<C>,
    source: &C::Address,
    point: usize,
    bias: Option<&C::Vector>,
    passing: &C::Address,
    lanes: usize,
    size: [usize; 2],
    mut finish: impl FnMut(&mut C, usize, usize, C::Vector),
) {
    let n = pass.tile + 2;
    for j in 0..n {
        let mut column: Vec<C::Vector> = (0..n)
            .map(|i| c.load_at(source, (i * n + j) * point))
            .collect();
        // The point 1 counts once in every result, so what is added there is added to all.
        if let (1, Some(bias)) = (j, bias) {
            column[1] = c.plus(&column[1], bias);
        }
        let results = pass.apply(c, column);
        for (i, value) in results.into_iter().enumerate().take(size[0]) {
            c.store_at(&value, passing, (i * n + j) * lanes);
        }
    }
    for i in 0..size[0] {
        let row = (0..n).map(|j| c.load_at(passing, (i * n + j) * lanes)).collect();
        let results = pass.apply(c, row);
        for (j, value) in results.into_iter().enumerate().take(size[1]) {
            finish(c, i, j, value);
        }
    }
}
