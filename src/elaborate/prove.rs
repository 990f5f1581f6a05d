//! What an expansion does with open sizes: either they have values, or every step is proved for all of them.
//!
//! A net with open sizes is expanded at one value of each, its witness, like any other net. While it is proved, each step's rule is
//! [lifted](crate::symbolic::lift()) as well, and the shapes that it gives for all sizes stand beside the graph. Where a step fits
//! only some sizes, the expansion stops and starts anew with those: what is said at the end is the condition of the whole net.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::expand::Expander;
use super::lifts::{Key, Lifts, RuleName, weight};
use super::open::OpenValue;
use super::value::Value;
use crate::check::ShapeError;
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{NodeId, Shape};
use crate::limits;
use crate::source::Span;
use crate::symbolic::{
    Assignment, Failure, Function, Open, Rate, Sizes, SymDim, SymShape, Variable, lift,
};
use crate::syntax::ast::Ident;

/// Values of open sizes, by name, as `--set` gives them.
pub type SetSizes = BTreeMap<String, u64>;

/// An open size that a net declares.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeInfo {
    /// Its name.
    pub name: String,
    /// Its value where nothing else is said.
    pub default: Option<u64>,
    /// Where it is declared.
    pub span: Span,
}

/// The open sizes of an expansion.
#[derive(Debug, Default)]
pub(super) struct OpenSizes {
    /// What they are, by name.
    pub set: SetSizes,
    /// Those that the net declares, in order.
    pub declared: Vec<SizeInfo>,
    /// One is declared and has no value.
    pub lacks_value: bool,
    /// Proves the net for all sizes that have no value in `set`.
    pub proving: Option<Proving>,
}

/// The state of a proof.
#[derive(Debug, Default)]
pub(super) struct Proving {
    /// The open sizes so far, and what is allowed of each.
    pub open: Vec<Open>,
    /// The shape of each node for all sizes.
    pub shapes: Vec<SymShape>,
    /// What was proved before.
    pub lifts: Lifts,
    /// Why the expansion must start anew.
    pub interrupted: Option<Interrupted>,
    /// Sizes at which rules were evaluated, by expansions before too.
    pub work: usize,
}

/// What ended an expansion before its end.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// A `where` was read.
    Limited(Variable, Sizes),
    /// A `where` makes two sizes one: the second is another name of the first, and these are allowed of both.
    Equal(Variable, Variable, Sizes),
    /// A step fits only some sizes, which is the fault.
    Condition(Variable, Sizes, Box<Diagnostic>),
}

/// A shape, and what it is for all open sizes where the net is proved.
pub(super) struct Shaped {
    pub shape: Shape,
    pub open: Option<SymShape>,
}

impl From<Shape> for Shaped {
    fn from(shape: Shape) -> Shaped {
        Shaped { shape, open: None }
    }
}

/// What a step claims, in words.
pub(super) struct Claim {
    /// `the branches of this residual agree`
    pub words: String,
    /// Where.
    pub span: Span,
    /// What else has a part in it, and what is said there before its shape.
    pub parties: Vec<(Span, String, NodeId)>,
}

/// It was reported, or the expansion is to start anew.
pub(super) struct Reported;

/// How a step computes the shape of its result.
pub(super) type Rule<'r> = crate::symbolic::Rule<'r, ShapeError>;

