//! Random trees, each such as some text has.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::source::{FileId, Span};
use crate::syntax::ast::*;
use crate::syntax::is_reserved;

const NOWHERE: Span = Span {
    file: FileId(0),
    start: 0,
    end: 0,
};

fn ident() -> impl Strategy<Value = Ident> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,5}"
        .prop_filter("a name", |name| !is_reserved(name) && name != "_")
        .prop_map(named)
}

fn named(name: impl Into<String>) -> Ident {
    Ident {
        name: name.into(),
        span: NOWHERE,
    }
}

fn literal() -> impl Strategy<Value = String> {
    "[ -~äß→\n\t]{1,6}"
}

fn leaf() -> impl Strategy<Value = ExprKind> {
    prop_oneof![
        (0..i64::MAX).prop_map(ExprKind::Int),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| ExprKind::Float(value.abs())),
        any::<bool>().prop_map(ExprKind::Bool),
        (0..99i64, 0..99i64).prop_map(|(height, width)| ExprKind::Size(height, width)),
        ident().prop_map(|name| ExprKind::Name(name.name)),
        prop_oneof![Just("in"), Just("it")].prop_map(|name| ExprKind::Name(name.to_owned())),
    ]
}

fn expr(kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: NOWHERE,
    }
}

fn binary_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::*;
    proptest::sample::select(vec![
        Add, Sub, Mul, Div, Rem, Eq, Ne, Lt, Le, Gt, Ge, And, Or,
    ])
}

/// Literals between which at least one expression stands.
fn text_of(inner: impl Strategy<Value = Expr>) -> impl Strategy<Value = Text> {
    (
        option::of(literal()),
        vec((inner, option::of(literal())), 0..3),
    )
        .prop_map(|(first, rest)| {
            let mut parts: Vec<TextPart> = first.map(TextPart::Literal).into_iter().collect();
            for (value, after) in rest {
                parts.push(TextPart::Expr(value));
                parts.extend(after.map(TextPart::Literal));
            }
            Text {
                parts,
                span: NOWHERE,
            }
        })
}

fn arguments(inner: impl Strategy<Value = Expr>) -> impl Strategy<Value = Vec<Argument>> {
    let name =
        prop_oneof![3 => Just(None), 1 => ident().prop_map(Some), 1 => Just(Some(named("output")))];
    let argument = (name, inner).prop_map(|(name, value)| Argument {
        name,
        value,
        span: NOWHERE,
    });
    vec(argument, 0..3)
}

fn called(callee: Ident, arguments: Vec<Argument>, parenthesised: bool) -> Call {
    Call {
        callee,
        arguments,
        parenthesised,
        span: NOWHERE,
    }
}

pub(super) fn expression() -> impl Strategy<Value = Expr> {
    leaf().prop_map(expr).prop_recursive(4, 24, 3, |inner| {
        let one = || inner.clone().prop_map(Box::new);
        let callee = prop_oneof![4 => ident(), 1 => Just(named("concat"))];
        prop_oneof![
            (one(), ident()).prop_map(|(base, name)| ExprKind::Field(base, name)),
            (one(), one()).prop_map(|(base, index)| ExprKind::Index(base, index)),
            (prop_oneof![Just(UnaryOp::Neg), Just(UnaryOp::Not)], one())
                .prop_map(|(op, x)| ExprKind::Unary(op, x)),
            (binary_op(), one(), one()).prop_map(|(op, a, b)| ExprKind::Binary(op, a, b, NOWHERE)),
            (one(), one(), one()).prop_map(|(c, a, b)| ExprKind::If(c, a, b)),
            vec(inner.clone(), 0..3).prop_map(ExprKind::List),
            (callee, arguments(inner.clone()))
                .prop_map(|(f, args)| ExprKind::Call(called(f, args, true))),
            text_of(inner.clone()).prop_map(ExprKind::Text),
        ]
        .prop_map(expr)
    })
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        (ident(), arguments(expression())).prop_map(|(callee, args)| called(callee, args, true)),
        ident().prop_map(|callee| called(callee, Vec::new(), false)),
    ]
}

