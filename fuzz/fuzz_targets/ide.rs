//! An editor asks everything at some place of a text in any state. Places that it returns are in
//! the text, and a rename that is allowed can be undone.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use netc::elaborate::{Lifts, NoLoader};
use netc::ide::{
    Analysis, HintDetail, complete, definitions, folds, hints, hover, lenses, name_at, references,
    rename, semantic_tokens, signature, symbols,
};

fn analysis(text: &str, edited: Option<usize>) -> Analysis {
    let path = Path::new("fuzz.net");
    Analysis::new(path, text, edited, &mut NoLoader, &mut Lifts::new())
}

/// The text after a rename of what stands at a place, if it may be renamed so.
fn renamed(analysis: &Analysis, at: usize, name: &str) -> Option<(String, usize)> {
    let view = analysis.view();
    let named = name_at(view, at)?;
    rename(view, &named, Some(name)).ok()?;
    let sites = references(view, &definitions(view, &named));
    let mut text = analysis.text().to_owned();
    let mut place = at;
    for site in sites
        .iter()
        .rev()
        .filter(|site| site.span.file == view.file)
    {
        let range = site.span.start as usize..site.span.end as usize;
        if range.contains(&at) {
            place = range.start;
        }
        text.replace_range(range, name);
    }
    // Sites before it moved the place.
    let before = sites
        .iter()
        .filter(|site| (site.span.end as usize) <= place);
    let shift: isize = before
        .map(|site| name.len() as isize - (site.span.end - site.span.start) as isize)
        .sum();
    Some((text, place.saturating_add_signed(shift)))
}

fuzz_target!(|data: &[u8]| {
    let Some(([high, low], rest)) = data.split_first_chunk() else {
        return;
    };
    let Some(text) = netc_fuzz::text(rest) else {
        return;
    };
    let mut at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let whole = analysis(text, Some(at));
    let (view, views) = (whole.view(), [whole.view()]);
    for item in complete(view, at) {
        assert!(!item.label.is_empty());
    }
    let _ = (
        signature(view, at),
        hover(&views, at),
        lenses(view),
        symbols(view),
        folds(text),
    );
    for token in semantic_tokens(view) {
        assert!(text.get(token.range).is_some());
    }
    for hint in hints(&views, 0..text.len(), HintDetail::Steps) {
        assert!(text.is_char_boundary(hint.at));
    }
    let Some(named) = name_at(view, at) else {
        return;
    };
    let old = whole.sources.text(named.span).to_owned();
    if !whole.diagnostics.is_empty() || named.span.file != view.file {
        return;
    }
    let Some((there, place)) = renamed(&whole, at, "Zz9") else {
        return;
    };
    let other = analysis(&there, None);
    assert_eq!(whole.diagnostics.len(), other.diagnostics.len(), "{there}");
    let back = renamed(&other, place, &old).map(|(back, _)| back);
    assert_eq!(back.as_deref(), Some(text), "{there}");
});
