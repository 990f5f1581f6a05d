//! Binding: every parameter of a net gets its values, or one report says of all of them why not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::init::SeededWeights;
use super::mismatch::{self, Renaming, same_but_for_ones};
use super::names::NameMap;
use super::safetensors::WeightsFile;
use crate::diagnostic::{Code, Diagnostic, codes, did_you_mean};
use crate::graph::{Graph, Op, Param, Recipe};

/// Lines of a report's list before it says how many more there are.
const LISTED: usize = 8;

/// Missing names for which one like it is looked up in the file: more are not read one by one, and each costs a pass over the file's.
const GUESSED: usize = 64;

/// Where stored parameters come from.
#[derive(Debug)]
pub enum WeightSource {
    /// A file, its names mapped to those of the net.
    File(MappedFile),
    /// A seed.
    Seeded(SeededWeights),
}

impl WeightSource {
    /// A file whose names are the net's after `names` has mapped them. Fails if two become one.
    pub fn file(file: WeightsFile, names: &NameMap) -> Result<WeightSource, Diagnostic> {
        MappedFile::new(file, names).map(WeightSource::File)
    }

    /// He-initialised weights for `graph` (as the source has it, before any pass).
    pub fn seeded(graph: &Graph, seed: u64) -> WeightSource {
        WeightSource::Seeded(SeededWeights::new(graph, seed))
    }

    /// Compares everything that `graph` (before any pass) stores with what there is: one diagnostic for each kind of fault,
    /// errors first. Reads no values.
    pub fn check(&self, graph: &Graph) -> Vec<Diagnostic> {
        match self {
            WeightSource::File(file) => file.check(graph),
            WeightSource::Seeded(_) => Vec::new(),
        }
    }

    /// The values of the stored parameter `name`, all finite. A caller that ran [`WeightSource::check`] sees only faults of the values here.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Diagnostic> {
        let values = match self {
            WeightSource::File(file) => file.read(name),
            WeightSource::Seeded(seeded) => seeded.values(name, shape),
        };
        let values = values
            .filter(|values| values.len() == shape.iter().product::<usize>())
            .ok_or_else(|| {
                Diagnostic::without_place(
                    codes::WEIGHTS_MISSING,
                    format!("there are no usable weights for `{name}`"),
                )
            })?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(index) => Err(self.not_finite(name, shape, &values, index)),
        }
    }

    /// E0806 about one tensor.
    fn not_finite(&self, name: &str, shape: &[usize], values: &[f32], index: usize) -> Diagnostic {
        let n_bad = values.iter().filter(|value| !value.is_finite()).count();
        let place = place(shape, index);
        let overflow = match self {
            WeightSource::File(file) => file.overflow(name).filter(|(at, _)| *at == index),
            WeightSource::Seeded(_) => None,
        };
        let message = match overflow {
            Some((_, stored)) => {
                format!("`{name}` is {stored:e} at {place:?}, too large for 32 bits")
            }
            None => format!("`{name}` is {} at {place:?}", values[index]),
        };
        let diagnostic = Diagnostic::without_place(codes::WEIGHTS_NOT_FINITE, message);
        match n_bad {
            1 => diagnostic,
            _ => diagnostic.with_note(format!(
                "{n_bad} of its {} values are not finite; this is the first",
                values.len()
            )),
        }
    }
}

impl WeightSource {
    /// The values `part` of a stored parameter. `None` where only [`WeightSource::values`] can answer: they are drawn in order from a seed, or a fault
    /// is to be told.
    pub(super) fn part(&self, name: &str, shape: &[usize], part: Range<usize>) -> Option<Vec<f32>> {
        match self {
            WeightSource::File(file) => {
                let stored = file.file.get(file.names.get(name)?)?;
                let values = file.read_part(name, part)?;
                let fits = stored.elements() == shape.iter().product::<usize>();
                (fits && values.iter().all(|value| value.is_finite())).then_some(values)
            }
            WeightSource::Seeded(_) => None,
        }
    }
}

/// E0806 about the variance of a batch-norm whose root cannot divide.
pub(super) fn bad_variance(name: &str, values: &[f32], eps: f64) -> Option<Diagnostic> {
    let index = values
        .iter()
        .position(|variance| f64::from(*variance) + eps <= 0.0)?;
    let diagnostic = Diagnostic::without_place(
        codes::WEIGHTS_NOT_FINITE,
        format!(
            "`{name}` is {} at [{index}], but a variance cannot be negative",
            values[index]
        ),
    );
    Some(diagnostic.with_note(format!(
        "the batch-norm divides by the root of this plus its `eps` of {eps}"
    )))
}

