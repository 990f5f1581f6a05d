//! The reserved words, and the words of other languages that are written in their place.

use crate::diagnostic::{Guess, guess};

/// The words that cannot be names, in the order of the specification.
pub const RESERVED: &[&str] = &[
    "use", "as", "fn", "block", "net", "input", "from", "where", "output", "let", "require",
    "labels", "residual", "shortcut", "when", "concat", "repeat", "in", "it", "if", "then", "else",
    "and", "or", "not", "true", "false",
];

/// The words that a declaration starts with.
pub(super) const DECLARATIONS: &[&str] = &["use", "fn", "block", "net"];

/// The words that a statement or step may start with, names and `in`, `it` aside.
pub(super) const STATEMENTS: &[&str] = &[
    "input", "where", "output", "let", "require", "labels", "residual", "concat", "repeat", "if",
];

/// The types of parameters.
pub(super) const TYPES: &[&str] = &["int", "float", "bool", "string", "size", "block"];

/// What other languages say, and what it is called here.
const SYNONYMS: &[(&str, &str)] = &[
    ("import", "use"),
    ("include", "use"),
    ("def", "fn"),
    ("func", "fn"),
    ("function", "fn"),
    ("class", "net"),
    ("model", "net"),
    ("network", "net"),
    ("module", "block"),
    ("layer", "block"),
    ("for", "repeat"),
    ("foreach", "repeat"),
    ("loop", "repeat"),
    ("var", "let"),
    ("const", "let"),
    ("assert", "require"),
    ("return", "output"),
    ("str", "string"),
    ("text", "string"),
    ("boolean", "bool"),
    ("number", "float"),
    ("double", "float"),
    ("integer", "int"),
    ("elif", "else if"),
    ("xor", "!="),
    ("null", "false"),
];

/// Whether a word cannot be a name.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Which of `candidates` was meant by `word`: by another language's word for it, or by a slip of the finger.
pub(super) fn meant(word: &str, candidates: &[&'static str]) -> Option<Guess<'static>> {
    let lower = word.to_ascii_lowercase();
    SYNONYMS
        .iter()
        .find(|(foreign, ours)| *foreign == lower && candidates.contains(ours))
        .map(|(_, ours)| Guess {
            word: ours,
            // What follows the word of another language is seldom the same.
            is_certain: false,
        })
        // Two letters are like too many words.
        .or_else(|| guess(word, candidates.iter().copied()).filter(|_| word.len() > 2))
}
