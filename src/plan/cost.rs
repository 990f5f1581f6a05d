//! What a step costs: roughly, to tell a step worth several threads from one that is not, and in the numbers that people compare kernels by.

use super::View;
use crate::kernels::{ConvSpec, KernelSpec, Packing, PoolWindows};

fn elements(view: &View) -> u64 {
    (view.channels * view.height * view.width) as u64
}

fn taps(kernel: [usize; 2]) -> u64 {
    (kernel[0] * kernel[1]) as u64
}

/// Results that a convolution computes.
fn points(spec: &ConvSpec) -> u64 {
    let [rows, columns] = spec.lattice.size;
    (spec.output.channels * rows * columns) as u64
}

impl KernelSpec {
    /// Floating-point operations for one image: two for each multiply-accumulate of a convolution or dense layer, by whatever algorithm. None for the rest.
    pub fn flops(&self) -> u64 {
        let macs = match self {
            KernelSpec::Conv(spec) => {
                points(spec) * taps(spec.kernel) * (spec.input.channels / spec.groups) as u64
            }
            KernelSpec::Winograd(spec) => {
                let conv = &spec.conv;
                points(conv) * taps(conv.kernel) * conv.group_inputs() as u64
            }
            KernelSpec::Depthwise(spec) => elements(&spec.output) * taps(spec.kernel),
            KernelSpec::Dense(spec) => elements(&spec.output) * elements(&spec.input),
            _ => 0,
        };
        2 * macs
    }

    /// Bytes that the kernel must read and write for a batch, each once: its tensors without their halos, and its parameters.
    pub fn bytes(&self, batch: usize) -> u64 {
        let of_image = match self {
            KernelSpec::Copy(spec) => 2 * spec.size.iter().product::<usize>() as u64,
            _ => {
                let inputs = self.inputs();
                // The others are parameters.
                let tensors = inputs.iter().filter(|view| view.image_stride > 0);
                let written = match self {
                    KernelSpec::Conv(spec) => points(spec),
                    _ => elements(self.output()),
                };
                tensors.map(elements).sum::<u64>() + written
            }
        };
        size_of::<f32>() as u64 * batch as u64 * of_image + self.param_bytes()
    }

    /// Bytes of the kernel's parameters, as they are packed.
    pub fn param_bytes(&self) -> u64 {
        let packings = self.packings();
        let floats: usize = packings.iter().map(Packing::packed_len).sum();
        (size_of::<f32>() * floats) as u64
    }

    /// Cost of one image, in floating-point operations of a kernel near the peak. Reading a float that no arithmetic hides counts as some too.
    pub fn cost(&self) -> u64 {
        let elements = elements(self.output());
        match self {
            KernelSpec::Conv(spec) => self.flops() + 4 * points(spec),
            // A fraction of the multiplications, but the transforms too.
            KernelSpec::Winograd(_) => self.flops() / 2,
            // One channel at a time: bound by loads.
            KernelSpec::Depthwise(_) => 3 * self.flops() + 4 * elements,
            // Each weight is read once: bound by memory.
            KernelSpec::Dense(_) => 4 * self.flops(),
            KernelSpec::Pool(spec) => {
                let window = match spec.windows {
                    PoolWindows::Sliding { kernel, .. } => taps(kernel),
                    PoolWindows::Adaptive => {
                        let (input, output) = (&spec.input, &spec.output);
                        (input.height.div_ceil(output.height) * input.width.div_ceil(output.width))
                            as u64
                    }
                };
                elements * (4 * window + 4)
            }
            KernelSpec::Map(spec) => {
                elements * (2 * spec.function.ops().len() as u64 + 4 * spec.operands.len() as u64)
            }
            // A power of each element.
            KernelSpec::Lrn(spec) => elements * (2 * spec.size as u64 + 80),
            // An exponential of each.
            KernelSpec::Softmax(_) => elements * 60,
            KernelSpec::Copy(_) => elements * 12,
            KernelSpec::Resize(_) => elements * 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Conv, Margins, Shape};
    use crate::kernels::{Tuning, conv, dense};
    use crate::plan::View;
    use crate::plan::tests::MACHINE;

    #[test]
    fn work_is_counted_by_hand() {
        let block = MACHINE.family.channel_block();
        let halo = Margins::symmetric([1, 1]);
        let map = |channels, size| View::dense(&Shape::chw(channels, size, size), block, halo);
        let layer = Conv {
            out_channels: 32,
            kernel: [3, 3],
            stride: [2, 2],
            pad: halo,
            dilation: [1, 1],
            groups: 2,
            bias: true,
        };
        let spec = conv::configure(
            &layer,
            map(16, 10),
            map(32, 5),
            None,
            &MACHINE,
            &Tuning::default(),
        );
        assert_eq!(spec.flops(), 2 * 32 * 25 * 9 * 8);
        let tensors = 16 * 100 + 32 * 25;
        assert_eq!(spec.bytes(3), 4 * (3 * tensors + 32 * 8 * 9 + 32));

        let vector = |n| View::plain(&Shape::features(n));
        let spec = dense::configure(vector(100), vector(32), false, None, &MACHINE);
        assert_eq!(spec.flops(), 2 * 100 * 32);
        assert_eq!(spec.bytes(2), 4 * (2 * 132 + 100 * 32));
    }
}
