//! A hundred slips of the hand in the files of `nets/`: does the first message point at the line, and is there one message for one mistake?

use std::fmt::Write;
use std::path::Path;

use netc::diagnostic::Diagnostic;
use netc::elaborate::{self, Program};
use netc::loader::DiskLoader;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::authoring::nets;

const MUTANTS: usize = 100;
/// The first message of so many must point at the mutated line.
const WANTED_HITS: usize = 90;
/// No mistake may give more errors.
const LONGEST_CASCADE: usize = 3;

/// A changed text, with the lines (from 0) that the change touches.
struct Mutant {
    kind: &'static str,
    text: String,
    lines: Vec<usize>,
}

/// Byte ranges of the tokens of a source, comments left out.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if let Some(inside) = rest.strip_prefix('"') {
            inside.find('"').map_or(rest.len(), |end| end + 2)
        } else if ["->", "..", "==", "!=", "<=", ">="]
            .iter()
            .any(|two| rest.starts_with(two))
        {
            2
        } else if is_word(&bytes[at]) {
            bytes[at..].iter().take_while(|byte| is_word(byte)).count()
        } else {
            1
        };
        if !bytes[at].is_ascii_whitespace() {
            tokens.push(at..at + length);
        }
        at += length;
    }
    tokens
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count()
}

/// Deletes a token, swaps two neighbours or writes a line twice.
fn mutate(text: &str, kind: usize, random: &mut ChaCha8Rng) -> Mutant {
    let tokens = tokens(text);
    let index = random.random_range(0..tokens.len() - 1);
    let (a, b) = (tokens[index].clone(), tokens[index + 1].clone());
    match kind {
        0 => Mutant {
            kind: "delete",
            text: format!("{}{}", &text[..a.start], &text[a.end..]),
            lines: vec![line_of(text, a.start)],
        },
        1 => Mutant {
            kind: "swap",
            text: format!(
                "{}{}{}{}{}",
                &text[..a.start],
                &text[b.clone()],
                &text[a.end..b.start],
                &text[a.clone()],
                &text[b.end..]
            ),
            lines: vec![line_of(text, a.start), line_of(text, b.start)],
        },
        _ => {
            let line = line_of(text, a.start);
            let start = text[..a.start].rfind('\n').map_or(0, |end| end + 1);
            let end = start
                + text[start..]
                    .find('\n')
                    .map_or(text.len() - start, |n| n + 1);
            Mutant {
                kind: "duplicate",
                text: format!("{}{}", &text[..end], &text[start..]),
                lines: vec![line, line + 1],
            }
        }
    }
}

/// The errors of a text that stands in the place of the file at `path`.
fn errors(path: &Path, text: &str) -> (Vec<Diagnostic>, Program) {
    let mut loader = DiskLoader::new(path, &[]);
    let program = Program::load(path, text.to_owned(), &mut loader);
    let errors = elaborate::check(&program)
        .into_iter()
        .filter(Diagnostic::is_error)
        .collect();
    (errors, program)
}

#[test]
fn slips_are_told_where_they_are() {
    let mut random = ChaCha8Rng::seed_from_u64(100);
    let sources: Vec<_> = nets()
        .into_iter()
        .map(|path| (std::fs::read_to_string(&path).expect("a source"), path))
        .collect();
    let mut table = String::new();
    let (mut n_mutants, mut n_hits, mut longest, mut n_drawn) = (0, 0, 0, 0);
    while n_mutants < MUTANTS {
        let (text, path) = &sources[n_drawn % sources.len()];
        let mutant = mutate(text, n_drawn % 3, &mut random);
        n_drawn += 1;
        let (errors, _) = errors(path, &mutant.text);
        // What is still a sound net is no mistake that a checker could find.
        let Some(first) = errors.first() else {
            continue;
        };
        n_mutants += 1;
        longest = longest.max(errors.len());
        let place = first
            .primary
            .as_ref()
            .map(|label| line_of(&mutant.text, label.span.start as usize));
        let is_hit = place.is_some_and(|line| mutant.lines.contains(&line));
        n_hits += usize::from(is_hit);
        let name = path.file_name().expect("a name").to_string_lossy();
        let shown = place.map_or("-".to_owned(), |line| (line + 1).to_string());
        writeln!(
            table,
            "{} {name}:{} {}: {} error(s), first at {shown}: {} {}",
            if is_hit { "hit " } else { "MISS" },
            mutant.lines[0] + 1,
            mutant.kind,
            errors.len(),
            first.code.id,
            first.message,
        )
        .expect("a string");
    }
    let summary = format!(
        "{n_hits} of {MUTANTS} first messages point at the mutated line; at most {longest} errors for one mistake; \
         {} more mutants were still sound\n",
        n_drawn - MUTANTS
    );
    let found = format!("{summary}\n{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).expect("the figure is writable");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(n_hits >= WANTED_HITS, "{found}");
    assert!(longest <= LONGEST_CASCADE, "{found}");
    assert_eq!(found, expected, "UPDATE=1 rewrites tests/mutations.txt");
}