fn shape() -> impl Strategy<Value = ShapePattern> {
    let dimension = prop_oneof![
        Just(Dimension::Any),
        (ident(), expression()).prop_map(|(name, default)| Dimension::Open(name, default)),
        expression().prop_map(Dimension::Size),
    ];
    vec(dimension, 1..4).prop_map(|dims| ShapePattern {
        dims,
        span: NOWHERE,
    })
}

fn label() -> impl Strategy<Value = Text> {
    (
        ident(),
        vec((expression(), option::of("[a-z0-9_]{1,3}")), 0..2),
    )
        .prop_map(|(first, rest)| {
            let mut parts = vec![TextPart::Literal(first.name)];
            for (value, after) in rest {
                parts.push(TextPart::Expr(value));
                parts.extend(after.map(TextPart::Literal));
            }
            Text {
                parts,
                span: NOWHERE,
            }
        })
}

fn plain(kind: StepKind) -> Step {
    Step {
        labels: Vec::new(),
        kind,
        assertion: None,
        span: NOWHERE,
    }
}

/// A step as a chain holds it, of an operation without labels.
fn labelled(operation: impl Strategy<Value = Step>) -> impl Strategy<Value = Step> {
    (
        vec(label(), 0..2),
        option::weighted(0.2, shape()),
        operation,
    )
        .prop_map(|(labels, assertion, operation)| Step {
            labels,
            assertion,
            ..operation
        })
}

fn chain_of(operation: impl Strategy<Value = Step>) -> impl Strategy<Value = Chain> {
    vec(labelled(operation), 1..3).prop_map(|steps| Chain {
        steps,
        span: NOWHERE,
    })
}

fn body_of(operation: impl Strategy<Value = Step> + Clone) -> impl Strategy<Value = Body> {
    let kind = prop_oneof![
        4 => chain_of(operation.clone()).prop_map(StatementKind::Chain),
        1 => (ident(), shape(), option::of(call()))
            .prop_map(|(name, shape, source)| StatementKind::Input { name, shape, source }),
        1 => (ident(), option::of(chain_of(operation))).prop_map(|(name, chain)| StatementKind::Output { name, chain }),
        1 => (ident(), expression()).prop_map(|(name, value)| StatementKind::Let { name, value }),
        1 => (expression(), option::of(text_of(expression())))
            .prop_map(|(condition, message)| StatementKind::Require { condition, message }),
        1 => expression().prop_map(StatementKind::Labels),
        1 => expression().prop_map(StatementKind::Where),
    ];
    vec(kind, 0..3).prop_map(|kinds| Body {
        statements: kinds
            .into_iter()
            .map(|kind| Statement {
                kind,
                span: NOWHERE,
            })
            .collect(),
        span: NOWHERE,
    })
}

/// Both sides of an operator; a sum inside a product is in parentheses, as only those can say it.
fn binary(op: StepOp, lhs: Step, rhs: Step) -> StepKind {
    let binding = |op: StepOp| u8::from(op == StepOp::Mul);
    let side = |step: Step, least: u8| match &step.kind {
        StepKind::Binary { op, .. } if binding(*op) < least => plain(StepKind::Paren(Chain {
            steps: vec![step],
            span: NOWHERE,
        })),
        _ => step,
    };
    StepKind::Binary {
        op,
        lhs: Box::new(side(lhs, binding(op))),
        rhs: Box::new(side(rhs, binding(op) + 1)),
        op_span: NOWHERE,
    }
}

