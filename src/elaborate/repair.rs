//! Repairs of a text: those that are applied, each after a proof that it makes the text better, and the `where` that makes a net right.

use std::collections::BTreeMap;

use super::lifts::Lifts;
use super::program::Program;
use super::prove::SetSizes;
use crate::diagnostic::{Diagnostic, Fix, apply_fixes};
use crate::graph::Graph;
use crate::source::Span;
use crate::syntax::ast::{Body, Declaration, Definition, Statement, StatementKind};

/// What came of repairing a text.
#[derive(Debug)]
pub struct Repaired {
    /// The text with its repairs; as it was if there are none.
    pub program: Program,
    /// Everything that is found in it.
    pub found: Vec<Diagnostic>,
    /// The number of changes.
    pub n_changes: usize,
    /// The findings whose repair was the first; their places are in the text as it was.
    pub first: Vec<Diagnostic>,
}

/// Repairs may bring to light what they hid, so a text is looked at again.
const ROUNDS: usize = 100;
/// So many rounds in a row may pass before there are fewer errors.
const AHEAD: usize = 16;
/// Where the safe repairs do not go together, so many are tried one by one.
const SINGLY: usize = 16;

/// Applies the safe repairs of the root file of `program`, as long as they make it better; `load` makes a program of another text of it.
///
/// No repair is believed. What comes of it has fewer errors, and still has those that were not to be repaired; every net that was whole
/// has the graph that it had. Otherwise the repair is left out.
pub fn repair(
    program: Program,
    sizes: &SetSizes,
    load: &mut dyn FnMut(String) -> Program,
) -> Repaired {
    let mut best = Checked::new(program, sizes);
    let (mut n_changes, mut first) = (0, Vec::new());
    // A repaired fault may bring to light as many as it was, or, if it is one of syntax, more: then those are repaired as well, or
    // nothing is.
    let mut ahead: Option<(Checked, usize)> = None;
    let mut n_ahead = 0;
    for round in 0..ROUNDS {
        let (from, n_before) = match &ahead {
            Some((checked, n)) => (checked, *n),
            None => (&best, 0),
        };
        let Some((next, repaired, n_applied)) = from.repaired(sizes, load) else {
            break;
        };
        if round == 0 {
            first = repaired;
        }
        let n_applied = n_before + n_applied;
        if next.n_errors() < best.n_errors() {
            best = next;
            n_changes += n_applied;
            (ahead, n_ahead) = (None, 0);
        } else if n_ahead < AHEAD {
            n_ahead += 1;
            ahead = Some((next, n_applied));
        } else {
            break;
        }
    }
    if n_changes == 0 {
        first.clear();
    }
    Repaired {
        program: best.program,
        found: best.found,
        n_changes,
        first,
    }
}

/// A text and everything that is known of it.
struct Checked {
    program: Program,
    found: Vec<Diagnostic>,
    /// The nets that are whole, by name.
    nets: BTreeMap<String, Graph>,
}

impl Checked {
    fn new(program: Program, sizes: &SetSizes) -> Checked {
        let (found, nets) = super::examine(&program, sizes, false, &mut Lifts::new());
        let whole = nets.into_iter().filter(|net| net.is_complete);
        let nets = whole.map(|net| {
            let origins = Vec::new();
            (
                net.name,
                Graph {
                    origins,
                    ..net.graph
                },
            )
        });
        Checked {
            nets: nets.collect(),
            program,
            found,
        }
    }

    fn n_errors(&self) -> usize {
        self.found.iter().filter(|fault| fault.is_error()).count()
    }

    /// The text after its repairs, with the findings that they are of and their number; `None` if there are none.
    fn repaired(
        &self,
        sizes: &SetSizes,
        load: &mut dyn FnMut(String) -> Program,
    ) -> Option<(Checked, Vec<Diagnostic>, usize)> {
        let root = self.program.root();
        let mut fixes: Vec<&Fix> = Vec::new();
        for fix in self.found.iter().filter_map(|fault| fault.fix.as_ref()) {
            if fix.is_safe && fix.span.file == root && !fixes.contains(&fix) {
                fixes.push(fix);
            }
        }
        if fixes.is_empty() {
            return None;
        }
        let text = &self.program.sources.file(root).text;
        let mut attempt = |fixes: &[&Fix]| {
            let (text, n_applied) = apply_fixes(text, fixes.iter().copied());
            let next = Checked::new(load(text), sizes);
            let is_of =
                |fault: &&Diagnostic| fault.fix.as_ref().is_some_and(|f| fixes.contains(&f));
            let repaired: Vec<Diagnostic> = self.found.iter().filter(is_of).cloned().collect();
            let is_step = next.is_step_from(self, &repaired);
            is_step.then_some((next, repaired, n_applied))
        };
        attempt(&fixes).or_else(|| {
            let singly = fixes.iter().take(SINGLY).filter(|_| fixes.len() > 1);
            singly.into_iter().find_map(|fix| attempt(&[fix]))
        })
    }

    fn is_step_from(&self, before: &Checked, repaired: &[Diagnostic]) -> bool {
        let count = |found: &[Diagnostic], like: &Diagnostic| {
            let is_like = |it: &&Diagnostic| (it.code, &it.message) == (like.code, &like.message);
            found.iter().filter(is_like).count()
        };
        // One slip may make several faults of syntax. What else has a place has other causes; what has none counts the rest.
        let is_kept = |fault: &Diagnostic| {
            let n_left = count(&before.found, fault).saturating_sub(count(repaired, fault));
            let is_free = is_of_syntax(fault) || fault.primary.is_none();
            is_free || count(&self.found, fault) >= n_left
        };
        let is_gone = |fault: &Diagnostic| {
            count(&self.found, fault) + count(repaired, fault) <= count(&before.found, fault)
        };
        let is_unchanged = |(name, graph): (&String, &Graph)| self.nets.get(name) == Some(graph);
        // Most is not looked at before the syntax is right.
        let of_syntax =
            |checked: &Checked| checked.found.iter().filter(|f| is_of_syntax(f)).count();
        let is_no_worse = of_syntax(self) <= of_syntax(before)
            && (repaired.iter().any(is_of_syntax) || self.n_errors() <= before.n_errors());
        is_no_worse
            && repaired.iter().all(is_gone)
            && before.found.iter().all(is_kept)
            && before.nets.iter().all(is_unchanged)
    }
}

fn is_of_syntax(fault: &Diagnostic) -> bool {
    fault.code.id.starts_with("E01")
}

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
