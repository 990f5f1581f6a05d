//! Sources and what the compiler says about them: `tests/ui/NAME.net` beside `NAME.stderr`. `UPDATE=1` rewrites the latter.

use std::fs;
use std::path::{Path, PathBuf};

use netc::diagnostic::render_text;
use netc::elaborate::{self, LoadError, Loader, Program};
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "net"))
        .collect();
    paths.sort();
    paths
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

#[test]
fn every_broken_source_has_a_message() {
    for path in cases() {
        let is_broken = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("syntax_"));
        assert!(
            !is_broken || !diagnose(&path).is_empty(),
            "{}",
            path.display()
        );
    }
}
