//! What an editor wants to know about a text: pure functions from a text and a place in it to an answer. Places are bytes; nothing
//! here knows a protocol or does IO.
//!
//! [`Analysis`] is made once for each change of a text; every question is answered from it. It keeps what a half-typed line does not
//! touch: see `mend.rs`.

mod analysis;
mod callee;
mod complete;
mod cursor;
mod facts;
mod folding;
mod hints;
mod hover;
mod lens;
mod mend;
mod names;
mod reference;
mod rename;
mod shapes;
mod signature;
mod symbols;
mod tokens;
mod visible;
mod walk;

#[cfg(test)]
mod tests;

pub use analysis::{Analysis, View};
pub use complete::{Item, ItemKind, complete, path_at};
pub use folding::{Fold, FoldKind, folds};
pub use hints::{Hint, HintDetail, hints};
pub use hover::{Hover, hover};
pub use lens::{Lens, lenses};
pub use names::{Named, RenameError, Site, definitions, name_at, references, rename, used_file};
pub use rename::{Edits, keeps_meaning};
pub use signature::{Signature, signature};
pub use symbols::{Symbol, SymbolKind, symbols};
pub use tokens::{SemanticKind, SemanticToken, semantic_tokens};
