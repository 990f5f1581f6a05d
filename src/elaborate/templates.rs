//! Declarations as what a step applies: aliases are followed, and parameters get their values.

use super::arguments::{FormalDefault, formals};
use super::expand::{Expander, Frame, Tensor};
use super::program::{DeclarationId, Entity};
use super::value::{Applied, Callee, Kind, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Call, Declaration, Definition, TemplateKind};

impl<'p> Expander<'p> {
    /// What a declaration applies. Aliases are followed to what has a body.
    pub fn apply_declaration(
        &mut self,
        id: DeclarationId,
        name: &str,
        span: Span,
    ) -> Option<Applied> {
        let info = self.program.info(id);
        // Both were reported when the program was loaded.
        if info.damaged || info.recursive {
            return None;
        }
        let file = info.file;
        let plain = |n_params| Applied {
            callee: Callee::Declared(id),
            name: name.into(),
            fixed: vec![None; n_params],
        };
        let template = match self.program.declaration(id) {
            Declaration::Fn(function) => return Some(plain(function.params.len())),
            Declaration::Template(template) => template,
        };
        let call = match &template.definition {
            Definition::Body(_) => return Some(plain(template.params.len())),
            Definition::Alias(call) => call,
        };
        if self.call_depth >= limits::CALL_DEPTH {
            self.too_deep(span);
            return None;
        }
        self.call_depth += 1;
        let mut frame = Frame::new(file, Tensor::Nothing, None);
        let applied = self.apply_alias(template.kind, call, &mut frame);
        self.call_depth -= 1;
        applied.map(|applied| Applied {
            name: name.into(),
            ..applied
        })
    }

    fn apply_alias(
        &mut self,
        kind: TemplateKind,
        call: &'p Call,
        frame: &mut Frame<'p>,
    ) -> Option<Applied> {
        let callee = &call.callee;
        let Some(entity) = self.program.lookup(frame.file, &callee.name) else {
            self.undefined(&callee.name, callee.span, frame);
            return None;
        };
        if let Some(fault) = wrong_kind(self.is_net(entity), kind, call) {
            self.report(fault);
            return None;
        }
        let base = self.apply_entity(entity, &callee.name, callee.span)?;
        self.partially_apply(&base, call, frame)
    }

    pub fn is_net(&self, entity: Entity) -> bool {
        match entity {
            Entity::Layer(_) => false,
            Entity::Declared(id) => self
                .program
                .template(id)
                .is_some_and(|template| template.kind == TemplateKind::Net),
        }
    }

    /// Reports that a block is not expanded because of how deep it is.
    pub fn too_deep(&mut self, span: Span) {
        let fault = Diagnostic::new(
            codes::LIMIT_NESTING,
            format!("blocks are nested more than {} deep", limits::CALL_DEPTH),
            span,
            "this one is not expanded",
        );
        self.report(fault);
    }

    /// Gives the parameters their values in the callee's frame; defaults see the parameters before them.
    pub fn define_parameters(
        &mut self,
        id: DeclarationId,
        values: Vec<Option<Value>>,
        frame: &mut Frame<'p>,
    ) -> bool {
        let mut values = values.into_iter();
        for formal in formals(self.program, Callee::Declared(id)) {
            let given = values.next().flatten();
            let value = match (given, &formal.default) {
                (Some(value), _) => value,
                (None, FormalDefault::Expr(default)) => {
                    self.eval_open(default, &formal.kind, frame)
                }
                (None, _) => Value::Unknown,
            };
            if value.is_unknown() {
                return false;
            }
            frame.define(formal.name, value);
        }
        true
    }

    /// The values of a function's typed parameters, by parameter; `None` at tensors. `None` for all if one is unknown.
    pub fn function_constants(
        &mut self,
        id: DeclarationId,
        values: Vec<Option<Value>>,
    ) -> Option<Vec<Option<Value>>> {
        let mut frame = Frame::new(self.program.info(id).file, Tensor::Nothing, None);
        let mut constants = Vec::with_capacity(values.len());
        let formals = formals(self.program, Callee::Declared(id));
        for (formal, given) in formals.iter().zip(values) {
            let value = match (given, &formal.default) {
                _ if formal.kind == Kind::Tensor => None,
                (Some(value), _) => Some(value),
                (None, FormalDefault::Expr(default)) => {
                    Some(self.eval_as(default, &formal.kind, &mut frame))
                }
                (None, _) => Some(Value::Unknown),
            };
            if let Some(value) = &value {
                if value.is_unknown() {
                    return None;
                }
                frame.define(formal.name, value.clone());
            }
            constants.push(value);
        }
        Some(constants)
    }
}

/// `net N = B(...)` of a block, `block B = N(...)` of a net.
pub(super) fn wrong_kind(base_is_net: bool, kind: TemplateKind, call: &Call) -> Option<Diagnostic> {
    let (is, wanted) = match (base_is_net, kind) {
        (false, TemplateKind::Net) => ("no net", "`net A = B(...)` fixes parameters of a net `B`"),
        (true, TemplateKind::Block) => (
            "a net",
            "`block A = B(...)` fixes parameters of a block, layer or function `B`",
        ),
        _ => return None,
    };
    Some(
        Diagnostic::new(
            codes::TYPE,
            format!("`{}` is {is}", call.callee.name),
            call.callee.span,
            is,
        )
        .with_note(wanted),
    )
}
