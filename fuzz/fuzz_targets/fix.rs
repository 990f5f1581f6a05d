//! Repairs end. A repaired text has fewer errors, and nothing is left to repair in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::diagnostic::Diagnostic;
use netc::elaborate::{Program, SetSizes, check, repair};

fn n_errors(program: &Program) -> usize {
    check(program)
        .iter()
        .filter(|finding| finding.is_error())
        .count()
}

fn repaired(text: &str) -> (String, usize, Vec<Diagnostic>) {
    let mut load = |text: String| netc_fuzz::program(&text);
    let done = repair(netc_fuzz::program(text), &SetSizes::new(), &mut load);
    let program = &done.program;
    let text = program.sources.file(program.root()).text.to_string();
    (text, done.n_changes, done.found)
}

fuzz_target!(|data: &[u8]| {
    let Some(text) = netc_fuzz::text(data) else {
        return;
    };
    let (there, n_changes, found) = repaired(text);
    if n_changes == 0 {
        assert_eq!(there, text);
        return;
    }
    let there_program = netc_fuzz::program(&there);
    assert!(
        n_errors(&there_program) < n_errors(&netc_fuzz::program(text)),
        "{there}"
    );
    assert_eq!(found, check(&there_program));
    let (again, n_changes, _) = repaired(&there);
    assert_eq!((again.as_str(), n_changes), (there.as_str(), 0));
});
