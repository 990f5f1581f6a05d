//! A text without its broken lines, so that what is around them stays known while somebody types.
//!
//! Lines are filled with spaces byte for byte: every place outside of them keeps its offset. Braces stay where a line has more of one kind
//! than of the other, so that bodies keep their ends.

use std::ops::Range;

use super::analysis::line_around;
use crate::source::FileId;
use crate::syntax;

/// How often what is left is looked at again: a statement of several lines may fail in one after the other.
const ROUNDS: usize = 4;

/// The text with the lines blank that cannot be parsed, and the line around `edited`; `None` if there are none.
pub fn mend(text: &str, edited: Option<usize>) -> Option<String> {
    let mut mended = text.as_bytes().to_vec();
    let mut changed = false;
    if let Some(byte) = edited {
        changed |= blank(&mut mended, text, byte);
    }
    for _ in 0..ROUNDS {
        let current = String::from_utf8_lossy(&mended).into_owned();
        let (_, faults) = syntax::parse(FileId(0), &current);
        let mut progress = false;
        for label in faults.iter().filter_map(|fault| fault.primary.as_ref()) {
            let byte = label.span.start as usize;
            if &current[label.span.range()] != "{" {
                progress |= blank(&mut mended, &current, byte);
            } else if current[line_around(&current, byte)].trim() == "{" {
                // All that is left of a broken line.
                mended[byte] = b' ';
                progress = true;
            }
            // Another body that is not closed costs nothing: the parser closes it.
        }
        if !progress {
            break;
        }
        changed = true;
    }
    changed.then(|| String::from_utf8_lossy(&mended).into_owned())
}

/// What is blanked of a line: of a `use`, what stands behind its path, if anything does.
fn broken_part(text: &str, line: Range<usize>) -> Range<usize> {
    let content = &text[line.clone()];
    let mut quotes = content.match_indices('"').map(|(at, _)| at);
    let behind_path = match (content.trim_start().starts_with("use "), quotes.nth(1)) {
        (true, Some(quote)) => line.start + quote + 1..line.end,
        _ => return line,
    };
    match text[behind_path.clone()].trim().is_empty() {
        true => line,
        false => behind_path,
    }
}

/// Blanks the line around a byte; whether there was anything to blank.
fn blank(mended: &mut [u8], text: &str, byte: usize) -> bool {
    let line = broken_part(text, line_around(text, byte));
    let count = |wanted: u8| {
        let bytes = &text.as_bytes()[line.clone()];
        bytes.iter().filter(|byte| **byte == wanted).count()
    };
    let keeps_braces = count(b'{') != count(b'}');
    let mut changed = false;
    for byte in &mut mended[line] {
        let is_kept = keeps_braces && matches!(*byte, b'{' | b'}');
        if !is_kept && !matches!(*byte, b' ' | b'\r') {
            *byte = b' ';
            changed = true;
        }
    }
    changed
}
