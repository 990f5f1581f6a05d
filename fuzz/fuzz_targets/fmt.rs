//! Formatting keeps the tree, and a text that was formatted is formatted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::source::SourceMap;
use netc::syntax::{erase_spans, format, parse};

fuzz_target!(|data: &[u8]| {
    let Some(text) = netc_fuzz::text(data) else {
        return;
    };
    let mut sources = SourceMap::new();
    let Ok(formatted) = format(sources.add("fuzz.net", text), text) else {
        return;
    };
    let id = sources.add("formatted.net", formatted.as_str());
    assert_eq!(format(id, &formatted).as_deref(), Ok(formatted.as_str()));
    let mut before = parse(sources.add("before.net", text), text).0;
    let mut after = parse(id, &formatted).0;
    erase_spans(&mut before);
    erase_spans(&mut after);
    assert_eq!(before, after, "{formatted}");
});
