//! Names in bodies: statements and steps.

use super::Resolver;
use super::scopes::{Labels, VariableKind};
use crate::diagnostic::{Diagnostic, codes};
use crate::elaborate::LocalKind;
use crate::elaborate::body::batch_in_shape;
use crate::elaborate::layers;
use crate::elaborate::open::may_be_open;
use crate::elaborate::program::Entity;
use crate::source::Span;
use crate::syntax::ast::{
    Body, Call, Chain, Dimension, Expr, ExprKind, Ident, RepeatOver, ShapePattern, Statement,
    StatementKind, Step, StepKind, TemplateKind, Type,
};

impl<'p> Resolver<'p> {
    /// The body of a block or net.
    pub(super) fn template_body(&mut self, body: &'p Body) {
        self.scopes.open(false);
        let mut has_step = false;
        for statement in &body.statements {
            match &statement.kind {
                StatementKind::Where(_) if !self.is_net || has_step => self.misplaced(
                    "a `where` stands directly in a net, before its first step",
                    statement.span,
                ),
                StatementKind::Chain(_) => has_step = true,
                _ => {}
            }
            self.statement(statement, true);
        }
        self.output_words(body);
        self.scopes.close();
    }

    fn body(&mut self, body: &'p Body, labels_leak: bool) {
        self.scopes.open(labels_leak);
        for statement in &body.statements {
            self.statement(statement, false);
        }
        self.output_words(body);
        self.scopes.close();
    }

    /// `outermost`: directly in the body of the block or net.
    fn statement(&mut self, statement: &'p Statement, outermost: bool) {
        match &statement.kind {
            StatementKind::Chain(chain) => self.chain(chain),
            StatementKind::Let { name, value } => {
                self.expr(value);
                self.define(name, VariableKind::Constant);
            }
            StatementKind::Require { condition, message } => {
                self.expr(condition);
                if let Some(message) = message {
                    self.text(message);
                }
            }
            StatementKind::Input {
                name,
                shape,
                source,
            } => {
                if !self.is_net || !outermost {
                    self.misplaced(
                        "an `input` stands directly in the body of a net",
                        statement.span,
                    );
                }
                self.input_shape(shape);
                if let Some(source) = source {
                    let image = Entity::Layer(&layers::IMAGE);
                    self.names_entity(image, source.callee.span);
                    self.names_parameters(image, source);
                    self.arguments(source);
                }
                self.input(name);
            }
            StatementKind::Where(condition) => {
                if !outermost {
                    self.misplaced(
                        "a `where` stands directly in a net, before its first step",
                        statement.span,
                    );
                }
                self.expr(condition);
            }
            StatementKind::Output { name, chain } => {
                self.declares(name.span, LocalKind::Value);
                if !self.is_net {
                    self.misplaced("an `output` stands in a net only", statement.span);
                }
                if let Some(chain) = chain {
                    self.chain(chain);
                }
            }
            StatementKind::Labels(list) => {
                if !self.is_net {
                    self.misplaced("`labels` stand in a net only", statement.span);
                }
                self.expr(list);
            }
        }
    }

    fn misplaced(&mut self, message: &str, span: Span) {
        self.report(Diagnostic::new(
            codes::MISPLACED,
            message,
            span,
            "cannot stand here",
        ));
    }

    fn input(&mut self, name: &'p Ident) {
        let label = crate::syntax::ast::Text {
            parts: vec![crate::syntax::ast::TextPart::Literal(name.name.clone())],
            span: name.span,
        };
        if let Some(first) = self.scopes.claim(&label) {
            self.label_twice(&name.name, name.span, first);
        }
        self.scopes.define_value(&label);
        self.declares(name.span, LocalKind::Value);
    }

    fn label_twice(&mut self, label: &str, span: Span, first: Span) {
        let message = format!("the label `{label}` is used twice in one scope");
        let fault = Diagnostic::new(codes::DUPLICATE_LABEL, message, span, "again here");
        self.report(fault.with_secondary(first, "first here"));
    }

    fn pattern(&mut self, pattern: &'p ShapePattern) {
        for dim in &pattern.dims {
            match dim {
                Dimension::Any => {}
                Dimension::Size(size) => self.expr(size),
                Dimension::Open(name, _) => {
                    self.misplaced("an open size stands in the shape of an input", name.span)
                }
            }
        }
    }

