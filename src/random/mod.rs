//! Random nets, for property tests, fuzzing and benchmarks: [`Net::draw`] writes the text of one, and
//! [`differential`] compares every way to run it with the meaning of its graph.
//!
//! Calls are drawn from the table of layers, and what a call makes of a shape is asked of the front end:
//! a step that it refuses is left out. So a new layer or attribute is drawn without a word here, if
//! values of its type will do; `tests.rs` names what was never drawn. Nets are small: a few thousand
//! elements a value, so that one is compiled and run in milliseconds.

mod arguments;
mod declarations;
mod differential;
mod entropy;
mod steps;
#[cfg(test)]
mod tests;
mod weights;

use std::collections::BTreeSet;

use crate::check::summarise;
use crate::elaborate::layers::{IMAGE, Layer};
use crate::graph::Graph;
use arguments::Site;
pub use differential::differential;
pub use entropy::Entropy;

/// A random net.
#[derive(Clone, Debug)]
pub struct Net {
    /// Its text; the net is called `Random`.
    pub text: String,
    /// What it means.
    pub graph: Graph,
    /// Layers that were drawn, each with an attribute that was given to it, or with nothing for the layer itself.
    pub drawn: BTreeSet<(&'static str, &'static str)>,
}

/// Elements of the largest value.
const MOST_ELEMENTS: u64 = 2500;

/// Multiply-accumulates of a net.
const MOST_MACS: u64 = 300_000;

/// Parameters of a net.
const MOST_PARAMS: u64 = 30_000;

impl Net {
    /// A net of up to `n_steps` statements.
    pub fn draw(entropy: &mut Entropy, n_steps: usize) -> Net {
        let mut draft = Draft::new(entropy);
        // What is refused takes a turn too, so that bytes that run out end the drawing.
        for _ in 0..2 * n_steps {
            if draft.n_accepted < n_steps {
                draft.statement();
            }
        }
        draft.finish()
    }
}

/// A value that has a name.
#[derive(Clone, Debug)]
struct Value {
    name: String,
    sizes: Vec<u64>,
}

/// A net while it is drawn.
struct Draft<'e, 'b> {
    entropy: &'e mut Entropy<'b>,
    statements: String,
    graph: Graph,
    /// Inputs and labels, in order.
    values: Vec<Value>,
    n_accepted: usize,
    drawn: BTreeSet<(&'static str, &'static str)>,
    /// Of the statement that is drawn.
    pending: Vec<(&'static str, &'static str)>,
}

impl<'e, 'b> Draft<'e, 'b> {
    fn new(entropy: &'e mut Entropy<'b>) -> Draft<'e, 'b> {
        let mut draft = Draft {
            entropy,
            statements: String::new(),
            graph: Graph::default(),
            values: Vec::new(),
            n_accepted: 0,
            drawn: BTreeSet::new(),
            pending: Vec::new(),
        };
        draft.inputs();
        draft
    }

    fn inputs(&mut self) {
        let e = &mut *self.entropy;
        let channels = e.pick(&[3, 1, 2, 4, 8, 12, 16, 17]).unwrap_or(1);
        let mut side = || match e.below(3) {
            0 => 1,
            _ => 1 + e.below(8) as u64,
        };
        let (height, width) = (side(), side());
        let first = match e.below(8) {
            7 => vec![e.pick(&[5, 1, 16, 33]).unwrap_or(1)],
            _ => vec![channels, height, width],
        };
        self.input(&first);
        for _ in 0..self.entropy.below(3) {
            let further = match self.entropy.below(6) {
                0 => vec![channels, height, width],
                1 => vec![channels, 1, 1],
                2 => vec![1, height, width],
                3 => vec![channels, height, 1],
                4 => vec![channels],
                _ => vec![2, 3, 5],
            };
            self.input(&further);
        }
    }

    fn input(&mut self, sizes: &[u64]) {
        let names = [format!("in{}", self.values.len())];
        let name = &names[0];
        let shape: Vec<String> = sizes.iter().map(u64::to_string).collect();
        let plain = format!("input {name}: [{}]", shape.join(", "));
        let open = match sizes {
            [c, h, w] => format!("input {name}: [{c}, H = {h}, W = {w}]"),
            _ => plain.clone(),
        };
        if sizes.len() == 3 && sizes[0] % 2 == 1 && self.entropy.one_in(4) {
            let site = Site::new(self.entropy, sizes, true);
            let source = self.layer_call(&IMAGE, &site, &[]);
            if self.accept(&format!("{plain} from {source}"), &names) {
                return;
            }
        }
        if self.values.is_empty() && self.entropy.one_in(6) && self.accept(&open, &names) {
            return;
        }
        self.accept(&plain, &names);
    }

    /// The text of a call, which is remembered as drawn if its statement is accepted.
    fn layer_call(&mut self, layer: &'static Layer, site: &Site, values: &[String]) -> String {
        let (text, given) = arguments::call(self.entropy, layer, site, values);
        self.pending.push((layer.name, ""));
        let given = given.into_iter().map(|attribute| (layer.name, attribute));
        self.pending.extend(given);
        text
    }

    /// Adds a statement that names these values, if the front end takes it and the net stays small.
    fn accept(&mut self, statement: &str, names: &[String]) -> bool {
        let pending = std::mem::take(&mut self.pending);
        let statements = format!("{}  {statement}\n", self.statements);
        let probes: String = names
            .iter()
            // An output that is no step would leave a net of inputs without any.
            .map(|name| format!("  output probe_{name}: {name} -> identity\n"))
            .collect();
        let Some(graph) = expand(&text(&format!("{statements}{probes}"))) else {
            return false;
        };
        let summary = summarise(&graph);
        let elements = graph.nodes.iter().map(|node| node.shape.elements());
        if summary.macs > MOST_MACS
            || summary.params > MOST_PARAMS
            || elements.max() > Some(MOST_ELEMENTS)
        {
            return false;
        }
        let outputs = graph.outputs.iter().map(|output| graph.node(output.node));
        let values = names.iter().zip(outputs).map(|(name, node)| Value {
            name: name.clone(),
            sizes: node.shape.sizes().collect(),
        });
        self.values.extend(values);
        self.drawn.extend(pending);
        self.statements = statements;
        self.graph = graph;
        true
    }

    /// Chooses the outputs. The last value is one of them; inputs may be.
    fn finish(mut self) -> Net {
        if self.n_accepted == 0 {
            self.accept("in0 -> v0: identity", &["v0".to_owned()]);
        }
        let statements = self.statements.clone();
        if let Some(last) = self.values.last().cloned()
            && !self.entropy.one_in(5)
        {
            self.statements += &format!("  output out0: {}\n", last.name);
            for index in 0..self.entropy.below(3) {
                if let Some(value) = self.entropy.pick(&self.values) {
                    self.statements += &format!("  output out{}: {}\n", index + 1, value.name);
                }
            }
        }
        let mut text_of_all = text(&self.statements);
        let graph = expand(&text_of_all).unwrap_or_else(|| {
            text_of_all = text(&statements);
            self.graph
        });
        Net {
            text: text_of_all,
            graph,
            drawn: self.drawn,
        }
    }
}

fn text(statements: &str) -> String {
    let declarations = declarations::called_by(statements);
    format!("{declarations}net Random {{\n{statements}}}\n")
}

fn expand(text: &str) -> Option<Graph> {
    crate::expand(&crate::parse("random.net", text), "Random").ok()
}
