//! What a checkpoint is that does not fit as it stands: names with a prefix, weights in parts, dimensions in another order. Each is recognised to be told, and none is converted: a
//! guess that was wrong would be a wrong answer.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Rename;

/// Whether two shapes differ in their number of dimensions, and only by dimensions of 1: values are in the same order in both.
///
/// Shapes of equally many dimensions are left out: a kernel of 3x1 is none of 1x3.
pub fn same_but_for_ones(a: &[usize], b: &[usize]) -> bool {
    let sizes = |shape: &[usize]| -> Vec<usize> {
        shape.iter().copied().filter(|size| *size != 1).collect()
    };
    a.len() != b.len() && sizes(a) == sizes(b)
}

/// Names of other frameworks for what the net calls `weight`, `bias`, `running_mean` and `running_var`.
const WORDS: [(&str, &str); 9] = [
    ("gamma", "weight"),
    ("beta", "bias"),
    ("kernel", "weight"),
    ("depthwise_kernel", "weight"),
    ("moving_mean", "running_mean"),
    ("moving_variance", "running_var"),
    ("weights", "weight"),
    ("biases", "bias"),
    ("scale", "weight"),
];

/// Candidates that are tried.
const MOST_CANDIDATES: usize = 16;

/// Rules for a manifest, as pairs of patterns, and what they make of tensors.
#[derive(Debug, Default, PartialEq)]
pub struct Renaming {
    /// `from` and `to`.
    pub rules: Vec<(String, String)>,
    /// From the name of a parameter to that of the tensor that becomes it.
    pub tensors: BTreeMap<String, String>,
}

impl Renaming {
    fn new(rules: Vec<(String, String)>, stored: &[&str]) -> Option<Renaming> {
        let made = rules
            .iter()
            .map(|(from, to)| Rename::new(from.clone(), to.clone()).ok());
        let made: Vec<Rename> = made.collect::<Option<_>>()?;
        let tensors = stored.iter().filter_map(|name| {
            let renamed = made.iter().find_map(|rule| rule.apply(name))?;
            Some((renamed, (*name).to_owned()))
        });
        Some(Renaming {
            tensors: tensors.collect(),
            rules,
        })
    }

    /// How a manifest states it.
    pub fn text(&self) -> String {
        let rule = |(from, to): &(String, String)| format!("{{from: \"{from}\", to: \"{to}\"}}");
        let rules: Vec<String> = self.rules.iter().map(rule).collect();
        format!("names: [{}]", rules.join(", "))
    }
}

/// The prefix, suffix or words by which the names of most `missing` parameters differ from those of `extra` tensors. No rule touches a name of `fitting`.
pub fn renaming(missing: &[&str], extra: &[&str], fitting: &[&str]) -> Option<Renaming> {
    let mut candidates: BTreeSet<Vec<(String, String)>> = BTreeSet::new();
    // A long name is in few others.
    let mut longest: Vec<&str> = missing.to_vec();
    longest.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in longest.into_iter().take(3) {
        for tensor in extra {
            let rule = if let Some(prefix) = tensor.strip_suffix(name) {
                (format!("{prefix}*"), "*".to_owned())
            } else if let Some(prefix) = name.strip_suffix(tensor) {
                ("*".to_owned(), format!("{prefix}*"))
            } else if let Some(suffix) = tensor.strip_prefix(name) {
                (format!("*{suffix}"), "*".to_owned())
            } else {
                continue;
            };
            // A star in a name would be one in the pattern.
            let is_plain = rule.0.matches('*').count() == 1 && rule.1.matches('*').count() == 1;
            if is_plain && candidates.len() < MOST_CANDIDATES {
                candidates.insert(vec![rule]);
            }
        }
    }
    let ends = |name: &str, word: &str| {
        let before = name.strip_suffix(word);
        before.is_some_and(|before| before.ends_with('.'))
    };
    let words = WORDS
        .iter()
        .filter(|(from, _)| extra.iter().any(|name| ends(name, from)));
    let words: Vec<_> = words
        .map(|(from, to)| (format!("*.{from}"), format!("*.{to}")))
        .collect();
    if !words.is_empty() {
        candidates.insert(words);
    }
    let wanted: BTreeSet<&str> = missing.iter().copied().collect();
    let found = |renaming: &Renaming| {
        let tensors = renaming.tensors.keys();
        tensors
            .filter(|name| wanted.contains(name.as_str()))
            .count()
    };
    let best = candidates
        .into_iter()
        .filter(|rules| Renaming::new(rules.clone(), fitting).is_some_and(|r| r.tensors.is_empty()))
        .filter_map(|rules| Renaming::new(rules, extra))
        .max_by_key(found)?;
    (2 * found(&best) >= missing.len()).then_some(best)
}

