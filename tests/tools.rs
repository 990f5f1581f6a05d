//! What serves those who write nets: the formatter, the fixes, the pages about codes.

use std::path::{Path, PathBuf};

use super::cli::{directory_with, fail, netc, stdout, succeed, text};

/// Every `.net` file of the repository that is there to be read.
pub fn nets() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("nets");
    let mut paths: Vec<PathBuf> = [root.clone(), root.join("digits")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "net"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn all_nets_are_formatted() {
    let paths = nets();
    assert!(paths.len() > 12);
    let mut args = vec!["fmt", "--check"];
    args.extend(paths.iter().map(|path| text(path)));
    assert_eq!(succeed(&args), "");
}

#[test]
fn fmt_rewrites_and_check_does_not() {
    let (_directory, path) = directory_with("a.net", "net A{input x:[4]\n dense( 2 )}");
    let output = netc(&["fmt", "--check", text(&path)]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), format!("{}\n", path.display()));
    let read = || std::fs::read_to_string(&path).expect("the file");
    assert_eq!(read(), "net A{input x:[4]\n dense( 2 )}");
    succeed(&["fmt", text(&path)]);
    assert_eq!(read(), "net A {\n  input x: [4]\n  dense(2)\n}\n");
    succeed(&["fmt", "--check", text(&path)]);
}

#[test]
fn fmt_leaves_a_file_with_errors_alone() {
    let broken = "net A { input x:[4] dense( }";
    let (_directory, path) = directory_with("a.net", broken);
    let said = fail(&["fmt", text(&path)]);
    assert!(said.contains("error[E0"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), broken);
}