    /// The shape of an input, which declares its open sizes.
    fn input_shape(&mut self, pattern: &'p ShapePattern) {
        // What stands for the batch is not looked at: its name may be the net's.
        let batch = batch_in_shape(&self.program.sources, pattern);
        let n_batch = usize::from(batch.is_some());
        self.result.diagnostics.extend(batch);
        for dim in pattern.dims.iter().skip(n_batch) {
            let (name, span) = match dim {
                Dimension::Any => continue,
                Dimension::Open(name, default) => {
                    self.expr(default);
                    (&name.name, name.span)
                }
                Dimension::Size(size) => match &size.kind {
                    ExprKind::Name(name)
                        if may_be_open(name)
                            && self.scopes.constant(name).is_none()
                            && self.scopes.size(name).is_none()
                            && self.program.lookup(self.file, name).is_none() =>
                    {
                        (name, size.span)
                    }
                    _ => {
                        self.expr(size);
                        continue;
                    }
                },
            };
            let constant = self.scopes.constant(name).map(|first| first.name.span);
            match constant.or_else(|| self.scopes.size(name)) {
                Some(first) => self.declared_twice(name, span, first),
                None => {
                    self.scopes.define_size(name, span);
                    self.declares(span, LocalKind::Size);
                }
            }
        }
    }

    fn chain(&mut self, chain: &'p Chain) {
        // Behind an arrow a word can only be a layer: a value there would drop what arrives.
        if let Some(first) = chain.steps.first() {
            self.shadowed(first);
        }
        for step in &chain.steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &'p Step) {
        for label in &step.labels {
            self.text(label);
            if let Some(first) = self.scopes.claim(label) {
                let name = super::scopes::plain(label).unwrap_or_default();
                self.label_twice(&name, label.span, first);
            }
        }
        let is_scope = !step.labels.is_empty() && !matches!(step.kind, StepKind::Call(_));
        if is_scope {
            self.scopes.labels().push(Default::default());
        }
        self.step_kind(step);
        if is_scope {
            self.scopes.labels().pop();
        }
        for label in &step.labels {
            self.scopes.define_value(label);
            self.declares(label.span, LocalKind::Value);
        }
        if let Some(pattern) = &step.assertion {
            self.pattern(pattern);
        }
    }

    fn step_kind(&mut self, step: &'p Step) {
        let leak = step.labels.is_empty();
        match &step.kind {
            StepKind::Call(call) => self.call_step(call),
            StepKind::Group(body) => self.body(body, false),
            StepKind::Paren(chain) => self.chain(chain),
            StepKind::Residual { body, shortcut, .. } => {
                self.body(body, false);
                if let Some(shortcut) = shortcut {
                    if let Some(condition) = &shortcut.when {
                        self.expr(condition);
                    }
                    self.body(&shortcut.body, false);
                }
            }
            StepKind::Concat { branches, .. } => {
                self.body(branches, false);
                for statement in &branches.statements {
                    self.doubtful_branch(statement);
                }
            }
            StepKind::Repeat {
                index, over, body, ..
            } => {
                match over {
                    RepeatOver::Range(from, to) => {
                        self.expr(from);
                        self.expr(to);
                    }
                    RepeatOver::List(list) => self.expr(list),
                }
                self.scopes.open(leak);
                self.define(index, VariableKind::Index);
                self.body(body, leak);
                self.scopes.close();
            }
            StepKind::If {
                arms, otherwise, ..
            } => self.branches(arms, otherwise.as_ref(), leak),
            StepKind::Binary { lhs, rhs, .. } => {
                for side in [lhs, rhs] {
                    self.shadowed(side);
                    self.step(side);
                }
            }
        }
    }

    /// Only one of the arms is expanded, so that they may use the same labels.
    fn branches(&mut self, arms: &'p [(Expr, Body)], otherwise: Option<&'p Body>, leak: bool) {
        let n_before = self.scopes.labels().last().map_or(0, Labels::len);
        let mut of_arms: Vec<(String, Span)> = Vec::new();
        let bodies = arms.iter().map(|(condition, body)| (Some(condition), body));
        for (condition, body) in bodies.chain(otherwise.map(|body| (None, body))) {
            if let Some(condition) = condition {
                self.expr(condition);
            }
            self.body(body, leak);
            if let Some(labels) = self.scopes.labels().last_mut() {
                of_arms.extend(labels.split_off(n_before));
            }
        }
        if let Some(labels) = self.scopes.labels().last_mut() {
            for (name, place) in of_arms {
                labels.insert(name, place);
            }
        }
    }

    fn call_step(&mut self, call: &'p Call) {
        let name = call.callee.name.as_str();
        let span = call.callee.span;
        if matches!(name, "in" | "it") {
            self.arguments(call);
            return;
        }
        let variable = self.scopes.constant(name);
        let may_be_block = variable.is_some_and(|variable| match variable.kind {
            VariableKind::Parameter(ty) => ty == Some(&Type::Block),
            // Constants have the type of their value.
            VariableKind::Constant | VariableKind::Index => true,
        });
        if may_be_block {
            self.read(name, span);
            self.step_arguments(None, call);
        } else if let Some(entity) = self.entity(name, span) {
            self.entity_step(entity, call);
        } else if self.names_value(name, span) {
            self.arguments(call);
        } else if variable.is_some() {
            self.read(name, span);
            let message = format!("`{name}` is a constant and cannot be a step");
            self.fail(codes::NOT_A_STEP, message, span);
        } else {
            self.undefined(name, span);
            self.step_arguments(None, call);
        }
    }

