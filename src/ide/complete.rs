//! What can be written at a place.

use std::ops::Range;

use super::analysis::View;
use super::callee::{Callable, Parameter, callables, of_entity, takes_block};
use super::cursor::{Cursor, OpenCall, Wanted};
use super::reference;
use super::visible::{Visible, VisibleKind, visible};
use crate::elaborate::{FUNCTIONS, Kind, layers};
use crate::syntax::ast::Type;

/// What a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A built-in layer.
    Layer,
    /// A function.
    Function,
    /// A block.
    Block,
    /// A net.
    Net,
    /// An attribute or parameter of the call.
    Attribute,
    /// A word of the language.
    Keyword,
    /// A type.
    Type,
    /// A constant.
    Constant,
    /// A value of the network.
    Value,
    /// A property of a value.
    Field,
    /// A value out of a fixed choice.
    Choice,
    /// A file.
    File,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The word.
    pub label: String,
    /// What it is.
    pub kind: ItemKind,
    /// A few words behind it; may be empty.
    pub detail: String,
    /// Markdown; may be empty.
    pub doc: String,
    /// What is put in its place, with tab stops `$1`, `$0`, if that is more than the word.
    pub snippet: Option<String>,
    /// The bytes it replaces.
    pub replaces: Range<usize>,
}

const FIELDS: [(&str, &str); 5] = [
    ("channels", "the first dimension; of [F], F"),
    ("height", "the second dimension of [C, H, W]"),
    ("width", "the third dimension of [C, H, W]"),
    ("rank", "the number of dimensions"),
    ("size", "the number of elements"),
];

const TYPES: [&str; 6] = ["int", "float", "bool", "string", "size", "block"];

const DECLARATIONS: [(&str, &str); 4] = [
    (
        "net",
        "net ${1:Name} {\n  input image: [3, ${2:224}, ${2:224}]\n  $0\n}",
    ),
    ("block", "block ${1:Name}(${2:width}: int) {\n  $0\n}"),
    ("fn", "fn ${1:name}(x) = $0"),
    ("use", "use \"$1\"$0"),
];

const STATEMENTS: [(&str, &str); 6] = [
    ("input", "input ${1:image}: [${2:3, 224, 224}]"),
    ("where", "where ${1:condition}"),
    ("output", "output ${1:name}"),
    ("let", "let ${1:name} = $0"),
    ("require", "require ${1:condition}, \"${2:message}\""),
    ("labels", "labels [$0]"),
];

const CONSTRUCTS: [(&str, &str); 4] = [
    ("residual", "residual {\n  $0\n}"),
    ("concat", "concat {\n  $0\n}"),
    ("repeat", "repeat ${1:i} in 0..${2:n} { $0 }"),
    ("if", "if ${1:condition} { $0 }"),
];

struct Proposals<'v> {
    view: View<'v>,
    names: Vec<Visible>,
    replaces: Range<usize>,
    items: Vec<Item>,
}

/// The proposals at a byte. What is typed already does not filter them: editors do that.
pub fn complete(view: View<'_>, at: usize) -> Vec<Item> {
    let cursor = Cursor::new(view.analysis.text(), at);
    let program = &view.analysis.program;
    let is_declared = |name: &str| program.lookup(view.file, name).is_some();
    let mut proposals = Proposals {
        view,
        names: visible(program.tree(view.file), &is_declared, at),
        replaces: cursor.typed.clone(),
        items: Vec::new(),
    };
    match cursor.wanted() {
        Wanted::Nothing | Wanted::Path => {}
        Wanted::Declaration => proposals.keywords(&DECLARATIONS),
        Wanted::UsedName(path) => proposals.used_names(&path),
        Wanted::Type => {
            for name in TYPES {
                proposals.add(name, ItemKind::Type, "", "", None);
            }
        }
        Wanted::Field => {
            for (name, doc) in FIELDS {
                proposals.add(name, ItemKind::Field, doc, "", None);
            }
        }
        Wanted::Step { starts_statement } => proposals.steps(starts_statement),
        Wanted::Base => proposals.callables(|_| true),
        Wanted::Expression => proposals.expression(),
        Wanted::Argument(call) => proposals.arguments(&call),
        Wanted::Value {
            call,
            name,
            in_text,
        } => proposals.value(&call, &name, in_text),
    }
    proposals.items
}

/// The part of the path of a `use` that is written before a byte, if the byte is in one.
pub fn path_at(view: View<'_>, at: usize) -> Option<Range<usize>> {
    let cursor = Cursor::new(view.analysis.text(), at);
    let start = cursor.text_start()?;
    (cursor.wanted() == Wanted::Path).then_some(start..at)
}

