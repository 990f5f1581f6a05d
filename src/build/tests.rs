//! What Cargo is told.

use std::fs;
use std::path::Path;

use super::Config;
use crate::codegen::Target;

/// What Cargo is told of a net in a folder.
fn said(folder: &Path, choose: impl Fn(&mut Config)) -> String {
    let mut config = Config::new(folder.join("net.yaml").display().to_string());
    config.target(Target::X86_64Linux.triple());
    config.out_dir(folder.join("out"));
    choose(&mut config);
    config.make().expect("a module").said
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

#[test]
fn cargo_is_told_of_every_file_and_of_what_is_doubtful() {
    let folder = folder(&[
        ("net.yaml", "net: net.net\nlabels: labels.txt\n"),
        ("labels.txt", "one\n\"@NET@\nthree\n"),
        (
            "net.net",
            "use \"block.net\"\nnet N { input x: [3, 8, 8] side: conv(4, 1x1) x -> B output y }",
        ),
        ("block.net", "block B { relu }"),
    ]);
    let said = said(folder.path(), |config| {
        config.init(0);
    });
    let at = folder.path().canonicalize().expect("a folder");
    let lines: Vec<&str> = said.lines().collect();
    let read = lines.iter().filter_map(|line| {
        let path = line.strip_prefix("cargo:rerun-if-changed=")?;
        Path::new(path).canonicalize().ok()
    });
    let read: Vec<_> = read.collect();
    assert_eq!(
        read,
        ["net.net", "block.net", "net.yaml", "labels.txt"].map(|name| at.join(name))
    );
    let warnings = lines
        .iter()
        .filter_map(|line| line.strip_prefix("cargo:warning="));
    let warnings: Vec<&str> = warnings.collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(
        warnings[0].starts_with("W0001: ") && warnings[0].contains("net.net:2:"),
        "{said}"
    );
    let search = format!(
        "cargo:rustc-link-search=native={}",
        folder.path().join("out").display()
    );
    assert!(lines.contains(&search.as_str()), "{said}");
    let module = fs::read_to_string(folder.path().join("out/N.rs")).expect("a module");
    assert!(module.contains(
        "pub const LABELS: [&str; 3] = [\n        \"one\",\n        \"\\\"@NET@\",\n        \"three\",\n    ];"
    ));
}

#[test]
fn weights_of_a_file_are_read_again_when_they_change() {
    let folder = folder(&[
        ("net.yaml", "net: net.net\nweights: other.safetensors\n"),
        ("net.net", "net N { input x: [4] fc: dense(2) }"),
    ]);
    let program = crate::parse("net.net", "net N { input x: [4] fc: dense(2) }");
    let graph = crate::expand(&program, "N").expect("a net");
    let source = crate::weights::WeightSource::seeded(&graph, 1);
    let values = |name: &str, shape: &[usize]| source.values(name, shape).expect("values");
    let (weight, bias) = (values("fc.weight", &[2, 4]), values("fc.bias", &[2]));
    let tensor = |name: &str, shape: &[usize], values| crate::weights::NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        values,
    };
    let path = folder.path().join("mine.safetensors");
    let tensors = [
        tensor("fc.weight", &[2, 4], weight.as_slice()),
        tensor("fc.bias", &[2], bias.as_slice()),
    ];
    crate::weights::write_safetensors(&path, &tensors).expect("weights");
    let said = said(folder.path(), |config| {
        config.weights(&path);
    });
    assert!(
        said.contains(&format!("cargo:rerun-if-changed={}\n", path.display())),
        "{said}"
    );
    assert!(!said.contains("other"), "{said}");
}

#[test]
fn packages_have_names_of_their_own() {
    // Cargo sets the package's name for tests as for build scripts.
    assert_eq!(super::cargo::library_name("Net"), "netc_Net");
}
