//! What serves those who write nets: the formatter, the fixes, the pages about codes.

use std::path::{Path, PathBuf};

use super::cli::{directory_with, fail, json, netc, stderr, stdout, succeed, text};

/// Every `.net` file of the repository that is there to be read.
pub fn nets() -> Vec<PathBuf> {
    net_files(&["nets", "nets/digits"])
}

/// The `.net` files of some folders of the repository, in order.
pub fn net_files(folders: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("a folder"))
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

#[test]
fn fix_applies_what_is_certain_and_nothing_else() {
    let text_before = "\
net N {
  input x: [3, 8, 8]
  conv (8, 3 x 3, padding=1) => relu
  residual { conv(8, 3x3) }
  globlavgpool -> flatten -> dense(fatures=2) # the end
}
";
    let text_after = "\
net N {
  input x: [3, 8, 8]
  conv(8, 3x3, pad=1) -> relu
  residual { conv(8, 3x3, pad=\"same\") }
  globalavgpool -> flatten -> dense(features=2) // the end
}
";
    let (_directory, path) = directory_with("n.net", text_before);
    let read = || std::fs::read_to_string(&path).expect("the file");
    let said = fail(&["fix", "--check", text(&path)]);
    assert!(said.contains("E0104"), "{said}");
    assert_eq!(read(), text_before);
    succeed(&["fix", text(&path)]);
    assert_eq!(read(), text_after);
    succeed(&["fix", "--check", text(&path)]);

    // `lr` may be `lrn` and may be anything; a pad by position cannot be given again by name; a quote has a partner.
    for (step, code) in [
        ("lr", "E0201"),
        ("residual { conv(3, 3x3, 1, 0) }", "E0402"),
        ("upsample(2, mode=“nearest”)", "E0104"),
    ] {
        let source = format!("net N {{\n  input x: [3, 8, 8]\n  {step}\n}}\n");
        let (_directory, path) = directory_with("n.net", &source);
        assert!(fail(&["fix", text(&path)]).contains(code), "{step}");
        let left = std::fs::read_to_string(&path).expect("the file");
        assert_eq!(left, source);
    }
}

/// What `netc fix` makes of a source.
fn fixed(source: &str) -> String {
    let (_directory, path) = directory_with("n.net", source);
    netc(&["fix", text(&path)]);
    std::fs::read_to_string(&path).expect("the file")
}

/// The name of another layer is no misspelling, and numbers tell names apart.
#[test]
fn fix_puts_no_step_in_the_place_of_another() {
    for body in [
        "act1: prelu",
        "convt(3, 3x3)",
        "dconv(3, 3x3)",
        "sconv(3, 3x3)",
        "crelu",
        "rrelu",
        "lrelu(0.1)",
        "minpool(2x2)",
        "swish",
        "xrelu",
        "HardSigmoid",
        "MaxPool(2)",
        "conv1: relu -> tanh -> conv2",
        "branch_a: relu -> tanh -> x + branch_b",
        "residual { conv(3, 2x2) -> relu }",
        "residual { conv(3, 3x2) -> relu }",
        "tanh > relu",
    ] {
        let source = format!("net N {{\n  input x: [3, 8, 8]\n  {body}\n}}\n");
        assert_eq!(fixed(&source), source);
    }
}

#[test]
fn fix_leaves_what_touches_a_number_alone() {
    for body in [
        "dropout.5",
        "scale(1.0.5)",
        "x.5",
        "scale(x.5)",
        "scale(1.x)",
        "scale(.5.5)",
    ] {
        let source = format!("net N {{\n  input x: [3, 8, 8]\n  {body}\n}}\n");
        assert_eq!(fixed(&source), source);
    }
    for (body, wanted) in [
        ("scale(.5)", "scale(0.5)"),
        ("scale( .5 )", "scale( 0.5 )"),
        ("scale(factor=.5)", "scale(factor=0.5)"),
        ("scale(-.5)", "scale(-0.5)"),
        ("scale(1.)", "scale(1.0)"),
    ] {
        let source = |body: &str| format!("net N {{\n  input x: [3, 8, 8]\n  {body}\n}}\n");
        assert_eq!(fixed(&source(body)), source(wanted));
    }
}

/// A repair that makes nothing better, or a sound net another one, is not written.
#[test]
fn fix_proves_what_it_writes() {
    // The pad makes a sound net another one.
    let source = "\
block Unit(stride: int) {
  let step = conv(kernel=3x3, stride=stride)
  residual { step(3) } shortcut when stride != 1 { conv(3, 3x3, stride=stride) }
}
net Sound {
  input x: [3, 9, 9]
  Unit(2)
}
net Broken {
  input x: [3, 9, 9]
  Unit(1)
}
";
    assert_eq!(fixed(source), source);
    // Two faults of one cause are repaired once, and another fault stays.
    let source = "\
block Unit(width: int) { residual { conv(width, 3x3) } }
net A { input x: [3, 9, 9] Unit(3) }
net B { input x: [4, 9, 9] Unit(4) -> unknown }
";
    let wanted = source.replace("3x3)", "3x3, pad=\"same\")");
    assert_eq!(fixed(source), wanted);
    // Two repairs that do not go together are tried apart.
    let source = "net A {\n  input x: [3, 9, 9]\n  conv(3, 3x3, padding=1, paad=1)\n}\n";
    assert_eq!(fixed(source), source.replace("padding", "pad"));
}

