//! What the layout must know of the tree: where statements and bodies begin, and which columns belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::source::Span;
use crate::syntax::ast::{
    Argument, Body, Call, Chain, Declaration, Definition, Dimension, Expr, ExprKind, File, Param,
    RepeatOver, Statement, StatementKind, Step, StepKind, Text, UnaryOp,
};

/// Statements of one callee with at least so many numbers are a table.
const TABLE_COLUMNS: usize = 3;

/// Cells longer than this do not widen their column: every row would be padded to the longest.
const TABLE_CELL: usize = 40;

/// A cell of a table of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Where its row begins; it is padded only if its line begins there too.
    pub row: usize,
    /// Spaces to put before it.
    pub padding: usize,
}

/// All positions are bytes of the text.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Strings and labels, which are copied as they are; in order.
    pub verbatim: Vec<Range<usize>>,
    /// Where declarations begin, and whether each has a body.
    pub declarations: BTreeMap<usize, bool>,
    /// Where statements begin.
    pub statements: BTreeSet<usize>,
    /// Braces of bodies by their first byte: whether they and all in them stand on one line.
    pub bodies: BTreeMap<usize, bool>,
    /// Minus signs with one operand.
    pub negations: BTreeSet<usize>,
    /// Brackets of shape assertions, first byte to end.
    pub assertions: BTreeMap<usize, usize>,
    /// Ends of the first steps of chains whose first arrows may be aligned, with the start of the statement.
    pub arrows: BTreeMap<usize, usize>,
    /// Ends of the names of aliases.
    pub aliases: BTreeSet<usize>,
    /// Ends of the names of arguments whose `=` stands without spaces.
    pub arguments: BTreeSet<usize>,
    /// Ends of the names of declarations with parameters.
    pub headers: BTreeSet<usize>,
    /// Numbers in tables.
    pub cells: BTreeMap<usize, Cell>,
}

/// Reads a tree without errors.
pub(super) fn collect(file: &File, text: &str) -> Marks {
    let mut collector = Collector {
        text,
        marks: Marks::default(),
    };
    for item in &file.uses {
        collector.marks.declarations.insert(start(item.span), false);
        collector.verbatim(item.path_span);
    }
    for item in &file.declarations {
        collector.declaration(item);
    }
    let mut marks = collector.marks;
    marks.verbatim.sort_by_key(|range| range.start);
    marks
}

fn start(span: Span) -> usize {
    span.start as usize
}

fn end(span: Span) -> usize {
    span.end as usize
}

struct Collector<'t> {
    text: &'t str,
    marks: Marks,
}

