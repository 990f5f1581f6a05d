//! Parameters: what the weights file holds, and recipes for what passes derive from it.
//!
//! Compiling needs no weights. A pass that folds one parameter into another records how; binding evaluates it.

/// Handle of a [`Param`] in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub u32);

impl ParamId {
    /// As an index into the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One tensor of parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Sizes, row-major.
    pub shape: Vec<usize>,
    /// Where its values come from.
    pub recipe: Recipe,
}

impl Param {
    /// Number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// How `netc weights init` fills a stored parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with mean 0 and variance `2 / fan_in` (He et al. 2015, equation 10).
    HeNormal {
        /// Inputs that each output sums over.
        fan_in: usize,
    },
    /// The same value everywhere.
    Constant(f32),
}

/// Where a parameter's values come from. Handles inside point backwards.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipe {
    /// The tensor with this name in the weights file.
    Stored {
        /// Full name, `layer1.0.conv1.weight`.
        name: String,
        /// Whether it is learned (and counts as a parameter) or a running statistic (a buffer).
        learned: bool,
        /// How to fill it without a file.
        init: Init,
    },
    /// `weight / sqrt(variance + eps)`; without `weight`, 1 in its place.
    NormScale {
        /// gamma
        weight: Option<ParamId>,
        /// Running variance.
        variance: ParamId,
        /// Added to it.
        eps: f64,
    },
    /// `bias - mean * scale`; without `bias`, 0 in its place.
    NormShift {
        /// beta
        bias: Option<ParamId>,
        /// Running mean.
        mean: ParamId,
        /// A [`Recipe::NormScale`].
        scale: ParamId,
    },
    /// `tensor[k, ...] * scale[k]`
    ScaledRows {
        /// The tensor.
        tensor: ParamId,
        /// One factor for each first index.
        scale: ParamId,
    },
    /// `bias * scale + shift`; without `bias`, `shift`.
    FoldedBias {
        /// The convolution's own bias.
        bias: Option<ParamId>,
        /// Factor.
        scale: ParamId,
        /// Summand.
        shift: ParamId,
    },
}
