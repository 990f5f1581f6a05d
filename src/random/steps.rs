//! Statements and steps of random nets.

use super::arguments::Site;
use super::declarations::{OF_SEVERAL, UNARY};
use super::{Draft, Value};
use crate::elaborate::PRELUDE;
use crate::elaborate::layers::{self, LAYERS, Layer};

impl Draft<'_, '_> {
    /// Tries to add one statement.
    pub fn statement(&mut self) {
        let Some(x) = self.recent() else { return };
        let name = format!("v{}", self.n_accepted);
        let (step, names) = match self.entropy.one_in(14) {
            true => self.split(&x, &name),
            false => (self.step(&x, false, 2), vec![name]),
        };
        // What arrives is the last value, unless another is named.
        let from = match self.values.last() {
            Some(last) if last.name == x.name && self.entropy.below(2) == 0 => String::new(),
            _ => format!("{} -> ", x.name),
        };
        if self.accept(&format!("{from}{}: {step}", names.join(", ")), &names) {
            self.n_accepted += 1;
        }
    }

    /// Late values are likelier, so that chains form.
    fn recent(&mut self) -> Option<Value> {
        let n = self.values.len();
        let back = match self.entropy.below(3) {
            2 => n,
            _ => n.min(2),
        };
        let index = n.checked_sub(1 + self.entropy.below(back))?;
        self.values.get(index).cloned()
    }

    /// A step from a value; in a body that must not change the shape, one that `keeps` it, as far as it is known.
    fn step(&mut self, x: &Value, keeps: bool, depth: usize) -> String {
        match self.entropy.below(16) {
            0..=7 => self.layer(x, keeps),
            8..=9 => self.function(x),
            10..=11 => self.operator(x, depth),
            12 => self.of_several(x),
            _ if depth == 0 => self.layer(x, keeps),
            _ => self.body(x, keeps, depth - 1),
        }
    }

    fn chain(&mut self, x: &Value, depth: usize) -> String {
        let first = self.step(x, true, depth);
        match self.entropy.below(3) {
            0 => first,
            _ => format!("{first} -> {}", self.step(x, true, depth)),
        }
    }

    fn layer(&mut self, x: &Value, keeps: bool) -> String {
        // Convolutions have the most kernels.
        let conv = layers::find("conv");
        let is_map = x.sizes.len() == 3;
        let any = match self.entropy.below(4) {
            0 if is_map => conv,
            _ => self.entropy.pick(&LAYERS.iter().collect::<Vec<_>>()),
        };
        let Some(layer) = any.filter(|layer| layer.name != "split") else {
            return "identity".to_owned();
        };
        let site = Site::new(self.entropy, &x.sizes, keeps);
        let values = match layer.takes_values {
            true => self.operands(layer, x),
            false => Vec::new(),
        };
        let call = self.layer_call(layer, &site, &values);
        match layer.name == "dense" && is_map {
            true => format!("flatten -> {call}"),
            false => call,
        }
    }

    /// Values for `add`, `multiply` or `concat`; some of them more than once.
    fn operands(&mut self, layer: &Layer, x: &Value) -> Vec<String> {
        let broadcast = layer.name != "concat";
        let mut names = vec![x.name.clone()];
        for _ in 0..1 + self.entropy.below(2) {
            names.push(self.partner(x, broadcast).name);
        }
        if self.entropy.one_in(2) {
            names.reverse();
        }
        names
    }

    /// A value that fits beside another: broadcast either way, or of the same rank with a size in common.
    fn partner(&mut self, x: &Value, broadcast: bool) -> Value {
        let fits = |other: &&Value| {
            let mut pairs = other.sizes.iter().zip(&x.sizes);
            other.sizes.len() == x.sizes.len()
                && match broadcast {
                    true => pairs.all(|(a, b)| a == b || *a == 1 || *b == 1),
                    false => pairs.filter(|(a, b)| a != b).count() < 2,
                }
        };
        let all: Vec<Value> = self.values.iter().filter(fits).cloned().collect();
        // One of another size, where there is one, half of the time.
        let other: Vec<Value> = all.iter().filter(|v| v.sizes != x.sizes).cloned().collect();
        let among = match self.entropy.below(2) {
            1 if !other.is_empty() => &other,
            _ => &all,
        };
        self.entropy.pick(among).unwrap_or_else(|| x.clone())
    }

    /// An activation, or a function that the text declares.
    fn function(&mut self, x: &Value) -> String {
        match self.entropy.below(6) {
            0 => self.entropy.pick(UNARY).unwrap_or("relu").to_owned(),
            1 => match self.entropy.pick(OF_SEVERAL) {
                Some((function, n)) => {
                    let values: Vec<String> = (0..n).map(|_| self.partner(x, true).name).collect();
                    format!("{function}({})", values.join(", "))
                }
                None => "relu".to_owned(),
            },
            _ => self.activation(),
        }
    }