impl Collector<'_> {
    fn verbatim(&mut self, span: Span) {
        self.marks.verbatim.push(span.range());
    }

    fn declaration(&mut self, item: &Declaration) {
        self.marks.headers.insert(end(item.name().span));
        match item {
            Declaration::Fn(item) => {
                self.marks.declarations.insert(start(item.span), false);
                self.params(&item.params);
                self.expression(&item.body);
            }
            Declaration::Template(item) => {
                self.params(&item.params);
                let has_body = match &item.definition {
                    Definition::Body(inner) => {
                        self.body(inner);
                        true
                    }
                    Definition::Alias(base) => {
                        self.marks.aliases.insert(end(item.name.span));
                        self.call(base);
                        false
                    }
                };
                self.marks.declarations.insert(start(item.span), has_body);
            }
        }
    }

    fn params(&mut self, params: &[Param]) {
        for default in params.iter().filter_map(|param| param.default.as_ref()) {
            self.expression(default);
        }
    }

    /// Answers whether the body stays on one line.
    fn body(&mut self, item: &Body) -> bool {
        let mut is_inline =
            item.statements.len() <= 1 && !self.text[item.span.range()].contains('\n');
        for statement in &item.statements {
            is_inline &= self.statement(statement);
        }
        self.marks.bodies.insert(start(item.span), is_inline);
        self.tables(&item.statements);
        is_inline
    }

    /// Answers whether all bodies in it stay on one line.
    fn statement(&mut self, item: &Statement) -> bool {
        self.marks.statements.insert(start(item.span));
        match &item.kind {
            StatementKind::Input { shape, source, .. } => {
                self.expressions(shape.dims.iter().filter_map(Dimension::expression));
                source.iter().for_each(|call| self.call(call));
                true
            }
            StatementKind::Output { chain, .. } => chain.as_ref().is_none_or(|it| self.chain(it)),
            StatementKind::Let { value, .. } => {
                self.expression(value);
                true
            }
            StatementKind::Require { condition, message } => {
                self.expression(condition);
                message.iter().for_each(|text| self.verbatim(text.span));
                true
            }
            StatementKind::Labels(expression) | StatementKind::Where(expression) => {
                self.expression(expression);
                true
            }
            StatementKind::Chain(chain) => {
                if let [first, second, ..] = chain.steps.as_slice()
                    && !first.labels.is_empty()
                    && !second.labels.is_empty()
                {
                    self.marks.arrows.insert(end(first.span), start(item.span));
                }
                self.chain(chain)
            }
        }
    }

    fn chain(&mut self, item: &Chain) -> bool {
        let mut is_inline = true;
        for step in &item.steps {
            is_inline &= self.step(step);
        }
        is_inline
    }

    fn step(&mut self, item: &Step) -> bool {
        item.labels
            .iter()
            .for_each(|label| self.verbatim(label.span));
        if let Some(shape) = &item.assertion {
            let range = shape.span.range();
            self.marks.assertions.insert(range.start, range.end);
            self.expressions(shape.dims.iter().filter_map(Dimension::expression));
        }
        match &item.kind {
            StepKind::Call(call) => {
                self.call(call);
                true
            }
            StepKind::Group(body) => self.body(body),
            StepKind::Paren(chain) => self.chain(chain),
            StepKind::Residual { body, shortcut, .. } => {
                let mut is_inline = self.body(body);
                if let Some(shortcut) = shortcut {
                    self.expressions(&shortcut.when);
                    is_inline &= self.body(&shortcut.body);
                }
                is_inline
            }
            StepKind::Concat { branches, .. } => self.body(branches),
            StepKind::Repeat { over, body, .. } => {
                match over {
                    RepeatOver::Range(from, to) => self.expressions([from, to]),
                    RepeatOver::List(list) => self.expression(list),
                }
                self.body(body)
            }
            StepKind::If {
                arms, otherwise, ..
            } => {
                let mut is_inline = true;
                for (condition, body) in arms {
                    self.expression(condition);
                    is_inline &= self.body(body);
                }
                if let Some(body) = otherwise {
                    is_inline &= self.body(body);
                }
                is_inline
            }
            StepKind::Binary { lhs, rhs, .. } => {
                let is_inline = self.step(lhs);
                self.step(rhs) && is_inline
            }
        }
    }

    fn call(&mut self, item: &Call) {
        for argument in &item.arguments {
            let is_conditional = matches!(argument.value.kind, ExprKind::If(..));
            if let Some(name) = &argument.name
                && !is_conditional
            {
                self.marks.arguments.insert(end(name.span));
            }
            self.expression(&argument.value);
        }
    }

    fn expressions<'a>(&mut self, items: impl IntoIterator<Item = &'a Expr>) {
        items.into_iter().for_each(|item| self.expression(item));
    }

    fn expression(&mut self, item: &Expr) {
        match &item.kind {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Size(..)
            | ExprKind::Name(_) => {}
            ExprKind::Text(Text { span, .. }) => self.verbatim(*span),
            ExprKind::Field(base, _) => self.expression(base),
            ExprKind::Index(base, index) => self.expressions([&**base, &**index]),
            ExprKind::Unary(op, inner) => {
                if *op == UnaryOp::Neg {
                    self.marks.negations.insert(start(item.span));
                }
                self.expression(inner);
            }
            ExprKind::Binary(_, lhs, rhs, _) => self.expressions([&**lhs, &**rhs]),
            ExprKind::If(condition, then, otherwise) => {
                self.expressions([&**condition, &**then, &**otherwise]);
            }
            ExprKind::List(items) => {
                self.expressions(items);
                self.list_table(items);
            }
            ExprKind::Call(call) => self.call(call),
        }
    }

    /// Statements of a body that call the same with a row of numbers each.
    fn tables(&mut self, statements: &[Statement]) {
        let mut tables: BTreeMap<(&str, usize), Vec<Row>> = BTreeMap::new();
        for statement in statements {
            if let StatementKind::Chain(chain) = &statement.kind
                && let StepKind::Call(call) = &chain.steps[0].kind
                && call.arguments.len() >= TABLE_COLUMNS
                && call.arguments.iter().all(is_number)
            {
                tables
                    .entry((&call.callee.name, call.arguments.len()))
                    .or_default()
                    .push((
                        start(statement.span),
                        call.arguments.iter().map(|it| it.span.range()).collect(),
                    ));
            }
        }
        tables.values().for_each(|rows| self.table(rows));
    }

    /// A list of lists of numbers, all of one length.
    fn list_table(&mut self, items: &[Expr]) {
        let rows: Option<Vec<Row>> = items
            .iter()
            .map(|item| match &item.kind {
                ExprKind::List(cells) if cells.iter().all(is_plain) => Some((
                    start(item.span),
                    cells.iter().map(|it| it.span.range()).collect(),
                )),
                _ => None,
            })
            .collect();
        match rows {
            Some(rows) if rows.windows(2).all(|w| w[0].1.len() == w[1].1.len()) => {
                self.table(&rows);
            }
            _ => {}
        }
    }

    fn table(&mut self, rows: &[Row]) {
        let n_columns = rows.first().map_or(0, |(_, cells)| cells.len());
        for column in 0..n_columns {
            let lengths = rows.iter().map(|row| row.1[column].len());
            let widest = lengths.filter(|length| *length <= TABLE_CELL).max();
            for (row, cells) in rows {
                let padding = widest.unwrap_or(0).saturating_sub(cells[column].len());
                self.marks
                    .cells
                    .insert(cells[column].start, Cell { row: *row, padding });
            }
        }
    }
}

/// Where a row begins, and its cells.
type Row = (usize, Vec<Range<usize>>);

fn is_number(argument: &Argument) -> bool {
    argument.name.is_none() && is_plain(&argument.value)
}

/// A number of one token.
fn is_plain(item: &Expr) -> bool {
    matches!(item.kind, ExprKind::Int(_) | ExprKind::Float(_))
}
