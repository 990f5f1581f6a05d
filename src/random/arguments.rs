//! Arguments of layers, drawn from the table of layers.

use super::entropy::Entropy;
use crate::elaborate::Kind;
use crate::elaborate::layers::{Attribute, Layer, Preset, Range};
use crate::syntax::ast::Type;

/// What the arguments of one call are drawn for.
pub(super) struct Site<'s> {
    /// Shape of the value that arrives.
    pub sizes: &'s [u64],
    /// Whether the result must have the same shape.
    pub keeps: bool,
    axis: usize,
    groups: u64,
    /// Whether `upsample` gets its `scale`.
    by_scale: bool,
}

impl<'s> Site<'s> {
    pub fn new(entropy: &mut Entropy, sizes: &'s [u64], keeps: bool) -> Site<'s> {
        let channels = sizes.first().copied().unwrap_or(1);
        let divisors: Vec<u64> = (1..=channels)
            .filter(|groups| channels.is_multiple_of(*groups))
            .collect();
        // One group, a group for each channel, or any other kind.
        let groups = match entropy.below(4) {
            0 | 1 => 1,
            2 => channels,
            _ => entropy.pick(&divisors).unwrap_or(1),
        };
        Site {
            sizes,
            keeps,
            axis: entropy.below(sizes.len()),
            groups,
            by_scale: entropy.below(2) == 0,
        }
    }

    /// The size along the axis of the call.
    fn size(&self) -> i64 {
        self.sizes[self.axis] as i64
    }
}

/// A call of a layer: its text, and the names of the attributes that stand in it.
pub(super) fn call(
    entropy: &mut Entropy,
    layer: &'static Layer,
    site: &Site,
    values: &[String],
) -> (String, Vec<&'static str>) {
    let (mut arguments, mut given) = (values.to_vec(), Vec::new());
    // Attributes may be given by position as long as all before were.
    let mut by_position = values.is_empty() && entropy.below(2) == 0;
    for attribute in layer.attributes {
        let name = attribute.name;
        let is_wanted = match (layer.name, name) {
            ("upsample", "scale") => site.by_scale,
            ("upsample", "size") => !site.by_scale,
            ("conv" | "conv_transpose", "groups") => site.groups > 1,
            ("conv" | "maxpool" | "avgpool", "pad") if site.keeps => true,
            ("maxpool" | "avgpool", "stride") if site.keeps => true,
            ("concat" | "split" | "slice", "axis") => site.axis > 0 || entropy.one_in(4),
            _ => attribute.default == Preset::Required || entropy.one_in(2),
        };
        if !is_wanted {
            by_position = false;
            continue;
        }
        let value = argument(entropy, layer.name, attribute, site);
        arguments.push(match by_position {
            true => value,
            false => format!("{name}={value}"),
        });
        given.push(name);
    }
    let text = match arguments.is_empty() {
        true => layer.name.to_owned(),
        false => format!("{}({})", layer.name, arguments.join(", ")),
    };
    (text, given)
}

fn one_of(entropy: &mut Entropy, choices: &[&str]) -> String {
    entropy.pick(choices).unwrap_or_default().to_owned()
}

/// The value of one attribute. What is not known here by name is drawn by its type and range.
fn argument(entropy: &mut Entropy, layer: &str, attribute: &Attribute, site: &Site) -> String {
    let channels = site.sizes[0];
    match (layer, attribute.name) {
        ("conv" | "conv_transpose", "channels") if site.keeps => channels.to_string(),
        ("conv" | "conv_transpose", "channels") => {
            let each = entropy.pick(&[1, 2, 3, 4, 8, 12, 17]).unwrap_or(1);
            match site.groups {
                1 => each.to_string(),
                groups => (groups * each.min(3)).to_string(),
            }
        }
        (_, "kernel") if site.keeps => one_of(entropy, &["3", "1", "5x1", "1x3", "3x5"]),
        (_, "kernel") => one_of(
            entropy,
            &[
                "1", "3", "2", "3x3", "1x2", "2x1", "4", "5", "3x1", "1x5", "7", "6x2",
            ],
        ),
        (_, "stride") if site.keeps => "1".to_owned(),
        ("conv_transpose", "stride") => one_of(
            entropy,
            &["2", "1", "3", "1x2", "2x1", "3x2", "16x1", "1x40"],
        ),
        (_, "stride") => one_of(
            entropy,
            &["1", "2", "1x2", "2x1", "3", "2x3", "7", "1x300", "100000"],
        ),
        ("conv" | "maxpool" | "avgpool", "pad") if site.keeps => "\"same\"".to_owned(),
        ("conv" | "conv_transpose" | "maxpool" | "avgpool", "pad") => one_of(
            entropy,
            &[
                "1",
                "0",
                "2",
                "1x0",
                "0x1",
                "[1, 0, 0, 0]",
                "[0, 0, 1, 2]",
                "[0, 2, 1, 0]",
                "\"same\"",
                "3",
                "[4, 3, 0, 5]",
                "8x1",
            ],
        ),
        (_, "output_pad") => one_of(entropy, &["1", "0", "1x0", "0x1", "2x0"]),
        (_, "dilation") if site.keeps => one_of(entropy, &["1", "2", "1x3"]),
        (_, "dilation") => one_of(entropy, &["1", "2", "1x2", "2x1", "3", "4x1"]),
        (_, "groups") => site.groups.to_string(),
        (_, "features") => one_of(entropy, &["5", "1", "3", "8", "10", "16", "33"]),
        ("adaptiveavgpool", "output") => {
            format!("{}x{}", 1 + entropy.below(4), 1 + entropy.below(4))
        }
        ("upsample", "size") => format!("{}x{}", 1 + entropy.below(9), 1 + entropy.below(9)),
        ("upsample", "scale") => one_of(entropy, &["2", "1x2", "3x1", "1", "2x3", "4"]),
        ("lrn", "size") => (1 + entropy.below(6)).to_string(),
        ("lrn", "alpha") => one_of(entropy, &["1e-4", "0.5", "2.0"]),
        ("lrn", "beta") => one_of(entropy, &["0.75", "0.5", "1.0", "0.6", "0.0"]),
        ("lrn", "k") => one_of(entropy, &["2.0", "1.0", "0.5"]),
        (_, "shape") => shape(entropy, site.sizes),
        (_, "axis") => site.axis.to_string(),
        ("split", "parts") => parts(entropy, site.size()),
        ("slice", "start") => start(entropy, site.size()),
        ("slice", "end") => match site.size() {
            size if entropy.below(2) == 0 => size.to_string(),
            size => (1 + entropy.below(size as usize)).to_string(),
        },
        ("pad", "spatial") => one_of(
            entropy,
            &[
                "1",
                "0",
                "0x1",
                "2x0",
                "[0, 1, 0, 1]",
                "[2, 0, 1, 3]",
                "[0, 0, 0, 1]",
            ],
        ),
        ("pad", "channels") => format!("[{}, {}]", entropy.below(4), entropy.below(9)),
        ("pad", "value") => one_of(entropy, &["0.0", "0.5", "-1.25"]),
        ("image", "order") if channels == 1 => "\"gray\"".to_owned(),
        ("image", "order") => one_of(entropy, &["\"rgb\"", "\"bgr\""]),
        ("image", "mean" | "std") => {
            let numbers: Vec<&str> = (0..channels).map(|_| "0.5").collect();
            format!("[{}]", numbers.join(", "))
        }
        ("image", "crop") => match site.sizes {
            [_, height, width] => format!("{height}x{width}"),
            _ => "1".to_owned(),
        },
        ("image", "resize") => one_of(entropy, &["16", "16x24"]),
        _ => by_type(entropy, attribute),
    }
}

fn by_type(entropy: &mut Entropy, attribute: &Attribute) -> String {
    let least = match attribute.range {
        Range::OneOf(words) => return format!("\"{}\"", one_of(entropy, words)),
        Range::AtLeast(least) => least,
        _ => 0,
    };
    match (attribute.kind, attribute.range) {
        (Kind::Type(Type::Bool), _) => one_of(entropy, &["false", "true"]),
        (Kind::Type(Type::Float), Range::Unit) => one_of(entropy, &["0.5", "0.0", "1.0"]),
        (Kind::Type(Type::Float), _) => one_of(entropy, &["1e-3", "0.25", "1.0"]),
        (Kind::Type(Type::Size), _) => {
            let size = |entropy: &mut Entropy| least + entropy.below(3) as i64;
            format!("{}x{}", size(entropy), size(entropy))
        }
        _ => (least + entropy.below(3) as i64).to_string(),
    }
}

fn shape(entropy: &mut Entropy, sizes: &[u64]) -> String {
    let elements: u64 = sizes.iter().product();
    let last = sizes[sizes.len() - 1];
    let small = [2, 3, 4].into_iter().find(|n| elements.is_multiple_of(*n));
    match entropy.below(6) {
        0 => format!("[{last}, 1, -1]"),
        1 => "[-1]".to_owned(),
        2 => format!("[-1, {last}, 1]"),
        3 => format!("[{elements}, 1, 1]"),
        4 => format!("[1, {}, -1]", small.unwrap_or(1)),
        _ => format!("[{}, -1, 1]", small.unwrap_or(1)),
    }
}

/// A number of equal parts, or sizes.
fn parts(entropy: &mut Entropy, size: i64) -> String {
    let divisor = [2, 3, 1].into_iter().find(|n| size % n == 0).unwrap_or(1);
    let first = 1 + entropy.below((size - 1).max(1) as usize) as i64;
    match entropy.below(2) {
        0 => divisor.to_string(),
        _ if first >= size => format!("[{size}]"),
        _ => format!("[{first}, {}]", size - first),
    }
}

/// In front of the last element, or from the end.
fn start(entropy: &mut Entropy, size: i64) -> String {
    let start = match entropy.below(3) {
        0 => 0,
        1 => entropy.below(size as usize) as i64,
        _ => -1 - entropy.below(size as usize) as i64,
    };
    start.to_string()
}
