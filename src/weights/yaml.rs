//! A look at a manifest's text before the deserializer sees it. The sole user of `saphyr_parser`.
//!
//! An alias may stand for any amount of text, so that a short file could take all memory, and the deserializer recurses on nested text. Both are refused here,
//! where the place is known; the events of a parser are enough for that, and take time in the length of the text.

use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

/// Lists and maps inside each other: a manifest needs three.
const NESTING: usize = 64;

/// What a manifest may not hold, and where.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// Bytes of the text.
    pub place: Range<usize>,
    /// One line.
    pub message: String,
    /// What to write.
    pub help: Option<&'static str>,
}

/// The scalars of a text and where they are written; or why the text is refused.
pub fn scan(text: &str) -> Result<Vec<(String, Range<usize>)>, Refusal> {
    let starts: Vec<usize> = text.char_indices().map(|(byte, _)| byte).collect();
    let byte = |index: usize| starts.get(index).copied().unwrap_or(text.len());
    let bytes = |span: Span| byte(span.start.index())..byte(span.end.index());
    let (mut scalars, mut depth) = (Vec::new(), 0usize);
    for event in Parser::new_from_str(text) {
        // What this parser cannot read, the deserializer must not see: it might, and expand what was not looked at.
        let (event, span) = event.map_err(|error| {
            let at = byte(error.marker().index());
            Refusal {
                place: at..byte(error.marker().index() + 1),
                message: error.info().to_owned(),
                help: None,
            }
        })?;
        let anchor = match event {
            Event::Alias(_) => {
                return Err(Refusal {
                    place: bytes(span),
                    message: "a manifest has no aliases".into(),
                    help: Some(QUOTES),
                });
            }
            Event::Scalar(value, _, anchor, _) => {
                scalars.push((value.into_owned(), bytes(span)));
                anchor
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                depth += 1;
                anchor
            }
            Event::SequenceEnd | Event::MappingEnd => {
                depth = depth.saturating_sub(1);
                0
            }
            _ => 0,
        };
        if anchor != 0 {
            return Err(Refusal {
                place: bytes(span),
                message: "a manifest has no anchors".into(),
                help: Some(QUOTES),
            });
        }
        if depth > NESTING {
            return Err(Refusal {
                place: bytes(span),
                message: format!("lists and maps are nested more than {NESTING} deep"),
                help: Some("a manifest needs three levels"),
            });
        }
    }
    Ok(scalars)
}

const QUOTES: &str = "put the text in quotes if it is meant as it stands";

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(text: &str) -> Vec<String> {
        let scalars = scan(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        scalars.into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn stars_and_ampersands_inside_of_text_are_text() {
        for (text, expected) in [
            ("net: a&b*c.net # *x &y", &["net", "a&b*c.net"][..]),
            (
                "names:\n- from: a.*\n  to: '*'\n",
                &["names", "from", "a.*", "to", "*"],
            ),
            (
                "names: [{from: \"module.*\", to: \"*\"}]",
                &["names", "from", "module.*", "to", "*"],
            ),
            (
                "labels: [rock & roll, 'it''s']",
                &["labels", "rock & roll", "it's"],
            ),
            ("net: |\n  *a\n  &b [[[\n", &["net", "*a\n&b [[[\n"]),
            ("net: a\n  *b\nweights: c", &["net", "a *b", "weights", "c"]),
            ("a: b\r\nc: d\r\n", &["a", "b", "c", "d"]),
        ] {
            assert_eq!(scalars(text), expected, "{text}");
        }
    }

    #[test]
    fn places_are_bytes() {
        let text = "labels: [é, ü]";
        let places = scan(text).expect("a manifest");
        assert_eq!(&text[places[2].1.clone()], "ü");
    }

    #[test]
    fn what_could_grow_is_refused() {
        for (text, message) in [
            ("labels: [&b \"y\", *b]", "anchors"),
            ("labels: &l [a]", "anchors"),
            ("names: &n {a: b}", "anchors"),
            ("&a labels: []", "anchors"),
        ] {
            let refusal = scan(text).expect_err(text);
            assert!(refusal.message.contains(message), "{text}: {refusal:?}");
        }
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(scan(&nested(NESTING)).is_ok());
        let refusal = scan(&nested(NESTING + 1)).expect_err("deep");
        assert!(refusal.message.contains("nested"), "{refusal:?}");
        for open in ["[", "{a: ", "- "] {
            assert!(scan(&open.repeat(1 << 16)).is_err(), "{open}");
        }
        assert!(scan(&format!("[{}]", "[],".repeat(1000))).is_ok());
    }
}
