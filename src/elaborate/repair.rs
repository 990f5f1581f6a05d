//! The `where` that makes a net right, as a change of its text.

use super::program::Program;
use crate::diagnostic::Fix;
use crate::source::Span;
use crate::syntax::ast::{Body, Declaration, Definition, Statement, StatementKind};

/// Puts `clause` behind the inputs of the net that declares an open size at `size`. What the author meant is not certain: it may be
/// another net.
pub(super) fn where_clause(program: &Program, size: Span, clause: &str) -> Option<Fix> {
    let declarations = program.tree(size.file).declarations.iter();
    let body = declarations
        .filter_map(body_of)
        .find(|body| holds(body.span, size))?;
    let is_step = |statement: &&Statement| {
        use StatementKind::{Chain, Output};
        matches!(statement.kind, Chain(_) | Output { .. })
    };
    let head = body.statements.iter().take_while(|s| !is_step(s));
    let last = head
        .filter(|s| {
            matches!(
                s.kind,
                StatementKind::Input { .. } | StatementKind::Where(_)
            )
        })
        .last()?;
    if last.span.end < size.end {
        return None;
    }
    let text = &program.sources.file(size.file).text;
    let end = last.span.end as usize;
    let line_end = text[end..].find('\n').map(|length| end + length);
    let line_start = text[..last.span.start as usize].rfind('\n');
    let (at, replacement) = match (line_start, line_end) {
        (Some(start), Some(line_end)) if is_over(&text[end..line_end]) => {
            let indent: String = text[start + 1..]
                .chars()
                .take_while(|c| *c == ' ' || *c == '\t')
                .collect();
            (line_end, format!("\n{indent}where {clause}"))
        }
        _ => (end, format!(" where {clause}")),
    };
    Some(Fix {
        span: Span::new(size.file, at, at),
        replacement,
        is_safe: false,
    })
}

/// Whether nothing but a comment follows on the line.
fn is_over(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with("//")
}

fn body_of(declaration: &Declaration) -> Option<&Body> {
    match declaration {
        Declaration::Template(template) => match &template.definition {
            Definition::Body(body) => Some(body),
            Definition::Alias(_) => None,
        },
        Declaration::Fn(_) => None,
    }
}

fn holds(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
