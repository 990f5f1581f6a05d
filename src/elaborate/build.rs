//! From bound attributes to operations of the graph.

use super::attributes::Attributes;
use super::value::Value;
use crate::check::{self, ShapeError};
use crate::diagnostic::codes;
use crate::graph::{Conv, ConvTranspose, Op, PoolKind, Resize, ResizeMode, Shape};
use crate::symbolic::Rate;

/// The operation of a layer of one input, and the shape it declares (of `reshape`).
pub(super) fn build(
    layer: &str,
    attributes: &Attributes,
    input: &Shape,
) -> Result<(Op, Shape), ShapeError> {
    let a = attributes;
    let mut declared = Shape::new([]);
    let op = match layer {
        "conv" => Op::Conv(Conv {
            out_channels: a.count("channels"),
            kernel: a.pair("kernel"),
            stride: a.pair("stride"),
            pad: a.window_pad(input),
            dilation: a.pair("dilation"),
            groups: a.count("groups"),
            bias: a.flag("bias"),
        }),
        "conv_transpose" => Op::ConvTranspose(conv_transpose(a)?),
        "dense" => Op::Dense {
            features: a.count("features"),
            bias: a.flag("bias"),
        },
        "maxpool" => a.pool(PoolKind::Max, input),
        "avgpool" => a.pool(
            PoolKind::Average {
                count_include_pad: a.flag("count_include_pad"),
            },
            input,
        ),
        "globalavgpool" => Op::GlobalPool(PoolKind::Average {
            count_include_pad: true,
        }),
        "globalmaxpool" => Op::GlobalPool(PoolKind::Max),
        "adaptiveavgpool" => Op::AdaptiveAveragePool {
            output: a.pair("output"),
        },
        "batchnorm" => Op::BatchNorm {
            eps: a.float("eps"),
            affine: a.flag("affine"),
        },
        "lrn" => Op::Lrn {
            size: a.count("size"),
            alpha: a.float("alpha"),
            beta: a.float("beta"),
            k: a.float("k"),
        },
        "softmax" => Op::Softmax,
        "dropout" => Op::Dropout,
        "flatten" => Op::Flatten,
        "reshape" => {
            declared = reshape(a, input)?;
            Op::Reshape
        }
        "slice" => slice(a, input)?,
        "pad" => Op::Pad {
            spatial: a.margins("spatial"),
            channels: match a.ints("channels")[..] {
                [before, after] => [before, after].map(|x| usize::try_from(x).unwrap_or(0)),
                _ => [0, 0],
            },
            value: a.float("value") as f32,
        },
        "upsample" => upsample(a, input)?,
        _ => Op::Identity,
    };
    Ok((op, declared))
}

/// How the rule of a layer of one input depends on sizes.
pub(super) fn rate(layer: &str, a: &Attributes) -> Rate {
    let keeps = matches!(
        layer,
        "batchnorm" | "lrn" | "softmax" | "dropout" | "identity"
    );
    let sum = |name: &str| match a.get(name) {
        Some(Value::List(_)) => a.ints(name).iter().map(|x| x.unsigned_abs()).sum(),
        Some(Value::Int(x)) => x.unsigned_abs(),
        _ => a.pair(name).iter().map(|x| *x as u64).sum::<u64>(),
    };
    let dilation = sum("dilation").max(1);
    let windows = sum("kernel").saturating_mul(dilation);
    // A window's padding for "same" is as large as the window at most, on both sides.
    let reach = ["stride", "pad", "output_pad", "start", "end", "spatial"]
        .iter()
        .map(|name| sum(name))
        .fold(windows.saturating_mul(3), u64::saturating_add);
    let parts = match a.get("parts") {
        Some(Value::Int(parts)) => parts.unsigned_abs(),
        _ => 1,
    };
    let [down, across] = a.size("stride").unwrap_or([1, 1]).map(|s| s.max(1) as u64);
    // `conv_transpose` multiplies by its stride.
    let strides = match (layer, down == across) {
        ("conv_transpose", _) => 1,
        (_, true) => down,
        (_, false) => down.saturating_mul(across),
    };
    Rate {
        reach: reach.saturating_add(2),
        modulus: strides.saturating_mul(parts.max(1)),
        keeps,
    }
}

/// Attributes that may depend on an open size: what sizes are made of, and no parameter.
pub(super) fn may_depend(layer: &str, attribute: &str) -> bool {
    matches!(
        (layer, attribute),
        ("upsample", "size")
            | ("adaptiveavgpool", "output")
            | ("slice", "start" | "end")
            | ("reshape", "shape")
            | ("pad", "spatial")
            | ("conv" | "maxpool" | "avgpool", "pad")
    )
}

fn conv_transpose(a: &Attributes) -> Result<ConvTranspose, ShapeError> {
    if a.text("pad").is_some() {
        return Err(ShapeError::new(
            codes::ATTRIBUTE_VALUE,
            "`conv_transpose` has no \"same\" padding",
        )
        .at("pad")
        .help("what is cut off must be stated as numbers"));
    }
    Ok(ConvTranspose {
        out_channels: a.count("channels"),
        kernel: a.pair("kernel"),
        stride: a.pair("stride"),
        pad: a.margins("pad"),
        output_pad: a.pair("output_pad"),
        dilation: a.pair("dilation"),
        groups: a.count("groups"),
        bias: a.flag("bias"),
    })
}

