use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::codegen::detect_machine;
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::{Conv, Margins, Shape};
use crate::kernels::conv::in_outline;
use crate::kernels::{TileFamily, Times};
use crate::limits;

const TEXT: &str = "net N {
  input x: [16, 12, 10]
  conv(24, 3x3, pad=1) -> relu -> conv(24, 3x3, pad=1) -> relu -> conv(24, 3x3, stride=2) -> conv(8, 1x1)
}";

fn graph() -> Graph {
    let program = crate::parse("n.net", TEXT);
    crate::expand(&program, "N").expect("no errors")
}

fn machine() -> Machine {
    detect_machine().expect("a machine")
}

/// The shape of a 3x3 convolution of as many channels as it answers with.
fn shape(channels: usize) -> ConvShape {
    let conv = Conv {
        out_channels: channels,
        kernel: [3, 3],
        stride: [1, 1],
        pad: Margins::symmetric([1, 1]),
        dilation: [1, 1],
        groups: 1,
        bias: true,
    };
    let input = Shape::chw(channels as u64, 7, 9);
    ConvShape::of(&in_outline(&conv, &input, 16, &machine()))
}

fn times(nanoseconds: u64) -> Times {
    let all = [
        Algorithm::Direct,
        Algorithm::Winograd(2),
        Algorithm::Winograd(4),
    ];
    let times = all.into_iter().zip(nanoseconds..);
    times
        .map(|(algorithm, time)| (algorithm, Duration::from_nanos(time)))
        .collect()
}

fn tuning(entries: &[(usize, u64)]) -> Tuning {
    let mut tuning = Tuning::default();
    for (channels, nanoseconds) in entries {
        tuning.record(shape(*channels), times(*nanoseconds));
    }
    tuning
}

#[test]
fn every_choice_is_timed_once() {
    let (graph, machine) = (graph(), machine());
    let mut tuning = Tuning::default();
    let mut told = Vec::new();
    let n_timed = tune_with(&graph, &machine, &mut tuning, &mut |done, all| {
        told.push((done, all))
    });
    // Of the four convolutions, single taps leave one no choice.
    assert_eq!(n_timed, Ok(3));
    assert_eq!(told, [(0, 3), (1, 3), (2, 3)]);
    for (shape, times) in tuning.iter() {
        let n_algorithms = if shape.stride == [1, 1] { 4 } else { 3 };
        assert_eq!(times.len(), n_algorithms, "{shape:?}");
        assert!(
            times.values().all(|time| *time > Duration::ZERO),
            "{times:?}"
        );
    }
    let before = tuning.clone();
    assert_eq!(tune(&graph, &machine, &mut tuning), Ok(0));
    assert_eq!(tuning, before);
    let precise = Machine {
        precise: true,
        ..machine
    };
    let batches = Machine {
        batch: 2,
        ..machine
    };
    for machine in [precise, batches] {
        assert_eq!(tune(&graph, &machine, &mut Tuning::default()), Ok(0));
    }
}

#[test]
fn a_file_gives_back_what_it_was_given() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("new").join("tuning.json");
    let known = tuning(&[(16, 1), (32, u64::MAX - 9), (48, 0)]);
    assert_eq!(load(&path, &machine()), Ok(Tuning::default()));
    save(&path, &machine(), &known).expect("written");
    assert_eq!(load(&path, &machine()), Ok(known));
    // Nothing is left of how it was written.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn files_grow_and_newer_times_count() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("tuning.json");
    save(&path, &machine(), &tuning(&[(16, 1), (32, 1)])).expect("written");
    save(&path, &machine(), &tuning(&[(32, 5), (48, 5)])).expect("written");
    let expected = tuning(&[(16, 1), (32, 5), (48, 5)]);
    assert_eq!(load(&path, &machine()), Ok(expected));
}

#[test]
fn other_machines_are_kept_and_not_believed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("tuning.json");
    save(&path, &machine(), &tuning(&[(16, 1)])).expect("written");
    let own = fs::read_to_string(&path).expect("text");
    let version = format!("\"netc\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let foreign = own
        .replace(&version, "\"netc\":\"0.0.7\"")
        .replace("direct", "fft9");
    assert_ne!(own, foreign);
    fs::write(&path, &foreign).expect("written");
    assert_eq!(load(&path, &machine()), Ok(Tuning::default()));
    save(&path, &machine(), &tuning(&[(32, 2)])).expect("written");
    let both = fs::read_to_string(&path).expect("text");
    assert!(both.contains("fft9") && both.contains("0.0.7"), "{both}");
    assert_eq!(load(&path, &machine()), Ok(tuning(&[(32, 2)])));
    // The same processor with other tiles is another machine.
    let others = TileFamily::ALL
        .into_iter()
        .filter(|family| *family != machine().family);
    for family in others {
        let machine = Machine {
            family,
            ..machine()
        };
        assert_eq!(load(&path, &machine), Ok(Tuning::default()));
    }
}

/// That the file cannot be used, and why.
fn refused<T: std::fmt::Debug>(result: Result<T, Diagnostic>) -> String {
    let fault = result.expect_err("a fault");
    assert_eq!(fault.code, codes::TUNING_FILE);
    assert!(!fault.message.contains('\u{1b}'), "{}", fault.message);
    fault.message
}

#[test]
fn what_is_not_understood_is_told_and_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("tuning.json");
    save(&path, &machine(), &tuning(&[(16, 1)])).expect("written");
    let good = fs::read_to_string(&path).expect("text");
    let deep = "[".repeat(100_000);
    let cases = [
        ("", "not JSON"),
        (&good[..good.len() / 2], "not JSON"),
        (&deep, "not JSON"),
        ("[]", "no file of measurements"),
        ("{\"format\":2,\"machines\":[],\"more\":1}", "format 2"),
        ("{\"format\":1,\"machines\":[{}]}", "missing field"),
        (
            &good.replace("winograd2", "winograd3"),
            "unknown algorithm `winograd3`",
        ),
        (
            &good.replace("winograd2", "\\u001b[2J"),
            "unknown algorithm",
        ),
        (
            &good.replace("\"direct\":1", "\"direct\":-1"),
            "invalid value",
        ),
        (
            &good.replace("\"groups\":1", "\"groups\":1,\"holes\":2"),
            "unknown field `holes`",
        ),
    ];
    for (text, expected) in cases {
        fs::write(&path, text).expect("written");
        let said = refused(load(&path, &machine()));
        assert!(said.contains(expected), "{said}");
        refused(save(&path, &machine(), &tuning(&[(32, 2)])));
        assert_eq!(fs::read_to_string(&path).expect("text"), text);
    }
    fs::write(&path, vec![b' '; limits::TUNING_BYTES as usize + 1]).expect("written");
    assert!(refused(load(&path, &machine())).contains("larger than the limit"));
    refused(load(directory.path(), &machine()));
    refused(save(
        Path::new("/dev/null/tuning.json"),
        &machine(),
        &tuning(&[]),
    ));
}
