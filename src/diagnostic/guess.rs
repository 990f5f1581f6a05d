//! Which word was meant by one that nobody knows.
//!
//! A guess costs a bounded amount of work, whatever the words and however many there are, so that a text of unknown words takes time
//! that is linear in its length.

/// The word that was likely meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess<'a> {
    /// One of the candidates.
    pub word: &'a str,
    /// Whether it is one slip of the finger away, of a kind that turns no word into another, and no other candidate is: then it can be
    /// put in without asking.
    pub is_certain: bool,
}

impl Guess<'_> {
    /// The same word, which is to be asked about.
    pub fn doubtful(self) -> Self {
        Guess {
            is_certain: false,
            ..self
        }
    }
}

/// Words shorter than this are like too many others.
const CERTAIN_LENGTH: usize = 4;
/// So many candidates are looked at.
const CANDIDATES: usize = 1 << 11;
/// So many cells of the tables of distances are filled.
const CELLS: usize = 1 << 15;
/// A word is compared up to this length.
const LENGTH: usize = 64;

/// The candidate most like `word`, if one is near enough to be meant (Damerau-Levenshtein distance of at most a third of its length).
pub fn guess<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<Guess<'a>> {
    Search::new(word).run(candidates)
}

/// The word of a [`guess`].
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    guess(word, candidates).map(|guess| guess.word)
}

/// A search for the nearest word, which counts its work.
struct Search<'w> {
    word: &'w str,
    lower: Vec<char>,
    n_candidates: usize,
    n_cells: usize,
}

impl Search<'_> {
    fn new(word: &str) -> Search<'_> {
        Search {
            word,
            lower: lower(word),
            n_candidates: 0,
            n_cells: 0,
        }
    }

    fn run<'a>(&mut self, candidates: impl IntoIterator<Item = &'a str>) -> Option<Guess<'a>> {
        let mut nearest: Option<(usize, &str)> = None;
        // How near another one is.
        let mut rival: Option<usize> = None;
        let mut is_whole = true;
        for candidate in candidates {
            if self.n_candidates == CANDIDATES || self.n_cells >= CELLS {
                is_whole = false;
                break;
            }
            self.n_candidates += 1;
            let Some(distance) = self.distance(candidate) else {
                continue;
            };
            match nearest {
                Some((_, known)) if known == candidate => {}
                Some((least, _)) => {
                    let other = distance.max(least);
                    rival = Some(rival.map_or(other, |rival| rival.min(other)));
                    if distance < least {
                        nearest = Some((distance, candidate));
                    }
                }
                None => nearest = Some((distance, candidate)),
            }
        }
        let (distance, word) = nearest?;
        let has_rival = rival.is_some_and(|rival| rival <= distance);
        let is_long = self.lower.len() >= CERTAIN_LENGTH;
        let is_certain =
            is_whole && !has_rival && is_long && distance <= 1 && is_slip(self.word, word);
        Some(Guess { word, is_certain })
    }

    /// How far a candidate is from the word, if that is near enough.
    fn distance(&mut self, candidate: &str) -> Option<usize> {
        // A letter takes at most four bytes: most candidates are told from their length.
        let shortest = candidate.len().div_ceil(4);
        if candidate == self.word || shortest > 2 * self.lower.len() + 2 {
            return None;
        }
        let other = lower(candidate);
        let limit = (self.lower.len().max(other.len()) / 3).max(1);
        bounded_distance(&self.lower, &other, limit, &mut self.n_cells)
    }
}