impl<'p> Expander<'p> {
    /// Proves a step for all open sizes; without such, or where it fits no size at all, `None`: its rule at the witnesses tells all.
    /// `name` tells the rule from others.
    pub fn prove(
        &mut self,
        inputs: &[NodeId],
        attributes: &[(Variable, &Function)],
        rate: Rate,
        name: RuleName<'_>,
        rule: &mut Rule<'_>,
        claim: impl FnOnce(&Expander<'p>, &ShapeError) -> Claim,
    ) -> Result<Option<SymShape>, Reported> {
        let Some(proving) = &mut self.sizes.proving else {
            return Ok(None);
        };
        if proving.interrupted.is_some() || self.halted {
            return Err(Reported);
        }
        let shapes: Option<Vec<SymShape>> = inputs
            .iter()
            .map(|node| proving.shapes.get(node.index()).cloned())
            .collect();
        let Some(shapes) = shapes else {
            return Ok(None);
        };
        let allowed = proving.open.iter().map(|open| open.allowed.clone());
        let key = Key::new(name, &shapes, allowed);
        if let Some(known) = key.as_ref().and_then(|key| proving.lifts.get(key)) {
            return Ok(Some(known.clone()));
        }
        let no_detail = ShapeError::new(codes::UNDECIDED, "");
        let mut n_evaluated = 0;
        let lifted = match proving.work > limits::PROOF_STEPS {
            true => Err(Failure::Undecided),
            false => lift(
                &proving.open,
                &shapes,
                attributes,
                rate,
                &mut |sizes, shapes| {
                    n_evaluated += 1;
                    rule(sizes, shapes)
                },
            ),
        };
        proving.work += n_evaluated;
        let (message, error) = match lifted {
            Ok(shape) => {
                // Its tables were filled, though the rule may have been evaluated once for several sizes.
                proving.work += 3 * weight(&shape);
                if let Some(key) = key {
                    proving.lifts.insert(key, shape.clone());
                }
                return Ok(Some(shape));
            }
            Err(Failure::Never) => return Ok(None),
            Err(Failure::Sometimes {
                variable,
                holds,
                counterexample,
                error,
            }) => {
                let claim = claim(self, &error);
                self.interrupt(variable, holds, &counterexample, &error, claim);
                return Err(Reported);
            }
            Err(Failure::Related(a, b)) => {
                let (a, b) = (self.open_name(a), self.open_name(b));
                let message = format!("{{}} only where `{a}` and `{b}` fit each other");
                (
                    message,
                    no_detail.help(format!(
                        "give sizes that are the same one name, or say `where {a} == {b}`; or fix one: `--set {b}=...`"
                    )),
                )
            }
            Err(Failure::Product) => (
                "whether {} is not told while the sizes are open".to_string(),
                no_detail.help("do it before the step that makes this product of sizes, or fix the sizes with `--set`"),
            ),
            Err(Failure::Undecided) => (
                "whether {} cannot be told for all sizes".to_string(),
                no_detail.help("fix the sizes with `--set`, or their residues with a `where`"),
            ),
        };
        let claim = claim(self, &error);
        let message = message.replace("{}", &claim.words);
        let mut fault = Diagnostic::new(codes::UNDECIDED, message, claim.span, "");
        fault = self.with_parties(fault, &claim.parties);
        fault.help = error.help;
        self.report(fault);
        Err(Reported)
    }

    /// Stops the expansion at a step that fits only some sizes.
    fn interrupt(
        &mut self,
        variable: Variable,
        holds: Sizes,
        counterexample: &Assignment,
        error: &ShapeError,
        claim: Claim,
    ) {
        let name = self.open_name(variable);
        let size = counterexample.get(variable);
        let message = format!("{} only if {}", claim.words, holds.words(&name));
        let mut fault = Diagnostic::new(codes::SIZE_CONDITION, message, claim.span, "");
        fault = self.with_parties(fault, &claim.parties);
        let others: Vec<String> = self
            .open_sizes()
            .iter()
            .enumerate()
            .filter(|(index, _)| Variable(*index) != variable)
            .map(|(index, open)| {
                format!(", {} = {}", open.name, counterexample.get(Variable(index)))
            })
            .collect();
        let colon = if error.message.is_empty() { "" } else { ": " };
        fault = fault.with_note(format!(
            "the smallest counterexample is {name} = {size}{}{colon}{}",
            others.join(""),
            error.message
        ));
        fault.notes.extend(error.notes.iter().cloned());
        fault.trail = self.trail.labels().cloned().collect();
        self.restart(Interrupted::Condition(variable, holds, Box::new(fault)));
    }

    fn restart(&mut self, why: Interrupted) {
        self.halted = true;
        if let Some(proving) = &mut self.sizes.proving {
            proving.interrupted.get_or_insert(why);
        }
    }

    fn with_parties(&self, fault: Diagnostic, parties: &[(Span, String, NodeId)]) -> Diagnostic {
        parties.iter().fold(fault, |fault, (span, words, node)| {
            fault.with_secondary(*span, format!("{words} {}", self.shape_form(*node)))
        })
    }

    fn open_sizes(&self) -> &[Open] {
        match &self.sizes.proving {
            Some(proving) => &proving.open,
            None => &[],
        }
    }

    fn open_name(&self, variable: Variable) -> String {
        let open = self.open_sizes().get(variable.0);
        open.map_or_else(String::new, |open| open.name.clone())
    }

    /// The shape of a node for all sizes, while the net is proved.
    pub fn open_shape(&self, node: NodeId) -> Option<&SymShape> {
        self.sizes.proving.as_ref()?.shapes.get(node.index())
    }

    /// A node's shape as messages show it.
    fn shape_form(&self, node: NodeId) -> String {
        match self.open_shape(node) {
            Some(shape) => shape.form(self.open_sizes()),
            None => self.shape(node).to_string(),
        }
    }

    /// Values of the open sizes at which the graph stands.
    pub fn witnesses(&self) -> Assignment {
        Assignment::witnesses(self.open_sizes())
    }

    /// A note for faults that are told at the witnesses.
    pub fn at_witnesses(&self) -> Option<String> {
        let open = self.open_sizes();
        let sizes: Vec<String> = open
            .iter()
            .map(|open| format!("{} = {}", open.name, open.witness))
            .collect();
        (!sizes.is_empty()).then(|| format!("so for every size; told with {}", sizes.join(", ")))
    }

    /// An open size of an input as a constant; `None` (reported) if it has no value. Sizes of one name are one.
    pub fn declare_size(
        &mut self,
        name: &str,
        span: Span,
        default: Option<u64>,
        input: &Ident,
    ) -> Option<Value> {
        let earlier = self.sizes.declared.clone();
        self.sizes.declared.push(SizeInfo {
            name: name.to_string(),
            default,
            span,
        });
        if let Some(size) = self.sizes.set.get(name).copied() {
            // Larger than any tensor, which is told where it is used.
            return Some(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)));
        }
        let Some(proving) = &mut self.sizes.proving else {
            let value = default.and_then(|size| i64::try_from(size).ok());
            if value.is_none() {
                self.sizes.lacks_value = true;
                let message = format!("the size `{name}` of the input `{}` is open", input.name);
                let fault = Diagnostic::new(codes::OPEN_SIZE, message, span, "has no value");
                self.report(fault.with_help(format!(
                    "`--set {name}=224` fixes it; `{name} = 224` gives it a default"
                )));
            }
            return value.map(Value::Int);
        };
        let index = match proving.open.iter().position(|open| open.is_named(name)) {
            Some(index) => index,
            None => {
                proving.open.push(Open {
                    name: name.to_string(),
                    also: Vec::new(),
                    allowed: Sizes::all(),
                    witness: 1,
                });
                proving.open.len() - 1
            }
        };
        let open = proving.open.get_mut(index)?;
        // Of equal sizes, the first that is declared decides: what it gave stands in the graph.
        if !earlier.iter().any(|size| open.is_named(&size.name)) {
            open.witness = default
                .filter(|size| open.allowed.contains(*size))
                .or_else(|| open.allowed.first())?;
        }
        let function = open.allowed.identity().ok()?;
        let value = match function.constant() {
            Some(size) => Value::Int(size),
            None => Value::Open(std::rc::Rc::new(OpenValue {
                variable: Variable(index),
                name: open.name.as_str().into(),
                function,
                is_bool: false,
            })),
        };
        Some(value)
    }

    /// Restricts the open sizes to those for which a condition holds.
    pub fn limit(&mut self, condition: &Value, span: Span) {
        match condition {
            Value::Bool(false) => {
                let sizes: Vec<String> = self
                    .sizes
                    .declared
                    .iter()
                    .filter_map(|size| {
                        let value = self.sizes.set.get(&size.name).copied().or(size.default)?;
                        Some(format!("{} = {value}", size.name))
                    })
                    .collect();
                let message = "the net is not for these sizes";
                let fault = Diagnostic::new(codes::WHERE, message, span, "does not hold");
                let fault = match sizes.is_empty() || self.sizes.proving.is_some() {
                    true => fault.with_note("it holds for no size"),
                    false => fault.with_note(sizes.join(", ")),
                };
                self.report(fault);
            }
            Value::Open(open) => {
                let holds = open.holds();
                let allowed = self.open_sizes().get(open.variable.0).map(|o| &o.allowed);
                match holds {
                    None => self.fail(codes::UNDECIDED, "this cannot be told for all sizes", span),
                    Some(sizes) if sizes.is_empty() => self.limit(&Value::Bool(false), span),
                    Some(sizes) if Some(&sizes) == allowed => {}
                    Some(sizes) => self.restart(Interrupted::Limited(open.variable, sizes)),
                }
            }
            _ => {}
        }
    }

    /// Makes two open sizes one, which a `where` wants.
    pub fn equate(&mut self, a: Variable, b: Variable, span: Span) {
        let (first, second) = (a.min(b), a.max(b));
        let open = self.open_sizes();
        let (Some(one), Some(other)) = (open.get(first.0), open.get(second.0)) else {
            return;
        };
        match one.allowed.and(&other.allowed) {
            Err(_) => self.fail(codes::UNDECIDED, "this cannot be told for all sizes", span),
            Ok(both) if both.is_empty() => self.limit(&Value::Bool(false), span),
            Ok(both) => self.restart(Interrupted::Equal(first, second, both)),
        }
    }

    /// A requirement of the author that holds only for some sizes.
    pub fn require_open(
        &mut self,
        open: &OpenValue,
        said: &str,
        required: Span,
        call: Option<Span>,
    ) {
        let Some(holds) = open.holds() else {
            return self.fail(
                codes::UNDECIDED,
                "this cannot be told for all sizes",
                required,
            );
        };
        let counterexample = open
            .function
            .telling()
            .find(|(_, value)| *value == 0)
            .map_or(1, |(size, _)| size);
        let sizes = self.witnesses().with(open.variable, counterexample);
        let claim = Claim {
            words: "this requirement holds".into(),
            span: call.unwrap_or(required),
            parties: Vec::new(),
        };
        let error = ShapeError::new(codes::REQUIREMENT, "").note(said);
        self.interrupt(open.variable, holds, &sizes, &error, claim);
        if call.is_some()
            && let Some(proving) = &mut self.sizes.proving
            && let Some(Interrupted::Condition(_, _, fault)) = &mut proving.interrupted
        {
            fault.secondary.push(crate::diagnostic::Label {
                span: required,
                message: "required here".into(),
            });
        }
    }

    /// A dimension of a value that depends on an open size; `None` if it does not.
    pub fn open_field(&mut self, node: NodeId, field: &Ident) -> Option<Value> {
        let shape = self.open_shape(node)?.clone();
        let dim = match field.name.as_str() {
            "size" => SymDim::product(shape.dims()),
            "channels" => shape.dims().first()?.clone(),
            "height" => shape.dims().get(1)?.clone(),
            "width" => shape.dims().get(2)?.clone(),
            _ => return None,
        };
        match dim {
            SymDim::Known(_) => None,
            SymDim::Of(variable, function) => Some(Value::Open(std::rc::Rc::new(OpenValue {
                variable,
                name: self.open_name(variable).into(),
                function: (*function).clone(),
                is_bool: false,
            }))),
            SymDim::Product(..) => {
                let form = dim.form(self.open_sizes());
                let message = format!("nothing is told of `{form}` while its sizes are open");
                self.fail(codes::UNDECIDED, message, field.span);
                Some(Value::Unknown)
            }
        }
    }

    /// Whether the parameters of a layer have one size for all open sizes; otherwise it is reported.
    pub fn has_known_parameters(&mut self, layer: &str, input: NodeId, span: Span) -> bool {
        let takes = matches!(layer, "conv" | "conv_transpose" | "batchnorm" | "dense");
        let first = self
            .open_shape(input)
            .and_then(|shape| shape.dims().first());
        if !takes || first.is_none_or(|dim| matches!(dim, SymDim::Known(_))) {
            return true;
        }
        let form = self.shape_form(input);
        let message = format!("the parameters of `{layer}` depend on sizes that are open");
        let label = format!("takes {form}");
        let fault = Diagnostic::new(codes::OPEN_SIZE, message, span, label);
        self.report(match layer {
            "dense" => fault.with_help(
                "`globalavgpool` or `adaptiveavgpool(7)` before the `flatten` makes one size of all; \
                 or fix the sizes of the input",
            ),
            _ => fault.with_help("fix the number of channels"),
        });
        false
    }

    /// The value that arrives, all elements in one dimension.
    pub fn flattened(&self, input: NodeId) -> Option<SymShape> {
        let shape = self.open_shape(input)?;
        Some(SymShape::new(vec![SymDim::product(shape.dims())]))
    }

    /// A `reshape` for all open sizes: the elements are a product, and what it declares are factors of that.
    pub fn prove_reshape(
        &mut self,
        attributes: &Attributes,
        input: NodeId,
        span: Span,
    ) -> Result<Option<SymShape>, Reported> {
        let Some(shape) = self.open_shape(input) else {
            return Ok(None);
        };
        let elements = SymDim::product(shape.dims());
        let Some(Value::List(items)) = attributes.get("shape") else {
            return Ok(None);
        };
        let dims: Vec<Option<SymDim>> = items
            .iter()
            .map(|item| match item {
                Value::Open(open) => Some(SymDim::of(open.variable, open.function.clone())),
                Value::Int(size) => u64::try_from(*size).ok().map(SymDim::Known),
                _ => None,
            })
            .collect();
        let stated: Vec<SymDim> = dims.iter().flatten().cloned().collect();
        let rest = elements.divided_by(&SymDim::product(&stated));
        match (rest, dims.len() - stated.len()) {
            (Some(rest), 1) => {
                let dims = dims
                    .into_iter()
                    .map(|dim| dim.unwrap_or_else(|| rest.clone()));
                return Ok(Some(SymShape::new(dims.collect())));
            }
            (Some(SymDim::Known(1)), 0) => return Ok(Some(SymShape::new(stated))),
            // More than one is an error for any size.
            (_, 2..) => return Ok(None),
            _ => {}
        }
        let open = self.open_sizes();
        let stated = SymShape::new(stated).form(open);
        let elements = elements.form(open);
        let message = format!(
            "whether {elements} elements have the shape {stated} depends on sizes that are open"
        );
        let fault = Diagnostic::new(codes::UNDECIDED, message, span, "");
        let fault = self.with_parties(fault, &self.origins(&[input]));
        self.report(fault.with_help(
            "say the sizes that stay as `it.height` and `it.width`, and one of the others as -1; or fix the sizes with `--set`",
        ));
        Err(Reported)
    }
}

/// The fault of a value that must be the same for all sizes.
pub(super) fn open_value(open: &OpenValue, span: Span) -> Diagnostic {
    let label = format!("this is `{}`", open.form());
    match (open.is_bool, open.holds()) {
        (true, Some(holds)) => {
            let words = holds.words(&open.name);
            let message = format!("this is true only if {words}");
            Diagnostic::new(codes::UNDECIDED, message, span, label).with_help(format!(
                "decide it with `where {}`, or fix {} with `--set`",
                holds.condition(&open.name),
                open.name
            ))
        }
        _ => {
            let message = format!("this must be one number for all sizes `{}`", open.name);
            Diagnostic::new(codes::OPEN_SIZE, message, span, label).with_help(format!(
                "fix `{}` with `--set`, or with a `where`",
                open.name
            ))
        }
    }
}
