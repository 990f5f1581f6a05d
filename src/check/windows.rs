//! Convolutions and pools: the arithmetic of windows.

use super::{ShapeError, wants_map};
use crate::diagnostic::codes;
use crate::graph::{Conv, ConvTranspose, Margins, Op, Pool, Shape};
use crate::limits;

/// One direction of a sliding window. All arithmetic is in u128, where sums and one product of 64-bit numbers cannot overflow.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    size: u128,
    before: u128,
    after: u128,
    kernel: u128,
    stride: u128,
    dilation: u128,
    ceil: bool,
}

impl Window {
    fn padded(&self) -> u128 {
        self.size + self.before + self.after
    }

    /// Pixels from the first to the last that a window reads.
    fn extent(&self) -> u128 {
        self.dilation
            .saturating_mul(self.kernel.saturating_sub(1))
            .saturating_add(1)
    }

    /// Number of windows; `None` if not even one fits.
    fn count(&self) -> Option<u128> {
        let count = self.count_by_size()?;
        // PyTorch: the last window starts inside the input or the leading pad.
        Some(if self.ceil && self.starts_beyond(count) {
            count - 1
        } else {
            count
        })
    }

    /// The same wherever the last window starts. With `ceil`, a window may reach past the padded input by less than a stride.
    fn count_by_size(&self) -> Option<u128> {
        let slack = if self.ceil { self.stride - 1 } else { 0 };
        let room = (self.padded() + slack).checked_sub(self.extent())?;
        Some(room / self.stride + 1)
    }

    fn starts_beyond(&self, count: u128) -> bool {
        (count - 1) * self.stride >= self.size + self.before
    }

    /// What is divided by the stride, as people write it.
    fn numerator(&self) -> String {
        let pads = if self.before == self.after {
            format!("2*{}", self.before)
        } else {
            format!("{} + {}", self.before, self.after)
        };
        let kernel = if self.dilation == 1 {
            self.kernel.to_string()
        } else {
            format!("{}*({} - 1) - 1", self.dilation, self.kernel)
        };
        format!("{} + {pads} - {kernel}", self.size)
    }

    fn arithmetic(&self) -> String {
        let Some(count) = self.count() else {
            return format!("{} < 0", self.numerator());
        };
        let round = if self.ceil { "ceil" } else { "floor" };
        let line = format!("{round}(({}) / {}) + 1", self.numerator(), self.stride);
        if self.count_by_size() != Some(count) {
            format!("{line} - 1 = {count} (the last window would start beyond the input)")
        } else {
            format!("{line} = {count}")
        }
    }
}

/// Padding before and after so that the output has `ceil(size / stride)` entries; an odd rest goes after.
pub fn same_pad(size: u64, kernel: usize, stride: usize, dilation: usize) -> [usize; 2] {
    let stride = (stride as u128).max(1);
    let extent = (dilation as u128) * (kernel as u128).saturating_sub(1) + 1;
    let count = u128::from(size).div_ceil(stride);
    let covered = count.saturating_sub(1) * stride + extent;
    let total = usize::try_from(covered.saturating_sub(u128::from(size))).unwrap_or(usize::MAX);
    [total / 2, total - total / 2]
}

fn windows(
    input: &Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: Margins,
    dilation: [usize; 2],
    ceil: bool,
) -> [Window; 2] {
    let window = |size: u64, axis: usize, before: usize, after: usize| Window {
        size: u128::from(size),
        before: before as u128,
        after: after as u128,
        kernel: kernel[axis] as u128,
        stride: stride[axis] as u128,
        dilation: dilation[axis] as u128,
        ceil,
    };
    [
        window(input.height(), 0, pad.top, pad.bottom),
        window(input.width(), 1, pad.left, pad.right),
    ]
}

