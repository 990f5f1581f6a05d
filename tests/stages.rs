//! Snapshots of every stage for one small net that uses most of what the passes and the planner do: `UPDATE=1 cargo test stages` writes them anew.

use std::path::{Path, PathBuf};
use std::process::Command;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stages")
}

fn dump(stage: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netc"))
        .current_dir(directory())
        .args(["dump", "small.net", "--stage", stage, "--isa", "clif128"])
        .output()
        .expect("netc starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stage}: {errors}");
    String::from_utf8(output.stdout).expect("a dump is text")
}

#[test]
fn every_stage_is_as_it_was() {
    for stage in ["ast", "graph", "optimized", "plan"] {
        let (actual, file) = (dump(stage), directory().join(format!("small.{stage}")));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &actual).expect("the snapshot can be written");
        }
        let expected = std::fs::read_to_string(&file).expect("the snapshot is there");
        assert_eq!(
            actual, expected,
            "stage {stage} changed; UPDATE=1 accepts it"
        );
    }
}

/// Code depends on the machine, so its text is not kept: it must be there and name every kernel of the plan.
#[test]
fn code_is_listed_for_every_kernel() {
    let plan = dump("plan");
    let n_kernels = dump("clif").matches("; kernel ").count();
    assert!(n_kernels > 3, "{plan}");
    assert_eq!(dump("asm").matches("; kernel ").count(), n_kernels);
}
