//! Changes of a text that repair what was found in it.

use crate::source::Span;

/// A change of the text that repairs a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What is replaced; empty where something is put in.
    pub span: Span,
    /// What comes in its place.
    pub replacement: String,
    /// Whether it can be applied without asking: it is what was meant, or as good as certain to be.
    pub is_safe: bool,
}

/// The text with fixes applied; those that overlap one further up in the text are left out. Answers how many were applied as well.
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
    let mut last: Option<&Fix> = None;
    for fix in fixes {
        let range = fix.span.range();
        if range.start < at || last == Some(fix) {
            continue;
        }
        fixed += &text[at..range.start];
        fixed += &fix.replacement;
        at = range.end;
        n_applied += 1;
        last = Some(fix);
    }
    fixed += &text[at..];
    (fixed, n_applied)
}
