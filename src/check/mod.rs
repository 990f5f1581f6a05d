//! Shape rules: for every operation, what it takes, what comes out, which parameters it has and what it costs.
//!
//! One file per family of layers. Nothing here knows a source: errors are [`ShapeError`]s, and whoever knows the source makes
//! diagnostics of them.

mod elementwise;
mod image;
mod labels;
mod matrix;
mod open_summary;
mod params;
mod receptive;
mod structure;
mod summary;
mod windows;

pub use elementwise::{axis_size, broadcast};
pub use image::{ImageDoubt, image_doubt};
pub use labels::label_fault;
pub use open_summary::{OpenLayer, OpenPort, OpenSize, OpenSummary, open_macs, summarise_open};
pub use params::{ParamSpec, param_specs};
pub use receptive::{ReceptiveField, receptive_fields};
pub use structure::odd_one;
pub use summary::{Costs, LayerSummary, PortSummary, Summary, costs, summarise};
pub use windows::same_pad;

use crate::diagnostic::{Code, codes};
use crate::graph::{Op, Shape};
use crate::limits;

/// Why an operation cannot take its inputs. Whoever knows the source makes a diagnostic of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeError {
    /// The code of the diagnostic.
    pub code: Code,
    /// One line.
    pub message: String,
    /// The attribute at fault, if it is one: its argument gets the primary span.
    pub attribute: Option<&'static str>,
    /// The arithmetic.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl ShapeError {
    /// An error without further detail.
    pub fn new(code: Code, message: impl Into<String>) -> ShapeError {
        ShapeError {
            code,
            message: message.into(),
            attribute: None,
            notes: Vec::new(),
            help: None,
        }
    }

    /// Names the attribute at fault.
    pub fn at(mut self, attribute: &'static str) -> ShapeError {
        self.attribute = Some(attribute);
        self
    }

    /// Adds a line of arithmetic.
    pub fn note(mut self, note: impl Into<String>) -> ShapeError {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> ShapeError {
        self.help = Some(help.into());
        self
    }
}

/// Whether a code is one of a shape rule's, which depend on sizes.
pub fn is_of_shapes(code: Code) -> bool {
    ("E0401"..="E0409").contains(&code.id)
}

/// The shape of the result. `declared` is the answer for operations that do not compute theirs (input, param, reshape).
///
/// This is the rule of the graph, which the verifier uses between passes; what the language allows is
/// [`infer_written_shape`].
pub fn infer_shape(op: &Op, inputs: &[&Shape], declared: &Shape) -> Result<Shape, ShapeError> {
    bounded(rule(op, inputs, declared)?)
}

/// [`infer_shape`] for a layer as a person writes it: `dense` takes `[F]` only, where the graph lets it absorb a flatten.
pub fn infer_written_shape(
    op: &Op,
    inputs: &[&Shape],
    declared: &Shape,
) -> Result<Shape, ShapeError> {
    bounded(infer_open_shape(op, inputs, declared)?)
}

/// [`infer_written_shape`] at some value of a size that is left open. Such values may be larger than any that fits the limits.
pub fn infer_open_shape(op: &Op, inputs: &[&Shape], declared: &Shape) -> Result<Shape, ShapeError> {
    if let (Op::Dense { .. }, [input]) = (op, inputs) {
        matrix::takes_features(input)?;
    }
    not_empty(rule(op, inputs, declared)?)
}

fn rule(op: &Op, inputs: &[&Shape], declared: &Shape) -> Result<Shape, ShapeError> {
    match op {
        Op::Input(_) | Op::Param => Ok(declared.clone()),
        Op::Map(_) => broadcast(inputs),
        Op::Concat { axis } => structure::concat(*axis, inputs),
        _ => one_input_rule(op, single(inputs)?, declared),
    }
}

