//! Items on lines.

use std::collections::BTreeMap;
use std::fmt;

use super::items::{Item, ItemKind};
use super::marks::Marks;
use crate::syntax::words::is_reserved;

/// Spaces of one level.
const INDENT: usize = 2;

/// What a part of a line may be aligned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The `=` of an alias.
    Alias,
    /// The first arrow of a chain of labelled steps.
    Arrow,
    /// The colon of the assertion that ends the line.
    Assertion,
    /// A comment behind something.
    Comment,
}

/// An item on a line.
#[derive(Debug)]
pub(super) struct Part<'t> {
    /// Spaces before it.
    pub space: usize,
    pub text: &'t str,
    pub column: Option<Column>,
    start: usize,
    end: usize,
    is_comment: bool,
}

/// A line that is not empty.
#[derive(Debug)]
pub(super) struct Line<'t> {
    pub indent: usize,
    pub is_after_blank: bool,
    /// At least one.
    pub parts: Vec<Part<'t>>,
    /// How many declarations have begun before its end.
    pub declaration: usize,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_after_blank {
            f.write_str("\n")?;
        }
        f.write_str(&" ".repeat(self.indent))?;
        for part in &self.parts {
            // By hand: the widths of the formatting macros end at 65,535.
            f.write_str(&" ".repeat(part.space))?;
            f.write_str(part.text)?;
        }
        f.write_str("\n")
    }
}

impl Line<'_> {
    fn is_comment(&self) -> bool {
        self.parts.iter().all(|part| part.is_comment)
    }

    /// Index of the part to be aligned by that column.
    pub fn part(&self, column: Column) -> Option<usize> {
        self.parts
            .iter()
            .position(|part| part.column == Some(column))
            .filter(|index| *index > 0)
    }
}

/// An open bracket.
struct Bracket {
    /// Indentation of its line.
    indent: usize,
    /// For the braces of a body: whether it stays on one line.
    body: Option<bool>,
    /// Indentation of the statement around it.
    statement: usize,
}

struct Layout<'a, 't> {
    items: &'a [Item<'t>],
    marks: &'a Marks,
    lines: Vec<Line<'t>>,
    stack: Vec<Bracket>,
    /// Indentation of the statement at hand.
    statement: usize,
    declaration: usize,
    /// The first item behind the comments that were met last.
    after_comments: Option<usize>,
}

/// Puts every item on a line.
pub(super) fn lay_out<'t>(items: &[Item<'t>], marks: &Marks) -> Vec<Line<'t>> {
    let mut layout = Layout {
        items,
        marks,
        lines: Vec::new(),
        stack: Vec::new(),
        statement: 0,
        declaration: 0,
        after_comments: None,
    };
    let mut previous = None;
    for index in 0..items.len() {
        if layout.is_surplus(index) {
            continue;
        }
        layout.place(index, previous);
        previous = Some(index);
    }
    let assertions: BTreeMap<usize, usize> = marks
        .assertions
        .iter()
        .map(|(start, end)| (*end, *start))
        .collect();
    layout
        .lines
        .iter_mut()
        .for_each(|line| finish(line, &assertions));
    separate(&mut layout.lines, marks);
    layout.lines
}