fn reshape(a: &Attributes, input: &Shape) -> Result<Shape, ShapeError> {
    // Layouts are of maps and vectors.
    const MOST_DIMENSIONS: usize = 3;
    let sizes = a.ints("shape");
    let n_open = sizes.iter().filter(|size| **size == -1).count();
    if sizes.is_empty() || sizes.len() > MOST_DIMENSIONS || n_open > 1 {
        let message = match n_open {
            0 | 1 => format!("`shape` has 1 to {MOST_DIMENSIONS} entries"),
            _ => "only one entry of `shape` may be -1".into(),
        };
        return Err(ShapeError::new(codes::ATTRIBUTE_VALUE, message).at("shape"));
    }
    let known = sizes
        .iter()
        .filter(|size| **size != -1)
        .try_fold(1u64, |product, size| {
            product.checked_mul((*size).unsigned_abs())
        })
        .unwrap_or(u64::MAX);
    let elements = input.checked_elements().unwrap_or(u64::MAX);
    if n_open == 1 && (known == 0 || !elements.is_multiple_of(known)) {
        return Err(ShapeError::new(
            codes::RESHAPE,
            format!("{elements} elements of {input} cannot be divided by {known}"),
        )
        .at("shape"));
    }
    let open = elements.checked_div(known).unwrap_or(0);
    Ok(Shape::new(sizes.iter().map(|size| match size {
        -1 => open,
        size => size.unsigned_abs(),
    })))
}

fn slice(a: &Attributes, input: &Shape) -> Result<Op, ShapeError> {
    let axis = a.count("axis");
    let Some(size) = input.sizes().nth(axis).and_then(|n| i64::try_from(n).ok()) else {
        // The shape rule says that there is no such axis.
        return Ok(Op::Slice {
            axis,
            start: 0,
            end: 1,
        });
    };
    let resolve = |name: &'static str| {
        let at = a.int(name);
        let resolved = if at < 0 { at.saturating_add(size) } else { at };
        usize::try_from(resolved).map_err(|_| {
            ShapeError::new(
                codes::SLICE,
                format!(
                    "`{name}` is {at}, but there are only {}",
                    check::axis_size(axis, size.unsigned_abs(), input.rank())
                ),
            )
            .at(name)
        })
    };
    Ok(Op::Slice {
        axis,
        start: resolve("start")?,
        end: resolve("end")?,
    })
}

fn upsample(a: &Attributes, input: &Shape) -> Result<Op, ShapeError> {
    let grown = |size: u64, scale: usize| {
        usize::try_from(size).map_or(usize::MAX, |size| size.saturating_mul(scale))
    };
    let size = match (a.size("scale"), a.size("size")) {
        (Some(scale), None) => [
            grown(input.height(), scale[0]),
            grown(input.width(), scale[1]),
        ],
        (None, Some(size)) => size,
        (Some(_), Some(_)) => {
            return Err(ShapeError::new(
                codes::REPEATED_ARGUMENT,
                "`upsample` takes `scale` or `size`, not both",
            )
            .at("size"));
        }
        (None, None) => {
            return Err(ShapeError::new(
                codes::MISSING_ARGUMENT,
                "`upsample` wants `scale` or `size`",
            ));
        }
    };
    let align_corners = a.flag("align_corners");
    let mode = match a.text("mode") {
        Some("bilinear") => ResizeMode::Bilinear { align_corners },
        _ if align_corners => {
            return Err(ShapeError::new(
                codes::ATTRIBUTE_VALUE,
                "`align_corners` has a meaning only with mode \"bilinear\"",
            )
            .at("align_corners"));
        }
        _ => ResizeMode::Nearest,
    };
    Ok(Op::Resize(Resize { mode, size }))
}

/// The slices that a split makes.
pub(super) fn split(a: &Attributes, input: &Shape) -> Result<Vec<Op>, ShapeError> {
    let axis = a.count("axis");
    let Some(size) = input.sizes().nth(axis) else {
        return Err(ShapeError::new(
            codes::ATTRIBUTE_RANGE,
            format!("`split` along axis {axis} of {input}"),
        )
        .at("axis"));
    };
    let sizes: Vec<u64> = match a.get("parts") {
        Some(Value::Int(parts)) => {
            let parts = parts.unsigned_abs();
            if parts == 0 || !size.is_multiple_of(parts) || parts > size {
                return Err(ShapeError::new(
                    codes::CHANNELS,
                    format!(
                        "the {} cannot be divided into {parts} equal parts",
                        check::axis_size(axis, size, input.rank())
                    ),
                )
                .at("parts"));
            }
            std::iter::repeat_n(size / parts, usize::try_from(parts).unwrap_or(0)).collect()
        }
        _ => a
            .ints("parts")
            .iter()
            .map(|part| part.unsigned_abs())
            .collect(),
    };
    let sum = sizes
        .iter()
        .fold(0u64, |sum, part| sum.saturating_add(*part));
    if sum != size {
        return Err(ShapeError::new(
            codes::CHANNELS,
            format!(
                "the parts are {sum} together, not the {}",
                check::axis_size(axis, size, input.rank())
            ),
        )
        .at("parts"));
    }
    let mut start = 0;
    Ok(sizes
        .into_iter()
        .map(|part| {
            let part = usize::try_from(part).unwrap_or(0);
            let op = Op::Slice {
                axis,
                start,
                end: start + part,
            };
            start += part;
            op
        })
        .collect())
}