fn one_input_rule(op: &Op, input: &Shape, declared: &Shape) -> Result<Shape, ShapeError> {
    match op {
        Op::Conv(conv) => windows::conv(conv, input),
        Op::ConvTranspose(conv) => windows::conv_transpose(conv, input),
        Op::Pool(pool) => windows::pool(pool, input),
        Op::GlobalPool(_) => windows::global_pool(op.name(), input),
        Op::AdaptiveAveragePool { output } => windows::adaptive_pool(*output, input),
        Op::Dense { features, .. } => matrix::dense(*features, input),
        Op::Lrn { .. } => elementwise::of_map(op.name(), input),
        Op::BatchNorm { .. } | Op::Softmax => elementwise::of_channels(op.name(), input),
        Op::Flatten => structure::flatten(input),
        Op::Reshape => structure::reshape(declared, input),
        Op::Slice { axis, start, end } => structure::slice(*axis, *start, *end, input),
        Op::Pad {
            spatial, channels, ..
        } => structure::pad(*spatial, *channels, input),
        Op::Resize(resize) => structure::resize(resize.size, input),
        Op::Dropout | Op::Identity => Ok(input.clone()),
        Op::Input(_) | Op::Param | Op::Map(_) | Op::Concat { .. } => Ok(declared.clone()),
    }
}

fn single<'a>(inputs: &[&'a Shape]) -> Result<&'a Shape, ShapeError> {
    match inputs {
        [input] => Ok(input),
        _ => Err(ShapeError::new(
            codes::MISMATCH,
            format!("one input is wanted, not {}", inputs.len()),
        )),
    }
}

/// Refuses empty and oversized tensors.
fn bounded(shape: Shape) -> Result<Shape, ShapeError> {
    let shape = not_empty(shape)?;
    match shape.checked_elements() {
        Some(elements) if elements <= limits::TENSOR_ELEMENTS => Ok(shape),
        _ => Err(ShapeError::new(
            codes::LIMIT_TENSOR,
            format!(
                "the result {shape} has more than {} elements",
                limits::TENSOR_ELEMENTS
            ),
        )),
    }
}

fn not_empty(shape: Shape) -> Result<Shape, ShapeError> {
    if shape.sizes().any(|size| size == 0) {
        return Err(ShapeError::new(
            codes::EMPTY_SHAPE,
            format!("the result {shape} has a dimension of zero"),
        ));
    }
    Ok(shape)
}

/// Wants `[C, H, W]`.
fn wants_map(layer: &str, input: &Shape) -> Result<(), ShapeError> {
    match input.rank() {
        3 => Ok(()),
        1 => Err(ShapeError::new(
            codes::RANK,
            format!("`{layer}` takes [C, H, W], not {input}"),
        )
        .help(format!(
            "`reshape([{input_features}, 1, 1])` makes a map of 1x1 of it",
            input_features = input.channels()
        ))),
        _ => Err(ShapeError::new(
            codes::RANK,
            format!("`{layer}` takes [C, H, W], not {input}"),
        )),
    }
}

/// The arithmetic that leads from `input` to the shape of the result, in lines for a note.
pub fn explain(op: &Op, input: &Shape) -> Vec<String> {
    match op {
        Op::Conv(_) | Op::Pool(_) | Op::ConvTranspose(_) => windows::explain(op, input),
        Op::Flatten if input.rank() == 3 => vec![format!(
            "{} * {} * {} = {}",
            input.channels(),
            input.height(),
            input.width(),
            input.elements()
        )],
        _ => Vec::new(),
    }
}

/// Multiply-accumulates of one image; only convolutions and dense layers count.
pub fn macs(op: &Op, input: &Shape, output: &Shape) -> u64 {
    let product = |factors: &[u64]| factors.iter().fold(1u64, |a, b| a.saturating_mul(*b));
    match op {
        Op::Conv(conv) => {
            let [kh, kw] = conv.kernel.map(|k| k as u64);
            let per_group = input.channels() / (conv.groups.max(1) as u64);
            product(&[output.elements(), per_group, kh, kw])
        }
        Op::ConvTranspose(conv) => {
            let [kh, kw] = conv.kernel.map(|k| k as u64);
            let per_group = (conv.out_channels / conv.groups.max(1)) as u64;
            product(&[input.elements(), per_group, kh, kw])
        }
        Op::Dense { features, .. } => product(&[input.elements(), *features as u64]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
