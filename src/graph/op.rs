//! The operations of the graph and their attributes.

use super::scalar::ScalarFn;

/// Rows and columns added (or cut) around a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Margins {
    /// Above.
    pub top: usize,
    /// To the left.
    pub left: usize,
    /// Below.
    pub bottom: usize,
    /// To the right.
    pub right: usize,
}

impl Margins {
    /// The same above and below, the same left and right.
    pub fn symmetric([vertical, horizontal]: [usize; 2]) -> Margins {
        Margins {
            top: vertical,
            left: horizontal,
            bottom: vertical,
            right: horizontal,
        }
    }

    /// Side by side the larger of both.
    pub fn max(self, other: Margins) -> Margins {
        Margins {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }

    /// Whether there are none.
    pub fn is_zero(self) -> bool {
        self == Margins::default()
    }
}

/// Convolution (cross-correlation, as in every framework). Sizes are `[height, width]`.
///
/// Parameters: weight `[out_channels, C / groups, kh, kw]`, then bias `[out_channels]` if `bias`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the attributes of the language
pub struct Conv {
    pub out_channels: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: Margins,
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
}

/// Transposed convolution, the gradient of [`Conv`] with respect to its input.
///
/// Parameters: weight `[C, out_channels / groups, kh, kw]`, then bias `[out_channels]` if `bias`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the attributes of the language
pub struct ConvTranspose {
    pub out_channels: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: Margins,
    pub output_pad: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
}

/// How a pool summarises its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest; padding never wins.
    Max,
    /// The mean; with `count_include_pad`, padding counts as zeros (but not what `ceil` adds beyond it).
    Average {
        /// Whether padding counts.
        count_include_pad: bool,
    },
}

/// Pooling over windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the attributes of the language
pub struct Pool {
    pub kind: PoolKind,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: Margins,
    pub dilation: [usize; 2],
    pub ceil: bool,
}

/// How a resize finds values between pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizeMode {
    /// The pixel at `floor(i * in / out)` in the arithmetic of f32: see [`nearest`].
    Nearest,
    /// Linear in both directions; pixel centres at half coordinates unless `align_corners`.
    Bilinear {
        /// The corner pixels of both maps coincide.
        align_corners: bool,
    },
}

/// The pixel that [`ResizeMode::Nearest`] takes for pixel `index` of `n_out`, of `n_in`.
///
/// PyTorch rounds the ratio to f32, and its product with the index too, so that where the ratio is no power of two a coordinate that should be whole may end below.
/// Networks were trained with the pixels that it takes.
///
/// ```
/// assert_eq!(netc::graph::nearest(23, 28, 46), 13); // 23 * 28 / 46 = 14
/// ```
pub fn nearest(index: usize, n_in: usize, n_out: usize) -> usize {
    let ratio = n_in as f32 / n_out as f32;
    ((index as f32 * ratio) as usize).min(n_in - 1)
}

/// Resize of the map; coordinates are mapped by the ratio of the sizes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Resize {
    pub mode: ResizeMode,
    /// Height, width of the result.
    pub size: [usize; 2],
}

/// What a node computes. Every operation works image by image.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Input of the net with this index.
    Input(usize),
    /// A vector of parameters `[C]` seen as `[C, 1, 1]` (or `[F]`), for elementwise operations. One parameter.
    Param,
    /// Convolution; one input `[C, H, W]`.
    Conv(Conv),
    /// Transposed convolution; one input `[C, H, W]`.
    ConvTranspose(ConvTranspose),
    /// Matrix times vector. Parameters: weight `[features, F]`, then bias `[features]` if `bias`. The input is `[F]`, or, after
    /// `absorb_flatten`, `[C, H, W]` in row-major order.
    Dense {
        /// Size of the result.
        features: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Pooling over windows.
    Pool(Pool),
    /// Pooling of the whole map to `[C, 1, 1]`.
    GlobalPool(PoolKind),
    /// Average pooling to `output` windows, window `i` from `floor(i*in/out)` to `ceil((i+1)*in/out)`.
    AdaptiveAveragePool {
        /// Height, width of the result.
        output: [usize; 2],
    },
    /// `(x - mean) / sqrt(variance + eps) * weight + bias` by channel. Parameters: running_mean, running_var, then, if `affine`, weight, bias.
    BatchNorm {
        /// Added to the variance.
        eps: f64,
        /// Whether there are weight and bias.
        affine: bool,
    },
    /// `x / (k + alpha/size * sum of squares)^beta`, the sum over the channels from `c - size/2` to `c + (size-1)/2`
    /// (Krizhevsky 2012 section 3.3, with PyTorch's division by the size).
    Lrn {
        /// Channels in the window.
        size: usize,
        /// Factor.
        alpha: f64,
        /// Exponent.
        beta: f64,
        /// Offset.
        k: f64,
    },
    /// An elementwise function of its inputs, broadcast against each other where a dimension is 1.
    Map(ScalarFn),
    /// `exp(x) / sum exp(x)` over the first dimension.
    Softmax,
    /// Nothing, at inference.
    Dropout,
    /// Nothing.
    Identity,
    /// To rank 1, row-major.
    Flatten,
    /// To the node's shape, row-major.
    Reshape,
    /// Inputs joined along the axis.
    Concat {
        /// 0 is the channels.
        axis: usize,
    },
    /// `start..end` along the axis.
    Slice {
        /// 0 is the channels.
        axis: usize,
        /// First.
        start: usize,
        /// One past the last.
        end: usize,
    },
    /// Grown by constants.
    Pad {
        /// Rows and columns.
        spatial: Margins,
        /// Channels before and after.
        channels: [usize; 2],
        /// What is filled in.
        value: f32,
    },
    /// Resized map.
    Resize(Resize),
}

impl Op {
    /// The layer's name in the language (or, of what passes make, a short word).
    pub fn name(&self) -> &str {
        match self {
            Op::Input(_) => "input",
            Op::Param => "param",
            Op::Conv(_) => "conv",
            Op::ConvTranspose(_) => "conv_transpose",
            Op::Dense { .. } => "dense",
            Op::Pool(Pool {
                kind: PoolKind::Max,
                ..
            }) => "maxpool",
            Op::Pool(_) => "avgpool",
            Op::GlobalPool(PoolKind::Max) => "globalmaxpool",
            Op::GlobalPool(_) => "globalavgpool",
            Op::AdaptiveAveragePool { .. } => "adaptiveavgpool",
            Op::BatchNorm { .. } => "batchnorm",
            Op::Lrn { .. } => "lrn",
            Op::Map(function) => function.name(),
            Op::Softmax => "softmax",
            Op::Dropout => "dropout",
            Op::Identity => "identity",
            Op::Flatten => "flatten",
            Op::Reshape => "reshape",
            Op::Concat { .. } => "concat",
            Op::Slice { .. } => "slice",
            Op::Pad { .. } => "pad",
            Op::Resize(_) => "upsample",
        }
    }
}
