//! Direct convolution: from a node's attributes to a kernel.

use super::{ConvSpec, DepthwiseSpec, Epilogue, KernelSpec, Lattice};
use crate::graph::{Conv, Margins, Shape};
use crate::plan::{Machine, View};

/// The kernel that computes `conv` from `input` to `output`. The input's halo is at least [`required_halo`].
pub fn configure(
    conv: &Conv,
    input: View,
    output: View,
    epilogue: Option<Epilogue>,
    machine: &Machine,
) -> KernelSpec {
    let origin = [-(conv.pad.top as isize), -(conv.pad.left as isize)];
    let is_depthwise = conv.groups == input.channels && conv.out_channels == input.channels;
    if is_depthwise && input.block == output.block {
        return KernelSpec::Depthwise(DepthwiseSpec {
            family: machine.family,
            input,
            output,
            kernel: conv.kernel,
            stride: conv.stride,
            dilation: conv.dilation,
            origin,
            bias: conv.bias,
            epilogue,
        });
    }
    KernelSpec::Conv(ConvSpec {
        family: machine.family,
        input,
        output,
        kernel: conv.kernel,
        stride: conv.stride,
        dilation: conv.dilation,
        origin,
        groups: conv.groups,
        lattice: Lattice::full(&output),
        bias: conv.bias,
        epilogue,
        transposed: None,
    })
}

/// The zeros that the kernel reads around its input.
pub fn required_halo(conv: &Conv, input: &Shape) -> Margins {
    let after = |size: u64, axis: usize, before: usize, after: usize| {
        let extent = (conv.kernel[axis] - 1) * conv.dilation[axis] + 1;
        let padded = before + size as usize + after;
        let n_out = padded.saturating_sub(extent) / conv.stride[axis] + 1;
        ((n_out - 1) * conv.stride[axis] + extent).saturating_sub(before + size as usize)
    };
    let pad = conv.pad;
    Margins {
        top: pad.top,
        left: pad.left,
        bottom: after(input.height(), 0, pad.top, pad.bottom),
        right: after(input.width(), 1, pad.left, pad.right),
    }
}