impl<'t> Layout<'_, 't> {
    /// A comma before a closing bracket on the same line.
    fn is_surplus(&self, index: usize) -> bool {
        self.items[index].text == ","
            && self
                .items
                .get(index + 1)
                .is_some_and(|next| next.breaks == 0 && matches!(next.text, ")" | "]"))
    }

    fn place(&mut self, index: usize, previous: Option<usize>) {
        let item = &self.items[index];
        let is_token = item.kind == ItemKind::Token;
        if is_token && self.marks.declarations.contains_key(&item.start) {
            self.declaration += 1;
        }
        let breaks = match previous {
            Some(previous) => self.breaks(index, previous),
            None => 1,
        };
        let closed = match item.text {
            ")" | "]" | "}" if is_token => self.stack.pop(),
            _ => None,
        };
        if breaks > 0 {
            let indent = match &closed {
                Some(bracket) => bracket.indent,
                None => self.indent(index),
            };
            self.lines.push(Line {
                indent,
                is_after_blank: breaks > 1 && previous.is_some(),
                parts: Vec::new(),
                declaration: 0,
            });
        }
        if let Some(bracket) = closed {
            self.statement = bracket.statement;
        }
        let space = match previous {
            Some(previous) if breaks == 0 => self.space(index, previous),
            _ => 0,
        };
        let column = match previous {
            Some(previous) => self.column(index, previous),
            None => None,
        };
        let declaration = self.declaration;
        let line = self.lines.last_mut().expect("the first item opens a line");
        line.declaration = declaration;
        line.parts.push(Part {
            space,
            text: item.text,
            column,
            start: item.start,
            end: item.end,
            is_comment: item.is_comment(),
        });
        let indent = line.indent;
        if !is_token {
            return;
        }
        if self.marks.statements.contains(&item.start)
            || self.marks.declarations.contains_key(&item.start)
        {
            self.statement = indent;
        }
        if matches!(item.text, "(" | "[" | "{") {
            self.stack.push(Bracket {
                indent,
                body: self.marks.bodies.get(&item.start).copied(),
                statement: self.statement,
            });
        }
    }

    /// Whether the innermost bracket is that of a body on several lines, or none is open.
    fn is_between_lines(&self) -> bool {
        self.stack.last().is_none_or(|top| top.body == Some(false))
    }

    fn opens_body(&self, item: &Item<'_>) -> bool {
        item.kind == ItemKind::Token && self.marks.bodies.contains_key(&item.start)
    }

    fn begins(&self, item: &Item<'_>) -> bool {
        item.kind == ItemKind::Token
            && (self.marks.statements.contains(&item.start)
                || self.marks.declarations.contains_key(&item.start))
    }

    /// Line ends before an item: none, one, or two for an empty line.
    fn breaks(&self, index: usize, previous: usize) -> usize {
        let (item, before) = (&self.items[index], &self.items[previous]);
        let least = usize::from(before.kind == ItemKind::LineComment);
        // Nothing to set apart at the beginning of a body.
        let most = if self.opens_body(before) { 1 } else { 2 };
        if item.is_comment() {
            return item.breaks.clamp(least, most.max(least));
        }
        if self.begins(item) {
            let shares_line = before.kind == ItemKind::BlockComment
                && item.breaks == 0
                && self.lines.last().is_some_and(Line::is_comment);
            return if !self.is_between_lines() || shares_line {
                least
            } else {
                item.breaks.clamp(1, most)
            };
        }
        let wanted = match item.text {
            "}" => match self.stack.last().and_then(|top| top.body) {
                Some(false) => usize::from(!self.opens_body(before)),
                _ => 0,
            },
            "{" | "," | "." | ".." | "=" => 0,
            "(" if before.text != "->" && !is_operator(before.text) => 0,
            ":" if !self.is_assertion(index) => 0,
            "else" | "shortcut" if before.text == "}" => 0,
            "->" => {
                let is_last = self
                    .items
                    .get(index + 1)
                    .is_some_and(|next| next.breaks > 0 && !next.is_comment());
                usize::from(is_last || item.breaks > 0)
            }
            _ if matches!(before.text, "->" | ":" | "." | "..") => 0,
            _ => item.breaks.min(1),
        };
        wanted.max(least)
    }

    /// Indentation of a line that begins with an item that closes nothing.
    fn indent(&mut self, index: usize) -> usize {
        // Comments share the indentation of what they stand before; those that stand together look for it once.
        let next = match self.after_comments {
            Some(next) if next >= index => next,
            _ => {
                let n_comments = self.items[index..]
                    .iter()
                    .take_while(|item| item.is_comment());
                index + n_comments.count()
            }
        };
        self.after_comments = Some(next);
        let is_fresh = self
            .items
            .get(next)
            .is_none_or(|item| self.begins(item) || item.text == "}");
        match self.stack.last() {
            Some(top) if top.body.is_none() => top.indent + INDENT,
            Some(top) if is_fresh => top.indent + INDENT,
            None if is_fresh => 0,
            _ => self.statement + INDENT,
        }
    }

    fn is_assertion(&self, colon: usize) -> bool {
        self.items[colon + 1..]
            .iter()
            .find(|item| !item.is_comment())
            .is_some_and(|item| self.marks.assertions.contains_key(&item.start))
    }

    fn column(&self, index: usize, previous: usize) -> Option<Column> {
        let (item, before) = (&self.items[index], &self.items[previous]);
        let first = self.lines.last().and_then(|line| line.parts.first());
        match item.text {
            _ if item.is_comment() => Some(Column::Comment),
            "=" if self.marks.aliases.contains(&before.end) => Some(Column::Alias),
            "->" if self
                .marks
                .arrows
                .get(&before.end)
                .is_some_and(|start| first.is_some_and(|part| part.start == *start)) =>
            {
                Some(Column::Arrow)
            }
            ":" if self.is_assertion(index) => Some(Column::Assertion),
            _ => None,
        }
    }

    /// Spaces between two items on one line.
    fn space(&self, index: usize, previous: usize) -> usize {
        let (item, before) = (&self.items[index], &self.items[previous]);
        if item.is_comment() || before.is_comment() {
            return 1;
        }
        let first = self.lines.last().and_then(|line| line.parts.first());
        let padding = match self.marks.cells.get(&item.start) {
            Some(cell) if first.is_some_and(|part| part.start == cell.row) => cell.padding,
            _ => 0,
        };
        padding + usize::from(!self.is_tight(item, before, index))
    }

    /// Whether nothing stands between two tokens.
    fn is_tight(&self, item: &Item<'_>, before: &Item<'_>, index: usize) -> bool {
        match (before.text, item.text) {
            ("{", "}") => true,
            ("(" | "[" | "." | "..", _) | (_, ")" | "]" | "," | "." | "..") => true,
            ("-", _) => self.marks.negations.contains(&before.start),
            (_, ":") => !self.is_assertion(index),
            (_, "=") => self.marks.arguments.contains(&before.end),
            ("=", _) => {
                let name = self.items[..index - 1].iter().rfind(|it| !it.is_comment());
                name.is_some_and(|name| self.marks.arguments.contains(&name.end))
            }
            (word, "(") => {
                self.marks.headers.contains(&before.end)
                    || (before.end == item.start && (word == "concat" || is_value_end(word)))
            }
            (word, "[") => is_value_end(word) && !self.begins(item),
            _ => false,
        }
    }
}

