//! Texts in all states, and what is remembered between them.

use proptest::prelude::*;

use super::*;

/// A change of a text: at a place of it, one of a few things that people do.
fn edit(text: &str, place: usize, what: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = place % lines.len();
    let changed = match what % 6 {
        0 => String::new(),
        1 => lines[line].repeat(2),
        2 => lines[line].replacen("stride=2", "stride=1", 1),
        3 => lines[line].replacen("3x3", "2x2", 1),
        4 => format!("{}  conv(64, \n", lines[line]),
        _ => lines[line].replacen('H', "W", 1),
    };
    let mut all: Vec<&str> = lines;
    all[line] = &changed;
    all.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// What is remembered from one state of a text to the next changes no answer.
    #[test]
    fn edited_texts_are_answered_as_if_they_were_new(
        edits in proptest::collection::vec((any::<usize>(), any::<usize>()), 1..10),
        is_large in any::<bool>(),
    ) {
        let resnet = std::fs::read_to_string("nets/resnet.net").expect("the file");
        let mut text = if is_large { resnet } else { OPEN.repeat(2).replacen("net N", "net M", 1) };
        let mut lifts = Lifts::new();
        let path = Path::new("test.net");
        for (place, what) in edits {
            let edited = edit(&text, place, what);
            let at = edited.bytes().zip(text.bytes()).position(|(a, b)| a != b);
            let kept = Analysis::new(path, &edited, at, &mut NoLoader, &mut lifts);
            let new = Analysis::new(path, &edited, at, &mut NoLoader, &mut Lifts::new());
            prop_assert_eq!(&kept.diagnostics, &new.diagnostics);
            prop_assert_eq!(&kept.nets, &new.nets);
            prop_assert_eq!(with_hints(&kept), with_hints(&new));
            // Most edits break the text; the next starts from one that is whole.
            if !kept.diagnostics.iter().any(|d| d.is_error()) {
                text = edited;
            }
        }
    }
}

/// Every question at every byte of texts cut off anywhere: no answer may panic, and every place must be in the text.
#[test]
fn cut_off_texts_are_answered() {
    let text = std::fs::read_to_string("nets/resnet.net").expect("the file");
    let mut lifts = Lifts::new();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end) && end % 7 == 0) {
        let part = &text[..end];
        let analysis = Analysis::new(
            Path::new("resnet.net"),
            part,
            Some(end),
            &mut NoLoader,
            &mut lifts,
        );
        let views = [analysis.view()];
        let _ = complete(analysis.view(), end);
        let _ = signature(analysis.view(), end);
        let _ = hover(&views, end);
        let _ = folds(part);
        let _ = symbols(analysis.view());
        for token in semantic_tokens(analysis.view()) {
            assert!(!part[token.range].contains('\n'));
        }
        for hint in hints(&views, 0..end, HintDetail::Steps) {
            assert!(part.is_char_boundary(hint.at));
        }
    }
}
