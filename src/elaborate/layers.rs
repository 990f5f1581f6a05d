//! The built-in layers: one table of names, attributes, types, defaults and ranges, which argument binding, did-you-mean and
//! the reference documentation read. What a layer does with its attributes is in `build.rs` beside it.

use super::value::Kind;
use crate::syntax::ast::Type;

/// The value of an attribute that is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// It must be given.
    Required,
    /// It may be absent.
    Absent,
    /// This number.
    Int(i64),
    /// This number.
    Float(f64),
    /// This truth value.
    Bool(bool),
    /// This text.
    Text(&'static str),
    /// `[0, 0]`
    Zeros,
    /// That of another attribute.
    Same(&'static str),
}

/// Which values of the right type an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// All.
    Any,
    /// Every int in it is at least this (and at most 2^31 - 1).
    AtLeast(i64),
    /// A float above zero.
    Positive,
    /// A float from 0 to 1.
    Unit,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// An attribute of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static Kind,
    /// What it is if it is not given.
    pub default: Preset,
    /// Its range.
    pub range: Range,
}

/// A built-in layer.
#[derive(Debug, PartialEq)]
pub struct Layer {
    /// Its name.
    pub name: &'static str,
    /// Its attributes, in the order in which they may be given by position.
    pub attributes: &'static [Attribute],
    /// Whether arguments without a name are values (`add(a, b)`) and not attributes.
    pub takes_values: bool,
    /// What it does, in a few words.
    pub summary: &'static str,
}

const fn attribute(
    name: &'static str,
    kind: &'static Kind,
    default: Preset,
    range: Range,
) -> Attribute {
    Attribute {
        name,
        kind,
        default,
        range,
    }
}

const fn layer(
    name: &'static str,
    attributes: &'static [Attribute],
    summary: &'static str,
) -> Layer {
    Layer {
        name,
        attributes,
        takes_values: false,
        summary,
    }
}

const fn of_values(
    name: &'static str,
    attributes: &'static [Attribute],
    summary: &'static str,
) -> Layer {
    Layer {
        name,
        attributes,
        takes_values: true,
        summary,
    }
}

const INT: &Kind = &Kind::Type(Type::Int);
const FLOAT: &Kind = &Kind::Type(Type::Float);
const BOOL: &Kind = &Kind::Type(Type::Bool);
const TEXT: &Kind = &Kind::Type(Type::String);
const SIZE: &Kind = &Kind::Type(Type::Size);
const WINDOW_PAD: &Kind = &Kind::WindowPad;
const MARGINS: &Kind = &Kind::Margins;
const PAIR: &Kind = &Kind::Pair;
const INTS: &Kind = &Kind::Ints;
const FLOATS: &Kind = &Kind::Floats;
const PARTS: &Kind = &Kind::Parts;
const RESIZE: &Kind = &Kind::Resize;

use Preset::{Absent, Required, Same, Zeros};
use Range::{Any, AtLeast, OneOf, Positive, Unit};

const CHANNELS: Attribute = attribute("channels", INT, Required, AtLeast(1));
const KERNEL: Attribute = attribute("kernel", SIZE, Required, AtLeast(1));
const STRIDE: Attribute = attribute("stride", SIZE, Preset::Int(1), AtLeast(1));
const POOL_STRIDE: Attribute = attribute("stride", SIZE, Same("kernel"), AtLeast(1));
const PAD: Attribute = attribute("pad", WINDOW_PAD, Preset::Int(0), AtLeast(0));
const DILATION: Attribute = attribute("dilation", SIZE, Preset::Int(1), AtLeast(1));
const GROUPS: Attribute = attribute("groups", INT, Preset::Int(1), AtLeast(1));
const BIAS: Attribute = attribute("bias", BOOL, Preset::Bool(true), Any);
const CEIL: Attribute = attribute("ceil", BOOL, Preset::Bool(false), Any);
const AXIS: Attribute = attribute("axis", INT, Preset::Int(0), AtLeast(0));

