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
    side: usize,
}

impl<C: VectorCode> InputPass<C> {
    /// For tiles of `side` points a side; takes three registers for 6.
    pub fn new(code: &mut C, side: usize) -> InputPass<C> {
        let constants: &[f32] = match side {
            4 => &[],
            _ => &[2.0, 4.0, 5.0],
        };
        InputPass {
            constants: constants.iter().map(|&value| code.number(value)).collect(),
            side,
        }
    }

    fn apply(&self, c: &mut C, d: Vec<C::Vector>) -> Vec<C::Vector> {
        if self.side == 4 {
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
    side: usize,
}

impl<C: VectorCode> OutputPass<C> {
    /// For tiles of `m` results and `side` points a side; takes three registers for `m = 4`.
    pub fn new(code: &mut C, side: usize, m: usize) -> OutputPass<C> {
        let constants: &[f32] = match (side, m) {
            (4, _) => &[],
            (_, 2) => &[2.0],
            _ => &[2.0, 4.0, 8.0],
        };
        OutputPass {
            constants: constants.iter().map(|&value| code.number(value)).collect(),
            side,
        }
    }

    fn apply(&self, c: &mut C, p: Vec<C::Vector>) -> Vec<C::Vector> {
        let (sum, difference) = (c.plus(&p[1], &p[2]), c.minus(&p[1], &p[2]));
        if self.side == 4 {
            return vec![c.plus(&p[0], &sum), c.plus(&difference, &p[3])];
        }
        let (far_sum, far_difference) = (c.plus(&p[3], &p[4]), c.minus(&p[3], &p[4]));
        let mut first = c.plus(&p[0], &sum);
        first = c.plus(&first, &far_sum);
        let mut last = c.plus(&difference, &p[5]);
        drop(p);
        if let [two] = &self.constants[..] {
            last = c.add_product(&last, &far_difference, two);
            return vec![first, last];
        }
        let [two, four, eight] = &self.constants[..] else {
            unreachable!("the constants of `new`");
        };
        let second = c.add_product(&difference, &far_difference, two);
        let third = c.add_product(&sum, &far_sum, four);
        last = c.add_product(&last, &far_difference, eight);
        vec![first, second, third, last]
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

    fn store<C: VectorCode<Address = A>>(
        &self,
        c: &mut C,
        row: usize,
        column: usize,
        vector: &C::Vector,
    ) {
        c.store_at(vector, self.start, row * self.row + column * self.column);
    }
}

/// Transforms the `n` by `n` vectors of `source` into the points of `target`. `passing` has room for as many.
pub fn transform_input<C: VectorCode>(
    c: &mut C,
    pass: &InputPass<C>,
    source: Grid<C::Address>,
    target: Grid<C::Address>,
    passing: Grid<C::Address>,
) {
    let n = pass.side;
    for j in 0..n {
        let column = (0..n).map(|i| source.load(c, i, j)).collect();
        for (i, value) in pass.apply(c, column).iter().enumerate() {
            passing.store(c, i, j, value);
        }
    }
    for i in 0..n {
        let row = (0..n).map(|j| passing.load(c, i, j)).collect();
        for (j, value) in pass.apply(c, row).iter().enumerate() {
            target.store(c, i, j, value);
        }
    }
}

/// Transforms the points of a product into `m` by `m` results, and hands over those of the first `size` rows and columns: `finish(row, column, result)`.
/// `bias` is added to all of them.
pub fn transform_output<C: VectorCode>(
    c: &mut C,
    pass: &OutputPass<C>,
    source: Grid<C::Address>,
    bias: Option<&C::Vector>,
    passing: Grid<C::Address>,
    size: [usize; 2],
    mut finish: impl FnMut(&mut C, [usize; 2], C::Vector),
) {
    let n = pass.side;
    for j in 0..n {
        let mut column: Vec<C::Vector> = (0..n).map(|i| source.load(c, i, j)).collect();
        // The point 1 counts once in every result, so what is added there is added to all.
        if let (1, Some(bias)) = (j, bias) {
            column[1] = c.plus(&column[1], bias);
        }
        let results = pass.apply(c, column);
        for (i, value) in results.iter().enumerate().take(size[0]) {
            passing.store(c, i, j, value);
        }
    }
    for i in 0..size[0] {
        let row = (0..n).map(|j| passing.load(c, i, j)).collect();
        let results = pass.apply(c, row);
        for (j, value) in results.into_iter().enumerate().take(size[1]) {
            finish(c, [i, j], value);
        }
    }
}
