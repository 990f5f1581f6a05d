//! A manifest is read, or the reason why not points into it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::diagnostic::render_text;
use netc::source::SourceMap;
use netc::weights::Manifest;

fuzz_target!(|data: &[u8]| {
    let path = netc_fuzz::file("net.yaml", data);
    let mut sources = SourceMap::new();
    if let Err(fault) = Manifest::load(&path, &mut sources) {
        let _ = render_text(&[fault], &sources, false);
    }
});
