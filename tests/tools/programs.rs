//! Starting programs.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A place of the repository.
pub fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a program on what `input` holds, whatever it answers.
pub fn answer<S: AsRef<OsStr>>(program: &str, arguments: &[S], input: &[u8]) -> Output {
    let child = Command::new(program)
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!("`{program}` cannot be started ({error}): .ci/run installs what these tests need")
    });
    let mut stdin = child.stdin.take().expect("it is piped");
    // A program that does not read its input may be gone already.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// The same, which must be content; answers what it printed.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> String {
    let output = answer(program, arguments, &[]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{program}: {out}{errors}");
    out
}

/// Bytes for people.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `netc build`
pub fn build(net: &str, to: &Path, arguments: &[&str]) {
    let to = to.display().to_string();
    let mut all = vec!["build", net, "-o", &to];
    all.extend(arguments);
    run(env!("CARGO_BIN_EXE_netc"), &all);
}

/// A path as an argument.
pub fn argument(path: &Path) -> String {
    path.display().to_string()
}