fn lower(word: &str) -> Vec<char> {
    word.chars()
        .take(LENGTH)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Optimal string alignment distance (insertions, deletions, substitutions and swaps of neighbours) if it is at most `limit`. Only the
/// cells that such a distance can pass through are filled.
fn bounded_distance(a: &[char], b: &[char], limit: usize, n_cells: &mut usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let far = limit + 1;
    let mut before = vec![far; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).map(|j| j.min(far)).collect();
    let mut next = vec![far; b.len() + 1];
    for i in 1..=a.len() {
        let (from, to) = (i.saturating_sub(limit), (i + limit).min(b.len()));
        next.fill(far);
        for j in from..=to {
            *n_cells += 1;
            if j == 0 {
                next[0] = i;
                continue;
            }
            let substitution = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            next[j] = best.min(far);
        }
        if next[from..=to].iter().all(|distance| *distance == far) {
            return None;
        }
        std::mem::swap(&mut before, &mut row);
        std::mem::swap(&mut row, &mut next);
    }
    Some(row[b.len()]).filter(|distance| *distance <= limit)
}

/// Whether two words at a distance of at most one differ by a slip of the finger. Other differences tell names apart: a number
/// (`conv1`, `conv2`), a letter before or behind a word (`prelu`, `convt`), a letter by itself (`branch_a`, `branch_b`).
fn is_slip(written: &str, meant: &str) -> bool {
    let digits = |word: &str| -> String { word.chars().filter(char::is_ascii_digit).collect() };
    if digits(written) != digits(meant) {
        return false;
    }
    let (w, m): (Vec<char>, Vec<char>) = (written.chars().collect(), meant.chars().collect());
    let same = |(a, b): &(&char, &char)| a.to_lowercase().eq(b.to_lowercase());
    let at = w.iter().zip(&m).take_while(same).count();
    let is_inside = |word: &[char], at: usize| {
        let is_letter = |index: usize| word.get(index).is_some_and(|c| c.is_lowercase());
        at > 0 && is_letter(at - 1) && is_letter(at) && is_letter(at + 1)
    };
    match (w.len(), m.len()) {
        // Swapped, or another letter; or only the case differs.
        (n, other) if n == other => {
            let rest = w.iter().zip(&m).skip(at + 1);
            let is_swap = rest.clone().next().is_some_and(|pair| !same(&pair));
            at == n || is_swap || (is_inside(&w, at) && is_inside(&m, at))
        }
        // One is missing.
        (n, other) if n < other => at > 0,
        // One is too many: written twice, or between others.
        _ => at > 0 && (is_inside(&w, at) || w.get(at - 1) == w.get(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Search, did_you_mean, guess};

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(did_you_mean("strid", ["stride", "pad"]), Some("stride"));
        assert_eq!(did_you_mean("stirde", ["stride", "pad"]), Some("stride"));
        assert_eq!(did_you_mean("kernel", ["stride", "pad"]), None);
        assert_eq!(did_you_mean("Relu", ["relu", "relu6"]), Some("relu"));
        assert_eq!(did_you_mean("aa", ["bb", "a"]), Some("a"));
    }

    #[test]
    fn is_certain_only_of_a_single_slip() {
        let certain = |word, candidates: &[&'static str]| {
            guess(word, candidates.iter().copied()).is_some_and(|guess| guess.is_certain)
        };
        for (written, meant) in [
            ("strid", "stride"),
            ("stirde", "stride"),
            ("strride", "stride"),
            ("biass", "bias"),
            ("chanmels", "channels"),
            ("Stride", "stride"),
            ("leakyrelu", "leaky_relu"),
            ("RELU", "relu"),
        ] {
            assert!(certain(written, &[meant, "other", "elu"]), "{written}");
        }
        for (written, meant) in [
            ("lab2", "lab1"),
            ("conv11", "conv1"),
            ("conv", "conv1"),
            ("prelu", "relu"),
            ("convt", "conv"),
            ("selu", "relu"),
            ("branch_b", "branch_a"),
            ("left_b_1", "left_a_1"),
            ("skipB", "skipA"),
            ("pda", "pad"),
            ("channles_", "channels"),
        ] {
            assert!(!certain(written, &[meant]), "{written}");
        }
        assert!(!certain("strie", &["stride", "strike"]));
    }

    /// The work of a guess does not grow with the number of words: twice as many unknown names take twice as long, and not four times.
    #[test]
    fn the_work_of_a_guess_is_bounded() {
        let work = |n: usize, tail: &str| {
            let words: Vec<String> = (0..n).map(|i| format!("abcdefgh{i}{tail}")).collect();
            let word = format!("zbcdefgh0{tail}");
            let mut search = Search::new(&word);
            let found = search.run(words.iter().map(String::as_str));
            // Longer names than are compared have none that is like them.
            assert_eq!(found.is_some(), tail.is_empty());
            assert!(found.is_none_or(|guess| !guess.is_certain));
            search.n_candidates + search.n_cells
        };
        let tail = "x".repeat(1000);
        let bound = super::CANDIDATES + super::CELLS + super::LENGTH * super::LENGTH;
        for tail in ["", tail.as_str()] {
            for n in [1000, 10_000, 20_000] {
                assert!(work(n, tail) <= bound, "{n}");
            }
            assert_eq!(work(10_000, tail), work(20_000, tail));
        }
        // What cannot be meant costs no table.
        let mut search = Search::new("abc");
        let long: Vec<String> = (0..1000).map(|i| format!("abcdefgh{i}")).collect();
        search.run(long.iter().map(String::as_str));
        assert_eq!(search.n_cells, 0);
    }
}