/// The indices of the value that is number `index` of a tensor.
pub(super) fn place(shape: &[usize], index: usize) -> Vec<usize> {
    let mut place = Vec::new();
    let mut rest = index;
    for size in shape.iter().rev() {
        place.push(rest % size.max(&1));
        rest /= size.max(&1);
    }
    place.reverse();
    place
}

/// A file and the net's names for its tensors.
#[derive(Debug)]
pub struct MappedFile {
    file: WeightsFile,
    /// From the net's name to the file's.
    names: BTreeMap<String, String>,
}

impl MappedFile {
    fn new(file: WeightsFile, map: &NameMap) -> Result<MappedFile, Diagnostic> {
        let mut names = BTreeMap::new();
        for (stored, _) in file.tensors() {
            // PyTorch counts batches in every batch-norm for a mode of training; nothing reads the count at inference.
            if stored.rsplit('.').next() == Some("num_batches_tracked") {
                continue;
            }
            let Some(name) = map.apply(stored) else {
                continue;
            };
            if let Some(other) = names.insert(name.clone(), stored.to_owned()) {
                return Err(Diagnostic::without_place(
                    codes::MANIFEST,
                    format!("the manifest maps both `{other}` and `{stored}` to `{name}`"),
                ));
            }
        }
        Ok(MappedFile { file, names })
    }

    fn read(&self, name: &str) -> Option<Vec<f32>> {
        self.file.read_f32(self.names.get(name)?)
    }

    fn read_part(&self, name: &str, part: Range<usize>) -> Option<Vec<f32>> {
        self.file.read_f32_part(self.names.get(name)?, part)
    }

    fn overflow(&self, name: &str) -> Option<(usize, f64)> {
        self.file.overflow(self.names.get(name)?)
    }

