//! `netc build` as a command, and the map that `perf` reads.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DIGITS: &str = "nets/digits/digits.yaml";

pub fn netc(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netc"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("NO_COLOR", "1").output().expect("netc starts")
}

/// Builds the net of digits into a folder; answers what was printed.
fn build(folder: &Path, arguments: &[&str]) -> String {
    let to = folder.display().to_string();
    let output = netc(&[&["build", DIGITS, "-o", &to], arguments].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is told of a wrong use.
fn fault(arguments: &[&str]) -> String {
    let output = netc(&[&["build"], arguments].concat());
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The names of the files of a folder, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let names = entries.map(|entry| name(entry).to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let arguments = [
        "--emit",
        "o,a,so,cmake,pc",
        "--isa",
        "clif128,avx2",
        "--parallel",
    ];
    for folder in &folders {
        build(folder.path(), &arguments);
        let to = folder.path().join("beside");
        build(&to, &["--weights-file"]);
    }
    let [one, other] = folders.each_ref().map(tempfile::TempDir::path);
    let names = [
        "Digits.h",
        "Digits.o",
        "Digits.pc",
        "DigitsConfig.cmake",
        "beside",
        "libDigits.a",
        "libDigits.so",
    ];
    assert_eq!(files(one), names);
    assert_eq!(
        files(&one.join("beside")),
        ["Digits.h", "Digits.weights", "libDigits.a"]
    );
    let all = files(one)
        .into_iter()
        .chain(["beside/Digits.weights".to_owned()]);
    for name in all.filter(|name| name != "beside") {
        let bytes = [one, other].map(|folder| fs::read(folder.join(&name)).expect("a file"));
        assert!(bytes[0] == bytes[1], "{name} differs");
    }
}

#[test]
fn the_hash_is_that_of_the_graph_as_it_is_printed() {
    use sha2::{Digest, Sha256};
    let folder = tempfile::tempdir().expect("a folder");
    build(folder.path(), &[]);
    let graph = netc(&["dump", DIGITS, "--stage", "graph"]).stdout;
    let hash = Sha256::digest(&graph);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let header = fs::read_to_string(folder.path().join("Digits.h")).expect("a header");
    assert!(header.contains(&hash), "{header}");
}

#[test]
fn listings_are_of_the_target() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = [
        "--target",
        "aarch64-unknown-linux-gnu",
        "--emit",
        "clif,asm",
    ];
    let printed = build(folder.path(), &target);
    assert_eq!(printed.lines().count(), 3, "{printed}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a listing");
    assert!(read("Digits.clif").contains("f32x4"));
    assert!(read("Digits.asm").contains("fmla"));
}

#[test]
fn code_can_be_made_without_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().display().to_string();
    let output = netc(&[
        "build",
        "nets/resnet_cifar.net:ResNet20",
        "-o",
        &to,
        "--weights-file",
    ]);
    assert!(output.status.success());
    assert_eq!(files(folder.path()), ["ResNet20.h", "libResNet20.a"]);
}

#[test]
fn a_file_that_is_there_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let object = folder.path().join("Digits.o");
    fs::write(&object, "mine").expect("a file");
    build(folder.path(), &[]);
    assert_eq!(fs::read(&object).expect("a file"), b"mine");
    assert_eq!(
        files(folder.path()),
        ["Digits.h", "Digits.o", "libDigits.a"]
    );
}

#[test]
fn wrong_uses_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("new").display().to_string();
    let said = fault(&[
        DIGITS,
        "-o",
        &to,
        "--emit",
        "so",
        "--linker",
        "no-such-linker",
    ]);
    assert!(
        said.contains("error[E1101]") && said.contains("`no-such-linker` cannot be started"),
        "{said}"
    );
    assert_eq!(files(to.as_ref()), [""; 0]);
    let said = fault(&[DIGITS, "-o", &to, "--emit", "so", "--linker", "false"]);
    assert!(
        said.contains("error[E1101]") && said.contains("`false` failed"),
        "{said}"
    );
    let said = fault(&[DIGITS, "-o", &to, "--name", "7up"]);
    assert!(
        said.contains("error[E1103]") && said.contains("give a `name`"),
        "{said}"
    );
    let said = fault(&[
        DIGITS,
        "-o",
        &to,
        "--target",
        "aarch64-unknown-linux-gnu",
        "--isa",
        "avx2",
    ]);
    assert!(
        said.contains("error[E1001]: aarch64-unknown-linux-gnu has no avx2 tiles"),
        "{said}"
    );
    let said = fault(&["nets/resnet_cifar.net:ResNet20", "-o", &to]);
    assert!(said.contains("error[E0801]"), "{said}");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let said = fault(&[DIGITS, "-o", &file.display().to_string()]);
    assert!(said.contains("error[E0903]"), "{said}");
}

#[test]
fn nothing_is_written_where_weights_are_of_no_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut weights = fs::read("nets/digits/digits.safetensors").expect("weights");
    // The end is one of a tensor's values, however they are ordered.
    let end = weights.len() - 4;
    weights[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    let path = folder.path().join("weights.safetensors");
    fs::write(&path, weights).expect("a file");
    let path = path.display().to_string();
    for beside in [&[][..], &["--weights-file"]] {
        let to = folder.path().join("new");
        let place = to.display().to_string();
        let arguments = [DIGITS, "-o", &place, "--weights", &path, "--emit", "o,a"];
        let said = fault(&[&arguments[..], beside].concat());
        assert!(said.contains("error[E0806]"), "{said}");
        assert_eq!(files(&to), [""; 0]);
    }
}

#[test]
fn perf_finds_the_names_of_layers() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(["run", DIGITS, "nets/digits/images/7.png", "--perf-map"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .spawn()
        .expect("netc starts");
    let path = format!("/tmp/perf-{}.map", child.id());
    assert!(child.wait().expect("it ends").success());
    let map = fs::read_to_string(&path).expect("the map");
    fs::remove_file(path).expect("the map");
    for line in map.lines() {
        let fields: Vec<&str> = line.splitn(3, ' ').collect();
        let numbers = fields[..2]
            .iter()
            .map(|field| u64::from_str_radix(field, 16));
        assert!(
            numbers
                .into_iter()
                .all(|number| number.is_ok_and(|number| number > 0)),
            "{line}"
        );
        assert!(fields[2].starts_with("Digits."), "{line}");
    }
    assert!(
        map.lines().any(|line| line.ends_with("layer2.conv1")),
        "{map}"
    );
}
