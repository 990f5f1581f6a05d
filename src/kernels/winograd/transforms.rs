//! The matrices of the algorithms, made from points by the construction of Toom and Cook.

/// One algorithm along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scheme {
    /// Results of a tile: `m`.
    pub results: usize,
    /// Taps of the filter: `r`.
    pub taps: usize,
    /// From one result's first input to the next's: 1 or 2.
    pub stride: usize,
}

impl Scheme {
    const fn new(results: usize, taps: usize, stride: usize) -> Scheme {
        Scheme {
            results,
            taps,
            stride,
        }
    }

    /// Inputs of a tile, and as many points: `n`.
    pub fn points(self) -> usize {
        (self.results - 1) * self.stride + self.taps
    }

    /// Points whose weights differ: those beyond have the last one's weights.
    pub fn weights(self) -> usize {
        match (self.stride, self.taps) {
            (2, 3) => self.results + 2,
            _ => self.points(),
        }
    }
}

/// All that there are.
pub const SCHEMES: [Scheme; 8] = [
    Scheme::new(2, 3, 1),
    Scheme::new(4, 3, 1),
    Scheme::new(5, 3, 1),
    Scheme::new(2, 5, 1),
    Scheme::new(2, 3, 2),
    Scheme::new(4, 3, 2),
    Scheme::new(2, 5, 2),
    Scheme::new(4, 5, 2),
];

/// The most taps of a side.
const MOST_TAPS: usize = 5;

/// The most points of a side whose weights differ.
pub const MOST_WEIGHTS: usize = 11;

/// Where polynomials are evaluated, besides infinity: so many of these as an algorithm needs. Small, for transforms that round little.
const POINTS: [f64; 6] = [0.0, 1.0, -1.0, 2.0, -2.0, -0.5];

/// A matrix, by rows.
pub type Matrix = Vec<Vec<f64>>;

/// One-dimensional transforms: the results are `A^T [(G g) * (B^T d)]` for taps `g` and inputs `d`.
pub struct Transforms {
    /// `A^T`, from points of a product to results: `m` by `n`. The point 1 counts once in every result.
    pub output: Matrix,
    /// `G`, from taps to points, without rows that repeat the last one.
    pub weight: Matrix,
    /// `B^T`, from inputs to points: `n` squared.
    pub input: Matrix,
}

impl Transforms {
    /// Those of a scheme.
    ///
    /// A result of stride 2 is the sum of two of stride 1: of the even taps over the even inputs, and of the odd ones over the odd inputs.
    pub fn of(scheme: Scheme) -> Transforms {
        let Scheme {
            results,
            taps,
            stride,
        } = scheme;
        if stride == 1 {
            return filter(results, taps);
        }
        let (even, odd) = (filter(results, taps.div_ceil(2)), filter(results, taps / 2));
        // Rows over every second element, from `parity` on.
        let spread = |rows: &Matrix, parity: usize, len: usize| -> Matrix {
            let element = |row: &[f64], i: usize| match i % 2 == parity {
                true => row[i / 2],
                false => 0.0,
            };
            let spread = |row: &Vec<f64>| (0..len).map(|i| element(row, i)).collect();
            rows.iter().map(spread).collect()
        };
        let both = |rows: fn(&Transforms) -> &Matrix, len: usize| {
            [spread(rows(&even), 0, len), spread(rows(&odd), 1, len)].concat()
        };
        let outputs = even.output.iter().zip(&odd.output);
        Transforms {
            output: outputs
                .map(|(even, odd)| [&even[..], odd].concat())
                .collect(),
            weight: both(|transforms| &transforms.weight, taps),
            input: both(|transforms| &transforms.input, scheme.points()),
        }
    }

    /// The points of one filter, its taps row-major, computed in f64.
    pub fn weights(&self, taps: &[f32], points: &mut [f32]) {
        let (n, r) = (self.weight.len(), self.weight[0].len());
        let mut rows = [[0.0; MOST_TAPS]; MOST_WEIGHTS];
        for (row, g) in rows.iter_mut().zip(&self.weight) {
            for (s, sum) in row[..r].iter_mut().enumerate() {
                let column = taps[s..].iter().step_by(r);
                *sum = g
                    .iter()
                    .zip(column)
                    .map(|(g, &tap)| g * f64::from(tap))
                    .sum();
            }
        }
        for (i, row) in rows[..n].iter().enumerate() {
            for (j, g) in self.weight.iter().enumerate() {
                let sum: f64 = row.iter().zip(g).map(|(row, g)| row * g).sum();
                points[i * n + j] = sum as f32;
            }
        }
    }
}

/// The algorithm of stride 1 for `m` results and `r` taps. With a single tap each input counts in one result and is its own point; all have the tap for a weight.
fn filter(m: usize, r: usize) -> Transforms {
    if r > 1 {
        return toom_cook(m, r);
    }
    let unit = |place: usize| (0..m).map(|i| f64::from(i == place)).collect();
    let identity: Matrix = (0..m).map(unit).collect();
    Transforms {
        output: identity.clone(),
        weight: vec![vec![1.0]],
        input: identity,
    }
}

/// The algorithm of stride 1 for `m` results and `r` taps (Lavin and Gray 2015, section 4.1; Blahut, "Fast Algorithms for Signal Processing", chapter 5):
/// evaluation of the filter's polynomial at `n - 1` points and at infinity, its denominators in `G`, and what is dual to evaluation and interpolation for results and inputs.
fn toom_cook(m: usize, r: usize) -> Transforms {
    let finite = &POINTS[..m + r - 2];
    let powers = |point: f64, n: usize| (0..n).map(move |i| point.powi(i as i32));
    let others = |i: usize| {
        let points = finite.iter().enumerate();
        points
            .filter(move |(j, _)| *j != i)
            .map(|(_, point)| *point)
    };
    let at_infinity = |n: usize| (0..n).map(move |i| f64::from(i == n - 1));

    let columns: Matrix = finite
        .iter()
        .map(|&point| powers(point, m).collect())
        .chain([at_infinity(m).collect()])
        .collect();
    let weight = finite.iter().enumerate().map(|(i, &point)| {
        let denominator: f64 = others(i).map(|other| point - other).product();
        powers(point, r).map(|power| power / denominator).collect()
    });
    let input = (0..finite.len()).map(|i| {
        let mut row = with_roots(others(i));
        row.push(0.0);
        row
    });
    Transforms {
        output: (0..m)
            .map(|i| columns.iter().map(|column| column[i]).collect())
            .collect(),
        weight: weight.chain([at_infinity(r).collect()]).collect(),
        input: input.chain([with_roots(finite.iter().copied())]).collect(),
    }
}

/// The coefficients of the polynomial with these roots and 1 for the highest power; the constant comes first.
fn with_roots(roots: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut polynomial = vec![1.0];
    for root in roots {
        polynomial.insert(0, 0.0);
        for i in 1..polynomial.len() {
            polynomial[i - 1] -= root * polynomial[i];
        }
    }
    polynomial
}