    fn check(&self, graph: &Graph) -> Vec<Diagnostic> {
        let wanted: BTreeMap<&str, &Param> = graph
            .params
            .iter()
            .filter_map(|param| match &param.recipe {
                Recipe::Stored { name, .. } => Some((name.as_str(), param)),
                _ => None,
            })
            .collect();
        let is_extra = |name: &str| !wanted.contains_key(name);
        let extra: Vec<&str> = self
            .names
            .keys()
            .map(String::as_str)
            .filter(|name| is_extra(name))
            .collect();
        let steps: BTreeMap<&str, &Op> = graph
            .nodes
            .iter()
            .filter(|node| !matches!(node.op, Op::Input(_)))
            .map(|node| (node.name.as_str(), &node.op))
            .collect();
        let unwanted = |name: &str| unwanted(name, &steps);
        let (mut missing, mut shapes, mut types, mut wide) = (vec![], vec![], vec![], vec![]);
        let (mut fitting, mut conversions) = (vec![], BTreeSet::new());
        for (name, param) in &wanted {
            let stored = self.names.get(*name).and_then(|name| self.file.get(name));
            let Some(stored) = stored else {
                missing.push(*name);
                continue;
            };
            fitting.push(*name);
            if stored.shape != param.shape && !same_but_for_ones(&stored.shape, &param.shape) {
                let line = format!(
                    "`{name}` is {:?} in the file, {:?} in the net",
                    stored.shape, param.shape
                );
                shapes.push(match mismatch::difference(&stored.shape, &param.shape) {
                    Some((words, help)) => {
                        conversions.extend(help);
                        format!("{line} ({words})")
                    }
                    None => line,
                });
            }
            if !stored.element_type.is_float() {
                types.push(format!("`{name}` is {}", stored.element_type));
            } else if stored.element_type.is_wider_than_f32() {
                wide.push(format!("`{name}` is {}", stored.element_type));
            }
        }

        let mut report = Report {
            path: self.file.path().display().to_string(),
            net: &graph.name,
            diagnostics: Vec::new(),
        };
        let known: BTreeSet<&str> = extra.iter().copied().collect();
        let renaming = {
            // Rules come before those of the manifest, whose names these are already where it has any.
            let is_mapped = self.names.iter().any(|(name, stored)| name != stored);
            let is_wanted = !missing.is_empty() && !is_mapped;
            // A part of a weight is not the weight under another name.
            let parts_of = |name: &&str| mismatch::parts(name, |part| known.contains(part));
            let parts = missing.iter().filter_map(parts_of);
            let parts: BTreeSet<String> = parts.flat_map(|(_, names)| names).collect();
            let absent = missing.iter().copied();
            let absent: Vec<&str> = absent.filter(|name| parts_of(name).is_none()).collect();
            let stored = extra.iter().copied();
            let stored: Vec<&str> = stored.filter(|name| !parts.contains(*name)).collect();
            is_wanted.then(|| mismatch::renaming(&absent, &stored, &fitting))
        };
        let renaming = renaming.flatten();
        // A tensor that seems to be a missing one under another name is told there, and not again as one too many.
        let mut mistaken = BTreeSet::new();
        if !missing.is_empty() {
            // A tensor of a step that the net has belongs there, however like another name is.
            let strays: Vec<&str> = extra
                .iter()
                .copied()
                .filter(|name| unwanted(name).is_none())
                .collect();
            let rules = renaming.as_ref();
            let renamed = |name: &str| rules?.tensors.get(name).map(String::as_str);
            let tensor = |name: &str| renamed(name).or_else(|| known.get(name).copied());
            let mut advice = BTreeSet::new();
            let mut lines = Vec::new();
            for (index, name) in missing.iter().enumerate() {
                let shape = wanted.get(name).map_or(&[][..], |param| &param.shape);
                let in_parts = mismatch::parts(name, |part| tensor(part).is_some());
                let found = if let Some(stored) = renamed(name) {
                    mistaken.insert(stored);
                    format!(" (the file has `{stored}`)")
                } else if let Some((parts, names)) = in_parts {
                    let stored: Vec<&str> = names.iter().filter_map(|name| tensor(name)).collect();
                    mistaken.extend(&stored);
                    advice.insert(parts.help());
                    format!(" ({} `{}`)", parts.name(), stored.join("`, `"))
                } else if let Some(like) = (index < GUESSED)
                    .then(|| did_you_mean(name, strays.iter().copied()))
                    .flatten()
                {
                    mistaken.insert(like);
                    format!(" (the file has `{like}`)")
                } else {
                    String::new()
                };
                lines.push(format!("`{name}` {shape:?}{found}"));
            }
            let unlike = missing.len() == wanted.len();
            let help = match renaming.as_ref().map(Renaming::text) {
                Some(rules) => Some(format!("`{rules}` in a manifest maps them")),
                None if !advice.is_empty() => None,
                None if unlike && self.names.len() == wanted.len() => {
                    Some("the names differ throughout: `names` in a manifest can map them".into())
                }
                None if unlike => Some("these seem to be the weights of another net".into()),
                None => None,
            };
            let help = help
                .into_iter()
                .chain(advice.into_iter().map(str::to_owned));
            let help: Vec<String> = help.collect();
            let help = (!help.is_empty()).then(|| help.join("; "));
            report.add(codes::WEIGHTS_MISSING, "lack", "parameter", lines, help);
        }
        // Tensors of a part that the net does not have at all (an auxiliary head, say) are left over; those inside a part that it does
        // have, be it a step without parameters, were something to the net that the file was made for, so without them this is another.
        let parts: BTreeSet<&str> = wanted.keys().chain(steps.keys()).map(|n| part(n)).collect();
        let (inside, unused): (Vec<&str>, Vec<&str>) = extra
            .iter()
            .filter(|name| !mistaken.contains(**name))
            .partition(|name| parts.contains(part(name)));
        let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect();
        if !inside.is_empty() {
            let faults: Vec<Option<Unwanted>> = inside.iter().map(|name| unwanted(name)).collect();
            let lines = inside
                .iter()
                .zip(&faults)
                .map(|(name, fault)| match fault {
                    Some(fault) => format!("`{name}`: {}", fault.words(step_of(name))),
                    None => format!("`{name}`"),
                })
                .collect();
            report.add(
                codes::WEIGHTS_EXTRA,
                "have",
                "tensor that the net does not take",
                lines,
                Some(advice(&faults)),
            );
        }
        if !shapes.is_empty() {
            report.add(
                codes::WEIGHTS_SHAPE,
                "have",
                "tensor of another shape",
                shapes,
                conversions
                    .into_iter()
                    .reduce(|all, one| format!("{all}; {one}")),
            );
        }
        if !types.is_empty() {
            report.add(
                codes::WEIGHTS_TYPE,
                "have",
                "tensor of a type that is not f32, f16, bf16 or f64",
                types,
                None,
            );
        }
        if !wide.is_empty() {
            report.add(
                codes::WEIGHTS_CAST,
                "have",
                "tensor that is rounded to f32",
                wide,
                None,
            );
        }
        if !unused.is_empty() {
            report.add(
                codes::WEIGHTS_UNUSED,
                "have",
                "tensor of parts that the net does not have",
                quoted(&unused),
                None,
            );
        }
        report.diagnostics
    }
}

