//! Printing and parsing are each other's inverse.

use proptest::prelude::*;

use super::{ACCEPTED, BROKEN, arbitrary, parse_clean, parse_text};
use crate::syntax::ast::File;
use crate::syntax::{erase_spans, print};

fn erased(mut file: File) -> File {
    erase_spans(&mut file);
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_trees_survive(file in arbitrary::file()) {
        let text = print(&file);
        let (again, diagnostics) = parse_text(&text);
        prop_assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
        prop_assert_eq!(erased(again), file, "{}", text);
    }
}

#[test]
fn samples_survive() {
    for text in [ACCEPTED, BROKEN] {
        let (file, _) = parse_text(text);
        let printed = print(&file);
        let again = parse_clean(&printed);
        assert_eq!(print(&again), printed);
        assert_eq!(erased(again), erased(file));
    }
}
