//! Constants: the value of an expression in a frame.

use std::rc::Rc;

use super::expand::{Expander, Frame, Tensor};
use super::foreign;
use super::layers;
use super::open::open_values;
use super::operators::{self, FUNCTIONS};
use super::program::Entity;
use super::prove::open_value;
use super::value::{Applied, Callee, Kind, Value, convert};
use crate::diagnostic::{Diagnostic, codes, guess};
use crate::limits;
use crate::source::{FileId, Span};
use crate::syntax::ast::{BinaryOp, Call, Expr, ExprKind, Ident, Text, TextPart, Type};

/// Lists and partial applications may be this deep: what compares, prints and drops them recurses.
const VALUE_DEPTH: usize = 64;

impl<'p> Expander<'p> {
    /// The value of an expression. Its depth is bounded by the parser.
    pub fn eval(&mut self, expr: &'p Expr, frame: &mut Frame<'p>) -> Value {
        if !self.charge(1, expr.span) {
            return Value::Unknown;
        }
        match &expr.kind {
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Size(height, width) => Value::Size([*height, *width]),
            ExprKind::Text(text) => match self.eval_text(text, frame) {
                Some(text) => Value::Text(text.into()),
                None => Value::Unknown,
            },
            ExprKind::Name(name) => self.eval_name(name, expr.span, frame),
            ExprKind::Field(base, field) => self.eval_field(base, field, frame),
            ExprKind::Index(list, at) => {
                let list = self.eval(list, frame);
                let at_value = self.eval(at, frame);
                self.lift(operators::index(&list, &at_value), at.span)
            }
            ExprKind::Unary(op, operand) => {
                let operand = self.eval(operand, frame);
                self.lift(operators::unary(*op, &operand), expr.span)
            }
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), a, b, _) => {
                self.eval_logic(*op, a, b, frame)
            }
            ExprKind::Binary(op, a, b, op_span) => {
                let a = self.eval(a, frame);
                let b = self.eval(b, frame);
                if !self.charge((a.weight() + b.weight()) / 8, *op_span) {
                    return Value::Unknown;
                }
                let result = self.lift(operators::binary(*op, &a, &b), *op_span);
                self.bounded(result, *op_span)
            }
            ExprKind::If(condition, then, otherwise) => {
                match self.eval_condition(condition, frame) {
                    Some(true) => self.eval(then, frame),
                    Some(false) => self.eval(otherwise, frame),
                    None => Value::Unknown,
                }
            }
            ExprKind::List(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.eval(item, frame)).collect();
                let list = Value::List(items.into());
                self.bounded(list, expr.span)
            }
            ExprKind::Call(call) => self.eval_call(call, frame),
        }
    }

    /// Reports the fault of an operation.
    fn lift(&mut self, result: Result<Value, operators::Fault>, span: Span) -> Value {
        match result {
            Ok(value) => value,
            Err((code, message)) => {
                self.fail(code, message, span);
                Value::Unknown
            }
        }
    }

    /// A list with an unknown element is unknown; a list may not be too long or deep.
    fn bounded(&mut self, list: Value, span: Span) -> Value {
        let Value::List(items) = &list else {
            return list;
        };
        if items.iter().any(Value::is_unknown) {
            return Value::Unknown;
        }
        let weight = list.weight();
        if weight > limits::LIST_ELEMENTS {
            return self.lift(Err(operators::too_long()), span);
        }
        if !self.charge(weight / 8, span) {
            return Value::Unknown;
        }
        if list.depth() > VALUE_DEPTH {
            let message = format!("lists nested more than {VALUE_DEPTH} deep");
            self.fail(codes::LIMIT_VALUE, message, span);
            return Value::Unknown;
        }
        list
    }

    fn eval_logic(
        &mut self,
        op: BinaryOp,
        a: &'p Expr,
        b: &'p Expr,
        frame: &mut Frame<'p>,
    ) -> Value {
        let kind = Kind::Type(Type::Bool);
        let first = self.eval_open(a, &kind, frame);
        match first {
            Value::Unknown => Value::Unknown,
            // The side that decides alone: the other is not looked at.
            Value::Bool(value) if value == (op == BinaryOp::Or) => Value::Bool(value),
            _ => {
                let second = self.eval_open(b, &kind, frame);
                self.lift(operators::binary(op, &first, &second), a.span)
            }
        }
    }

    /// A value that must be a bool; `None` if it is unknown or (reported) is none.
    pub fn eval_condition(&mut self, expr: &'p Expr, frame: &mut Frame<'p>) -> Option<bool> {
        match self.eval_as(expr, &Kind::Type(Type::Bool), frame) {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A value of a type, with the conversions that the language makes by itself; the same for all open sizes.
    pub fn eval_as(&mut self, expr: &'p Expr, kind: &Kind, frame: &mut Frame<'p>) -> Value {
        let value = self.eval_open(expr, kind, frame);
        match open_values(&value).first() {
            None => value,
            Some(open) => {
                let fault = open_value(open, expr.span);
                self.report(fault);
                Value::Unknown
            }
        }
    }

    /// The same, but it may depend on an open size.
    pub fn eval_open(&mut self, expr: &'p Expr, kind: &Kind, frame: &mut Frame<'p>) -> Value {
        let value = self.eval(expr, frame);
        self.as_kind(&value, kind, expr.span)
    }

    /// A value as a type; anything else is reported.
    pub fn as_kind(&mut self, value: &Value, kind: &Kind, span: Span) -> Value {
        if let Some(converted) = convert(value, kind) {
            return converted;
        }
        self.report(Diagnostic::new(
            codes::TYPE,
            format!("{kind} is wanted, not {}", value.type_name()),
            span,
            format!("this is {value}"),
        ));
        Value::Unknown
    }

    fn eval_name(&mut self, name: &str, span: Span, frame: &Frame<'p>) -> Value {
        if let Some(value) = frame.constant(name) {
            return value.clone();
        }
        if let Some(entity) = self.program.lookup(frame.file, name) {
            return match self.apply_entity(entity, name, span) {
                Some(applied) => Value::Block(Rc::new(applied)),
                None => Value::Unknown,
            };
        }
        if matches!(name, "in" | "it") || frame.value(name).is_some() {
            let fault = Diagnostic::new(
                codes::NOT_A_VALUE,
                format!("`{name}` is a tensor, not a constant"),
                span,
                "no constant",
            );
            self.report(fault.with_help(format!(
                "its shape is a constant: `{name}.channels`, `{name}.height`, `{name}.width`"
            )));
        } else {
            self.undefined(name, span, frame);
        }
        Value::Unknown
    }

    /// Reports a name that nothing declares, unless what declares it may have been lost to a syntax error.
    pub fn undefined(&mut self, name: &str, span: Span, frame: &Frame<'p>) {
        if self.program.unit(frame.file).lossy {
            return;
        }
        let inner = frame.scopes.iter().flat_map(|scope| {
            let constants = scope.constants.keys().copied();
            constants.chain(scope.values.keys().map(String::as_str))
        });
        // The names of the text were reported already; what is past the cap is not told, and needs no hint.
        if self.program.resolution.is_full() {
            return self.fail(codes::UNDEFINED, format!("`{name}` is not declared"), span);
        }
        let fault = undefined_name(self.program, frame.file, name, span, inner);
        self.report(fault);
    }

    fn eval_field(&mut self, base: &'p Expr, field: &Ident, frame: &mut Frame<'p>) -> Value {
        if let ExprKind::Name(name) = &base.kind
            && frame.constant(name).is_none()
            && let Some(tensor) = self.tensor_named(name, frame)
        {
            if name == "in" {
                self.doubtful_in(base.span, Some(field), frame);
            }
            let tensor = self.wanted(tensor, base.span);
            return self.shape_field(name, tensor, field);
        }
        match (self.eval(base, frame), field.name.as_str()) {
            (Value::Unknown, _) => Value::Unknown,
            (Value::Size([height, _]), "height") => Value::Int(height),
            (Value::Size([_, width]), "width") => Value::Int(width),
            (other, _) => {
                let message = format!("{} has no property `{}`", other.type_name(), field.name);
                self.fail(codes::UNKNOWN_FIELD, message, field.span);
                Value::Unknown
            }
        }
    }

    /// The value that a name, `in` or `it` stands for.
    pub fn tensor_named(&self, name: &str, frame: &Frame<'p>) -> Option<Tensor> {
        match name {
            "in" => Some(frame.arriving),
            "it" => Some(frame.it),
            _ => frame.value(name),
        }
    }

    fn shape_field(&mut self, name: &str, tensor: Tensor, field: &Ident) -> Value {
        const FIELDS: [&str; 5] = ["channels", "height", "width", "rank", "size"];
        if !FIELDS.contains(&field.name.as_str()) {
            let message = format!("a value has no property `{}`", field.name);
            let fault = Diagnostic::new(codes::UNKNOWN_FIELD, message, field.span, "unknown");
            self.report(match guess(&field.name, FIELDS) {
                Some(meant) => fault.with_guess(field.span, meant),
                None => fault.with_note(format!("the properties are: {}", FIELDS.join(", "))),
            });
            return Value::Unknown;
        }
        let Tensor::Node(node) = tensor else {
            return Value::Unknown;
        };
        if let Some(value) = self.open_field(node, field) {
            return value;
        }
        let shape = self.shape(node);
        let axis = match field.name.as_str() {
            "rank" => return Value::Int(shape.rank() as i64),
            "size" => {
                return shape
                    .checked_elements()
                    .and_then(|n| i64::try_from(n).ok())
                    .map_or(Value::Unknown, Value::Int);
            }
            "channels" => 0,
            "height" => 1,
            _ => 2,
        };
        let size = shape.sizes().nth(axis).and_then(|n| i64::try_from(n).ok());
        match size {
            Some(size) => Value::Int(size),
            None => {
                let message = format!("`{name}` is {shape} and has no {}", field.name);
                self.fail(codes::UNKNOWN_FIELD, message, field.span);
                Value::Unknown
            }
        }
    }

    fn eval_call(&mut self, call: &'p Call, frame: &mut Frame<'p>) -> Value {
        let name = call.callee.name.as_str();
        if FUNCTIONS.contains(&name) && frame.constant(name).is_none() {
            return self.eval_function(call, frame);
        }
        let Some(applied) = self.callee(&call.callee, frame) else {
            return Value::Unknown;
        };
        match self.partially_apply(&applied, call, frame) {
            Some(applied) => Value::Block(Rc::new(applied)),
            None => Value::Unknown,
        }
    }

    fn eval_function(&mut self, call: &'p Call, frame: &mut Frame<'p>) -> Value {
        if let ("ceil", [argument]) = (call.callee.name.as_str(), call.arguments.as_slice())
            && argument.name.is_none()
            && let ExprKind::Binary(BinaryOp::Div, a, b, op_span) = &argument.value.kind
        {
            let a = self.eval(a, frame);
            let b = self.eval(b, frame);
            return self.lift(operators::ceil_division(&a, &b), *op_span);
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            if let Some(name) = &argument.name {
                let message = format!("`{}` takes no named arguments", call.callee.name);
                self.fail(codes::UNKNOWN_ARGUMENT, message, name.span);
                return Value::Unknown;
            }
            arguments.push(self.eval(&argument.value, frame));
        }
        let weight: usize = arguments.iter().map(Value::weight).sum();
        if !self.charge(weight / 8, call.span) {
            return Value::Unknown;
        }
        self.lift(operators::call(&call.callee.name, &arguments), call.span)
    }

    /// What a callee in an expression stands for: a constant of type `block`, a layer or a declaration.
    fn callee(&mut self, callee: &Ident, frame: &Frame<'p>) -> Option<Rc<Applied>> {
        match self.eval_name(&callee.name, callee.span, frame) {
            Value::Block(applied) => Some(applied),
            Value::Unknown => None,
            other => {
                let message = format!(
                    "`{}` is {}, which cannot be called",
                    callee.name,
                    other.type_name()
                );
                self.fail(codes::TYPE, message, callee.span);
                None
            }
        }
    }

    /// A text with its expressions filled in; `None` if one is unknown.
    pub fn eval_text(&mut self, text: &'p Text, frame: &mut Frame<'p>) -> Option<String> {
        let mut result = String::new();
        for part in &text.parts {
            match part {
                TextPart::Literal(literal) => result.push_str(literal),
                TextPart::Expr(expr) => match self.eval(expr, frame) {
                    Value::Unknown => return None,
                    value => value.write(&mut result, limits::TEXT_BYTES),
                },
            }
            if result.len() > limits::TEXT_BYTES {
                self.lift(Err(operators::text_too_long()), text.span);
                return None;
            }
        }
        self.charge(result.len() / 64, text.span).then_some(result)
    }

    /// What an entity of a file applies, partial applications followed; `None` is reported.
    pub fn apply_entity(&mut self, entity: Entity, name: &str, span: Span) -> Option<Applied> {
        match entity {
            Entity::Layer(layer) => Some(Applied {
                callee: Callee::Layer(layer),
                name: name.into(),
                fixed: vec![None; layer.attributes.len()],
            }),
            Entity::Declared(id) => self.apply_declaration(id, name, span),
        }
    }
}

/// The diagnostic of a name that nothing declares; `inner` are the names of the bodies around.
pub(super) fn undefined_name<'a>(
    program: &'a crate::elaborate::Program,
    file: FileId,
    name: &str,
    span: Span,
    inner: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let fault = Diagnostic::new(
        codes::UNDEFINED,
        format!("`{name}` is not declared"),
        span,
        "unknown name",
    );
    // What another framework has under this name is not what a name like it is here.
    if let Some(advice) = foreign::advice(name) {
        let own = program.unit(file).names.keys().map(String::as_str);
        return match guess(name, inner.chain(own)) {
            Some(meant) if meant.is_certain => fault.with_guess(span, meant.doubtful()),
            _ => match advice.name {
                Some(word) => fault.with_help(advice.help).with_fix(span, word, false),
                None => fault.with_help(advice.help),
            },
        };
    }
    // Built-in words first: of names without number, only so many are looked at.
    let candidates = program
        .built_in_words()
        .chain(FUNCTIONS.iter().copied())
        .chain(inner)
        .chain(program.unit(file).names.keys().map(String::as_str));
    let Some(meant) = guess(name, candidates) else {
        return fault;
    };
    let is_built_in = program.is_built_in(meant.word);
    if !is_built_in {
        return fault.with_guess(span, meant);
    }
    // In other letters, it is another framework's name, whose arguments may mean something else.
    let is_theirs = name.eq_ignore_ascii_case(meant.word) && has_arguments(program, file, span);
    let meant = if is_theirs { meant.doubtful() } else { meant };
    match layers::find(meant.word) {
        _ if meant.is_certain => fault.with_guess(span, meant),
        Some(layer) => {
            let help = format!("did you mean `{}` ({})?", meant.word, layer.summary);
            fault.with_guess(span, meant).with_help(help)
        }
        None => {
            let help = format!(
                "the name nearest to it is `{}`; what netc does not have can be a `fn` or `block` of your own",
                meant.word
            );
            fault.with_guess(span, meant).with_help(help)
        }
    }
}

/// Whether a word is followed by arguments.
fn has_arguments(program: &crate::elaborate::Program, file: FileId, word: Span) -> bool {
    let text = &program.sources.file(file).text;
    let behind = text.get(word.end as usize..).unwrap_or_default();
    behind
        .strip_prefix('(')
        .is_some_and(|arguments| !arguments.trim_start().starts_with(')'))
}
