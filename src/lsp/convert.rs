//! Answers as the protocol has them.

use gen_lsp_types as lsp;

use super::documents::Document;
use crate::ide::{self, FoldKind, Item, ItemKind, SemanticKind, SemanticToken, Symbol, SymbolKind};

/// The legend of semantic tokens. Standard names, so that every theme has a colour for them.
pub const TOKEN_TYPES: [&str; 13] = [
    "comment",
    "keyword",
    "number",
    "string",
    "operator",
    "function",
    "class",
    "namespace",
    "parameter",
    "variable",
    "property",
    "method",
    "type",
];

/// The modifiers, by bit.
pub const TOKEN_MODIFIERS: [&str; 3] = ["declaration", "defaultLibrary", "readonly"];

/// The index of the type, and the modifiers.
fn token_type(kind: SemanticKind) -> (&'static str, u32) {
    const LIBRARY: u32 = 1 << 1;
    const READONLY: u32 = 1 << 2;
    match kind {
        SemanticKind::Comment => ("comment", 0),
        SemanticKind::Keyword => ("keyword", 0),
        SemanticKind::Number => ("number", 0),
        SemanticKind::Text => ("string", 0),
        SemanticKind::Operator => ("operator", 0),
        SemanticKind::Builtin => ("function", LIBRARY),
        SemanticKind::Function => ("function", 0),
        SemanticKind::Block => ("class", 0),
        SemanticKind::Net => ("namespace", 0),
        SemanticKind::Parameter => ("parameter", 0),
        SemanticKind::Constant => ("variable", READONLY),
        SemanticKind::Value => ("variable", 0),
        SemanticKind::Property => ("property", 0),
    }
}

/// Markdown.
pub fn markdown(value: String) -> lsp::MarkupContent {
    lsp::MarkupContent {
        kind: lsp::MarkupKind::Markdown,
        value,
    }
}

fn documentation(text: &str) -> Option<lsp::Documentation> {
    (!text.is_empty()).then(|| markdown(text.to_string()).into())
}

/// A symbol with what is in it.
pub fn symbol(document: &Document, symbol: &Symbol) -> lsp::DocumentSymbol {
    let children = symbol.children.iter();
    let children: Vec<_> = children
        .map(|child| self::symbol(document, child))
        .collect();
    #[allow(deprecated)] // the field must be filled
    lsp::DocumentSymbol {
        name: symbol.name.clone(),
        detail: (!symbol.detail.is_empty()).then(|| symbol.detail.clone()),
        kind: match symbol.kind {
            SymbolKind::Net => lsp::SymbolKind::Module,
            SymbolKind::Block => lsp::SymbolKind::Class,
            SymbolKind::Function => lsp::SymbolKind::Function,
            SymbolKind::Input | SymbolKind::Output => lsp::SymbolKind::Interface,
            SymbolKind::Label => lsp::SymbolKind::Field,
        },
        tags: None,
        deprecated: None,
        range: document.range(symbol.range.clone()),
        selection_range: document.range(symbol.name_range.clone()),
        children: (!children.is_empty()).then_some(children),
    }
}

/// A fold.
pub fn fold(document: &Document, fold: &ide::Fold) -> lsp::FoldingRange {
    let range = document.range(fold.range.clone());
    lsp::FoldingRange {
        start_line: range.start.line,
        start_character: None,
        // The line with the closing bracket stays in sight.
        end_line: match fold.kind {
            FoldKind::Brackets => range.end.line.saturating_sub(1).max(range.start.line),
            FoldKind::Comment | FoldKind::Uses => range.end.line,
        },
        end_character: None,
        kind: match fold.kind {
            FoldKind::Brackets => None,
            FoldKind::Comment => Some(lsp::FoldingRangeKind::Comment),
            FoldKind::Uses => Some(lsp::FoldingRangeKind::Imports),
        },
        collapsed_text: None,
    }
}

/// A proposal. `rank` keeps the order.
pub fn completion(
    document: &Document,
    item: Item,
    rank: usize,
    snippets: bool,
) -> lsp::CompletionItem {
    let range = document.range(item.replaces.clone());
    let (new_text, format) = match item.snippet.filter(|_| snippets) {
        Some(snippet) => (snippet, lsp::InsertTextFormat::Snippet),
        None => (item.label.clone(), lsp::InsertTextFormat::PlainText),
    };
    lsp::CompletionItem {
        label: item.label,
        kind: Some(match item.kind {
            ItemKind::Layer | ItemKind::Function => lsp::CompletionItemKind::Function,
            ItemKind::Block => lsp::CompletionItemKind::Class,
            ItemKind::Net => lsp::CompletionItemKind::Module,
            ItemKind::Attribute => lsp::CompletionItemKind::Property,
            ItemKind::Keyword => lsp::CompletionItemKind::Keyword,
            ItemKind::Type => lsp::CompletionItemKind::TypeParameter,
            ItemKind::Constant => lsp::CompletionItemKind::Constant,
            ItemKind::Value => lsp::CompletionItemKind::Variable,
            ItemKind::Field => lsp::CompletionItemKind::Field,
            ItemKind::Choice => lsp::CompletionItemKind::EnumMember,
            ItemKind::File => lsp::CompletionItemKind::File,
        }),
        detail: (!item.detail.is_empty()).then_some(item.detail),
        documentation: documentation(&item.doc),
        sort_text: Some(format!("{rank:05}")),
        insert_text_format: Some(format),
        text_edit: Some(lsp::TextEdit { range, new_text }.into()),
        ..Default::default()
    }
}

/// A signature. Places in its label are counted in UTF-16.
pub fn signature(signature: ide::Signature) -> lsp::SignatureInformation {
    let label = signature.label;
    let units = |byte: usize| label[..byte].encode_utf16().count() as u32;
    let parameters = signature.parameters.iter().map(|(place, doc)| {
        let label = lsp::ParameterInformationLabel::Tuple((units(place.start), units(place.end)));
        lsp::ParameterInformation {
            label,
            documentation: documentation(doc),
        }
    });
    lsp::SignatureInformation {
        parameters: Some(parameters.collect()),
        documentation: documentation(&signature.doc),
        active_parameter: Some(match signature.active {
            Some(active) => lsp::ActiveParameter::Int(active as u32),
            None => lsp::ActiveParameter::Null,
        }),
        label,
    }
}

/// Tokens, each told by its distance from the one before.
pub fn semantic_tokens(document: &Document, tokens: &[SemanticToken]) -> lsp::SemanticTokens {
    let mut before = lsp::Position::default();
    let mut data = Vec::with_capacity(tokens.len());
    for token in tokens {
        let range = document.range(token.range.clone());
        let delta_line = range.start.line - before.line;
        let delta_start = match delta_line {
            0 => range.start.character - before.character,
            _ => range.start.character,
        };
        let (name, modifiers) = token_type(token.kind);
        let index = TOKEN_TYPES.iter().position(|known| *known == name);
        data.push(lsp::SemanticToken {
            delta_line,
            delta_start,
            length: range.end.character - range.start.character,
            token_type: index.unwrap_or(0) as u32,
            token_modifiers_bitset: modifiers | u32::from(token.declares),
        });
        before = range.start;
    }
    lsp::SemanticTokens {
        result_id: None,
        data,
    }
}
