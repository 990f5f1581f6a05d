//! The expansion of one net: its state, and what every part of it does with that state.
//!
//! [`super::body`] walks statements, [`super::step`] steps, [`super::call`] applies layers, functions and blocks, [`super::eval`]
//! computes constants. A step that fails is reported and gives [`Tensor::Unknown`], of which everything else is unknown in silence.

use std::collections::{BTreeMap, HashMap};

use super::faults::Faults;
use super::lifts::RuleName;
use super::program::{DeclarationId, Program};
use super::prove::{Claim, OpenSizes, Shaped};
use super::trace::Trace;
use super::value::Value;
use crate::check::{self, ShapeError};
use crate::diagnostic::{Code, Diagnostic, Label, codes};
use crate::graph::{
    BlockCall, Graph, Node, NodeId, Op, Origin, Param, Recipe, ScalarFn, Shape, Trail,
};
use crate::limits;
use crate::source::{FileId, Span};
use crate::symbolic::{Assignment, Rate, SymShape};
use crate::syntax::ast::Ident;

/// A value of the network while it is expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tensor {
    /// Nothing has arrived yet: the start of a net.
    Nothing,
    /// The result of something that failed.
    Unknown,
    /// The result of a node.
    Node(NodeId),
}

/// What kind of body a brace opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Brace {
    /// The body of a block or net, a group, a labelled `if` or `repeat`.
    #[default]
    Own,
    /// An unlabelled `if` or `repeat`: its labels belong to the body around it.
    Open,
    /// A side of `residual`, or the branches of `concat`.
    Branch,
}

impl Brace {
    /// The brace of an `if` or `repeat`.
    pub fn of_label(is_labelled: bool) -> Brace {
        match is_labelled {
            true => Brace::Own,
            false => Brace::Open,
        }
    }
}

/// What a name stands for inside a body. The scopes of one body after the other, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope<'p> {
    pub constants: BTreeMap<&'p str, Value>,
    pub values: BTreeMap<String, Tensor>,
    pub brace: Brace,
    /// What arrived at the brace; `None` in a scope that no brace opened: of parameters, of the variable of a `repeat`.
    pub arriving: Option<Tensor>,
}

/// An `output` statement.
#[derive(Clone, Debug)]
pub(super) struct NetOutput<'p> {
    pub name: &'p Ident,
    pub value: Tensor,
    /// Without a chain: the current value under a name.
    pub is_bare: bool,
    /// The value that could be read by the name there.
    pub visible: Option<Tensor>,
}

/// The expansion of one call of a block (or of the net): what the names in its text stand for.
#[derive(Debug)]
pub(super) struct Frame<'p> {
    pub file: FileId,
    pub scopes: Vec<Scope<'p>>,
    /// `in`
    pub arriving: Tensor,
    /// `it`
    pub it: Tensor,
    /// The call, if it is one; a failed requirement is reported there.
    pub call: Option<Span>,
    /// A requirement failed: nothing after it means anything.
    pub failed: bool,
}

impl<'p> Frame<'p> {
    pub fn new(file: FileId, arriving: Tensor, call: Option<Span>) -> Frame<'p> {
        Frame {
            file,
            scopes: vec![Scope::default()],
            arriving,
            it: arriving,
            call,
            failed: false,
        }
    }

    pub fn constant(&self, name: &str) -> Option<&Value> {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.constants.get(name))
    }

    pub fn value(&self, name: &str) -> Option<Tensor> {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.values.get(name).copied())
    }

    pub fn define(&mut self, name: &'p str, value: Value) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.constants.insert(name, value);
        }
    }

    /// Whether statements stand directly in the body: one scope holds the parameters, one the body.
    pub fn is_outermost(&self) -> bool {
        self.scopes.len() == 2
    }

    /// Labels go to the nearest scope that keeps them.
    pub fn define_value(&mut self, name: String, value: Tensor) {
        let keeper = self
            .scopes
            .iter()
            .rposition(|scope| scope.brace != Brace::Open);
        if let Some(scope) = self.scopes.get_mut(keeper.unwrap_or(0)) {
            scope.values.insert(name, value);
        }
    }
}

/// A scope of section 6 of the specification: steps are counted in it, and labels unique.
#[derive(Debug, Default)]
pub(super) struct NameScope {
    /// What stands before each name, with the dot.
    pub prefix: String,
    /// Steps so far.
    pub count: usize,
    pub labels: BTreeMap<String, Span>,
}

