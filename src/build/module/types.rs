//! The types of inputs and outputs.

use std::fmt::Write;

use super::grouped;
use super::ports::{Ports, RustPort, array};
use crate::artefact::plain;

/// The types of inputs and outputs, and functions that make inputs of floats.
pub fn print(ports: &Ports<'_>) -> String {
    let mut text = String::new();
    for (ports, what) in [(&ports.inputs, "input"), (&ports.outputs, "output")] {
        for RustPort {
            port, type_name, ..
        } in ports
        {
            let sizes: Vec<String> = port.shape.sizes().map(|size| size.to_string()).collect();
            let _ = write!(
                text,
                "    /// The {what} `{}` of one image, of the shape [{}].
    pub type {type_name} = {};

",
                plain(&port.name),
                sizes.join(", "),
                array(&port.shape)
            );
        }
    }
    for port in &ports.inputs {
        text += &conversions(port, ports.inputs.len() == 1);
    }
    if let [_] = ports.outputs.as_slice() {
        return text;
    }
    for (name, of, kind) in [
        ("Output", "The outputs of one image", None),
        ("Outputs", "The outputs of a batch", Some("Vec")),
    ] {
        let _ = write!(
            text,
            "    /// {of}.
    #[derive(Clone, Debug, PartialEq)]
    pub struct {name} {{
"
        );
        for port in &ports.outputs {
            let type_name = match kind {
                None => port.type_name.clone(),
                Some(kind) => format!("{kind}<{}>", port.type_name),
            };
            let _ = write!(
                text,
                "        /// `{}`
        pub {}: {type_name},
",
                plain(&port.port.name),
                port.name
            );
        }
        text += "    }\n\n";
    }
    text
}

/// Functions that see floats as inputs.
fn conversions(port: &RustPort<'_>, is_only: bool) -> String {
    let behind = match is_only {
        true => String::new(),
        false => format!("_{}", port.name),
    };
    let type_name = &port.type_name;
    let n = grouped(port.port.shape.elements() as usize);
    format!(
        "    /// Floats as the input of one image, the last dimension fastest, if there are {n}.
    pub fn input{behind}(values: &[f32]) -> Option<&{type_name}> {{
        match inputs{behind}(values) {{
            Some([image]) => Some(image),
            _ => None,
        }}
    }}

    /// Floats as inputs, one image after the other, if there are {n} for each.
    pub fn inputs{behind}(values: &[f32]) -> Option<&[{type_name}]> {{
        let (n_images, rest) = (values.len() / {n}, values.len() % {n});
        // SAFETY: arrays of arrays of floats lie as the floats do, and so many are there.
        let inputs = unsafe {{ slice::from_raw_parts(values.as_ptr().cast(), n_images) }};
        (rest == 0).then_some(inputs)
    }}

"
    )
}