/// A weight that is stored in parts, of which training makes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parts {
    /// Weight normalisation: its length, then its direction.
    WeightNorm,
    /// Spectral normalisation: the weight before it is divided by its largest singular value.
    SpectralNorm,
}

impl Parts {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Parts::WeightNorm => "weight normalisation: its length and direction are",
            Parts::SpectralNorm => "spectral normalisation: what is normalised is",
        }
    }

    /// How to make a weight of them.
    pub fn help(self) -> &'static str {
        match self {
            Parts::WeightNorm => {
                "merge length and direction before saving: PyTorch's `remove_weight_norm(layer)`, or `parametrize.remove_parametrizations(layer, \"weight\")`"
            }
            Parts::SpectralNorm => {
                "divide by the norm before saving: PyTorch's `remove_spectral_norm(layer)`, or `parametrize.remove_parametrizations(layer, \"weight\")`"
            }
        }
    }
}

/// The parts of a parameter among the tensors that there are, if it is stored in parts: those that make it, and those that helped to train it.
pub fn parts(name: &str, has: impl Fn(&str) -> bool) -> Option<(Parts, Vec<String>)> {
    let (layer, word) = name.rsplit_once('.').unwrap_or(("", name));
    let dot = if layer.is_empty() { "" } else { "." };
    let newer = format!("{layer}{dot}parametrizations.{word}");
    let kinds = [
        (
            Parts::WeightNorm,
            [format!("{name}_g"), format!("{name}_v")].to_vec(),
        ),
        (
            Parts::WeightNorm,
            [format!("{newer}.original0"), format!("{newer}.original1")].to_vec(),
        ),
        (
            Parts::SpectralNorm,
            [
                format!("{name}_orig"),
                format!("{name}_u"),
                format!("{name}_v"),
            ]
            .to_vec(),
        ),
        (
            Parts::SpectralNorm,
            [
                format!("{newer}.original"),
                format!("{newer}.0._u"),
                format!("{newer}.0._v"),
            ]
            .to_vec(),
        ),
    ];
    kinds
        .into_iter()
        .find(|(_, parts)| parts[..2].iter().all(|part| has(part)))
        .map(|(kind, parts)| (kind, parts.into_iter().filter(|part| has(part)).collect()))
}

/// What the dimensions of kernels and of dense weights are in other frameworks, and where PyTorch's, which are the net's, are among them.
const ORDERS: [(&[usize], &str); 6] = [
    (&[1, 0], "in, out"),
    (&[3, 2, 0, 1], "height, width, in, out"),
    (&[0, 3, 1, 2], "out, height, width, in"),
    (&[1, 0, 2, 3], "in, out, height, width"),
    (&[2, 3, 0, 1], "height, width, channels, 1"),
    (&[0, 1, 3, 2], "out, in, width, height"),
];