impl Proposals<'_> {
    fn add(
        &mut self,
        label: &str,
        kind: ItemKind,
        detail: &str,
        doc: &str,
        snippet: Option<String>,
    ) {
        self.items.push(Item {
            label: label.to_string(),
            kind,
            detail: detail.to_string(),
            doc: doc.to_string(),
            snippet,
            replaces: self.replaces.clone(),
        });
    }

    fn keywords(&mut self, words: &[(&str, &str)]) {
        for (word, snippet) in words {
            let doc = reference::word(word).unwrap_or_default();
            self.add(word, ItemKind::Keyword, "", doc, Some(snippet.to_string()));
        }
    }

    fn words(&mut self, words: &[&str]) {
        for word in words {
            let doc = reference::word(word).unwrap_or_default();
            self.add(word, ItemKind::Keyword, "", doc, None);
        }
    }

    fn steps(&mut self, starts_statement: bool) {
        self.callables(|callable| callable.word != "net");
        self.visible_names(|kind| {
            matches!(
                kind,
                VisibleKind::Value | VisibleKind::Parameter(Some(Type::Block))
            )
        });
        self.keywords(&CONSTRUCTS);
        self.words(&["in", "it"]);
        if starts_statement {
            self.keywords(&STATEMENTS);
        }
    }

    /// Layers, functions, blocks and nets that the file sees.
    fn callables(&mut self, is_wanted: impl Fn(&Callable) -> bool) {
        let program = self.view.analysis.program.clone();
        for word in program.words(self.view.file) {
            let Some(entity) = program.lookup(self.view.file, word) else {
                continue;
            };
            let callable = of_entity(&program, entity);
            if is_wanted(&callable) {
                let needs =
                    callable.takes_values || callable.parameters.iter().any(|p| p.is_required);
                let snippet = needs.then(|| format!("{word}($0)"));
                let (detail, _) = callable.signature();
                self.add(word, kind_of(&callable), &detail, &callable.doc, snippet);
            }
        }
    }

    fn visible_names(&mut self, is_wanted: impl Fn(&VisibleKind) -> bool) {
        for name in self.names.clone() {
            if !is_wanted(&name.kind) || name.name == "_" {
                continue;
            }
            let (kind, detail) = match &name.kind {
                VisibleKind::Value => (ItemKind::Value, "value".to_string()),
                VisibleKind::Constant => (ItemKind::Constant, "let".to_string()),
                VisibleKind::Size => (ItemKind::Constant, "open size".to_string()),
                VisibleKind::Index => (ItemKind::Constant, "variable of `repeat`".to_string()),
                VisibleKind::Parameter(None) => (ItemKind::Value, "tensor".to_string()),
                VisibleKind::Parameter(Some(ty)) => {
                    (ItemKind::Constant, Kind::Type(ty.clone()).to_string())
                }
            };
            self.add(&name.name, kind, &detail, "", None);
        }
    }

    fn expression(&mut self) {
        self.visible_names(|_| true);
        for name in FUNCTIONS {
            let snippet = Some(format!("{name}($0)"));
            self.add(
                name,
                ItemKind::Function,
                "function of constants",
                "",
                snippet,
            );
        }
        self.words(&["in", "it", "true", "false", "if", "not"]);
    }

    fn arguments(&mut self, call: &OpenCall) {
        let callables = callables(self.view, &call.callee, call.callee_at);
        for callable in &callables {
            for (index, parameter) in callable.parameters.iter().enumerate() {
                let is_given = call.given.contains(&parameter.name)
                    || (!callable.takes_values && index < call.position);
                if !is_given {
                    self.attribute(parameter);
                }
            }
        }
        let takes_values = callables.iter().any(|callable| callable.takes_values);
        self.visible_names(|kind| takes_values || *kind != VisibleKind::Value);
    }

    fn attribute(&mut self, parameter: &Parameter) {
        if self.items.iter().any(|item| item.label == parameter.name) {
            return;
        }
        let snippet = Some(format!("{}=$0", parameter.name));
        self.add(
            &parameter.name,
            ItemKind::Attribute,
            &parameter.signature,
            &parameter.doc,
            snippet,
        );
    }

    fn value(&mut self, call: &OpenCall, name: &str, in_text: bool) {
        let callables = callables(self.view, &call.callee, call.callee_at);
        let parameters: Vec<Parameter> = callables
            .into_iter()
            .flat_map(|callable| callable.parameters)
            .filter(|parameter| parameter.name == name)
            .collect();
        for parameter in &parameters {
            let choices: &[&str] = match (&parameter.range, &parameter.kind) {
                (layers::Range::OneOf(texts), _) => texts,
                (_, Kind::WindowPad) if call.callee != "conv_transpose" => &["same"],
                _ => &[],
            };
            for choice in choices {
                let label = match in_text {
                    true => choice.to_string(),
                    false => format!("\"{choice}\""),
                };
                self.add(
                    &label,
                    ItemKind::Choice,
                    &parameter.signature,
                    &parameter.doc,
                    None,
                );
            }
        }
        if in_text {
            return;
        }
        if parameters.iter().any(|p| p.kind == Kind::Type(Type::Bool)) {
            self.words(&["true", "false"]);
        }
        if parameters.iter().any(|p| takes_block(&p.kind)) {
            self.callables(|callable| callable.word != "net");
        }
        self.expression();
        let mut known: Vec<String> = Vec::new();
        self.items.retain(|item| {
            let is_new = !known.contains(&item.label);
            known.push(item.label.clone());
            is_new
        });
    }

    fn used_names(&mut self, path: &str) {
        let program = self.view.analysis.program.clone();
        let uses = &program.tree(self.view.file).uses;
        let files = program.used_files(self.view.file);
        let file = uses
            .iter()
            .zip(files)
            .find(|(used, _)| used.path == path)
            .and_then(|(_, file)| *file);
        let Some(file) = file else {
            return;
        };
        for declaration in &program.tree(file).declarations {
            let name = &declaration.name().name;
            if let Some(entity) = program.lookup(file, name) {
                let callable = of_entity(&program, entity);
                let (detail, _) = callable.signature();
                self.add(name, kind_of(&callable), &detail, &callable.doc, None);
            }
        }
    }
}

fn kind_of(callable: &Callable) -> ItemKind {
    match callable.word {
        "layer" => ItemKind::Layer,
        "fn" => ItemKind::Function,
        "net" => ItemKind::Net,
        _ => ItemKind::Block,
    }
}
