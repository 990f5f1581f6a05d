//! Inputs and outputs as Rust names them.

use std::collections::BTreeSet;

use crate::artefact::{Artefact, c_names};
use crate::graph::Shape;
use crate::plan::Port;

/// Outputs of more bytes than this are answered in a box, for the sake of the stack.
const BOXED_FROM: u64 = 1 << 14;

/// What ports cannot be called: words that Rust keeps for itself in any edition, and what the module's functions name.
const TAKEN: &str = "Self abstract as async await become box break const continue crate do dyn else enum extern \
    false final fn for forward gen if impl in let loop macro match mod move mut n_images override \
    priv pub ref result return self static status struct super trait true try type typeof unsafe \
    unsized use virtual where while workspace yield";

/// An input or output as Rust names it.
pub struct RustPort<'a> {
    /// What it is.
    pub port: &'a Port,
    /// Its name as an argument or field.
    pub name: String,
    /// The name of its type.
    pub type_name: String,
}

/// All ports of a net.
pub struct Ports<'a> {
    /// In the order of the source.
    pub inputs: Vec<RustPort<'a>>,
    /// The same.
    pub outputs: Vec<RustPort<'a>>,
}

impl<'a> Ports<'a> {
    /// Those of a net.
    pub fn new(artefact: &'a Artefact) -> Ports<'a> {
        let mut taken: BTreeSet<String> = TAKEN.split(' ').map(str::to_owned).collect();
        // What functions that take inputs call all outputs.
        taken.insert("output".to_owned());
        let inputs = named(artefact.inputs(), "Input", &mut taken);
        taken.remove("output");
        Ports {
            inputs,
            outputs: named(artefact.outputs(), "Output", &mut taken),
        }
    }

    /// Whether the outputs are large for the stack.
    pub fn are_large(&self) -> bool {
        let ports = self.outputs.iter();
        let floats: u64 = ports.map(|port| port.port.shape.elements()).sum();
        floats * size_of::<f32>() as u64 > BOXED_FROM
    }
}

/// Ports with names that are not taken, which take them.
fn named<'a>(ports: &'a [Port], kind: &str, taken: &mut BTreeSet<String>) -> Vec<RustPort<'a>> {
    let mut types = BTreeSet::new();
    let pairs = ports.iter().zip(c_names(ports));
    let pairs = pairs.map(|(port, name)| {
        // Underscores alone are a pattern and no name.
        let name = match name.trim_start_matches('_') {
            "" => unused(format!("port{name}"), '_', taken),
            _ => unused(name, '_', taken),
        };
        let type_name = match ports.len() {
            1 => kind.to_owned(),
            _ => unused(format!("{kind}{}", camel(&name)), '2', &mut types),
        };
        RustPort {
            port,
            name,
            type_name,
        }
    });
    pairs.collect()
}

/// The name, with as many of a character behind it as make it one that is not taken.
fn unused(mut name: String, behind: char, taken: &mut BTreeSet<String>) -> String {
    while !taken.insert(name.clone()) {
        name.push(behind);
    }
    name
}

/// `aux_head` as `AuxHead`
pub fn camel(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    words.map(capital).collect()
}

/// `[[[f32; 8]; 8]; 1]` for one channel of 8 by 8.
pub fn array(shape: &Shape) -> String {
    let sizes: Vec<u64> = shape.sizes().collect();
    let of = |inner, size: &u64| format!("[{inner}; {size}]");
    sizes.iter().rev().fold("f32".to_owned(), of)
}
