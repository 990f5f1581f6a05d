//! The tree as text, in the one canonical form: `parse` of it gives the same tree back, spans aside.

mod expressions;

use super::ast::{
    Body, Chain, Declaration, Definition, File, FnDeclaration, Param, RepeatOver, Statement,
    StatementKind, Step, StepKind, StepOp, Template, TemplateKind, Type, Use,
};
use expressions::{argument_list, call, expression, label, quoted, shape};

/// A body of one statement stands on the line of its braces if it is at most this long.
const INLINE: usize = 60;

/// The file as text: its `use` declarations, then the others in order.
///
/// ```
/// use netc::source::FileId;
///
/// let (file, _) = netc::syntax::parse(FileId(0), "fn swish( x )=((x)*sigmoid(x) )");
/// assert_eq!(netc::syntax::print(&file), "fn swish(x) = x * sigmoid(x)\n");
/// ```
pub fn print(file: &File) -> String {
    let uses: String = file.uses.iter().map(use_declaration).collect();
    let mut sections: Vec<String> = file.declarations.iter().map(declaration).collect();
    if !uses.is_empty() {
        sections.insert(0, uses);
    }
    sections.join("\n")
}

fn use_declaration(item: &Use) -> String {
    let names = item.names.as_ref().map(|names| {
        let names: Vec<String> = names
            .iter()
            .map(|(name, alias)| match alias {
                Some(alias) => format!("{} as {}", name.name, alias.name),
                None => name.name.clone(),
            })
            .collect();
        format!(" ({})", names.join(", "))
    });
    format!("use {}{}\n", quoted(&item.path), names.unwrap_or_default())
}

fn declaration(item: &Declaration) -> String {
    match item {
        Declaration::Fn(item) => fn_declaration(item),
        Declaration::Template(item) => template(item),
    }
}

fn documentation(doc: &str) -> String {
    if doc.is_empty() {
        return String::new();
    }
    doc.split('\n')
        .map(|line| format!("{}\n", format!("/// {line}").trim_end()))
        .collect()
}

fn fn_declaration(item: &FnDeclaration) -> String {
    format!(
        "{}fn {}({}) = {}\n",
        documentation(&item.doc),
        item.name.name,
        params(&item.params),
        expression(&item.body)
    )
}

fn template(item: &Template) -> String {
    let keyword = match item.kind {
        TemplateKind::Block => "block",
        TemplateKind::Net => "net",
    };
    let head = format!("{}{keyword} {}", documentation(&item.doc), item.name.name);
    match &item.definition {
        Definition::Alias(base) => format!("{head} = {}\n", call(base)),
        Definition::Body(inner) if item.params.is_empty() => {
            format!("{head} {}\n", block(inner, 0))
        }
        Definition::Body(inner) => {
            format!("{head}({}) {}\n", params(&item.params), block(inner, 0))
        }
    }
}

fn params(params: &[Param]) -> String {
    let params: Vec<String> = params
        .iter()
        .map(|param| {
            let ty = param.ty.as_ref().map(|ty| format!(": {}", type_name(ty)));
            let default = param
                .default
                .as_ref()
                .map(|default| format!(" = {}", expression(default)));
            format!(
                "{}{}{}",
                param.name.name,
                ty.unwrap_or_default(),
                default.unwrap_or_default()
            )
        })
        .collect();
    params.join(", ")
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Int => "int".to_owned(),
        Type::Float => "float".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::String => "string".to_owned(),
        Type::Size => "size".to_owned(),
        Type::Block => "block".to_owned(),
        Type::List(element) => format!("[{}]", type_name(element)),
    }
}

/// A body with each statement on a line of its own, `level` steps from the margin.
fn block(inner: &Body, level: usize) -> String {
    let margin = "  ".repeat(level);
    let lines: String = inner
        .statements
        .iter()
        .map(|item| format!("{margin}  {}\n", statement(item, level + 1)))
        .collect();
    format!("{{\n{lines}{margin}}}")
}

/// A body inside a step.
fn body(inner: &Body, level: usize) -> String {
    match inner.statements.as_slice() {
        [] => return "{}".to_owned(),
        [one] => {
            let line = statement(one, level + 1);
            if line.len() <= INLINE && !line.contains('\n') {
                return format!("{{ {line} }}");
            }
        }
        _ => {}
    }
    block(inner, level)
}

