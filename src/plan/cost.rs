//! What a step costs, roughly: enough to tell a step worth several threads from one that is not.

use crate::kernels::{KernelSpec, PoolWindows};

impl KernelSpec {
    /// Cost of one image, in floating-point operations of a kernel near the peak. Reading a float that no arithmetic hides counts as some too.
    pub fn cost(&self) -> u64 {
        let output = self.output();
        let elements = (output.channels * output.height * output.width) as u64;
        let taps = |kernel: [usize; 2]| (kernel[0] * kernel[1]) as u64;
        match self {
            KernelSpec::Conv(spec) => {
                let [rows, columns] = spec.lattice.size;
                let points = (spec.output.channels * rows * columns) as u64;
                points * (2 * taps(spec.kernel) * (spec.input.channels / spec.groups) as u64 + 4)
            }
            // A fraction of the multiplications, but the transforms too.
            KernelSpec::Winograd(spec) => KernelSpec::Conv(spec.conv.clone()).cost() / 2,
            // One channel at a time: bound by loads.
            KernelSpec::Depthwise(spec) => elements * (6 * taps(spec.kernel) + 4),
            // Each weight is read once: bound by memory.
            KernelSpec::Dense(spec) => {
                let inputs = spec.input.channels * spec.input.height * spec.input.width;
                elements * 8 * inputs as u64
            }
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
