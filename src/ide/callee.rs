//! What a call can take: the parameters of a layer, function, block or net, aliases followed.

use super::analysis::View;
use super::reference;
use super::walk::{holds, span_of};
use crate::elaborate::layers::{self, Layer, Range};
use crate::elaborate::{
    Callee, DeclarationId, Entity, Formal, FormalDefault, Kind, Program, formals,
};
use crate::syntax::ast::{Call, Declaration, Definition, TemplateKind, Type};

/// A parameter that a call may give a value.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `stride: size = 1`
    pub signature: String,
    /// What it means, in Markdown; may be empty.
    pub doc: String,
    /// What it accepts.
    pub kind: Kind,
    /// Which values of that.
    pub range: Range,
    /// Whether a call must give it.
    pub is_required: bool,
}

/// What can be called.
#[derive(Clone, Debug)]
pub struct Callable {
    /// Its name.
    pub name: String,
    /// `layer`, `fn`, `block` or `net`.
    pub word: &'static str,
    /// What it is, in Markdown; may be empty.
    pub doc: String,
    /// The parameters that are free.
    pub parameters: Vec<Parameter>,
    /// Whether arguments without a name are values.
    pub takes_values: bool,
}

impl Callable {
    /// `conv(channels: int, kernel: size, ...)`, and the place of each parameter in it.
    pub fn signature(&self) -> (String, Vec<std::ops::Range<usize>>) {
        let mut text = format!("{}(", self.name);
        let mut places = Vec::with_capacity(self.parameters.len());
        if self.takes_values {
            text.push_str("values...");
        }
        for parameter in &self.parameters {
            if !text.ends_with('(') {
                text.push_str(", ");
            }
            let start = text.len();
            text.push_str(&parameter.signature);
            places.push(start..text.len());
        }
        text.push(')');
        (text, places)
    }
}

/// What `name` calls where it stands at a byte; several for a parameter that stands for several blocks.
pub fn callables(view: View<'_>, name: &str, at: usize) -> Vec<Callable> {
    let program = &view.analysis.program;
    let of_parameter = stands_for(view, name, at);
    if !of_parameter.is_empty() {
        let expanded = &view.analysis.expanded;
        return of_parameter
            .into_iter()
            .map(|callee| of_callee(expanded, callee))
            .collect();
    }
    let entity = match name {
        "image" => Some(Entity::Layer(&layers::IMAGE)),
        _ => program.lookup(view.file, name),
    };
    entity
        .map(|entity| of_entity(program, entity))
        .into_iter()
        .collect()
}

/// What a parameter of type `block` stood for in the declaration around a byte.
fn stands_for(view: View<'_>, name: &str, at: usize) -> Vec<Callee> {
    let expanded = &view.analysis.expanded;
    let mut declarations = view.analysis.program.tree(view.file).declarations.iter();
    let Some(around) = declarations.find(|declaration| holds(span_of(declaration), at)) else {
        return Vec::new();
    };
    let around = span_of(around);
    let mut all: Vec<Callee> = Vec::new();
    for net in &view.analysis.nets {
        for (span, callees) in &net.trace.applied {
            let is_same = span.file == view.file
                && holds(around, span.start as usize)
                && expanded.sources.text(*span) == name;
            for callee in callees.iter().filter(|_| is_same) {
                if !all.contains(callee) {
                    all.push(*callee);
                }
            }
        }
    }
    all
}

/// What a callee of the expansion is.
pub fn of_callee(program: &Program, callee: Callee) -> Callable {
    match callee {
        Callee::Layer(layer) => of_layer(layer),
        Callee::Declared(id) => of_declaration(program, id),
    }
}

/// What a word of a file stands for.
pub fn of_entity(program: &Program, entity: Entity) -> Callable {
    match entity {
        Entity::Layer(layer) => of_layer(layer),
        Entity::Declared(id) => of_declaration(program, id),
    }
}

fn of_layer(layer: &'static Layer) -> Callable {
    let parameters = layer.attributes.iter().map(|attribute| Parameter {
        name: attribute.name.to_string(),
        signature: reference::attribute_signature(attribute),
        doc: reference::attribute(layer, attribute.name)
            .unwrap_or_default()
            .to_string(),
        kind: attribute.kind.clone(),
        range: attribute.range,
        is_required: attribute.default == layers::Preset::Required,
    });
    Callable {
        name: layer.name.to_string(),
        word: "layer",
        doc: layer.summary.to_string(),
        parameters: parameters.collect(),
        takes_values: layer.takes_values,
    }
}

fn of_declaration(program: &Program, id: DeclarationId) -> Callable {
    let (word, doc) = match program.declaration(id) {
        Declaration::Fn(function) => ("fn", &function.doc),
        Declaration::Template(template) => match template.kind {
            TemplateKind::Block => ("block", &template.doc),
            TemplateKind::Net => ("net", &template.doc),
        },
    };
    Callable {
        name: program.declaration(id).name().name.clone(),
        word,
        doc: doc.clone(),
        parameters: free_parameters(program, id, crate::limits::CALL_DEPTH),
        takes_values: false,
    }
}

/// The parameters of a declaration; of an alias, those of its base that it leaves free. `depth` bounds chains of aliases.
fn free_parameters(program: &Program, id: DeclarationId, depth: usize) -> Vec<Parameter> {
    let declaration = program.declaration(id);
    let Declaration::Template(template) = declaration else {
        return of_formals(program, &formals(program, Callee::Declared(id)));
    };
    let Definition::Alias(call) = &template.definition else {
        return of_formals(program, &formals(program, Callee::Declared(id)));
    };
    let base = match program.lookup(call.span.file, &call.callee.name) {
        Some(Entity::Layer(layer)) => of_layer(layer).parameters,
        Some(Entity::Declared(base)) if depth > 0 => free_parameters(program, base, depth - 1),
        _ => Vec::new(),
    };
    without_fixed(base, call)
}

fn without_fixed(parameters: Vec<Parameter>, call: &Call) -> Vec<Parameter> {
    let named: Vec<&str> = call
        .arguments
        .iter()
        .filter_map(|argument| argument.name.as_ref())
        .map(|name| name.name.as_str())
        .collect();
    let n_positional = call.arguments.len() - named.len();
    let by_position = parameters.into_iter().skip(n_positional);
    by_position
        .filter(|parameter| !named.contains(&parameter.name.as_str()))
        .collect()
}

fn of_formals(program: &Program, formals: &[Formal<'_>]) -> Vec<Parameter> {
    let free = formals.iter().filter(|formal| !formal.arriving);
    free.map(|formal| {
        let mut signature = format!("{}: {}", formal.name, formal.kind);
        if let FormalDefault::Expr(default) = formal.default {
            signature.push_str(" = ");
            signature.push_str(program.sources.text(default.span));
        }
        Parameter {
            name: formal.name.to_string(),
            signature,
            doc: String::new(),
            kind: formal.kind.clone(),
            range: formal.range,
            is_required: formal.is_required(),
        }
    })
    .collect()
}

/// Whether a parameter takes something that can be a step.
pub fn takes_block(kind: &Kind) -> bool {
    match kind {
        Kind::Type(Type::Block) => true,
        Kind::Type(Type::List(item)) => **item == Type::Block,
        _ => false,
    }
}