/// The state of an expansion.
pub(super) struct Expander<'p> {
    pub program: &'p Program,
    pub graph: Graph,
    pub faults: Faults,
    pub trail: Trail,
    pub naming: Vec<NameScope>,
    pub call_depth: usize,
    pub step_depth: usize,
    /// Functions without constant parameters, compiled.
    pub functions: HashMap<DeclarationId, ScalarFn>,
    /// A net's `output` statements, in order: the values that they name may be unknown.
    pub outputs: Vec<NetOutput<'p>>,
    /// The labels and inputs in the net's own text, with the values that they named.
    pub labelled: Vec<(String, Span, Tensor)>,
    /// What is doubtful.
    pub warnings: Faults,
    /// Where the net names its classes.
    pub labels_at: Option<Span>,
    /// Work so far.
    pub steps: usize,
    /// A limit was reached: nothing more is expanded.
    pub halted: bool,
    /// What became of the steps, if somebody wants to know.
    pub trace: Option<Trace>,
    /// The sizes that the net leaves open.
    pub sizes: OpenSizes,
    said_no_value: bool,
    param_elements: u64,
    param_names: HashMap<String, Span>,
}

impl<'p> Expander<'p> {
    pub fn new(program: &'p Program) -> Expander<'p> {
        Expander {
            program,
            graph: Graph::default(),
            faults: Faults::default(),
            trail: Trail::default(),
            naming: vec![NameScope::default()],
            call_depth: 0,
            step_depth: 0,
            functions: HashMap::new(),
            outputs: Vec::new(),
            labelled: Vec::new(),
            warnings: Faults::default(),
            labels_at: None,
            steps: 0,
            halted: false,
            trace: None,
            sizes: OpenSizes::default(),
            said_no_value: false,
            param_elements: 0,
            param_names: HashMap::new(),
        }
    }

    /// Reports with the calls on the way here.
    pub fn report(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.trail = self.trail.labels().cloned().collect();
        if check::is_of_shapes(diagnostic.code) {
            diagnostic.notes.extend(self.at_witnesses());
        }
        self.faults.push(diagnostic);
    }

    /// Reports a fault that a code, a message and a place say completely.
    pub fn fail(&mut self, code: Code, message: impl Into<String>, span: Span) {
        self.report(Diagnostic::new(code, message, span, ""));
    }

    /// Counts work; false once the limit is reached, which is reported once.
    pub fn charge(&mut self, steps: usize, span: Span) -> bool {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > limits::EXPANSION_STEPS && !self.halted {
            let message = format!(
                "the expansion takes more than {} steps",
                limits::EXPANSION_STEPS
            );
            self.halt(codes::LIMIT_NODES, message, span);
        }
        !self.halted
    }

    /// Reports a limit and stops the expansion.
    pub fn halt(&mut self, code: Code, message: String, span: Span) {
        if !self.halted {
            self.halted = true;
            self.report(Diagnostic::new(code, message, span, "reached here"));
        }
    }

    /// The value that arrives, where there must be one.
    pub fn wanted(&mut self, value: Tensor, span: Span) -> Tensor {
        if value == Tensor::Nothing {
            if !self.said_no_value {
                self.said_no_value = true;
                let fault =
                    Diagnostic::new(codes::NO_VALUE, "no value arrives here", span, "needs one");
                // At the start of a net `it` has no value; `in` has none anywhere directly in its body.
                let help = match self.program.sources.text(span) {
                    "in" => "nothing arrives at a net from outside: write `it`, or name the input",
                    _ => "state an `input` before it",
                };
                self.report(fault.with_help(help));
            }
            return Tensor::Unknown;
        }
        value
    }

    pub fn shape(&self, node: NodeId) -> &Shape {
        &self.graph.node(node).shape
    }

    pub fn origin_span(&self, node: NodeId) -> Option<Span> {
        self.graph.origins.get(node.index()).map(|o| o.span)
    }

    /// Where a value comes from, as it is seen from here: the call of a block that made it inside.
    pub fn place_seen(&self, node: NodeId) -> Option<Span> {
        let origin = self.graph.origins.get(node.index())?;
        let calls: Vec<Span> = origin.trail.calls().map(|(_, span)| span).collect();
        let n_around = self.trail.calls().count();
        let further_in = calls.len().checked_sub(n_around + 1);
        Some(match further_in {
            Some(index) => calls.get(index).copied().unwrap_or(origin.span),
            None => origin.span,
        })
    }

    /// Runs `inside` with one more entry on the trail.
    pub fn with_trail<R>(
        &mut self,
        label: Label,
        call: Option<BlockCall>,
        inside: impl FnOnce(&mut Expander<'p>) -> R,
    ) -> R {
        let outer = self.trail.clone();
        self.trail = outer.inside(label, call);
        let result = inside(self);
        self.trail = outer;
        result
    }

    /// Runs `inside` with names counted in a scope of its own.
    pub fn with_names<R>(&mut self, name: &str, inside: impl FnOnce(&mut Expander<'p>) -> R) -> R {
        self.naming.push(NameScope {
            prefix: format!("{name}."),
            ..NameScope::default()
        });
        let result = inside(self);
        self.naming.pop();
        result
    }

    /// The full name of the next step of the current scope, which counts it. `name` stands in place of the number.
    pub fn next_name(&mut self, name: Option<&str>, span: Span) -> String {
        let Some(scope) = self.naming.last_mut() else {
            return String::new();
        };
        let number = scope.count;
        scope.count += 1;
        let full = match name {
            Some(name) => format!("{}{name}", scope.prefix),
            None => format!("{}{number}", scope.prefix),
        };
        if full.len() > limits::NAME_BYTES {
            let message = format!("a name of more than {} bytes", limits::NAME_BYTES);
            self.halt(codes::LIMIT_VALUE, message, span);
        }
        full
    }

    /// The name of a node that its scope does not count, such as the sum of a `residual`.
    pub fn uncounted_name(&self, label: Option<&str>, word: &str) -> String {
        let prefix = self.naming.last().map_or("", |scope| &scope.prefix);
        match label {
            Some(_) => prefix.trim_end_matches('.').to_string(),
            None => format!("{prefix}{word}"),
        }
    }

    /// Adds a node, with its parameters.
    pub fn push(
        &mut self,
        op: Op,
        inputs: Vec<NodeId>,
        shape: impl Into<Shaped>,
        name: String,
        span: Span,
    ) -> Tensor {
        let Shaped { shape, open } = shape.into();
        if self.halted {
            return Tensor::Unknown;
        }
        if self.graph.nodes.len() >= limits::NODES {
            let message = format!("the net has more than {} nodes", limits::NODES);
            self.halt(codes::LIMIT_NODES, message, span);
            return Tensor::Unknown;
        }
        let shapes: Vec<&Shape> = inputs.iter().map(|id| self.shape(*id)).collect();
        let specs = check::param_specs(&op, &shapes);
        let mut params = Vec::with_capacity(specs.len());
        for spec in specs {
            let full = format!("{name}.{}", spec.suffix);
            if !self.claim_parameter(&full, &spec.shape, span) {
                return Tensor::Unknown;
            }
            params.push(self.graph.push_param(Param {
                shape: spec.shape,
                recipe: Recipe::Stored {
                    name: full,
                    learned: spec.learned,
                    init: spec.init,
                },
            }));
        }
        if let Some(proving) = &mut self.sizes.proving {
            let open = open.unwrap_or_else(|| SymShape::known(&shape));
            proving.shapes.push(open);
        }
        let node = self.graph.push(Node {
            op,
            inputs,
            params,
            epilogue: None,
            shape,
            name,
        });
        self.graph.origins.push(Origin {
            span,
            trail: self.trail.clone(),
            states_bias: false,
        });
        Tensor::Node(node)
    }

    /// Counts a parameter's elements and keeps names unique.
    fn claim_parameter(&mut self, name: &str, shape: &[usize], span: Span) -> bool {
        let elements = shape
            .iter()
            .try_fold(1u64, |product, size| product.checked_mul(*size as u64))
            .and_then(|elements| elements.checked_add(self.param_elements));
        match elements {
            Some(sum) if sum <= limits::PARAMETER_ELEMENTS => self.param_elements = sum,
            _ => {
                let message = format!(
                    "the net has more than {} numbers in its parameters",
                    limits::PARAMETER_ELEMENTS
                );
                let fault = Diagnostic::new(codes::LIMIT_TENSOR, message, span, "with this one");
                self.report(fault);
                return false;
            }
        }
        if let Some(&first) = self.param_names.get(name) {
            let fault = Diagnostic::new(
                codes::DUPLICATE_PARAMETER,
                format!("two parameters have the name `{name}`"),
                span,
                "the second",
            )
            .with_help("give one of the steps another label");
            let fault = match first == span {
                true => fault.with_note("both come from this step"),
                false => fault.with_secondary(first, "the first"),
            };
            self.report(fault);
            return false;
        }
        self.param_names.insert(name.to_string(), span);
        true
    }

    /// Adds a node of known inputs after its shape is checked: it has the proved shape of `written`, whose other one is what the text declares; a fault is reported by `place`, which may add to it.
    pub fn push_checked(
        &mut self,
        op: Op,
        inputs: Vec<NodeId>,
        written: Shaped,
        name: String,
        span: Span,
        place: impl FnOnce(&ShapeError) -> Span,
    ) -> Tensor {
        let shapes: Vec<&Shape> = inputs.iter().map(|id| self.shape(*id)).collect();
        match check::infer_written_shape(&op, &shapes, &written.shape) {
            Ok(shape) => {
                let open = written.open;
                self.push(op, inputs, Shaped { shape, open }, name, span)
            }
            Err(error) => {
                let at = place(&error);
                self.report_shape_error(error, at, &inputs);
                Tensor::Unknown
            }
        }
    }

    /// [`Expander::push_checked`] of an operation whose rule depends on nothing but its inputs: proved for all open sizes.
    pub fn push_proved(
        &mut self,
        op: Op,
        inputs: Vec<NodeId>,
        name: String,
        span: Span,
        place: Span,
    ) -> Tensor {
        let shape = Shape::new([]);
        let rate = match op {
            Op::Map(_) => Rate::KEEPS,
            _ => Rate::COMPARES,
        };
        let mut rule =
            |_: &Assignment, shapes: &[&Shape]| check::infer_open_shape(&op, shapes, &shape);
        let claim = |expander: &Expander<'p>, _: &ShapeError| Claim {
            words: format!("the values of `{}` agree", op.name()),
            span: place,
            parties: expander.origins(&inputs),
        };
        let axis = match op {
            Op::Concat { axis } => vec![Some(Value::Int(axis as i64))],
            _ => Vec::new(),
        };
        let rule_name = RuleName {
            rule: if axis.is_empty() { "map" } else { "concat" },
            values: &axis,
        };
        match self.prove(&inputs, &[], rate, rule_name, &mut rule, claim) {
            Ok(open) => {
                self.push_checked(op, inputs, Shaped { shape, open }, name, span, |_| place)
            }
            Err(_) => Tensor::Unknown,
        }
    }

    /// Where values come from, to be shown with their shapes.
    pub fn origins(&self, inputs: &[NodeId]) -> Vec<(Span, String, NodeId)> {
        inputs
            .iter()
            .filter_map(|input| Some((self.place_seen(*input)?, "this gives".into(), *input)))
            .collect()
    }

    /// Makes a diagnostic of a shape error; `inputs` are the values that the layer takes. Shown are the origin of the first, and of
    /// the first that has another shape.
    pub fn report_shape_error(&mut self, error: ShapeError, span: Span, inputs: &[NodeId]) {
        let mut fault = Diagnostic::new(error.code, error.message, span, "");
        fault.notes = error.notes;
        fault.help = error.help;
        let shapes: Vec<&Shape> = inputs.iter().map(|input| self.shape(*input)).collect();
        // Of a `concat`, the one that differs from most; of others, the first that differs from the first.
        let odd = match fault.code == codes::CONCAT {
            true => (0..3).find_map(|axis| check::odd_one(axis, &shapes)),
            false => None,
        };
        let first = odd.map_or(0, |[like, _]| like);
        let first = inputs.get(first).copied();
        let differs = |input: &NodeId| first.is_some_and(|f| self.shape(f) != self.shape(*input));
        let other = match odd {
            Some([_, odd]) => inputs.get(odd).copied(),
            None => inputs.iter().copied().find(differs),
        };
        for input in first.into_iter().chain(other) {
            let Some(origin) = self.place_seen(input) else {
                continue;
            };
            let shape = self.shape(input);
            let what = match other {
                Some(_) => format!("this gives {shape}"),
                None => format!("what arrives is the {shape} from here"),
            };
            fault = fault.with_secondary(origin, what);
        }
        if let (Some(first), Some(other), None) = (first, other, &fault.help) {
            fault.help = self.lost_on_the_way(first, other);
        }
        self.report(fault);
    }
}
