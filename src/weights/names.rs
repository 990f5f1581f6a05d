//! Patterns that turn a checkpoint's names into the names of a net.

/// One rule: names that match `from` become `to`.
///
/// `*` in `from` matches any run of characters, dots included, as few as possible from the left. The first `*` of `to` stands for what
/// the first one of `from` matched, the second for the second, and so on. A rule must match the whole name.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    from: String,
    to: String,
}

impl Rename {
    /// A rule, unless `to` has more `*` than `from`.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Result<Rename, String> {
        let (from, to) = (from.into(), to.into());
        let (n_from, n_to) = (from.matches('*').count(), to.matches('*').count());
        if n_to > n_from {
            return Err(format!(
                "`{to}` has {n_to} `*` but `{from}` only matches {n_from}"
            ));
        }
        if n_from > MOST_STARS {
            return Err(format!("`{from}` has more than {MOST_STARS} `*`"));
        }
        Ok(Rename { from, to })
    }

    /// The new name, if the rule matches.
    pub fn apply(&self, name: &str) -> Option<String> {
        let captures = captures(&self.from, name)?;
        let mut pieces = self.to.split('*');
        let mut renamed = pieces.next().unwrap_or_default().to_owned();
        for (piece, capture) in pieces.zip(captures) {
            renamed.push_str(capture);
            renamed.push_str(piece);
        }
        Some(renamed)
    }
}

/// Bounds the work of a match, which tries every place for every star.
const MOST_STARS: usize = 4;

/// What each `*` of the pattern matches in the name.
fn captures<'a>(pattern: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let Some((before, after)) = pattern.split_once('*') else {
        return (pattern == name).then(Vec::new);
    };
    let rest = name.strip_prefix(before)?;
    rest.char_indices()
        .map(|(index, _)| index)
        .chain([rest.len()])
        .find_map(|end| {
            let mut found = captures(after, &rest[end..])?;
            found.insert(0, &rest[..end]);
            Some(found)
        })
}

/// All rules of a manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NameMap {
    /// The first that matches wins; a name that none matches stays as it is.
    pub renames: Vec<Rename>,
    /// Patterns (as `from` of a [`Rename`]) of tensors of the checkpoint to leave aside.
    pub ignore: Vec<String>,
}

impl NameMap {
    /// The net's name for a checkpoint's tensor; `None` if it is to be left aside.
    pub fn apply(&self, name: &str) -> Option<String> {
        let ignored = |pattern: &String| captures(pattern, name).is_some();
        if self.ignore.iter().any(ignored) {
            return None;
        }
        let renamed = self.renames.iter().find_map(|rule| rule.apply(name));
        Some(renamed.unwrap_or_else(|| name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(from: &str, to: &str, name: &str) -> Option<String> {
        Rename::new(from, to).unwrap().apply(name)
    }

    #[test]
    fn a_star_carries_over() {
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(renamed("module.*", "*", "module.a.weight"), is("a.weight"));
        assert_eq!(renamed("module.*", "*", "a.weight"), None);
        assert_eq!(
            renamed("*.gamma", "*.weight", "bn1.gamma"),
            is("bn1.weight")
        );
        assert_eq!(
            renamed("s*.b*.w", "layer*.*.weight", "s1.b20.w"),
            is("layer1.20.weight")
        );
        assert_eq!(renamed("exact", "other", "exact"), is("other"));
        assert_eq!(renamed("exact", "other", "exactly"), None);
        assert_eq!(renamed("*", "net.*", "ü"), is("net.ü"));
    }

    #[test]
    fn a_replacement_cannot_invent() {
        assert!(Rename::new("a.*", "*.*").is_err());
    }

    #[test]
    fn the_first_rule_wins_and_ignored_tensors_go() {
        let map = NameMap {
            renames: vec![
                Rename::new("head.*", "fc.*").unwrap(),
                Rename::new("*", "body.*").unwrap(),
            ],
            ignore: vec!["aux*".into()],
        };
        assert_eq!(map.apply("head.weight").as_deref(), Some("fc.weight"));
        assert_eq!(
            map.apply("conv.weight").as_deref(),
            Some("body.conv.weight")
        );
        assert_eq!(map.apply("aux1.conv.weight"), None);
    }
}