/// The part of the net that a parameter belongs to: the first word of its name.
fn part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The step that a parameter belongs to, by its name: all but its last word.
fn step_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(step, _)| step)
}

/// Why a step of the net does not take a tensor that is stored under its name.
#[derive(Clone, Copy)]
enum Unwanted<'g> {
    /// The step could: an attribute of it is false.
    Attribute(&'static str),
    /// It has other parameters, or none.
    Kind { op: &'g str, has_any: bool },
}

impl Unwanted<'_> {
    fn words(self, step: &str) -> String {
        match self {
            Unwanted::Attribute(attribute) => format!("`{step}` has `{attribute}=false`"),
            Unwanted::Kind { op, has_any } => {
                let parameter = if has_any {
                    "such parameter"
                } else {
                    "parameters"
                };
                format!("`{step}` is a step of the net, but `{op}` has no {parameter}")
            }
        }
    }
}

/// What a step of the net has against a tensor under its name; `None` if no step has this name.
fn unwanted<'g>(name: &str, steps: &BTreeMap<&'g str, &'g Op>) -> Option<Unwanted<'g>> {
    let (step, parameter) = name.rsplit_once('.')?;
    let op = *steps.get(step)?;
    let kind = |has_any| Unwanted::Kind {
        op: op.name(),
        has_any,
    };
    Some(match (op, parameter) {
        (Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense { .. }, "bias") => {
            Unwanted::Attribute("bias")
        }
        (Op::BatchNorm { .. }, "weight" | "bias") => Unwanted::Attribute("affine"),
        (Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense { .. } | Op::BatchNorm { .. }, _) => {
            kind(true)
        }
        _ => kind(false),
    })
}

/// What to do about tensors of parts that the net has. To leave aside what a layer computes with changes what it computes, so the net is
/// to be corrected first.
fn advice(faults: &[Option<Unwanted<'_>>]) -> String {
    let has = |wanted: &str| {
        let is = |fault: &Option<Unwanted<'_>>| matches!(fault, Some(Unwanted::Attribute(a)) if *a == wanted);
        faults.iter().any(is)
    };
    let has_kind = |fault: &Option<Unwanted<'_>>| matches!(fault, Some(Unwanted::Kind { .. }));
    let mut advice: Vec<String> = Vec::new();
    for attribute in ["bias", "affine"] {
        if has(attribute) {
            advice.push(format!(
                "write `{attribute}=true` in the layers whose `{attribute}` is stored"
            ));
        }
    }
    if faults.iter().any(has_kind) {
        advice.push("write layers with these parameters in the place of those steps".to_owned());
    }
    let ignore = "name them under `ignore` in a manifest";
    match advice.is_empty() {
        true => format!("if they are to be left aside, {ignore}"),
        false => format!(
            "{}; only if the outputs do not need them, {ignore}",
            advice.join("; ")
        ),
    }
}

/// Gathers diagnostics that list names.
struct Report<'a> {
    path: String,
    net: &'a str,
    diagnostics: Vec<Diagnostic>,
}

impl Report<'_> {
    /// "the weights `W` for `Net` have 3 tensors of another shape", with the first few of them as notes.
    fn add(
        &mut self,
        code: Code,
        verb: &str,
        noun: &str,
        lines: Vec<String>,
        help: Option<String>,
    ) {
        let n = lines.len();
        let (word, rest) = noun
            .split_once(' ')
            .map_or((noun, ""), |(word, rest)| (word, rest));
        let plural = if n == 1 { "" } else { "s" };
        let mut rest = if rest.is_empty() {
            String::new()
        } else {
            format!(" {rest}")
        };
        if n > 1 {
            rest = rest.replace("that is ", "that are ");
        }
        let message = format!(
            "the weights `{}` for `{}` {verb} {n} {word}{plural}{rest}",
            self.path, self.net
        );
        let mut diagnostic = Diagnostic::without_place(code, message);
        let more = n.saturating_sub(LISTED);
        // "and 1 more" would take as much room as the one.
        let listed = if more <= 1 { n } else { LISTED };
        diagnostic.notes = lines.into_iter().take(listed).collect();
        if listed < n {
            diagnostic.notes.push(format!("and {more} more"));
        }
        diagnostic.help = help;
        self.diagnostics.push(diagnostic);
    }
}