/// How weights of another shape differ from those that are wanted, in a few words, and what makes one of the other.
pub fn difference(stored: &[usize], wanted: &[usize]) -> Option<(String, Option<String>)> {
    for (order, dimensions) in ORDERS {
        let is_order = order.len() == stored.len()
            && order.len() == wanted.len()
            && order
                .iter()
                .zip(wanted)
                .all(|(at, size)| stored[*at] == *size);
        if is_order {
            let places: Vec<String> = order.iter().map(usize::to_string).collect();
            let help = format!(
                "weights stored as {dimensions} become the net's by `transpose(w, ({}))`",
                places.join(", ")
            );
            return Some((
                format!("its dimensions seem to be {dimensions}"),
                Some(help),
            ));
        }
    }
    let ([out, inputs, kernel @ ..], [out_, wanted, kernel_ @ ..]) = (stored, wanted) else {
        return None;
    };
    if (out, kernel) != (out_, kernel_) || kernel.is_empty() || *inputs == 0 || *wanted == 0 {
        return None;
    }
    let of_groups = |n: usize, what: &str| {
        let said = format!("as of a convolution of {what} groups, {n} times");
        out.is_multiple_of(n).then_some((said, None))
    };
    if inputs.is_multiple_of(*wanted) {
        of_groups(inputs / wanted, "fewer")
    } else if wanted.is_multiple_of(*inputs) {
        of_groups(wanted / inputs, "more")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dimensions_of_one_may_be_missing() {
        let is = same_but_for_ones;
        assert!(is(&[8, 4, 3], &[8, 4, 1, 3]) && is(&[1, 8], &[8]) && is(&[8, 4], &[8, 4, 1, 1]));
        assert!(!is(&[8, 4, 3, 1], &[8, 4, 1, 3]) && !is(&[4, 8], &[8, 4, 1]) && !is(&[8], &[8]));
    }

    fn rules(missing: &[&str], extra: &[&str], fitting: &[&str]) -> Option<String> {
        renaming(missing, extra, fitting).map(|renaming| renaming.text())
    }

    #[test]
    fn what_all_names_have_in_common_is_found() {
        let wanted = ["conv1.weight", "bn1.weight", "bn1.bias", "fc.weight"];
        for prefix in ["module.", "model.", "_orig_mod.", "state_dict.net.", "m0_"] {
            let stored = wanted.map(|name| format!("{prefix}{name}"));
            let mut stored: Vec<&str> = stored.iter().map(String::as_str).collect();
            stored.push("head.weight");
            let expected = format!("names: [{{from: \"{prefix}*\", to: \"*\"}}]");
            assert_eq!(rules(&wanted, &stored, &[]), Some(expected));
        }
        let expected = "names: [{from: \"*\", to: \"backbone.*\"}]";
        let stored = ["conv1.weight", "fc.weight"];
        let wanted = ["backbone.conv1.weight", "backbone.fc.weight"];
        assert_eq!(rules(&wanted, &stored, &[]).as_deref(), Some(expected));
        // The rule would take away a name that fits.
        assert_eq!(rules(&wanted, &stored, &["x.weight"]), None);
        let expected = "names: [{from: \"*:0\", to: \"*\"}]";
        let found = rules(&["a.weight", "bc.bias"], &["a.weight:0", "bc.bias:0"], &[]);
        assert_eq!(found.as_deref(), Some(expected));
        let expected =
            "names: [{from: \"*.gamma\", to: \"*.weight\"}, {from: \"*.beta\", to: \"*.bias\"}]";
        let found = rules(
            &["n.weight", "n.bias"],
            &["n.gamma", "n.beta"],
            &["c.weight"],
        );
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(rules(&["a.weight", "b.weight"], &["c.x", "d.y"], &[]), None);
        assert_eq!(rules(&["a.weight"], &[], &[]), None);
    }

    #[test]
    fn weights_in_parts_are_named_for_what_they_are() {
        let found = |tensors: &[&str]| parts("c.weight", |name| tensors.contains(&name));
        let kind = |tensors: &[&str]| found(tensors).map(|(kind, parts)| (kind, parts.len()));
        let norm = Some((Parts::WeightNorm, 2));
        assert_eq!(kind(&["c.weight_g", "c.weight_v"]), norm);
        let newer = "c.parametrizations.weight.original";
        assert_eq!(kind(&[&format!("{newer}0"), &format!("{newer}1")]), norm);
        let spectral = Some((Parts::SpectralNorm, 3));
        assert_eq!(
            kind(&["c.weight_orig", "c.weight_u", "c.weight_v"]),
            spectral
        );
        assert_eq!(kind(&["c.weight_g"]), None);
        assert_eq!(kind(&["d.weight_g", "d.weight_v"]), None);
    }

    #[test]
    fn orders_of_dimensions_are_recognised() {
        let words = |stored: &[usize], wanted: &[usize]| {
            difference(stored, wanted)
                .map(|(said, _)| said)
                .unwrap_or_default()
        };
        assert!(words(&[3, 3, 4, 8], &[8, 4, 3, 3]).contains("height, width, in, out"));
        assert!(words(&[8, 3, 3, 4], &[8, 4, 3, 3]).contains("out, height, width, in"));
        assert!(words(&[4, 8, 3, 3], &[8, 4, 3, 3]).contains("in, out, height, width"));
        assert!(words(&[3, 3, 8, 1], &[8, 1, 3, 3]).contains("height, width, channels"));
        assert!(words(&[8, 4, 5, 3], &[8, 4, 3, 5]).contains("width, height"));
        assert!(words(&[4, 8], &[8, 4]).contains("in, out"));
        assert!(words(&[8, 4, 3, 3], &[8, 2, 3, 3]).contains("fewer groups, 2 times"));
        assert!(words(&[8, 1, 3, 3], &[8, 4, 3, 3]).contains("more groups, 4 times"));
        for (stored, wanted) in [
            (&[8, 4, 3, 3][..], &[8, 4, 5, 5][..]),
            (&[9, 4], &[8, 4]),
            (&[8, 3, 3, 3], &[8, 2, 3, 3]),
            (&[], &[8]),
            (&[0, 0, 3, 3], &[0, 1, 3, 3]),
        ] {
            assert_eq!(words(stored, wanted), "", "{stored:?} {wanted:?}");
        }
        let (_, help) = difference(&[3, 3, 4, 8], &[8, 4, 3, 3]).expect("an order");
        assert!(help.is_some_and(|help| help.contains("transpose(w, (3, 2, 0, 1))")));
    }
}
