//! Changes of a text that repair what was found in it.

use crate::source::Span;

/// A change of the text that repairs a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What is replaced; empty where something is put in.
    pub span: Span,
    /// What comes in its place.
    pub replacement: String,
    /// Whether it can be applied without asking: it keeps or restores what was meant, whatever that was. What turns a step into
    /// another one, or takes one of several ways to repair a fault, is not safe, however likely it is.
    pub is_safe: bool,
}

/// The text with fixes applied, and how many were. Of those that overlap, and of those that put something in at one place, only the
/// first is applied: several findings with one cause ask for one change.
///
/// ```
/// let program = netc::parse("a.net", "net A { input x: [4]\n dense(2, biass=false) }");
/// let found = netc::check(&program);
/// let fixes = found.iter().filter_map(|diagnostic| diagnostic.fix.as_ref());
/// let (text, n_applied) = netc::diagnostic::apply_fixes(&program.sources.file(program.root()).text, fixes);
/// assert_eq!(text, "net A { input x: [4]\n dense(2, bias=false) }");
/// assert_eq!(n_applied, 1);
/// ```
pub fn apply_fixes<'a>(text: &str, fixes: impl IntoIterator<Item = &'a Fix>) -> (String, usize) {
    let mut fixes: Vec<&Fix> = fixes.into_iter().collect();
    fixes.sort_by_key(|fix| fix.span);
    let (mut fixed, mut at, mut n_applied) = (String::new(), 0, 0);
    let mut last: Option<Span> = None;
    for fix in fixes {
        let range = fix.span.range();
        if range.start < at || last == Some(fix.span) {
            continue;
        }
        fixed += &text[at..range.start];
        fixed += &fix.replacement;
        at = range.end;
        n_applied += 1;
        last = Some(fix.span);
    }
    fixed += &text[at..];
    (fixed, n_applied)
}

#[cfg(test)]
mod tests {
    use super::{Fix, apply_fixes};
    use crate::source::{FileId, Span};

    fn fix(start: usize, end: usize, replacement: &str) -> Fix {
        Fix {
            span: Span::new(FileId(0), start, end),
            replacement: replacement.into(),
            is_safe: true,
        }
    }

    #[test]
    fn one_place_is_changed_once() {
        let insertion = fix(4, 4, ", b");
        let applied = |fixes: &[Fix]| apply_fixes("f(a 1)", fixes);
        assert_eq!(
            applied(std::slice::from_ref(&insertion)),
            ("f(a , b1)".into(), 1)
        );
        let twice = [insertion.clone(), insertion.clone()];
        assert_eq!(applied(&twice), ("f(a , b1)".into(), 1));
        let other = [insertion, fix(4, 4, ", c")];
        assert_eq!(applied(&other), ("f(a , b1)".into(), 1));
        let replaced = [fix(2, 3, "x"), fix(2, 3, "y")];
        assert_eq!(applied(&replaced), ("f(x 1)".into(), 1));
        let overlapping = [fix(2, 5, "x"), fix(4, 4, "y"), fix(5, 5, "z")];
        assert_eq!(applied(&overlapping), ("f(xz)".into(), 2));
    }
}
