//! Layers in the words of the language.

use crate::graph::{Op, text};

/// Attributes that are given by position.
const POSITIONAL: [&str; 6] = ["channels", "kernel", "features", "output", "start", "end"];
/// Attributes that a glance can do without.
const DETAILS: [&str; 6] = ["bias", "eps", "alpha", "beta", "k", "count_include_pad"];

/// A layer as it would be written, such as `conv(64, 7x7, stride=2, pad=3)`, without what is left out at a glance (biases,
/// constants of normalisations).
pub fn glance(op: &Op) -> String {
    written(op, |name| !DETAILS.contains(&name))
}

/// A layer as it would be written, with every attribute that differs from its default.
pub fn call(op: &Op) -> String {
    written(op, |_| true)
}

fn written(op: &Op, wanted: impl Fn(&str) -> bool) -> String {
    let repeats_kernel = |name: &str| match op {
        Op::Pool(pool) => name == "stride" && pool.stride == pool.kernel,
        _ => false,
    };
    let arguments: Vec<String> = text::attributes(op)
        .into_iter()
        .filter(|(name, _)| wanted(name) && !repeats_kernel(name))
        .map(|(name, value)| {
            let first_of_lrn = matches!(op, Op::Lrn { .. }) && name == "size";
            match name {
                "mode" => format!("mode=\"{value}\""),
                _ if first_of_lrn || POSITIONAL.contains(&name) => value,
                "stride" | "pad" | "dilation" | "output_pad" => format!("{name}={}", once(&value)),
                _ => format!("{name}={value}"),
            }
        })
        .collect();
    match arguments.as_slice() {
        [] => op.name().to_owned(),
        arguments => format!("{}({})", op.name(), arguments.join(", ")),
    }
}

/// `2` for `2x2`.
fn once(size: &str) -> &str {
    match size.split_once('x') {
        Some((height, width)) if height == width => height,
        _ => size,
    }
}
