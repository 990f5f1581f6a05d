//! Tensors as the user sees them: plain row-major floats, batch first.

use super::{AlignedBuffer, RunError};

/// A batch of images (or vectors): `[batch, C, H, W]` or `[batch, F]`, row-major.
///
/// ```
/// let tensor = netc::runtime::Tensor::new(vec![2, 3], vec![1., 2., 3., 4., 5., 6.])?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// assert_eq!(tensor.values()[3..], [4., 5., 6.]);
/// # Ok::<(), netc::runtime::RunError>(())
/// ```
#[derive(Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    values: AlignedBuffer,
}

impl Tensor {
    /// From values, as many as the shape says.
    pub fn new(shape: Vec<usize>, values: impl AsRef<[f32]>) -> Result<Tensor, RunError> {
        let values = values.as_ref();
        if elements(&shape) != Some(values.len()) {
            let found = values.len();
            return Err(RunError::ValueCount { shape, found });
        }
        let values = AlignedBuffer::from_slice(values)?;
        Ok(Tensor { shape, values })
    }

    /// Zeros.
    pub fn zeroed(shape: Vec<usize>) -> Result<Tensor, RunError> {
        let len = elements(&shape).ok_or(RunError::Memory { floats: None })?;
        let values = AlignedBuffer::zeroed(len)?;
        Ok(Tensor { shape, values })
    }

    /// The sizes, batch first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The first float, for kernels.
    pub(super) fn pointer(&self) -> *mut f32 {
        self.values.pointer()
    }
}

fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul(*size))
}
