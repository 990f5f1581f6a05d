//! Checking a text twice finds the same, in bounded text, and a net without errors can be planned.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::diagnostic::{render_json, render_sarif, render_text};
use netc::limits;

fuzz_target!(|data: &[u8]| {
    let Some(text) = netc_fuzz::text(data) else {
        return;
    };
    let program = netc_fuzz::program(text);
    let findings = netc::check(&program);
    assert_eq!(findings, netc::check(&netc_fuzz::program(text)));
    // One more tells how many are left out.
    assert!(
        findings.len() <= limits::DIAGNOSTICS + 1,
        "{}",
        findings.len()
    );
    let rendered = render_text(&findings, &program.sources, false);
    assert!(rendered.len() <= 1 << 20, "{} bytes", rendered.len());
    let _ = render_json(&findings, &program.sources);
    let _ = render_sarif([(findings.as_slice(), &program.sources)]);
});
