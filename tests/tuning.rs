//! `--tune` as a user calls it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const NET: &str =
    "net N { input x: [16, 12, 12]\n conv(32, 3x3, pad=1) -> relu -> conv(8, 1x1)\n output y }";

/// Runs netc in `directory`, whose `caches` is the user's directory for caches.
fn netc(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .env("XDG_CACHE_HOME", directory.join("caches"))
        .output()
        .expect("netc starts")
}

/// What it printed, and what it said.
fn succeed(directory: &Path, args: &[&str]) -> (String, String) {
    let output = netc(directory, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{args:?}\n{said}");
    (printed, said)
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("n.net"), NET).expect("a file");
    directory
}

const PLAN: [&str; 4] = ["dump", "n.net", "--stage", "plan"];

#[test]
fn a_file_of_measurements_decides_how_convolutions_are_computed() {
    let directory = directory();
    let file = directory.path().join("mine.json");
    let args = [&PLAN[..], &["--tune-file", "mine.json"]].concat();
    let (printed, said) = succeed(directory.path(), &args);
    assert!(
        said.starts_with("timed 1 convolutions in ") && said.contains("mine.json"),
        "{said}"
    );
    assert!(printed.contains("; measured: direct "), "{printed}");
    // Whatever is fastest here, the file shall say otherwise.
    for (slowest, kernel) in [("direct", "winograd"), ("winograd", "conv3x3")] {
        let text = std::fs::read_to_string(&file).expect("the file");
        let mut known: Value = serde_json::from_str(&text).expect("JSON");
        let times = &mut known["machines"][0]["convolutions"][0]["nanoseconds"];
        for (algorithm, time) in times.as_object_mut().expect("times") {
            *time = if algorithm.starts_with(slowest) {
                7_000_000
            } else {
                2_000_000
            }
            .into();
        }
        std::fs::write(&file, known.to_string()).expect("written");
        let (printed, said) = succeed(directory.path(), &args);
        assert_eq!(said, "", "known times are not taken again");
        let chosen = printed
            .lines()
            .find(|line| line.contains("measured: "))
            .expect("a choice");
        assert!(chosen.contains(&format!(" {kernel}")), "{chosen}");
        assert!(
            chosen.contains("2.000 ms") && chosen.contains("7.000 ms"),
            "{chosen}"
        );
        // A plan without the option knows nothing of it, nor does one that may not round more.
        for further in [&[][..], &["--tune-file", "mine.json", "--precise"]] {
            let (printed, _) = succeed(directory.path(), &[&PLAN[..], further].concat());
            assert!(!printed.contains("measured: "), "{printed}");
        }
    }
}

#[test]
fn measurements_are_kept_among_the_users_caches_when_asked_for() {
    let directory = directory();
    let kept = directory.path().join("caches/netc/tuning.json");
    let bench = ["bench", "n.net", "--runs", "2", "--json"];
    succeed(directory.path(), &bench);
    assert!(!directory.path().join("caches").exists());
    let tuned = [&bench[..], &["--tune"]].concat();
    let (_, said) = succeed(directory.path(), &tuned);
    assert!(said.contains("timed 1 convolutions"), "{said}");
    let known = std::fs::read_to_string(&kept).expect("the file");
    for args in [&tuned[..], &["profile", "n.net", "--runs", "2", "--tune"]] {
        let (_, said) = succeed(directory.path(), args);
        assert!(!said.contains("timed"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&kept).expect("the file"), known);
}

#[test]
fn results_stay_the_same() {
    let directory = directory();
    let x = directory.path().join("x.npy");
    let values: Vec<f32> = (0..16 * 12 * 12)
        .map(|i| (i % 17) as f32 / 8.0 - 1.0)
        .collect();
    netc::data::write_npy(&x, &[16, 12, 12], &values).expect("written");
    let run = ["run", "n.net", "--init", "0", "x.npy", "--output"];
    succeed(
        directory.path(),
        &[&run[..], &["a.npy", "--precise"]].concat(),
    );
    succeed(directory.path(), &[&run[..], &["b.npy", "--tune"]].concat());
    let read = |name: &str| netc::data::read_npy(&directory.path().join(name)).expect("an array");
    let (a, b) = (read("a.npy"), read("b.npy"));
    let largest = a
        .values
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let differences = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs());
    assert!(largest > 0.0 && differences.fold(0.0, f32::max) < 1e-4 * largest);
}

#[test]
fn a_file_that_is_something_else_is_told_and_kept() {
    let directory = directory();
    let args = [&PLAN[..], &["--tune-file", "n.net"]].concat();
    let output = netc(directory.path(), &args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error[E1002]") && said.contains("not JSON"),
        "{said}"
    );
    assert!(said.contains("--tune-file"), "{said}");
    let text = std::fs::read_to_string(directory.path().join("n.net")).expect("text");
    assert_eq!(text, NET);
}

#[test]
fn no_directory_for_caches_is_told() {
    let directory = directory();
    let output = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(["bench", "n.net", "--tune"])
        .current_dir(directory.path())
        .env("XDG_CACHE_HOME", "relative")
        .env("HOME", "relative")
        .output()
        .expect("netc starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("E1002") && said.contains("--tune-file"),
        "{said}"
    );
    assert_eq!(
        std::fs::read_dir(directory.path()).expect("listed").count(),
        1
    );
}