/// Whether something that an index or an argument list may follow ends with this token.
fn is_value_end(token: &str) -> bool {
    match token.as_bytes().last() {
        Some(b')' | b']' | b'"') => true,
        Some(byte) => (byte.is_ascii_alphanumeric() || *byte == b'_') && !is_reserved(token),
        None => false,
    }
}

fn is_operator(token: &str) -> bool {
    matches!(
        token,
        "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "," | "(" | "[" | "="
    )
}

/// Keeps only the columns that a line can be aligned by: comments and assertions at its end.
/// `assertions` are the shapes, from their ends to their brackets.
fn finish(line: &mut Line<'_>, assertions: &BTreeMap<usize, usize>) {
    let n_parts = line.parts.len();
    let n_tokens = match line.parts.last() {
        Some(last) if last.is_comment => n_parts - 1,
        _ => n_parts,
    };
    let asserted = line.parts[..n_tokens].last().and_then(|last| {
        let bracket = assertions.get(&last.end)?;
        line.parts.iter().position(|part| part.start == *bracket)
    });
    for (index, part) in line.parts.iter_mut().enumerate() {
        part.column = part.column.filter(|column| match column {
            Column::Comment => index + 1 == n_parts,
            Column::Assertion => asserted == Some(index + 1),
            Column::Alias | Column::Arrow => true,
        });
    }
}

/// Sets declarations that have a body or documentation apart from the others.
fn separate(lines: &mut [Line<'_>], marks: &Marks) {
    for index in 1..lines.len() {
        if lines[index].indent > 0 {
            continue;
        }
        let first = &lines[index].parts[0];
        let is_after_body = lines[index - 1].parts[0].text == "}"
            && lines[index - 1].indent == 0
            && first.text != "}";
        if is_after_body {
            lines[index].is_after_blank = true;
        }
        let Some(has_body) = marks.declarations.get(&first.start) else {
            continue;
        };
        let mut top = index;
        while top > 0 && !lines[top].is_after_blank && lines[top - 1].is_comment() {
            top -= 1;
        }
        let is_documented = lines[top..index]
            .iter()
            .any(|line| line.parts[0].text.starts_with("///"));
        if top > 0 && (*has_body || is_documented) {
            lines[top].is_after_blank = true;
        }
    }
}