fn operation() -> impl Strategy<Value = Step> + Clone {
    let here =
        prop_oneof![Just("in"), Just("it")].prop_map(|word| called(named(word), Vec::new(), false));
    let leaf = prop_oneof![4 => call(), 1 => here].prop_map(|call| plain(StepKind::Call(call)));
    leaf.prop_recursive(3, 12, 2, |inner| {
        let body = || body_of(inner.clone());
        let shortcut = (option::of(expression()), body()).prop_map(|(when, body)| Shortcut {
            when,
            body,
            keyword: NOWHERE,
        });
        let over = prop_oneof![
            (expression(), expression()).prop_map(|(from, to)| RepeatOver::Range(from, to)),
            expression().prop_map(RepeatOver::List),
        ];
        let op = prop_oneof![Just(StepOp::Add), Just(StepOp::Sub), Just(StepOp::Mul)];
        let keyword = NOWHERE;
        prop_oneof![
            body().prop_map(StepKind::Group),
            chain_of(inner.clone()).prop_map(StepKind::Paren),
            (body(), option::of(shortcut)).prop_map(move |(body, shortcut)| StepKind::Residual {
                body,
                shortcut,
                keyword
            }),
            body().prop_map(move |branches| StepKind::Concat { branches, keyword }),
            (ident(), over, body()).prop_map(move |(index, over, body)| StepKind::Repeat {
                index,
                over,
                body,
                keyword
            }),
            (vec((expression(), body()), 1..3), option::of(body())).prop_map(
                move |(arms, otherwise)| StepKind::If {
                    arms,
                    otherwise,
                    keyword
                }
            ),
            (op, inner.clone(), inner.clone()).prop_map(|(op, lhs, rhs)| binary(op, lhs, rhs)),
        ]
        .prop_map(plain)
    })
}

fn type_name() -> impl Strategy<Value = Type> {
    let leaf = proptest::sample::select(vec![
        Type::Int,
        Type::Float,
        Type::Bool,
        Type::String,
        Type::Size,
        Type::Block,
    ]);
    leaf.prop_recursive(2, 3, 1, |inner| {
        inner.prop_map(|element| Type::List(Box::new(element)))
    })
}

fn param() -> impl Strategy<Value = Param> {
    (ident(), type_name(), option::of(expression())).prop_map(|(name, ty, default)| Param {
        name,
        ty: Some(ty),
        default,
        span: NOWHERE,
    })
}

fn fn_param() -> impl Strategy<Value = Param> {
    let tensor = ident().prop_map(|name| Param {
        name,
        ty: None,
        default: None,
        span: NOWHERE,
    });
    prop_oneof![tensor, param()]
}

fn doc() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z]{1,5}(\n {0,2}[/a-z`*]{1,5}){0,2}"
    ]
}

fn declaration() -> impl Strategy<Value = Declaration> {
    let span = NOWHERE;
    let function = (doc(), ident(), vec(fn_param(), 0..3), expression()).prop_map(
        move |(doc, name, params, body)| {
            Declaration::Fn(FnDeclaration {
                doc,
                name,
                params,
                body,
                span,
            })
        },
    );
    let with_body = (
        vec(param(), 0..3),
        body_of(operation()).prop_map(Definition::Body),
    );
    let alias = call().prop_map(|base| (Vec::new(), Definition::Alias(base)));
    let kind = prop_oneof![Just(TemplateKind::Block), Just(TemplateKind::Net)];
    let template = (
        kind,
        doc(),
        ident(),
        prop_oneof![3 => with_body, 1 => alias],
    )
        .prop_map(move |(kind, doc, name, (params, definition))| {
            Declaration::Template(Template {
                kind,
                doc,
                name,
                params,
                definition,
                span,
            })
        });
    prop_oneof![1 => function, 2 => template]
}

fn import() -> impl Strategy<Value = Use> {
    let names = vec((ident(), option::of(ident())), 1..3);
    (literal(), option::of(names)).prop_map(|(path, names)| Use {
        path,
        path_span: NOWHERE,
        names,
        span: NOWHERE,
    })
}

pub(in crate::syntax) fn file() -> impl Strategy<Value = File> {
    (vec(import(), 0..2), vec(declaration(), 0..3)).prop_map(|(uses, declarations)| File {
        id: FileId(0),
        uses,
        declarations,
    })
}
