//! Every kernel in plain f64: what generated code is tested against, and what runs a [`Plan`](crate::plan::Plan) before there is any.
//!
//! Slow and obvious on purpose. What it writes is the worst that a kernel may write: surplus lanes become NaN, so that a reader that lets one
//! reach a real lane is found out, and the halo becomes zeros. What it reads of a halo comes from memory, so that a writer who forgot its
//! zeros is found out too.
//!
//! Parameters are read in row-major order, not packed: the reference of a packing is the test of the packing.

mod conv;
mod copy;
mod dense;
mod lrn;
mod map;
mod pool;
mod resize;
mod softmax;

use super::{Epilogue, KernelSpec};
use crate::plan::View;

/// What a kernel's operands point to. Operands count as [`run_reference`] states.
pub trait Memory {
    /// The float `index` floats after the operand's pointer.
    fn read(&self, operand: usize, index: usize) -> f64;
    /// Sets it.
    fn write(&mut self, operand: usize, index: usize, value: f64);
}

/// Each operand in a vector of its own.
impl Memory for [Vec<f64>] {
    fn read(&self, operand: usize, index: usize) -> f64 {
        self[operand][index]
    }

    fn write(&mut self, operand: usize, index: usize, value: f64) {
        self[operand][index] = value;
    }
}

/// Each operand in a vector of its own; results are rounded to f32.
impl Memory for [Vec<f32>] {
    fn read(&self, operand: usize, index: usize) -> f64 {
        f64::from(self[operand][index])
    }

    fn write(&mut self, operand: usize, index: usize, value: f64) {
        self[operand][index] = value as f32;
    }
}

/// Does all tasks of a kernel for `batch` images.
///
/// The operands are those of the kernel's spec in its order: inputs, parameters (row-major, **not packed**), those of the epilogue, the result.
pub fn run_reference<M: Memory + ?Sized>(spec: &KernelSpec, memory: &mut M, batch: usize) {
    for image in 0..batch {
        match spec {
            KernelSpec::Conv(spec) => conv::conv(spec, memory, image),
            KernelSpec::Winograd(spec) => conv::conv(&spec.conv, memory, image),
            KernelSpec::Depthwise(spec) => conv::depthwise(spec, memory, image),
            KernelSpec::Dense(spec) => dense::dense(spec, memory, image),
            KernelSpec::Pool(spec) => pool::pool(spec, memory, image),
            KernelSpec::Map(spec) => map::map(spec, memory, image),
            KernelSpec::Lrn(spec) => lrn::lrn(spec, memory, image),
            KernelSpec::Softmax(spec) => softmax::softmax(spec, memory, image),
            KernelSpec::Copy(spec) => copy::copy(spec, memory, image),
            KernelSpec::Resize(spec) => resize::resize(spec, memory, image),
        }
    }
}

/// One image's tensor, row-major, with the halo of the view that it came from.
struct Values {
    view: View,
    data: Vec<f64>,
}

impl Values {
    /// All of `view`'s elements, halo included.
    fn gather<M: Memory + ?Sized>(memory: &M, operand: usize, view: &View, image: usize) -> Values {
        let base = image * view.image_stride;
        let mut data = Vec::new();
        for channel in 0..view.channels {
            let plane = base + channel / view.block * view.plane_stride() + channel % view.block;
            for pixel in 0..view.plane_stride() / view.block {
                data.push(memory.read(operand, plane + pixel * view.block));
            }
        }
        Values { view: *view, data }
    }

    /// An element; rows and columns count from inside the halo, which they may reach into.
    fn at(&self, channel: usize, row: isize, column: isize) -> f64 {
        let halo = self.view.halo;
        let (row, column) = (row + halo.top as isize, column + halo.left as isize);
        let rows = halo.top + self.view.height + halo.bottom;
        let columns = halo.left + self.view.width + halo.right;
        assert!(
            (0..rows as isize).contains(&row) && (0..columns as isize).contains(&column),
            "a kernel reads outside its input's halo"
        );
        self.data[(channel * rows + row as usize) * columns + column as usize]
    }

    /// An element inside the map.
    fn inside(&self, channel: usize, row: usize, column: usize) -> f64 {
        debug_assert!(row < self.view.height && column < self.view.width);
        self.at(channel, row as isize, column as isize)
    }

    /// An element, where a dimension of size 1 stands for any size.
    fn broadcast(&self, channel: usize, row: usize, column: usize) -> f64 {
        let clamp = |index: usize, size: usize| if size == 1 { 0 } else { index };
        self.inside(
            clamp(channel, self.view.channels),
            clamp(row, self.view.height),
            clamp(column, self.view.width),
        )
    }
}

/// `len` parameters in row-major order.
fn parameters<M: Memory + ?Sized>(memory: &M, operand: usize, len: usize) -> Vec<f64> {
    (0..len).map(|index| memory.read(operand, index)).collect()
}

/// An epilogue with its operands at hand.
struct Finish<'a> {
    epilogue: Option<&'a Epilogue>,
    operands: Vec<Values>,
}

impl<'a> Finish<'a> {
    /// The epilogue's operands are the kernel's from `first` on.
    fn gather<M: Memory + ?Sized>(
        epilogue: Option<&'a Epilogue>,
        memory: &M,
        first: usize,
        image: usize,
    ) -> Finish<'a> {
        let views = epilogue.map_or(&[][..], |epilogue| &epilogue.operands);
        let operands = views
            .iter()
            .enumerate()
            .map(|(index, view)| Values::gather(memory, first + index, view, image))
            .collect();
        Finish { epilogue, operands }
    }

    /// The kernel's operand that is the result.
    fn output(&self, first: usize) -> usize {
        first + self.operands.len()
    }

    fn apply(&self, result: f64, channel: usize, row: usize, column: usize) -> f64 {
        let Some(epilogue) = self.epilogue else {
            return result;
        };
        let mut args = vec![result];
        args.extend(
            self.operands
                .iter()
                .map(|operand| operand.broadcast(channel, row, column)),
        );
        epilogue.function.eval(&args)
    }
}

/// Writes one image's result: each element from `value`, zeros to the halo, NaN to the surplus lanes.
fn scatter<M: Memory + ?Sized>(
    memory: &mut M,
    operand: usize,
    view: &View,
    image: usize,
    value: impl Fn(usize, usize, usize) -> f64,
) {
    let base = image * view.image_stride;
    for channel in 0..view.n_blocks() * view.block {
        let surplus = channel >= view.channels;
        zero_halo(memory, operand, view, image, channel);
        for row in 0..view.height {
            for column in 0..view.width {
                let value = if surplus {
                    f64::NAN
                } else {
                    value(channel, row, column)
                };
                memory.write(operand, base + view.offset(channel, row, column), value);
            }
        }
    }
}

/// Writes the zeros around one channel.
fn zero_halo<M: Memory + ?Sized>(
    memory: &mut M,
    operand: usize,
    view: &View,
    image: usize,
    channel: usize,
) {
    let plane = image * view.image_stride
        + channel / view.block * view.plane_stride()
        + channel % view.block;
    let columns = view.halo.left + view.width + view.halo.right;
    let value = if channel < view.channels {
        0.0
    } else {
        f64::NAN
    };
    for row in 0..view.halo.top + view.height + view.halo.bottom {
        for column in 0..columns {
            let inside = (view.halo.top..view.halo.top + view.height).contains(&row)
                && (view.halo.left..view.halo.left + view.width).contains(&column);
            if !inside {
                memory.write(
                    operand,
                    plane + (row * columns + column) * view.block,
                    value,
                );
            }
        }
    }
}