    fn activation(&mut self) -> String {
        let all: Vec<(&str, Option<&str>)> = prelude().collect();
        match self.entropy.pick(&all) {
            Some((name, Some(parameter))) => {
                let value = self
                    .entropy
                    .pick(&["0.5", "0.2", "-0.25", "1.5"])
                    .unwrap_or("1.0");
                match self.entropy.below(3) {
                    0 => format!("{name}({value})"),
                    1 if name != "scale" => name.to_owned(),
                    _ => format!("{name}({parameter}={value})"),
                }
            }
            Some((name, None)) => name.to_owned(),
            None => "relu".to_owned(),
        }
    }

    fn operator(&mut self, x: &Value, depth: usize) -> String {
        let op = self.entropy.pick(&["+", "*", "-"]).unwrap_or("+");
        let mut sides = [x.name.clone(), self.partner(x, true).name];
        match self.entropy.below(6) {
            0 if x.sizes.len() == 3 => {
                let gate = self.activation();
                sides[1] = format!("(globalavgpool -> conv({}, 1x1) -> {gate})", x.sizes[0]);
            }
            1 if depth > 0 => sides[0] = format!("({})", self.chain(x, depth - 1)),
            2 => sides[1] = format!("({} -> {})", sides[1], self.activation()),
            3 => sides[0] = "it".to_owned(),
            _ => {}
        }
        if self.entropy.one_in(3) {
            sides.reverse();
        }
        match self.entropy.one_in(6) {
            true => format!("({} {op} {} * {})", sides[0], sides[1], x.name),
            false => format!("({} {op} {})", sides[0], sides[1]),
        }
    }

    fn of_several(&mut self, x: &Value) -> String {
        let names = ["add", "multiply", "concat"];
        let name = self.entropy.pick(&names).unwrap_or("add");
        let Some(layer) = layers::find(name) else {
            return "identity".to_owned();
        };
        let site = Site::new(self.entropy, &x.sizes, false);
        let values = self.operands(layer, x);
        self.layer_call(layer, &site, &values)
    }

    /// What holds steps of its own.
    fn body(&mut self, x: &Value, keeps: bool, depth: usize) -> String {
        let channels = x.sizes[0];
        match self.entropy.below(9) {
            0 => {
                let (f, s) = (self.chain(x, depth), self.step(x, true, depth));
                match self.entropy.below(4) {
                    0 => format!("residual {{ {f} }} shortcut {{ {s} }}"),
                    1 => format!("residual {{ {f} }} shortcut when it.channels > 3 {{ {s} }}"),
                    _ => format!("residual {{ {f} }}"),
                }
            }
            1 if !keeps => {
                let (a, b) = (self.chain(x, depth), self.step(x, true, depth));
                format!("concat {{\n    {a}\n    {b}\n  }}")
            }
            2 => format!("repeat i in 0..2 {{ {} }}", self.chain(x, depth)),
            3 => format!("repeat k in [1, 3] {{ conv({channels}, k, pad=\"same\") -> relu }}"),
            4 => {
                let (a, b) = (self.chain(x, depth), self.step(x, keeps, depth));
                format!("if it.channels > 3 {{ {a} }} else {{ {b} }}")
            }
            5 => format!("Inner({channels}, act={})", self.activation()),
            6 => "Gated".to_owned(),
            7 if !keeps => "Down(6, stride=2x1)".to_owned(),
            _ => format!("{{ {} }}", self.chain(x, depth)),
        }
    }

    /// A split and the names of its parts.
    fn split(&mut self, x: &Value, name: &str) -> (String, Vec<String>) {
        let Some(layer) = layers::find("split") else {
            return ("identity".to_owned(), vec![name.to_owned()]);
        };
        let site = Site::new(self.entropy, &x.sizes, false);
        let call = self.layer_call(layer, &site, &[]);
        // `parts` is the first number, or the first list, of the call.
        let parts = call
            .trim_start_matches("split(")
            .trim_start_matches("parts=");
        let n = match parts
            .strip_prefix('[')
            .and_then(|list| list.split(']').next())
        {
            Some(list) => list.split(',').count(),
            None => parts
                .chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .unwrap_or(1),
        };
        let names = (0..n).map(|part| format!("{name}_{part}")).collect();
        (call, names)
    }
}

/// The functions of the prelude, each with the name of its parameter.
pub(super) fn prelude() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let heads = PRELUDE.lines().filter_map(|line| line.strip_prefix("fn "));
    heads.filter_map(|head| {
        let (name, rest) = head.split_once("(x")?;
        let parameter = rest
            .strip_prefix(", ")
            .and_then(|rest| rest.split(':').next());
        Some((name, parameter))
    })
}
