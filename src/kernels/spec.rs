//! What a kernel is: all that code generation sees of it. Equal specs share one kernel.
//!
//! A tensor's block is 1 or a multiple of 4.

use super::{Schedule, TileFamily, WeightType, WinogradSpec};
use crate::graph::{PoolKind, ResizeMode, ScalarFn};
use crate::plan::View;

/// A kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each variant is documented at its struct
pub enum KernelSpec {
    Conv(ConvSpec),
    Winograd(WinogradSpec),
    Depthwise(DepthwiseSpec),
    Dense(DenseSpec),
    Pool(PoolSpec),
    Map(MapSpec),
    Lrn(LrnSpec),
    Softmax(SoftmaxSpec),
    Copy(CopySpec),
    Resize(ResizeSpec),
}

/// What happens to each element of a result before it is stored.
///
/// Argument 0 of the function is the result itself, argument `i` the element of `operands[i - 1]` at the same place. An operand's dimension may be 1
/// where the result's is larger: the element is then the same along it. Operands have the result's block of channels, unless
/// they have one channel. Operands that are parameters have an `image_stride` of 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epilogue {
    /// What is computed.
    pub function: ScalarFn,
    /// The further tensors.
    pub operands: Vec<View>,
}

/// Which pixels of the result a convolution computes: `offset + i * step` for `i` in `0..size`, by row and by column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Lattice {
    pub offset: [usize; 2],
    pub step: [usize; 2],
    pub size: [usize; 2],
}

impl Lattice {
    /// Every pixel.
    pub fn full(view: &View) -> Lattice {
        Lattice {
            offset: [0, 0],
            step: [1, 1],
            size: [view.height, view.width],
        }
    }

    /// Whether it is every pixel of `view`.
    pub fn is_full(&self, view: &View) -> bool {
        *self == Lattice::full(view)
    }
}

/// Direct convolution, also the phases of a transposed one.
///
/// Lattice point `(i, j)` sums `weight[k, c, r, s] * input[c, origin.0 + i * stride.0 + r * dilation.0, origin.1 + j * stride.1 + s * dilation.1]`;
/// the input's halo covers whatever that reaches outside the map. Operands: input, weight, bias if any, the epilogue's, output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct ConvSpec {
    pub family: TileFamily,
    pub input: View,
    pub output: View,
    /// Taps in use: height, width.
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Row and column of the input (halo not counted) that the first tap of lattice point (0, 0) reads: minus the padding.
    pub origin: [isize; 2],
    pub groups: usize,
    pub lattice: Lattice,
    pub bias: bool,
    pub epilogue: Option<Epilogue>,
    /// Whether it is summed in short chains: see [`ConvSpec::chain`].
    pub precise: bool,
    /// Whether it is computed by [products of pairs](super::pairs).
    pub pairs: bool,
    /// `Some` for a phase of a transposed convolution: which of its taps these are.
    pub transposed: Option<TransposedTaps>,
    /// How it is cut.
    pub schedule: Schedule,
}

/// The taps of a transposed convolution that one phase uses: tap `(r, s)` of the phase is tap `first - r * step` of the whole kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct TransposedTaps {
    pub kernel: [usize; 2],
    pub first: [usize; 2],
    pub step: [usize; 2],
}

/// Depthwise convolution: as many groups as channels, one output each. Operands as for [`ConvSpec`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct DepthwiseSpec {
    pub family: TileFamily,
    pub input: View,
    pub output: View,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub origin: [isize; 2],
    pub bias: bool,
    pub epilogue: Option<Epilogue>,
    pub precise: bool,
}

/// Matrix times vector, for each image. The input may be a map (without halo, channels a multiple of the block), whose elements the packed weights
/// follow in memory order. Operands: input, weight, bias if any, the epilogue's, output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct DenseSpec {
    pub family: TileFamily,
    pub input: View,
    pub output: View,
    pub bias: bool,
    pub weights: WeightType,
    pub epilogue: Option<Epilogue>,
}

/// The windows of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PoolWindows {
    /// Window `i` begins at `i * stride - pad`; taps outside the map are left out (but may count for an average, see [`PoolKind`]:
    /// `pad_end` is the padding after the map that counts).
    Sliding {
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        pad: [usize; 2],
        pad_end: [usize; 2],
    },
    /// Window `i` from `floor(i * in / out)` to `ceil((i + 1) * in / out)`; the global pools are the case of one window.
    Adaptive,
}

/// Pooling. Operands: input, output; both with the same block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct PoolSpec {
    pub kind: PoolKind,
    pub windows: PoolWindows,
    pub input: View,
    pub output: View,
}

/// An elementwise function. Operands: its arguments (broadcast as the operands of an [`Epilogue`]), output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct MapSpec {
    pub function: ScalarFn,
    pub operands: Vec<View>,
    pub output: View,
}

/// Local response normalisation across channels; numbers are the bits of f32. Operands: input, output; both with the same block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct LrnSpec {
    pub size: usize,
    pub alpha: u32,
    pub beta: u32,
    pub k: u32,
    pub input: View,
    pub output: View,
}

/// Softmax over the channels. Operands: input, output; both with the same block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct SoftmaxSpec {
    pub input: View,
    pub output: View,
}

/// Copies a box of elements between any two layouts: `input[source + i]` to `output[target + i]` for `i` in `0..size`, by channel, row, column.
///
/// With `fill` (bits of an f32) the rest of the output becomes that value; without, the rest stays, lanes of other channels in a shared block included. Every
/// copy zeroes the whole halo of each plane (block of channels) that it touches: with `fill` of all, without, of those that the channels
/// `target[0]..target[0] + size[0]` lie in. Surplus lanes of those planes become anything. Operands: input, output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct CopySpec {
    pub input: View,
    pub output: View,
    pub source: [usize; 3],
    pub target: [usize; 3],
    pub size: [usize; 3],
    pub fill: Option<u32>,
}

/// Resize of a map. Operands: input, output; both with the same block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct ResizeSpec {
    pub mode: ResizeMode,
    pub input: View,
    pub output: View,
}