    fn entity_step(&mut self, entity: Entity, call: &'p Call) {
        let is_net = match entity {
            Entity::Layer(_) => false,
            Entity::Declared(id) => self
                .program
                .template(id)
                .is_some_and(|template| template.kind == TemplateKind::Net),
        };
        if is_net {
            let message = format!("`{}` is a net and cannot be a step", call.callee.name);
            let fault = Diagnostic::new(codes::NOT_A_STEP, message, call.callee.span, "a net");
            self.report(fault.with_help("make a block of what both need"));
            self.arguments(call);
            return;
        }
        self.match_call(entity, call, true);
        self.step_arguments(Some(entity), call);
    }

    /// A statement of `concat` is one branch. One that begins with a `repeat` might be thought to give a branch a round, one that begins
    /// with an `if` to give several branches, or none.
    fn doubtful_branch(&mut self, statement: &'p Statement) {
        let StatementKind::Chain(Chain { steps, .. }) = &statement.kind else {
            return;
        };
        let Some(first) = steps.first() else { return };
        let (message, span, label, help) = match &first.kind {
            StepKind::Repeat { keyword, .. } => (
                "a branch that begins with a `repeat`",
                *keyword,
                "each round goes on from the one before it: all are one branch",
                "write `(repeat ...)` if that is meant; branches of rounds are written out, a statement each",
            ),
            StepKind::If {
                otherwise: None,
                keyword,
                ..
            } => (
                "a branch that begins with an `if` without `else`",
                *keyword,
                "where the condition does not hold, what arrives is joined unchanged",
                "write `else { identity }` if that is meant; for no branch at all, put the `if` around the `concat`",
            ),
            StepKind::If {
                arms,
                otherwise,
                keyword,
            } => {
                let bodies = arms.iter().map(|(_, body)| body).chain(otherwise);
                if bodies.map(n_chains).all(|n| n < 2) {
                    return;
                }
                (
                    "a branch that begins with an `if` of several statements",
                    *keyword,
                    "they follow one another: all are one branch",
                    "join them by `->` if that is meant; for several branches, write an `if` each",
                )
            }
            _ => return,
        };
        let fault = Diagnostic::new(codes::BRANCH, message, span, label);
        self.report(fault.with_help(help));
    }

    /// Warns of an output that has the name of something that could be a step, unless the value was made by that step.
    fn output_words(&mut self, body: &'p Body) {
        let mut last = None;
        for statement in &body.statements {
            match &statement.kind {
                StatementKind::Chain(chain) => last = chain.steps.last(),
                StatementKind::Output { name, chain: None } => {
                    let is_made_so = last.is_some_and(|step| {
                        matches!(&step.kind, StepKind::Call(call) if call.callee.name == name.name)
                    });
                    if !is_made_so && self.is_applied(&name.name) {
                        let name = &name.name;
                        let message = format!(
                            "the output `{name}` is the current value; no `{name}` is applied"
                        );
                        let span = statement.span;
                        let fault =
                            Diagnostic::new(codes::SHADOWED_LABEL, message, span, "a name only");
                        self.result.lints.push(fault.with_help(format!(
                            "write `output {name}: {name}` to apply it, or give the output another name"
                        )));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a word as a step is a layer, function or block, or a parameter that may be one.
    fn is_applied(&self, name: &str) -> bool {
        match self.scopes.constant(name).map(|variable| variable.kind) {
            Some(VariableKind::Parameter(ty)) => ty == Some(&Type::Block),
            Some(_) => false,
            None => self.program.lookup(self.file, name).is_some(),
        }
    }

    /// Warns where a word stands for what it applies, though a value of this name is probably meant: an operand or the start of a chain.
    fn shadowed(&mut self, step: &Step) {
        let StepKind::Call(call) = &step.kind else {
            return;
        };
        let name = &call.callee.name;
        let Some(label) = self.scopes.value(name) else {
            return;
        };
        if call.parenthesised || !self.is_applied(name) {
            return;
        }
        let message = format!("`{name}` is the layer here, not the value with this label");
        let span = call.callee.span;
        let fault = Diagnostic::new(
            codes::SHADOWED_LABEL,
            message,
            span,
            "a layer has this name",
        )
        .with_secondary(label, "the label");
        let help = "give the label another name, or write `()` behind the layer";
        self.result.lints.push(fault.with_help(help));
    }
}

/// How many statements of a body make values.
fn n_chains(body: &Body) -> usize {
    let is_chain = |statement: &&Statement| matches!(statement.kind, StatementKind::Chain(_));
    body.statements.iter().filter(is_chain).count()
}
