//! The pages about codes: one for each, and every example does what its page says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use netc::diagnostic::{ALL_CODES, Code, Diagnostic, page};
use netc::elaborate::{self, Program};
use netc::loader::DiskLoader;

use super::cli::{netc, stderr, stdout, succeed};

/// Codes without an example, and why.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[
    ("E0209", "guards an invariant"),
    ("E0701", "takes a file of megabytes"),
    ("E0706", "takes hundreds of files"),
    ("E0708", "guards an invariant"),
    ("E0805", "takes weights that netc does not write"),
    ("E0806", "takes weights that netc does not write"),
    ("E1001", "takes another machine"),
    ("E1003", "takes a machine without memory"),
    ("E1102", "takes another machine"),
    ("W0010", "takes weights that netc does not write"),
    ("W0013", "takes a hundred faults"),
    ("W0015", "takes a picture"),
];

/// A fenced block of a page: the words behind the fence, and what it holds.
struct Block<'a> {
    info: &'a str,
    text: &'a str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    page.split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| {
            let (info, text) = block.split_once('\n').expect("a line with the fence");
            Block { info, text }
        })
        .collect()
}

/// The codes that a source gives, when it lies in `directory` as example.net.
fn codes_of(text: &str, directory: &Path) -> BTreeSet<&'static str> {
    let path = directory.join("example.net");
    std::fs::write(&path, text).expect("a file");
    let mut loader = DiskLoader::new(&path, &[]);
    let program = Program::load(&path, text.to_owned(), &mut loader);
    let found: Vec<Diagnostic> = elaborate::check(&program);
    found.iter().map(|diagnostic| diagnostic.code.id).collect()
}

/// The codes that the last of some commands tells; those before it succeed.
fn codes_of_commands(commands: &str, directory: &Path) -> BTreeSet<&'static str> {
    let mut said = String::new();
    let lines: Vec<&str> = commands.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("netc"), "{line}");
        let output = Command::new(env!("CARGO_BIN_EXE_netc"))
            .args(words)
            .current_dir(directory)
            .env("NO_COLOR", "1")
            .output()
            .expect("netc starts");
        said = stderr(&output);
        let is_last = index + 1 == lines.len();
        assert!(is_last || output.status.success(), "{line}\n{said}");
    }
    ALL_CODES
        .iter()
        .map(|code| code.id)
        .filter(|id| said.contains(&format!("[{id}]")))
        .collect()
}

/// Runs the examples of a page. Answers how many fail as they should.
fn run(code: Code, faults: &mut Vec<String>) -> usize {
    let page = page(code);
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let mut n_failing = 0;
    for block in blocks(page) {
        let (language, rest) = block.info.split_once(' ').unwrap_or((block.info, ""));
        let found = match (language, rest) {
            ("net", "fails" | "") => codes_of(block.text, directory),
            ("sh", "fails" | "") => codes_of_commands(block.text, directory),
            (_, name) => {
                std::fs::write(directory.join(name), block.text).expect("a file");
                continue;
            }
        };
        let expected: BTreeSet<&str> = match rest {
            "fails" => [code.id].into(),
            _ => BTreeSet::new(),
        };
        n_failing += expected.len();
        if found != expected {
            faults.push(format!(
                "{}: {found:?} instead of {expected:?} for\n{}",
                code.id, block.text
            ));
        }
    }
    n_failing
}

#[test]
fn every_code_has_a_page_whose_examples_hold() {
    let mut faults = Vec::new();
    for code in ALL_CODES {
        let heading = format!("## {}: {}\n", code.id, code.title);
        assert!(page(*code).starts_with(&heading), "{}", code.id);
        let is_exempt = WITHOUT_EXAMPLE.iter().any(|(id, _)| *id == code.id);
        let n_failing = run(*code, &mut faults);
        assert_eq!(n_failing, usize::from(!is_exempt), "{}", code.id);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pages_are_for_codes_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let headings = text.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(headings, ALL_CODES.len());
}

#[test]
fn explain_prints_a_page_and_lists_all() {
    let text = succeed(&["explain", "e0402"]);
    assert!(text.starts_with("## E0402: "), "{text}");
    assert!(!text.contains("## E0403"), "{text}");
    assert_eq!(succeed(&["explain"]).lines().count(), ALL_CODES.len());
    let output = netc(&["explain", "E0420"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("did you mean `E0"),
        "{}",
        stdout(&output)
    );
}