/// Each of these counts something and must be positive.
fn wants_positive(attributes: &[(&'static str, &[usize])]) -> Result<(), ShapeError> {
    match attributes.iter().find(|(_, values)| values.contains(&0)) {
        Some((name, _)) => Err(ShapeError::new(
            codes::ATTRIBUTE_RANGE,
            format!("`{name}` must be at least 1"),
        )
        .at(name)),
        None => Ok(()),
    }
}

fn wants_groups(groups: usize, channels: u64, out_channels: usize) -> Result<(), ShapeError> {
    let groups_64 = groups as u64;
    if !channels.is_multiple_of(groups_64) {
        return Err(ShapeError::new(
            codes::CHANNELS,
            format!("{channels} input channels cannot be divided into {groups} groups"),
        )
        .at("groups")
        .note(format!("{channels} % {groups} = {}", channels % groups_64))
        .help(common_groups(channels, out_channels)));
    }
    if !out_channels.is_multiple_of(groups) {
        return Err(ShapeError::new(
            codes::CHANNELS,
            format!("{out_channels} output channels cannot be divided into {groups} groups"),
        )
        .at("channels")
        .note(format!(
            "{out_channels} % {groups} = {}",
            out_channels % groups
        ))
        .help(common_groups(channels, out_channels)));
    }
    Ok(())
}

/// Which numbers of groups would do.
fn common_groups(channels: u64, out_channels: usize) -> String {
    let out_channels = out_channels as u64;
    let divides = |n: &u64| channels.is_multiple_of(*n) && out_channels.is_multiple_of(*n);
    let fitting = (2..=channels.min(out_channels).min(1024)).filter(divides);
    let shown: Vec<String> = fitting.take(6).map(|n| n.to_string()).collect();
    match shown.as_slice() {
        [] => format!("no number but 1 divides both {channels} and {out_channels}"),
        shown => format!(
            "both {channels} and {out_channels} are divided by {}",
            shown.join(", ")
        ),
    }
}

fn count_windows(
    layer: &str,
    channels: u64,
    input: &Shape,
    windows: [Window; 2],
) -> Result<Shape, ShapeError> {
    let mut sizes = [0u64; 2];
    for ((window, axis), size) in windows.iter().zip(["height", "width"]).zip(&mut sizes) {
        let Some(count) = window.count() else {
            let (kernel, dilation) = (window.kernel, window.dilation);
            // What makes the window too large: its kernel alone, or how far apart its elements are.
            let (dilated, attribute, covers) = match dilation {
                1 => ("", "kernel", String::new()),
                _ => (
                    " dilated",
                    if kernel > window.padded() {
                        "kernel"
                    } else {
                        "dilation"
                    },
                    format!("{dilation}*({kernel} - 1) + 1 = "),
                ),
            };
            return Err(ShapeError::new(
                codes::WINDOW,
                format!("the{dilated} window of `{layer}` is larger than its input {input}"),
            )
            .at(attribute)
            .note(format!(
                "{axis}: the window covers {covers}{}, the padded input has {}",
                window.extent(),
                window.padded()
            )));
        };
        *size = u64::try_from(count).unwrap_or(u64::MAX);
    }
    Ok(Shape::chw(channels, sizes[0], sizes[1]))
}

/// `[out_channels, (H + top + bottom - dilation*(kh-1) - 1) / stride + 1, ...]`
pub fn conv(conv: &Conv, input: &Shape) -> Result<Shape, ShapeError> {
    wants_map("conv", input)?;
    wants_positive(&[
        ("channels", &[conv.out_channels]),
        ("kernel", &conv.kernel),
        ("stride", &conv.stride),
        ("dilation", &conv.dilation),
        ("groups", &[conv.groups]),
    ])?;
    wants_groups(conv.groups, input.channels(), conv.out_channels)?;
    let windows = windows(
        input,
        conv.kernel,
        conv.stride,
        conv.pad,
        conv.dilation,
        false,
    );
    let result = count_windows("conv", conv.out_channels as u64, input, windows)?;
    wants_room("conv", "pad", input, windows.map(|window| window.padded()))?;
    Ok(result)
}

/// A convolution reads its padding from memory around the map, which counts as the map itself does: a small result does not make it small.
fn wants_room(
    layer: &str,
    attribute: &'static str,
    input: &Shape,
    padded: [u128; 2],
) -> Result<(), ShapeError> {
    let [height, width] = padded;
    let elements = u128::from(input.channels())
        .saturating_mul(height)
        .saturating_mul(width);
    if elements <= u128::from(limits::TENSOR_ELEMENTS) {
        return Ok(());
    }
    Err(ShapeError::new(
        codes::LIMIT_TENSOR,
        format!(
            "the padded input of `{layer}` has more than {} elements",
            limits::TENSOR_ELEMENTS
        ),
    )
    .at(attribute)
    .note(format!("{input} is padded to {height} x {width}")))
}

/// `[out_channels, (H - 1)*stride - top - bottom + dilation*(kh-1) + output_pad + 1, ...]`
pub fn conv_transpose(conv: &ConvTranspose, input: &Shape) -> Result<Shape, ShapeError> {
    wants_map("conv_transpose", input)?;
    wants_positive(&[
        ("channels", &[conv.out_channels]),
        ("kernel", &conv.kernel),
        ("stride", &conv.stride),
        ("dilation", &conv.dilation),
        ("groups", &[conv.groups]),
    ])?;
    wants_groups(conv.groups, input.channels(), conv.out_channels)?;
    let steps = conv.stride.iter().zip(&conv.dilation);
    if let Some((pad, (stride, dilation))) = conv
        .output_pad
        .iter()
        .zip(steps)
        .find(|(pad, (stride, dilation))| *pad >= stride && *pad >= dilation)
    {
        return Err(ShapeError::new(
            codes::ATTRIBUTE_RANGE,
            format!("`output_pad` must be smaller than the stride ({stride}) or the dilation ({dilation}), and is {pad}"),
        )
        .at("output_pad"));
    }
    wants_few_phases(conv)?;
    let mut sizes = [0u64; 2];
    for (axis, size) in sizes.iter_mut().enumerate() {
        let (grown, cut, line) = transposed(conv, input, axis);
        *size = match grown.checked_sub(cut) {
            Some(rest) => u64::try_from(rest).unwrap_or(u64::MAX),
            None => {
                return Err(ShapeError::new(
                    codes::EMPTY_SHAPE,
                    format!("the padding of `conv_transpose` cuts away all of {input}"),
                )
                .at("pad")
                .note(line));
            }
        };
    }
    let reached = [0, 1].map(|axis| reached(conv, input, axis, u128::from(sizes[axis])));
    wants_room("conv_transpose", "kernel", input, reached)?;
    Ok(Shape::chw(conv.out_channels as u64, sizes[0], sizes[1]))
}

/// Rows (or columns) of the input that results reach for, those outside the map included.
fn reached(conv: &ConvTranspose, input: &Shape, axis: usize, results: u128) -> u128 {
    let (size, cut) = match axis {
        0 => (input.height(), conv.pad.top),
        _ => (input.width(), conv.pad.left),
    };
    let (size, cut, stride) = (u128::from(size), cut as u128, conv.stride[axis] as u128);
    let extent = (conv.dilation[axis] as u128).saturating_mul(conv.kernel[axis] as u128 - 1);
    let before = extent.saturating_sub(cut).div_ceil(stride);
    let last = (results.saturating_sub(1) + cut) / stride;
    before.saturating_add(size.max(last + 1))
}

/// Results a stride apart are computed by the same taps, others by others: each such set takes code of its own.
fn wants_few_phases(conv: &ConvTranspose) -> Result<(), ShapeError> {
    let [rows, columns] = [0, 1].map(|axis| conv.kernel[axis].min(conv.stride[axis]) as u128);
    if rows * columns <= u128::from(limits::PHASES) {
        return Ok(());
    }
    Err(ShapeError::new(
        codes::LIMIT_NODES,
        format!(
            "a `conv_transpose` with more than {} sets of taps",
            limits::PHASES
        ),
    )
    .at("kernel")
    .note(format!(
        "with this kernel and stride, {rows} x {columns} places of the result each use taps of their own"
    )))
}

/// Size before the pad is cut off, the cut, and the arithmetic, in one direction.
fn transposed(conv: &ConvTranspose, input: &Shape, axis: usize) -> (u128, u128, String) {
    let (size, before, after) = match axis {
        0 => (input.height(), conv.pad.top, conv.pad.bottom),
        _ => (input.width(), conv.pad.left, conv.pad.right),
    };
    let (stride, dilation) = (conv.stride[axis] as u128, conv.dilation[axis] as u128);
    let (kernel, output_pad) = (conv.kernel[axis] as u128, conv.output_pad[axis] as u128);
    let grown = (u128::from(size).saturating_sub(1))
        .saturating_mul(stride)
        .saturating_add(dilation.saturating_mul(kernel.saturating_sub(1)))
        .saturating_add(output_pad + 1);
    let cut = before as u128 + after as u128;
    let pads = if before == after {
        format!("2*{before}")
    } else {
        format!("{before} - {after}")
    };
    let line = format!(
        "({size} - 1)*{stride} - {pads} + {dilation}*({kernel} - 1) + {output_pad} + 1 = {}{}",
        if grown < cut { "-" } else { "" },
        grown.abs_diff(cut)
    );
    (grown, cut, line)
}

/// As a convolution; with `ceil`, rounded up.
pub fn pool(pool: &Pool, input: &Shape) -> Result<Shape, ShapeError> {
    let layer = Op::Pool(pool.clone());
    let layer = layer.name();
    wants_map(layer, input)?;
    wants_positive(&[
        ("kernel", &pool.kernel),
        ("stride", &pool.stride),
        ("dilation", &pool.dilation),
    ])?;
    let windows = windows(
        input,
        pool.kernel,
        pool.stride,
        pool.pad,
        pool.dilation,
        pool.ceil,
    );
    if let Some(window) = windows
        .iter()
        .find(|window| window.before.max(window.after) > window.extent() / 2)
    {
        return Err(ShapeError::new(
            codes::PAD_TOO_LARGE,
            format!(
                "a pad of {} is more than half of the window of {}",
                window.before.max(window.after),
                window.extent()
            ),
        )
        .at("pad")
        .help("a window would lie wholly in the padding; use `pad` as a layer of its own if that is meant"));
    }
    count_windows(layer, input.channels(), input, windows)
}

/// `[C, 1, 1]`
pub fn global_pool(layer: &str, input: &Shape) -> Result<Shape, ShapeError> {
    wants_map(layer, input)?;
    Ok(Shape::chw(input.channels(), 1, 1))
}

/// `[C, output]`
pub fn adaptive_pool(output: [usize; 2], input: &Shape) -> Result<Shape, ShapeError> {
    wants_map("adaptiveavgpool", input)?;
    wants_positive(&[("output", &output)])?;
    Ok(Shape::chw(
        input.channels(),
        output[0] as u64,
        output[1] as u64,
    ))
}

/// Lines such as `height and width: floor((13 + 2*0 - 3) / 2) + 1 = 6`.
pub fn explain(op: &Op, input: &Shape) -> Vec<String> {
    let lines = match op {
        Op::Conv(c) => {
            windows(input, c.kernel, c.stride, c.pad, c.dilation, false).map(|w| w.arithmetic())
        }
        Op::Pool(p) => {
            windows(input, p.kernel, p.stride, p.pad, p.dilation, p.ceil).map(|w| w.arithmetic())
        }
        Op::ConvTranspose(c) => [0, 1].map(|axis| transposed(c, input, axis).2),
        _ => return Vec::new(),
    };
    let [height, width] = lines;
    if height == width {
        vec![format!("height and width: {height}")]
    } else {
        vec![format!("height: {height}"), format!("width: {width}")]
    }
}
