//! A text without faults is printed as a text that means the same tree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::source::SourceMap;
use netc::syntax::{erase_spans, parse, print};

fuzz_target!(|data: &[u8]| {
    let Some(text) = netc_fuzz::text(data) else {
        return;
    };
    let mut sources = SourceMap::new();
    let (mut tree, faults) = parse(sources.add("fuzz.net", text), text);
    if !faults.is_empty() {
        return;
    }
    let printed = print(&tree);
    let (mut again, faults) = parse(sources.add("printed.net", printed.as_str()), &printed);
    assert!(faults.is_empty(), "{printed}\n{faults:?}");
    erase_spans(&mut tree);
    erase_spans(&mut again);
    assert_eq!(tree, again, "{printed}");
});
