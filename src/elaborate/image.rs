//! `from image(...)`: how a picture becomes an input.

use super::attributes::Attributes;
use super::expand::{Expander, Frame};
use super::layers::IMAGE;
use super::value::Value;
use crate::check::{axis_size, image_doubt};
use crate::diagnostic::{Code, Diagnostic, codes, guess};
use crate::graph::{ChannelOrder, ImageResize, ImageSpec, Shape};
use crate::source::Span;
use crate::syntax::ast::Call;

impl<'p> Expander<'p> {
    /// The picture behind an input of this shape; `None` is reported.
    pub fn image(
        &mut self,
        call: &'p Call,
        shape: &Shape,
        frame: &mut Frame<'p>,
    ) -> Option<ImageSpec> {
        if call.callee.name != IMAGE.name {
            let message = format!("an input cannot come from `{}`", call.callee.name);
            let fault = Diagnostic::new(codes::UNDEFINED, message, call.callee.span, "unknown");
            self.report(match guess(&call.callee.name, [IMAGE.name]) {
                Some(meant) => fault.with_guess(call.callee.span, meant),
                None => fault.with_help("`from image(...)` is the only source"),
            });
            return None;
        }
        let (attributes, spans) = self.bind_table(&IMAGE, call, frame)?;
        let place = |attribute: Option<&str>| {
            let index = IMAGE
                .attributes
                .iter()
                .position(|a| Some(a.name) == attribute);
            let span: Option<Span> = index.and_then(|i| spans.get(i).copied().flatten());
            span.unwrap_or(call.span)
        };
        match image_spec(&attributes, shape) {
            Ok(spec) => {
                if let Some(doubt) = image_doubt(&spec) {
                    let span = place(Some(doubt.attribute));
                    let warning = Diagnostic::new(codes::IMAGE_RANGE, doubt.message, span, "");
                    self.report(match doubt.range {
                        Some(range) => warning.with_help(format!("`range={range}`")),
                        None => warning,
                    });
                }
                Some(spec)
            }
            Err((code, attribute, message)) => {
                self.fail(code, message, place(attribute));
                None
            }
        }
    }
}

type Fault = (Code, Option<&'static str>, String);

fn image_spec(attributes: &Attributes, shape: &Shape) -> Result<ImageSpec, Fault> {
    if shape.rank() != 3 {
        let message = format!("a picture is [C, H, W], not {shape}");
        return Err((codes::RANK, None, message));
    }
    let channels = shape.channels();
    let order = match attributes.text("order") {
        Some("bgr") => ChannelOrder::Bgr,
        Some("gray") => ChannelOrder::Gray,
        Some(_) => ChannelOrder::Rgb,
        None if channels == 1 => ChannelOrder::Gray,
        None => ChannelOrder::Rgb,
    };
    let n_channels = if order == ChannelOrder::Gray { 1 } else { 3 };
    if channels != n_channels {
        let message = format!(
            "such a picture has {}, the input has {channels}",
            axis_size(0, n_channels, 3)
        );
        return Err((codes::MISMATCH, Some("order"), message));
    }
    let crop = attributes.size("crop");
    let resize = match attributes.get("resize") {
        Some(Value::Int(side)) => usize::try_from(*side).ok().map(ImageResize::ShorterSide),
        _ => attributes.size("resize").map(ImageResize::Exact),
    };
    let wanted = [shape.height(), shape.width()];
    let is_wanted = |size: [usize; 2]| size.map(|side| side as u64) == wanted;
    let [height, width] = wanted;
    match (crop, resize) {
        (Some(crop), _) if !is_wanted(crop) => {
            let message = format!(
                "the crop is {}x{}, the input {height}x{width}",
                crop[0], crop[1]
            );
            return Err((codes::MISMATCH, Some("crop"), message));
        }
        (None, Some(ImageResize::Exact(size))) if !is_wanted(size) => {
            let message = format!(
                "the picture becomes {}x{}, the input is {height}x{width}",
                size[0], size[1]
            );
            return Err((codes::MISMATCH, Some("resize"), message));
        }
        (None, Some(ImageResize::ShorterSide(side))) => {
            let message = format!("the longer side may be more than {side}: a `crop` is wanted");
            return Err((codes::MISSING_ARGUMENT, Some("resize"), message));
        }
        _ => {}
    }
    if let (Some(crop), Some(resize)) = (crop, resize) {
        let least = match resize {
            ImageResize::ShorterSide(side) => [side; 2],
            ImageResize::Exact(size) => size,
        };
        if crop[0] > least[0] || crop[1] > least[1] {
            let message = "the crop is larger than the resized picture".to_string();
            return Err((codes::ATTRIBUTE_RANGE, Some("crop"), message));
        }
    }
    for name in ["mean", "std"] {
        let n_values = attributes.floats(name).len();
        if attributes.get(name).is_some() && n_values as u64 != channels {
            let message = format!(
                "`{name}` has {n_values} numbers for {}",
                axis_size(0, channels, 3)
            );
            return Err((codes::MISMATCH, Some(name), message));
        }
    }
    let std = attributes.floats("std");
    if std.iter().any(|x| *x <= 0.0) {
        let message = "`std` must be above 0".to_string();
        return Err((codes::ATTRIBUTE_RANGE, Some("std"), message));
    }
    Ok(ImageSpec {
        resize,
        crop,
        order,
        range: attributes.float("range") as f32,
        mean: attributes.floats("mean"),
        std,
    })
}
