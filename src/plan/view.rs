//! How a tensor lies in memory.

use crate::graph::{Margins, Shape};

/// One image's tensor in memory: channels in blocks, `[C / block][top + H + bottom][left + W + right][block]` floats, and images
/// `image_stride` apart. `block = 1` without halo is plain NCHW (and, for `[F]`, a plain vector).
///
/// The *halo* around each map holds zeros, written by whoever writes the map, so that a convolution reads its padding without asking where the map ends.
/// Where `channels` is no multiple of `block`, the last block's *surplus lanes* hold anything at all, the halo's included: a kernel may read and write them,
/// but may never let one reach a real lane (not even times zero: it may be infinite). In a view that is a part of a larger tensor they may be that
/// tensor's next channels: those are written later.
///
/// All numbers count floats, except where they count pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// Channels (features of a vector).
    pub channels: usize,
    /// Rows, without halo.
    pub height: usize,
    /// Columns, without halo.
    pub width: usize,
    /// Channels that lie side by side.
    pub block: usize,
    /// Rows and columns of zeros around each map.
    pub halo: Margins,
    /// From one image to the next. Larger than this view's own size where it is a part of a larger tensor.
    pub image_stride: usize,
}

impl View {
    /// A view of `shape` (rank 1 to 3) that fills its buffer.
    pub fn dense(shape: &Shape, block: usize, halo: Margins) -> View {
        let mut view = View {
            channels: shape.channels() as usize,
            height: shape.height() as usize,
            width: shape.width() as usize,
            block,
            halo,
            image_stride: 0,
        };
        view.image_stride = view.n_blocks() * view.plane_stride();
        view
    }

    /// Plain row-major order: what the user's tensors have.
    pub fn plain(shape: &Shape) -> View {
        View::dense(shape, 1, Margins::default())
    }

    /// Blocks of channels, the last perhaps not full.
    pub fn n_blocks(&self) -> usize {
        self.channels.div_ceil(self.block)
    }

    /// From one pixel to its right neighbour.
    pub fn pixel_stride(&self) -> usize {
        self.block
    }

    /// From one row to the next.
    pub fn row_stride(&self) -> usize {
        (self.halo.left + self.width + self.halo.right) * self.block
    }

    /// From one block of channels to the next.
    pub fn plane_stride(&self) -> usize {
        (self.halo.top + self.height + self.halo.bottom) * self.row_stride()
    }

    /// From the start of a plane to its first pixel inside the halo.
    pub fn origin(&self) -> usize {
        self.halo.top * self.row_stride() + self.halo.left * self.pixel_stride()
    }

    /// Where an element lies within its image.
    pub fn offset(&self, channel: usize, row: usize, column: usize) -> usize {
        channel / self.block * self.plane_stride()
            + self.origin()
            + row * self.row_stride()
            + column * self.pixel_stride()
            + channel % self.block
    }

    /// Floats of one image, surplus lanes and halo included.
    pub fn size(&self) -> usize {
        self.n_blocks() * self.plane_stride()
    }

    /// Whether an image's elements lie in row-major order without gaps.
    pub fn is_plain_order(&self) -> bool {
        self.halo.is_zero() && (self.block == 1 || self.height * self.width == 1)
    }

    /// The same memory as plain row-major `shape`. Only for a view in plain order, with as many elements.
    pub fn reinterpret(&self, shape: &Shape) -> View {
        debug_assert!(self.is_plain_order());
        View {
            image_stride: self.image_stride,
            ..View::plain(shape)
        }
    }

    /// The same memory with channels counted in blocks of another size; `None` where that would be another order.
    pub fn with_block(&self, block: usize) -> Option<View> {
        let is_vector = self.height * self.width == 1 && self.halo.is_zero();
        (self.block == block || is_vector).then_some(View { block, ..*self })
    }
}
