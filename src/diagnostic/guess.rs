//! Which word was meant by one that nobody knows.

/// The word that was likely meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess<'a> {
    /// One of the candidates.
    pub word: &'a str,
    /// Whether it is one slip of the finger away and no other candidate is: then it can be put in without asking.
    pub is_certain: bool,
}

/// Words shorter than this are like too many others.
const CERTAIN_LENGTH: usize = 4;

/// The candidate most like `word`, if one is near enough to be meant (Damerau-Levenshtein distance of at most a third of its length).
pub fn guess<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<Guess<'a>> {
    let length = word.chars().count();
    let near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            let distance = edit_distance(&word.to_lowercase(), &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| {
            *distance <= (candidate.chars().count().max(length) / 3).max(1)
        })
        .collect();
    let (distance, nearest) = *near.iter().min_by_key(|(distance, _)| *distance)?;
    let has_rival = near
        .iter()
        .any(|(distance, candidate)| *distance <= 1 && *candidate != nearest);
    Some(Guess {
        word: nearest,
        is_certain: distance <= 1 && length >= CERTAIN_LENGTH && !has_rival,
    })
}

/// The word of a [`guess`].
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    guess(word, candidates).map(|guess| guess.word)
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    table[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substitution = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution
                .min(table[i - 1][j] + 1)
                .min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, guess};

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(did_you_mean("strid", ["stride", "pad"]), Some("stride"));
        assert_eq!(did_you_mean("stirde", ["stride", "pad"]), Some("stride"));
        assert_eq!(did_you_mean("kernel", ["stride", "pad"]), None);
        assert_eq!(did_you_mean("Relu", ["relu", "relu6"]), Some("relu"));
    }

    #[test]
    fn is_certain_only_of_a_single_slip() {
        let certain = |word, candidates: &[&'static str]| {
            guess(word, candidates.iter().copied()).is_some_and(|guess| guess.is_certain)
        };
        assert!(certain("strid", &["stride", "pad"]));
        assert!(!certain("lab2", &["lab1", "lab3"]));
        assert!(!certain("pda", &["pad"]));
        assert!(!certain("channles_", &["channels"]));
    }
}
