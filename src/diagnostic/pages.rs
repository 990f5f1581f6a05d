//! What there is to say about each code, from the one file that people also read as it is.

use super::Code;

const PAGES: &str = include_str!("../../docs/errors.md");

/// The page of a code, in Markdown: why it is given, an example that fails, and how to repair it.
pub fn page(code: Code) -> &'static str {
    let heading = format!("\n## {}: ", code.id);
    let Some(start) = PAGES.find(&heading) else {
        return "";
    };
    let page = &PAGES[start + 1..];
    let end = ["\n## ", "\n# "]
        .iter()
        .filter_map(|heading| page.find(heading))
        .min();
    match end {
        Some(end) => &page[..end],
        None => page,
    }
}
