//! Sources and what the compiler says about them: `tests/ui/NAME.net` beside `NAME.stderr`. `UPDATE=1` rewrites the latter.

use std::fs;
use std::path::{Path, PathBuf};

use netc::diagnostic::{ALL_CODES, codes, render_text};
use netc::elaborate::{self, LoadError, Loader, Program};
use netc::limits;
use netc::loader::DiskLoader;

/// Loads from disk, though the root file goes by its bare name: expectations hold no paths of this machine.
struct Beside(DiskLoader, PathBuf);

impl Loader for Beside {
    fn canonical(&mut self, _: &Path) -> PathBuf {
        self.0.canonical(&self.1)
    }

    fn load(&mut self, from: &Path, path: &str) -> Result<(PathBuf, String), LoadError> {
        self.0.load(from, path)
    }
}

/// Everything that the compiler says about the source at `path`.
fn diagnose(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the source is readable");
    let name = path.file_name().expect("a file");
    let mut loader = Beside(DiskLoader::new(path, &[]), path.to_path_buf());
    let program = Program::load(Path::new(name), text, &mut loader);
    render_text(&elaborate::check(&program), &program.sources, false)
}

fn cases() -> Vec<PathBuf> {
    crate::authoring::net_files(&["tests/ui"])
}

#[test]
fn diagnostics_are_as_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut failures = Vec::new();
    for path in cases() {
        let found = diagnose(&path);
        let beside = path.with_extension("stderr");
        if update {
            fs::write(&beside, &found).expect("the expectation is writable");
            continue;
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            failures.push(format!(
                "{}\nexpected:\n{expected}\nfound:\n{found}",
                path.display()
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{}\n(UPDATE=1 rewrites the expectations)",
        failures.join("\n")
    );
}

/// Codes of the front end that no source here shows, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("E0208", "of the command line: tests/cli.rs"),
    (
        "E0209",
        "guards an invariant: labels are unique before names are made of them",
    ),
    ("E0414", "of the command line: tests/cli.rs"),
    (
        "E0701",
        "takes a file of megabytes: `files_and_sources_have_limits`",
    ),
    (
        "E0706",
        "takes hundreds of files: `files_and_sources_have_limits`",
    ),
    ("E0708", "guards an invariant: tests/bounds.rs"),
    ("E1001", "of the machine: tests/families.rs"),
    ("E1002", "of the command line: tests/tuning.rs"),
    ("E1003", "of the machine: src/fault.rs"),
    ("E1101", "of the command line: tests/artefacts"),
    ("E1102", "of build scripts: tests/artefacts"),
    ("E1103", "of the command line: tests/artefacts"),
    ("W0010", "of weights"),
    ("W0011", "of weights"),
    ("W0013", "takes a hundred faults: src/diagnostic/tests.rs"),
    ("W0015", "of pictures: tests/cli.rs"),
];

#[test]
fn every_code_is_shown() {
    let said: String = cases().iter().map(|path| diagnose(path)).collect();
    for code in ALL_CODES {
        let of_data = code.id.starts_with("E08") || code.id.starts_with("E09");
        let is_exempt = of_data || NOT_SHOWN.iter().any(|(id, _)| *id == code.id);
        let is_shown = said.contains(&format!("[{}]", code.id));
        assert!(is_shown != is_exempt, "{}: {}", code.id, code.title);
    }
}

/// Files of a text that grows by `bytes`, each of which uses the next.
struct Endless {
    bytes: usize,
}

impl Loader for Endless {
    fn load(&mut self, _: &Path, path: &str) -> Result<(PathBuf, String), LoadError> {
        if self.bytes > limits::SOURCE_BYTES {
            return Err(LoadError::TooLarge);
        }
        let number: usize = path.parse().expect("a number");
        let text = format!("use \"{}\"", number + 1);
        Ok((PathBuf::from(path), text))
    }
}

#[test]
fn files_and_sources_have_limits() {
    for (bytes, code) in [
        (0, codes::LIMIT_FILES),
        (limits::SOURCE_BYTES + 1, codes::LIMIT_SOURCE),
    ] {
        let mut loader = Endless { bytes };
        let program = Program::load(Path::new("0"), "use \"1\"".into(), &mut loader);
        let found: Vec<_> = elaborate::check(&program).iter().map(|d| d.code).collect();
        assert_eq!(found, [code]);
    }
}

#[test]
fn sources_have_messages_unless_they_are_accepted() {
    for path in cases() {
        let is_accepted = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("accepted"));
        assert_eq!(
            is_accepted,
            diagnose(&path).is_empty(),
            "{}",
            path.display()
        );
    }
}
