//! How much is told, and how long lines are quoted.

use serde_json::Value;

use super::*;
use crate::limits;
use crate::source::{FileId, SourceMap};

fn told(text: &str) -> (Vec<Diagnostic>, SourceMap) {
    let program = crate::parse("a.net", text);
    (crate::check(&program), program.sources)
}

#[test]
fn what_a_run_tells_is_bounded_and_the_rest_counted() {
    let net = |steps: String| format!("net N {{ input x: [3, 8, 8]\n{steps}\n}}\n");
    let name = "n".repeat(5_000);
    for (text, n) in [
        // One line.
        (net("conv(0, 1x1) -> ".repeat(3_000) + "relu"), 3_000),
        (net("conv(0, 1x1)\n".repeat(3_000)), 3_000),
        (
            net((0..3_000).map(|i| format!("unknown{i}\n")).collect()),
            3_000,
        ),
        // Names that messages repeat.
        (net(format!("{name}\n").repeat(300)), 300),
        (net(format!("conv(4, 1x1, {name}=1)\n").repeat(300)), 300),
    ] {
        let (found, sources) = told(&text);
        assert_eq!(found.len(), limits::DIAGNOSTICS + 1);
        let last = found
            .iter()
            .find(|it| it.code == codes::MORE_FINDINGS)
            .expect("a count");
        let more = n - limits::DIAGNOSTICS;
        assert_eq!(last.message, format!("and {more} more errors"));
        assert!(render_text(&found, &sources, true).len() < limits::REPORT_BYTES);
        assert!(render_json(&found, &sources).to_string().len() < limits::REPORT_BYTES);
        let log = render_sarif([(found.as_slice(), &sources)]);
        assert!(log.to_string().len() < limits::REPORT_BYTES);
    }
}

#[test]
fn several_files_share_what_a_run_tells() {
    let (found, _) = told("net N { input x: [3]\n a\n b\n c }");
    assert_eq!(found.len(), 3);
    let mut budget = Budget::default();
    let n_told: usize = (0..50).map(|_| budget.take(found.clone()).len()).sum();
    assert_eq!(n_told, limits::DIAGNOSTICS);
    assert_eq!(
        budget.rest().expect("a count").message,
        "and 50 more errors"
    );
    assert_eq!(Budget::default().rest(), None);
}

#[test]
fn of_a_long_line_what_lies_around_the_labels_is_quoted() {
    let line = "relu -> ".repeat(200) + "é -> conv(0, 1x1) -> " + &"relu -> ".repeat(200) + "tanh";
    let text = format!("net N {{ input x: [3, 8, 8]\n{line}\n}}\n");
    let at = text.find("conv").expect("a step");
    let mut sources = SourceMap::new();
    sources.add("a.net", text.as_str());
    let span = crate::source::Span::new(FileId(0), at, at + 4);
    let fault = Diagnostic::new(codes::TYPE, "a fault", span, "here");
    let shown = render_text(&[fault], &sources, false);
    assert!(shown.contains("a.net:2:1606"), "{shown}");
    let quoted = shown
        .lines()
        .find(|line| line.contains("conv(0"))
        .expect("the line");
    let marks = shown
        .lines()
        .find(|line| line.contains("^^^^ here"))
        .expect("the label");
    assert!(
        quoted.starts_with("2 │ ...") && quoted.ends_with("..."),
        "{quoted}"
    );
    assert!(quoted.chars().count() < 140, "{quoted}");
    let column = |line: &str, what: &str| line.find(what).map(|at| line[..at].chars().count());
    assert_eq!(column(quoted, "conv(0"), column(marks, "^^^^"));
    // Programs are told true columns.
    let json: Value = render_json(&[Diagnostic::new(codes::TYPE, "a", span, "")], &sources);
    assert_eq!(json[0]["primary"]["span"]["column"], 1_606);
}