fn statement(item: &Statement, level: usize) -> String {
    match &item.kind {
        StatementKind::Input {
            name,
            shape: dims,
            source,
        } => {
            let source = source
                .as_ref()
                .map(|source| format!(" from {}", call(source)));
            format!(
                "input {}: {}{}",
                name.name,
                shape(dims),
                source.unwrap_or_default()
            )
        }
        StatementKind::Where(condition) => format!("where {}", expression(condition)),
        StatementKind::Output { name, chain: None } => format!("output {}", name.name),
        StatementKind::Output {
            name,
            chain: Some(side),
        } => format!("output {}: {}", name.name, chain(side, level)),
        StatementKind::Let { name, value } => format!("let {} = {}", name.name, expression(value)),
        StatementKind::Require { condition, message } => {
            let message = message
                .as_ref()
                .map(|text| format!(", {}", expressions::text(text)));
            format!(
                "require {}{}",
                expression(condition),
                message.unwrap_or_default()
            )
        }
        StatementKind::Labels(names) => format!("labels {}", expression(names)),
        StatementKind::Chain(steps) => chain(steps, level),
    }
}

fn chain(steps: &Chain, level: usize) -> String {
    let steps: Vec<String> = steps.steps.iter().map(|item| step(item, level)).collect();
    steps.join(" -> ")
}

fn step(item: &Step, level: usize) -> String {
    let mut shown = String::new();
    if !item.labels.is_empty() {
        let labels: Vec<String> = item.labels.iter().map(label).collect();
        shown = format!("{}: ", labels.join(", "));
    }
    shown += &step_kind(&item.kind, level);
    if let Some(dims) = &item.assertion {
        shown += &format!(" : {}", shape(dims));
    }
    shown
}

fn step_kind(kind: &StepKind, level: usize) -> String {
    match kind {
        StepKind::Call(inner) => {
            let arguments = if inner.parenthesised {
                argument_list(inner)
            } else {
                String::new()
            };
            format!("{}{arguments}", inner.callee.name)
        }
        StepKind::Group(inner) => body(inner, level),
        StepKind::Paren(inner) => format!("({})", chain(inner, level)),
        StepKind::Residual {
            body: inner,
            shortcut,
            ..
        } => {
            let mut shown = format!("residual {}", body(inner, level));
            if let Some(shortcut) = shortcut {
                let when = shortcut
                    .when
                    .as_ref()
                    .map(|when| format!("when {} ", expression(when)));
                shown += &format!(
                    " shortcut {}{}",
                    when.unwrap_or_default(),
                    body(&shortcut.body, level)
                );
            }
            shown
        }
        StepKind::Concat { branches, .. } => format!("concat {}", body(branches, level)),
        StepKind::Repeat {
            index,
            over,
            body: inner,
            ..
        } => {
            let over = match over {
                RepeatOver::Range(from, to) => format!("{}..{}", expression(from), expression(to)),
                RepeatOver::List(list) => expression(list),
            };
            format!("repeat {} in {over} {}", index.name, body(inner, level))
        }
        StepKind::If {
            arms, otherwise, ..
        } => {
            let mut shown: Vec<String> = arms
                .iter()
                .map(|(condition, inner)| {
                    format!("if {} {}", expression(condition), body(inner, level))
                })
                .collect();
            shown.extend(otherwise.as_ref().map(|inner| body(inner, level)));
            shown.join(" else ")
        }
        StepKind::Binary { op, lhs, rhs, .. } => {
            let (symbol, binding) = operator(*op);
            format!(
                "{} {symbol} {}",
                operand(lhs, binding, level),
                operand(rhs, binding + 1, level)
            )
        }
    }
}

fn operator(op: StepOp) -> (&'static str, u8) {
    match op {
        StepOp::Add => ("+", 1),
        StepOp::Sub => ("-", 1),
        StepOp::Mul => ("*", 2),
    }
}

/// A side of an operator, in parentheses if it is something that binds less tightly than `least`.
fn operand(item: &Step, least: u8, level: usize) -> String {
    let is_loose = match &item.kind {
        StepKind::Binary { op, .. } => operator(*op).1 < least,
        _ => false,
    };
    if is_loose || !item.labels.is_empty() || item.assertion.is_some() {
        format!("({})", step(item, level))
    } else {
        step(item, level)
    }
}
