//! How large text is, and how far things stand apart.

use serde::Serialize;

/// Lengths in pixels that every renderer of a drawing keeps to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Metrics {
    /// From the border of a box to its text.
    pub margin: f64,
    /// From one line of text to the next.
    pub line: f64,
    /// The head of an open block, in which its title stands.
    pub head: f64,
    /// From the border of an open block to what is in it, at the sides and below.
    pub padding: f64,
    /// Between boxes side by side.
    pub beside: f64,
    /// Between boxes above one another; twice as much where a shape stands between them.
    pub below: f64,
    /// Between lines side by side.
    pub lines_apart: f64,
    /// Height of the shape beside a line.
    pub label: f64,
    /// From a line to the shape beside it.
    pub label_offset: f64,
    /// Room for what opens and closes a block, beside its title.
    pub knob: f64,
    /// By how much the second of equal boxes looks out from behind the first.
    pub stack: f64,
}

/// The lengths of all drawings.
pub const METRICS: Metrics = Metrics {
    margin: 9.0,
    line: 15.0,
    head: 40.0,
    padding: 12.0,
    beside: 22.0,
    below: 34.0,
    lines_apart: 14.0,
    label: 14.0,
    label_offset: 6.0,
    knob: 18.0,
    stack: 4.0,
};

/// Sizes of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Face {
    /// What a box is.
    Title,
    /// What else is to be said of it.
    Small,
}

/// Width of a line of text in Helvetica, Arial or Liberation Sans, to within a few percent.
pub fn width(text: &str, face: Face) -> f64 {
    let em: f64 = text.chars().map(em).sum();
    match face {
        // Bold letters are wider.
        Face::Title => 12.5 * 1.06 * em,
        Face::Small => 11.0 * em,
    }
}

/// Width of a character relative to the size of the font.
fn em(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '\'' | '|' => 0.23,
        ' ' | 'f' | 't' | 'I' | '.' | ',' | ':' | ';' | '!' | '/' | '[' | ']' | '·' => 0.28,
        '(' | ')' | '-' | 'r' => 0.34,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' => 0.5,
        'm' | 'M' | 'W' | '%' | '@' | '…' => 0.9,
        'w' | 'C' | 'D' | 'G' | 'H' | 'N' | 'O' | 'Q' | 'R' | 'U' => 0.74,
        'A'..='Z' => 0.67,
        '+' | '=' | '<' | '>' | '×' => 0.59,
        c if c.is_ascii() => 0.56,
        // Anything else is at most as wide as it is high.
        _ => 1.0,
    }
}

/// A number as a person says it: `912`, `9.41 k`, `25.6 M`, `4.09 G`.
pub fn human(number: u64) -> String {
    let scaled = number as f64;
    for (unit, power) in [("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        let value = scaled / power;
        // What rounds up to a thousand takes the larger unit.
        if value >= 0.9995 {
            let digits = match value {
                ..9.995 => 2,
                ..99.95 => 1,
                _ => 0,
            };
            return format!("{value:.digits$} {unit}");
        }
    }
    number.to_string()
}

/// `text` if it is no wider than `most`, else its beginning and `…`.
pub fn shortened(text: &str, face: Face, most: f64) -> String {
    if width(text, face) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if width(&kept, face) + width("…", face) > most {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end_matches([' ', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        for (number, said) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.00 k"),
            (9_408, "9.41 k"),
            (99_960, "100 k"),
            (999_600, "1.00 M"),
            (25_557_032, "25.6 M"),
            (4_089_184_256, "4.09 G"),
        ] {
            assert_eq!(human(number), said);
        }
    }

    #[test]
    fn long_texts_end_in_dots_within_the_width() {
        let text = "Inception(n1=64, r3=96, n3=128, r5=16, n5=32, proj=32)";
        assert_eq!(shortened(text, Face::Small, 1000.0), text);
        let short = shortened(text, Face::Small, 120.0);
        assert!(
            short.ends_with('…') && width(&short, Face::Small) <= 120.0,
            "{short}"
        );
    }
}
