//! Shapes: dimensions per image, without the batch.

use std::fmt;

/// One dimension.
///
/// Today it is a number. It is a type of its own so that symbolic sizes can join without a change to what carries shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dim(u64);

impl Dim {
    /// A known size.
    pub fn new(size: u64) -> Dim {
        Dim(size)
    }

    /// The size.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `[C, H, W]` or `[F]` (or, of what `reshape` makes, another rank): sizes of one image's tensor, in row-major order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape(Vec<Dim>);

impl Shape {
    /// From sizes.
    pub fn new(sizes: impl IntoIterator<Item = u64>) -> Shape {
        Shape(sizes.into_iter().map(Dim).collect())
    }

    /// `[C, H, W]`
    pub fn chw(channels: u64, height: u64, width: u64) -> Shape {
        Shape::new([channels, height, width])
    }

    /// `[F]`
    pub fn features(features: u64) -> Shape {
        Shape::new([features])
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The dimensions.
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// The sizes.
    pub fn sizes(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.0.iter().map(|dim| dim.0)
    }

    /// First dimension: channels of `[C, H, W]`, features of `[F]`; 1 for rank 0.
    pub fn channels(&self) -> u64 {
        self.0.first().map_or(1, |dim| dim.0)
    }

    /// Second dimension, 1 if there is none.
    pub fn height(&self) -> u64 {
        self.0.get(1).map_or(1, |dim| dim.0)
    }

    /// Third dimension, 1 if there is none.
    pub fn width(&self) -> u64 {
        self.0.get(2).map_or(1, |dim| dim.0)
    }

    /// Number of elements; `None` if it does not fit 64 bits.
    pub fn checked_elements(&self) -> Option<u64> {
        self.sizes().try_fold(1u64, u64::checked_mul)
    }

    /// Number of elements of a shape that was checked.
    pub fn elements(&self) -> u64 {
        self.sizes().product()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[")?;
        for (index, dim) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{dim}")?;
        }
        write!(f, "]")
    }
}
