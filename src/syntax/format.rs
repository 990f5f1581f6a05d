//! The canonical layout of a text. Only white space changes (and a comma before a closing bracket goes), so what is written stays what
//! it was; line breaks inside a statement are the author's.
//!
//! [`marks`] reads off the tree what tokens are there for, [`items`] splits the text into tokens and comments, [`layout`] puts
//! them on lines, and [`align`] moves columns under one another.

mod align;
mod items;
mod layout;
mod marks;
#[cfg(test)]
mod tests;

use super::guard;
use super::parse;
use crate::diagnostic::Diagnostic;
use crate::source::FileId;

/// The text in its canonical form, comments kept: parsing gives the same tree, and formatting again the same text. A text with errors is
/// not touched; the errors are answered instead.
///
/// ```
/// use netc::source::FileId;
///
/// let text = "net  Tiny { // small\ninput x:[4]\n\n\n dense( 2 )->relu}";
/// assert_eq!(
///     netc::syntax::format(FileId(0), text).unwrap(),
///     "net Tiny {  // small\n  input x: [4]\n\n  dense(2) -> relu\n}\n"
/// );
/// ```
pub fn format(id: FileId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (file, diagnostics) = parse(id, text);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    // How lines end is no layout: it belongs to the system on which a file is edited.
    if text.contains("\r\n") {
        let (n_crlf, n_all) = (text.matches("\r\n").count(), text.matches('\n').count());
        let formatted = format(id, &text.replace("\r\n", "\n"))?;
        return Ok(match 2 * n_crlf > n_all {
            true => formatted.replace('\n', "\r\n"),
            false => formatted,
        });
    }
    let scan = guard::scan(id, text);
    let marks = marks::collect(&file, text);
    let items = items::split(text, &scan.tokens, &marks.verbatim);
    let mut lines = layout::lay_out(&items, &marks);
    align::align(&mut lines);
    // Nor is a byte order mark.
    let mark = text.chars().next().filter(|first| *first == '\u{feff}');
    let lines = lines.iter().map(layout::Line::to_string);
    Ok(mark.map(String::from).into_iter().chain(lines).collect())
}
