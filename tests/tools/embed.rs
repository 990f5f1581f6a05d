//! `examples/embed-rust`, built by Cargo, and what rustfmt and Clippy say to the modules that nets become.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use netc::build::Config;
use netc::codegen::Target;
use serde_json::Value;

use super::digit::check;
use super::programs::{answer, argument, place, run, text};

/// Where Cargo builds: this test's own directory, where everything that netc depends on is there already.
fn target_directory() -> PathBuf {
    let netc = Path::new(env!("CARGO_BIN_EXE_netc"));
    let directory = netc.parent().and_then(Path::parent);
    directory.expect("a directory of a profile").to_path_buf()
}

/// Builds the example; answers the file of a kind of program: `bin`, or `custom-build` for its build script.
fn build_example(kind: &str) -> String {
    let target = argument(&target_directory());
    let manifest = argument(&place("examples/embed-rust/Cargo.toml"));
    let arguments = [
        "build",
        "--offline",
        "--locked",
        "--message-format=json",
        "--target-dir",
        &target,
        "--manifest-path",
        &manifest,
    ];
    let said = run(env!("CARGO"), &arguments);
    let messages = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut files = messages.filter_map(|message: Value| {
        let is_it = message["package_id"].as_str()?.contains("embed-rust")
            && message["target"]["kind"][0].as_str()? == kind;
        let file = message["filenames"][0].as_str().filter(|_| is_it)?;
        Some(file.to_owned())
    });
    files.next().expect("it was built")
}

#[test]
fn a_rust_program_computes_what_the_jit_does() {
    let family = Target::host().expect("a target").native_family();
    check(&[&build_example("bin")], family.expect("a family"));
}

#[test]
fn a_build_script_says_what_check_says_of_a_wrong_net() {
    let script = build_example("custom-build");
    // The script names the net from the example's directory.
    let folder = tempfile::tempdir().expect("a folder");
    let example = folder.path().join("examples/embed-rust");
    let nets = folder.path().join("nets/digits");
    fs::create_dir_all(&example).expect("a folder");
    fs::create_dir_all(&nets).expect("a folder");
    for file in ["digits.net", "digits.yaml", "digits.safetensors"] {
        fs::copy(place("nets/digits").join(file), nets.join(file)).expect("a copy");
    }
    let start = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&example)
            .env("NO_COLOR", "1");
        command.env("OUT_DIR", folder.path().join("out"));
        command.env("CARGO_PKG_NAME", "embed-rust");
        command.env("TARGET", Target::host().expect("a target").triple());
        command.output().expect("it starts")
    };

    let good = start(&script, &[]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    let said = text(&good.stdout);
    for line in [
        "cargo:rerun-if-changed=../../nets/digits/digits.net",
        "cargo:rerun-if-changed=../../nets/digits/digits.yaml",
        "cargo:rerun-if-changed=../../nets/digits/digits.safetensors",
    ] {
        assert!(said.lines().any(|said| said == line), "{said}");
    }
    assert!(folder.path().join("out/libembed_rust_Digits.a").is_file());

    let net = nets.join("digits.net");
    let right = fs::read_to_string(&net).expect("a net");
    fs::write(&net, right.replacen("stride=stride", "strid=stride", 1)).expect("a net");
    let wrong = start(&script, &[]);
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(text(&wrong.stdout), "");
    let checked = start(
        env!("CARGO_BIN_EXE_netc"),
        &["check", "../../nets/digits/digits.net"],
    );
    let checked = text(&checked.stderr);
    let (checked, _) = checked.split_once("checked 1 file").expect("a summary");
    assert!(checked.contains("did you mean `stride`?"), "{checked}");
    assert_eq!(text(&wrong.stderr), checked);
}

#[test]
fn rustfmt_and_clippy_are_content_with_the_modules() {
    let host = Target::host().expect("a target").triple();
    for (net, weights_file) in [
        (place("nets/digits/digits.yaml"), false),
        (place("nets/googlenet.net:GoogLeNetTrain"), true),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(argument(&net));
        config.name("Net").target(host).out_dir(folder.path());
        config.weights_file(weights_file).parallel(weights_file);
        let module = config.try_compile();
        let module = argument(&module.expect("a module"));
        let library = folder.path().join("library.rs");
        let source = "//! A net.\n#![deny(missing_docs)]\ninclude!(concat!(env!(\"OUT_DIR\"), \"/Net.rs\"));\n";
        fs::write(&library, source).expect("a file");
        // Clippy tells of what this version of Rust lacks.
        fs::write(folder.path().join("clippy.toml"), "msrv = \"1.82\"\n").expect("a file");
        for edition in ["2021", "2024"] {
            run("rustfmt", &["--check", "--edition", edition, &module]);
            let mut clippy = Command::new("clippy-driver");
            clippy.args(["--edition", edition, "--crate-type", "lib"]);
            clippy.args(["--emit", "metadata", "-D", "warnings", "-D", "clippy::all"]);
            clippy.arg("-L").arg(folder.path()).arg(&library);
            clippy
                .env("OUT_DIR", folder.path())
                .current_dir(folder.path());
            let said = clippy.output().expect("clippy-driver starts");
            assert!(said.status.success(), "{}", text(&said.stderr));
        }
    }
    // Where it is not content, it says so.
    let folder = tempfile::tempdir().expect("a folder");
    let crooked = folder.path().join("crooked.rs");
    fs::write(&crooked, "fn  crooked( ){}\n").expect("a file");
    assert!(
        !answer("rustfmt", &["--check", &argument(&crooked)], &[])
            .status
            .success()
    );
}