/// All built-in layers but the activations, which the prelude declares as functions.
pub const LAYERS: &[Layer] = &[
    layer(
        "conv",
        &[CHANNELS, KERNEL, STRIDE, PAD, DILATION, GROUPS, BIAS],
        "convolution",
    ),
    layer(
        "conv_transpose",
        &[
            CHANNELS,
            KERNEL,
            STRIDE,
            PAD,
            attribute("output_pad", SIZE, Preset::Int(0), AtLeast(0)),
            DILATION,
            GROUPS,
            BIAS,
        ],
        "transposed convolution",
    ),
    layer(
        "dense",
        &[attribute("features", INT, Required, AtLeast(1)), BIAS],
        "matrix times vector",
    ),
    layer(
        "maxpool",
        &[KERNEL, POOL_STRIDE, PAD, DILATION, CEIL],
        "the largest of each window",
    ),
    layer(
        "avgpool",
        &[
            KERNEL,
            POOL_STRIDE,
            PAD,
            CEIL,
            attribute("count_include_pad", BOOL, Preset::Bool(true), Any),
        ],
        "the mean of each window",
    ),
    layer("globalavgpool", &[], "the mean of each channel"),
    layer("globalmaxpool", &[], "the largest of each channel"),
    layer(
        "adaptiveavgpool",
        &[attribute("output", SIZE, Required, AtLeast(1))],
        "means of as many windows as wanted",
    ),
    layer(
        "batchnorm",
        &[
            attribute("eps", FLOAT, Preset::Float(1e-5), Positive),
            attribute("affine", BOOL, Preset::Bool(true), Any),
        ],
        "normalisation by running statistics",
    ),
    layer(
        "lrn",
        &[
            attribute("size", INT, Preset::Int(5), AtLeast(1)),
            attribute("alpha", FLOAT, Preset::Float(1e-4), Any),
            attribute("beta", FLOAT, Preset::Float(0.75), Any),
            attribute("k", FLOAT, Preset::Float(1.0), Any),
        ],
        "normalisation by neighbouring channels",
    ),
    layer("softmax", &[], "probabilities over the channels"),
    layer(
        "dropout",
        &[attribute("p", FLOAT, Preset::Float(0.5), Unit)],
        "nothing, at inference",
    ),
    layer("identity", &[], "nothing"),
    layer("flatten", &[], "all elements in one dimension"),
    layer(
        "reshape",
        &[attribute("shape", INTS, Required, AtLeast(-1))],
        "another shape of the same elements",
    ),
    of_values("add", &[], "sum of values"),
    of_values("multiply", &[], "product of values"),
    of_values("concat", &[AXIS], "values joined along an axis"),
    layer(
        "split",
        &[attribute("parts", PARTS, Required, AtLeast(1)), AXIS],
        "parts along an axis",
    ),
    layer(
        "slice",
        &[
            attribute("start", INT, Required, Any),
            attribute("end", INT, Required, Any),
            AXIS,
        ],
        "a part along an axis",
    ),
    layer(
        "pad",
        &[
            attribute("spatial", MARGINS, Preset::Int(0), AtLeast(0)),
            attribute("channels", PAIR, Zeros, AtLeast(0)),
            attribute("value", FLOAT, Preset::Float(0.0), Any),
        ],
        "grown by a constant",
    ),
    layer(
        "upsample",
        &[
            attribute("scale", SIZE, Absent, AtLeast(1)),
            attribute(
                "mode",
                TEXT,
                Preset::Text("nearest"),
                OneOf(&["nearest", "bilinear"]),
            ),
            attribute("align_corners", BOOL, Preset::Bool(false), Any),
            attribute("size", SIZE, Absent, AtLeast(1)),
        ],
        "resized map",
    ),
];

/// `image(...)` after an input: no layer, but bound like one.
pub const IMAGE: Layer = layer(
    "image",
    &[
        attribute("resize", RESIZE, Absent, AtLeast(1)),
        attribute("crop", SIZE, Absent, AtLeast(1)),
        attribute("order", TEXT, Absent, OneOf(&["rgb", "bgr", "gray"])),
        attribute("mean", FLOATS, Absent, Any),
        attribute("std", FLOATS, Absent, Any),
        attribute("range", FLOAT, Preset::Float(1.0), Positive),
    ],
    "how a picture becomes an input",
);

/// The layer with this name.
pub fn find(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.name == name)
}