#[test]
fn findings_are_told_as_sarif() {
    let source = "net N {\n  input x: [3, 8, 8]\n  conv(8, 3x3, strid=1)\n}\n";
    let (_directory, path) = directory_with("n n.net", source);
    let output = netc(&["check", "--message-format", "sarif", text(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let log = json(&stdout(&output));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "E0304");
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "E0304");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    let uri = place["artifactLocation"]["uri"].as_str().expect("a text");
    assert!(uri.ends_with("/n%20n.net"), "{uri}");
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(place["region"]["startColumn"], 16);
    assert_eq!(place["region"]["endColumn"], 21);
    let change = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(change["insertedContent"]["text"], "stride");
}

/// What is said of every source with a fault, and of a sound one, is in the format that OASIS publishes.
#[test]
fn sarif_keeps_to_its_schema() {
    let schema = include_str!("sarif/sarif-schema-2.1.0.json");
    let mut schema = json(schema);
    // Its pattern for languages, of which nothing is said here, closes a bracket that it never opened.
    for part in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][part]["properties"]["language"];
        let language = language.as_object_mut().expect("a part of the schema");
        assert!(language.remove("pattern").is_some());
    }
    let schema = jsonschema::validator_for(&schema).expect("the schema is one");
    let mut paths: Vec<String> = std::fs::read_dir("tests/ui")
        .expect("the sources")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .filter(|path| path.ends_with(".net"))
        .collect();
    paths.sort();
    let mut n_results = 0;
    for path in paths.iter().map(String::as_str).chain(["nets/vgg.net"]) {
        let output = netc(&["check", "--message-format", "sarif", path]);
        let log = json(&stdout(&output));
        let faults: Vec<String> = schema.iter_errors(&log).map(|e| e.to_string()).collect();
        assert_eq!(faults, [] as [String; 0], "{path}");
        let results = log["runs"][0]["results"].as_array();
        n_results += results.expect("a list").len();
    }
    assert!(n_results > paths.len(), "{n_results}");
    let mut log = json(&stdout(&netc(&[
        "check",
        "--message-format",
        "sarif",
        "nets/vgg.net",
    ])));
    log["runs"][0]["results"] = serde_json::json!([{ "level": "fatal" }]);
    assert!(!schema.is_valid(&log));
}

#[test]
fn colour_is_the_users_choice() {
    let (_directory, path) = directory_with("n.net", "net N { input x: [3] rleu }");
    let said = |args: &[&str]| fail(&[&["check", text(&path)], args].concat());
    assert!(!said(&[]).contains('\x1b'));
    assert!(!said(&["--color", "never"]).contains('\x1b'));
    // The wish of this call outweighs NO_COLOR, which the tests set.
    assert!(said(&["--color", "always"]).contains('\x1b'));
}

#[test]
fn new_writes_a_net_that_is_sound_and_formatted() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |args: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_netc"))
            .args(args)
            .current_dir(directory.path())
            .output()
            .expect("netc starts")
    };
    assert_eq!(run(&["new", "my-net"]).status.code(), Some(0));
    assert_eq!(run(&["new", "my-net"]).status.code(), Some(1));
    assert_eq!(run(&["new", "../net"]).status.code(), Some(2));
    assert_eq!(
        run(&["fmt", "--check", "my-net.net"]).status.code(),
        Some(0)
    );
    let checked = run(&["check", "my-net.net"]);
    assert!(
        stderr(&checked).contains("1 net: 0 errors, 0 warnings"),
        "{}",
        stderr(&checked)
    );
    assert_eq!(stdout(&run(&["list", "my-net.net"])), "MyNet\n");
}

#[test]
fn shells_and_man_learn_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(&["completions", shell]);
        assert!(script.contains("explain"), "{shell}");
    }
    assert!(succeed(&["man"]).contains(".TH netc 1"));
    let directory = tempfile::tempdir().expect("a directory");
    succeed(&["man", "--output", text(directory.path())]);
    for page in ["netc.1", "netc-check.1", "netc-weights-init.1"] {
        assert!(directory.path().join(page).is_file(), "{page}");
    }
}

#[test]
fn watch_checks_again_when_a_file_is_saved() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let (_directory, path) = directory_with("n.net", "net N {\n  input x: [4]\n  dense(2)\n}\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(["watch", text(&path)])
        .stdout(Stdio::piped())
        .spawn()
        .expect("netc starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"))
        .lines()
        .map(|line| line.expect("a text"));
    let mut until = |word: &str| lines.find(|line| line.contains(word)).expect(word);
    assert!(until("N ").contains("10 parameters"));
    std::fs::write(&path, "net N {\n  input x: [4]\n  dens(2)\n}\n").expect("a file");
    until("E0201");
    until("has errors");
    // As editors do it: a new file in the place of the old one.
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, "net N {\n  input x: [4]\n  dense(3)\n}\n").expect("a file");
    std::fs::rename(&beside, &path).expect("a file");
    until("15 parameters");
    child.kill().expect("it still watches");
    child.wait().expect("it ends");
}
