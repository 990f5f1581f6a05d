//! Work grows with the length of the text, whatever it holds: each kind of nesting and repetition is doubled, and steps of the
//! parser and bytes of memory are counted. No clocks: a busy machine must not decide.
//!
//! A binary of its own, because the parser's limit and the allocator are those of a process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use netc::diagnostic::{codes, render_json, render_text};
use netc::source::FileId;
use netc::{elaborate, syntax};

/// Counts what is asked of the system's allocator.
struct Meter;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static METER: Meter = Meter;

/// One test at a time: what is counted is counted for the process.
static ALONE: Mutex<()> = Mutex::new(());

fn bytes(work: impl FnOnce()) -> usize {
    let before = BYTES.load(Ordering::Relaxed);
    work();
    BYTES.load(Ordering::Relaxed) - before
}

fn gives_up(text: &str, limit: usize) -> bool {
    pest::set_call_limit(NonZeroUsize::new(limit));
    let (_, found) = syntax::parse(FileId(0), text);
    found.iter().any(|it| it.code == codes::LIMIT_PARSING)
}

/// The least limit, to within a twentieth, under which the parser comes to an end.
fn steps(text: &str) -> usize {
    let mut high = 64;
    while gives_up(text, high) {
        high *= 2;
        assert!(high < 1 << 28, "{text:.80}");
    }
    let mut low = high / 2;
    while high - low > high / 20 {
        let middle = (low + high) / 2;
        match gives_up(text, middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// `short` and `long` are counts for a text and for one of twice the size.
fn check_growth(what: &str, short: usize, long: usize) {
    let bound = short * 5 / 2 + 20_000;
    assert!(long <= bound, "{short} becomes {long}: {what}");
}

const NET: &str = "net A {\n  input x: [3, 8, 8]\n  ";

/// Openers, what stands in the middle, closers.
const NESTED: &[[&str; 3]] = &[
    ["{ ", "relu", " }"],
    ["(", "relu", ")"],
    ["residual { ", "relu", " }"],
    ["residual { a } shortcut when b { ", "relu", " }"],
    ["concat { relu\n", "relu", " }"],
    ["repeat i in 0..2 { ", "relu", " }"],
    ["if a { b } else { ", "relu", " }"],
    ["l: x + (", "relu", ")"],
    ["let x = (", "1", ")"],
    ["f(a=(", "1", "))"],
    ["let x = [1, ", "1", "]"],
    ["let x = if (", "1", ") then 1 else 2"],
    ["let x = f(1, ", "1", ")"],
    ["let x = a[", "1", "]"],
    ["let x = not (", "1", ")"],
    ["let x = \"a{", "1", "}\""],
    ["/* ", "a", " */"],
];

const ENDS: &[&str] = &[
    "", " //", " // x\n", " /*", " \"", ")", "]", "}", "\u{0}", "\u{fffd}", " = ", "->", "'", "\\",
];

/// What can follow itself.
const REPEATED: &[&str] = &[
    "relu -> ",
    "relu\n",
    "relu + ",
    "a, ",
    "let x = 1\n",
    "let x = ",
    "{ relu } ",
    "( ",
    ") ",
    "-",
    "not ",
    "= ",
    "@",
    "'",
    "''",
    "\"",
    "\"{",
    "{{",
    "}}",
    "\\",
    "// a\n",
    "/* a */ ",
    "/// a\n",
    "#\n",
    "if a { b } else ",
    "residual { relu }\n",
    "a: b: ",
    "a{1}",
    "x.",
    "[1]",
    "3x3 ",
    "1.5 ",
    "f(a, b)\n",
    "f(a=",
    "input x: [1]\n",
    "output o: relu\n",
    "labels [\"a\"]\n",
    "net B {\n",
    "}\nnet B {\n",
    "use \"a\"\n",
    "é",
    "\u{0}",
    "\t",
    "\r\n",
];

#[test]
fn the_parser_takes_steps_by_the_length_of_the_text() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    syntax::parse(FileId(0), "net A { }");
    for [open, middle, close] in NESTED {
        let nested = |n: usize| format!("{}{middle}{}", open.repeat(n), close.repeat(n));
        let whole = |n: usize| format!("{NET}{}\n}}\n", nested(n));
        check_growth(open, steps(&whole(10)), steps(&whole(20)));
        for end in ENDS {
            let cut = |n: usize| format!("{NET}{}{end}", open.repeat(n));
            check_growth(&cut(1), steps(&cut(10)), steps(&cut(20)));
            let inside =
                |n: usize| format!("{NET}{}{end}{}\n}}\n", open.repeat(n), close.repeat(n));
            check_growth(&inside(1), steps(&inside(10)), steps(&inside(20)));
        }
    }
    for piece in REPEATED {
        for end in ["", "\n}\n"] {
            let text = |n: usize| format!("{NET}{}{end}", piece.repeat(n));
            check_growth(piece, steps(&text(100)), steps(&text(200)));
        }
    }
    pest::set_call_limit(NonZeroUsize::new(netc::limits::PARSER_STEPS));
}

/// Programs that grow in one way each.
const PROGRAMS: &[fn(usize) -> String] = &[
    |n| format!("{NET}{}\n}}\n", "relu -> ".repeat(n) + "relu"),
    |n| format!("{NET}{}\n}}\n", "conv(3, 1x1)\n".repeat(n)),
    |n| {
        format!(
            "{NET}{}\n}}\n",
            (0..n).map(|i| format!("l{i}: relu\n")).collect::<String>()
        )
    },
    |n| {
        format!(
            "{NET}{}\n}}\n",
            (0..n)
                .map(|i| format!("let k{i} = {i}\n"))
                .collect::<String>()
        )
    },
    |n| {
        format!(
            "{NET}{}\n}}\n",
            (0..n).map(|i| format!("unknown{i}\n")).collect::<String>()
        )
    },
    |n| {
        format!(
            "{NET}{}\n}}\n",
            (0..n)
                .map(|i| format!("l{i}: relu\nl{i}x\n"))
                .collect::<String>()
        )
    },
    |n| format!("{NET}{}relu\n}}\n", "conv(0, 1x1) -> ".repeat(n)),
    |n| format!("{NET}{}relu\n}}\n", "if true { relu }\n".repeat(n)),
    |n| format!("{NET}repeat i in 0..{n} {{ relu }}\n}}\n"),
    |n| format!("{NET}a: relu\n add({})\n}}\n", vec!["a"; n].join(", ")),
    |n| {
        (0..n)
            .map(|i| format!("net N{i} {{ input x: [3]\n relu }}\n"))
            .collect()
    },
    |n| {
        (0..n)
            .map(|i| format!("block B{i}(p: int = 1) {{ conv(p, 1x1) }}\n"))
            .collect()
    },
    |n| (0..n).map(|i| format!("fn f{i}(x) = x * {i}\n")).collect(),
    |n| {
        "block A0(p: int = 1) { conv(p, 1x1) }\n".to_string()
            + &(1..n)
                .map(|i| format!("block A{i} = A{}\n", i - 1))
                .collect::<String>()
    },
    |n| format!("{NET}{}\n}}\n", "// a comment\n".repeat(n) + "relu"),
    |n| {
        format!(
            "{NET}{}\n}}\n",
            (0..n)
                .map(|i| format!("l{i}: relu : [3, 8, 8] // {i}\n"))
                .collect::<String>()
        )
    },
];

#[test]
fn what_checks_and_prints_takes_memory_by_the_length_of_the_text() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    for program in PROGRAMS {
        let measure = |n: usize| {
            let text = program(n);
            let parsed = netc::parse("a.net", text.as_str());
            let found = elaborate::check(&parsed);
            [
                ("parse", bytes(|| drop(netc::parse("a.net", text.as_str())))),
                ("check", bytes(|| drop(elaborate::check(&parsed)))),
                (
                    "text",
                    bytes(|| drop(render_text(&found, &parsed.sources, false))),
                ),
                ("json", bytes(|| drop(render_json(&found, &parsed.sources)))),
                ("format", bytes(|| drop(syntax::format(FileId(0), &text)))),
            ]
        };
        measure(200);
        for ((what, short), (_, long)) in measure(200).into_iter().zip(measure(400)) {
            check_growth(&format!("{what} of {:.80}", program(3)), short, long);
        }
    }
}
