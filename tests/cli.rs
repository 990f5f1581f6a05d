//! The command as a user calls it: exit statuses, streams, files.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Runs netc in the repository's root, without colours.
pub fn netc(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .expect("netc starts")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs netc, which must succeed; answers what it printed.
pub fn succeed(args: &[&str]) -> String {
    let output = netc(args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{args:?}\n{}",
        stderr(&output)
    );
    stdout(&output)
}

/// Runs netc, which must find fault; answers what it said.
pub fn fail(args: &[&str]) -> String {
    let output = netc(args);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{args:?}\n{}",
        stderr(&output)
    );
    stderr(&output)
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A directory with a file in it.
pub fn directory_with(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(name);
    std::fs::write(&path, text).expect("a file");
    (directory, path)
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

const DIGITS: &str = "nets/digits/digits.net";
const WEIGHTS: &str = "nets/digits/digits.safetensors";
const MANIFEST: &str = "nets/digits/digits.yaml";

const TWO: &str = "net Two {\n  input a: [2]\n  input b: [2]\n  let n = 2\n  sum: a + b\n  output first: relu\n  scale(2.0)\n  output second\n}\n";

#[test]
fn the_bundled_digits_are_recognised() {
    let names = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    let images: Vec<String> = (0..10)
        .map(|digit| format!("nets/digits/images/{digit}.png"))
        .collect();
    let mut args = vec!["run", DIGITS, "--weights", WEIGHTS, "--json"];
    args.extend(images.iter().map(String::as_str));
    let result = json(&succeed(&args));
    for (digit, name) in names.iter().enumerate() {
        let top = &result["images"][digit]["outputs"][0]["top"];
        assert_eq!(top[0]["label"], *name);
        assert_eq!(top.as_array().map(Vec::len), Some(5));
    }
}

#[test]
fn the_readme_command_prints_five_classes() {
    let text = succeed(&[
        "run",
        DIGITS,
        "--weights",
        WEIGHTS,
        "nets/digits/images/7.png",
    ]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert_eq!(lines[0], "nets/digits/images/7.png");
    assert!(lines[1].ends_with("seven"), "{text}");
}

#[test]
fn the_held_out_accuracy_is_reproduced() {
    let result = json(&succeed(&["eval", MANIFEST, "--json", "--batch", "50"]));
    assert_eq!(result["images"], 360);
    assert_eq!(result["right"], 358);
}

#[test]
fn a_manifest_stands_for_a_net_and_its_weights() {
    let text = succeed(&["run", MANIFEST, "nets/digits/images/3.png", "--top", "1"]);
    assert!(text.contains("three"), "{text}");
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn outputs_go_to_files_and_a_batch_is_its_images() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str| directory.path().join(name);
    let both = ["nets/digits/images/1.png", "nets/digits/images/2.png"];
    let run = |inputs: &[&str], output: &Path, threads: &str| {
        let mut args = vec![
            "run",
            MANIFEST,
            "--threads",
            threads,
            "--output",
            text(output),
        ];
        args.extend(inputs);
        assert_eq!(succeed(&args), "");
    };
    run(&both, &place("both.npy"), "2");
    run(&both[..1], &place("one.npy"), "1");
    run(&both[1..], &place("two.npy"), "1");
    let read = |name: &str| netc::data::read_npy(&place(name)).expect("an array");
    let batch = read("both.npy");
    assert_eq!(batch.shape, [2, 10]);
    assert_eq!(
        batch.values,
        [read("one.npy").values, read("two.npy").values].concat()
    );
    run(&both, &place("both.safetensors"), "2");
    let file = netc::weights::WeightsFile::open(&place("both.safetensors")).expect("a file");
    assert_eq!(file.read_f32("logits"), Some(batch.values));
}

#[test]
fn several_inputs_and_outputs_are_named() {
    let (directory, net) = directory_with("two.net", TWO);
    let a = directory.path().join("a.npy");
    netc::data::write_npy(&a, &[2], &[1.0, -3.0]).expect("written");
    let (a_arg, b_arg) = (format!("a={}", text(&a)), format!("b={}", text(&a)));
    let out = directory.path().join("out.npy");
    let run = ["run", text(&net), "--init", "0", "--output", text(&out)];
    succeed(&[&run[..], &[&a_arg, &b_arg]].concat());
    let read = |name: &str| netc::data::read_npy(&directory.path().join(name)).expect("an array");
    assert_eq!(read("out.first.npy").values, [2.0, 0.0]);
    assert_eq!(read("out.second.npy").values, [4.0, -12.0]);
    let said = fail(&[&run[..], &[&a_arg]].concat());
    assert!(said.contains("`b` is not given"), "{said}");
    let said = fail(&[&run[..], &[text(&a)]].concat());
    assert!(said.contains("NAME=FILE"), "{said}");
}

#[test]
fn seeded_weights_are_written_and_fit() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("w.safetensors");
    succeed(&["weights", "init", DIGITS, "--seed", "3", "-o", text(&file)]);
    let said = succeed(&["weights", "inspect", text(&file), "--net", DIGITS]);
    assert!(said.contains("fits Digits"), "{said}");
    let listed = succeed(&["weights", "inspect", text(&file)]);
    assert!(
        listed.contains("conv1.weight") && listed.contains("f32"),
        "{listed}"
    );
    let image = "nets/digits/images/5.png";
    let values = |args: &[&str]| json(&succeed(args))["images"][0]["outputs"][0]["values"].clone();
    let from_file = values(&["run", DIGITS, "--weights", text(&file), image, "--json"]);
    assert_eq!(
        from_file,
        values(&["run", DIGITS, "--init", "3", image, "--json"])
    );
    assert_ne!(
        from_file,
        values(&["run", DIGITS, "--init", "4", image, "--json"])
    );
}

#[test]
fn faults_end_with_status_1_and_say_what_to_do() {
    let image = "nets/digits/images/5.png";
    let cases: &[(&[&str], &str)] = &[
        (&["run", DIGITS, image], "--init SEED"),
        (
            &["run", "nets/no.net", "--init", "0", image],
            "cannot read `nets/no.net`",
        ),
        (
            &["run", "nets/digits/digits.net:Digit", "--init", "0", image],
            "did you mean `Digits`?",
        ),
        (&["summary", "nets/vgg.net"], "E0208"),
        (
            &[
                "run",
                DIGITS,
                "--weights",
                "nets/digits/heldout.safetensors",
                image,
            ],
            "E0802",
        ),
        (&["run", DIGITS, "--weights", image, image], "E0801"),
        (&["run", MANIFEST, DIGITS], "E0901"),
        (&["run", MANIFEST, image, "--output", "x.txt"], "E0903"),
        (&["eval", DIGITS], "heldout"),
        (&["check", "README.md", DIGITS], "error["),
    ];
    for (args, expected) in cases {
        let said = fail(args);
        assert!(said.contains(expected), "{args:?} said\n{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn wrong_usage_ends_with_status_2() {
    for args in [
        &["run"][..],
        &["chekc"],
        &["dump", DIGITS],
        &["run", DIGITS, "--threads", "0", "x.png"],
    ] {
        assert_eq!(netc(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn findings_come_as_json_on_stdout() {
    let (_directory, net) = directory_with(
        "bad.net",
        "net N {\n  input x: [3, 8, 8]\n  conv(8, 9x9) -> rellu\n}\n",
    );
    let output = netc(&["check", text(&net), "--message-format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = json(&stdout(&output));
    let first = &findings[0];
    assert!(
        first["code"]
            .as_str()
            .is_some_and(|code| code.starts_with('E')),
        "{findings}"
    );
    assert_eq!(first["primary"]["span"]["line"], 3);
    assert_eq!(stderr(&output), "");
    assert_eq!(
        json(&succeed(&["check", DIGITS, "--message-format", "json"])),
        Value::Array(Vec::new())
    );
}

#[test]
fn every_stage_can_be_printed() {
    for stage in ["ast", "graph", "optimized", "plan", "clif", "asm"] {
        let printed = succeed(&["dump", DIGITS, "--stage", stage]);
        assert!(printed.len() > 500, "{stage}: {printed}");
    }
}

#[test]
fn nets_are_listed_and_summed_up() {
    assert_eq!(succeed(&["list", DIGITS]), "Digits\n");
    let table = succeed(&["summary", DIGITS]);
    assert!(
        table.contains("layer1.conv1") && table.contains("parameters"),
        "{table}"
    );
    let summary = json(&succeed(&[
        "summary",
        "nets/resnet.net:ResNet50",
        "--format",
        "json",
    ]));
    assert_eq!(summary["params"], 25_557_032);
    assert_eq!(summary["macs"], 4_089_184_256u64);
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(["dump", DIGITS, "--stage", "asm"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netc starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("netc ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_bench_tells_its_numbers() {
    let result = json(&succeed(&[
        "bench", DIGITS, "--runs", "3", "--batch", "2", "--json",
    ]));
    assert!(
        result["seconds"]["median"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );
}

#[test]
fn a_profile_tells_where_the_time_goes() {
    let args = ["profile", DIGITS, "--runs", "3", "--batch", "2"];
    let args = [&args[..], &["--threads", "1"]].concat();
    let profile = json(&succeed(&[&args[..], &["--json"]].concat()));
    let sum = |key: &str| -> f64 {
        let steps = profile["steps"].as_array().expect("steps").iter();
        steps
            .map(|step| step[key].as_f64().expect("a number"))
            .sum()
    };
    let summary = json(&succeed(&["summary", DIGITS, "--format", "json"]));
    let macs = summary["macs"].as_f64().expect("a number");
    assert_eq!(sum("flops"), 2.0 * 2.0 * macs);
    assert!((sum("share") - 1.0).abs() < 1e-9);
    // Numbers of a JSON text are read to within a unit in the last place.
    let all = profile["steps_seconds"].as_f64().expect("a number");
    assert!((sum("seconds") / all - 1.0).abs() < 1e-12);
    for rate in ["gflops_per_second", "read_gbytes_per_second"] {
        assert!(
            profile["peak"][rate]
                .as_f64()
                .is_some_and(|rate| rate > 0.0)
        );
    }
    let table = succeed(&args);
    assert!(table.contains("GFLOP/s") && table.contains("a whole run"));
}

#[test]
fn kernels_are_measured_once_each() {
    let (_directory, net) = directory_with(
        "equal.net",
        "net Equal {\n  input x: [8, 8, 8]\n  repeat i in 0..3 { conv(8, 3x3, pad=1) -> relu }\n  flatten -> dense(4)\n  output y\n}\n",
    );
    let bench = |nets: &[&str]| -> usize {
        let options = ["bench", "--kernels", "--json", "--threads", "1"];
        let result = json(&succeed(&[&options[..], nets].concat()));
        let kernels = result["kernels"].as_array().expect("kernels");
        for kernel in kernels {
            assert!(
                kernel["share_of_bound"]
                    .as_f64()
                    .is_some_and(|share| share > 0.0)
            );
        }
        kernels.len()
    };
    let (equal, digits) = (bench(&[text(&net)]), bench(&[DIGITS]));
    assert!((2..=4).contains(&equal), "{equal}");
    assert_eq!(bench(&[text(&net), text(&net), DIGITS]), equal + digits);
    let several = netc(&["bench", DIGITS, DIGITS]);
    assert_eq!(several.status.code(), Some(2));
}

/// A bench that serves: the child, its standard input, the lines that it prints.
fn serving() -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let input = ["--input", "nets/digits/images/7.png"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(["bench", DIGITS, "--weights", WEIGHTS, "--serve"])
        .args(input)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netc starts");
    let stdin = child.stdin.take().expect("a pipe");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    (child, stdin, stdout)
}

fn next_line(lines: &mut impl BufRead) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    json(&line)
}

#[test]
fn a_bench_serves_rounds() {
    let (child, mut stdin, mut lines) = serving();
    let ready = next_line(&mut lines);
    assert_eq!(ready["ready"], true);
    assert!(ready["bind_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    let mut round = |budget: &str| -> Vec<f64> {
        writeln!(stdin, "{budget}").expect("netc listens");
        let answer = next_line(&mut lines);
        let times = answer["ms"].as_array().expect("times");
        times.iter().filter_map(Value::as_f64).collect()
    };
    assert_eq!(round("0").len(), 1);
    let times = round("0.05");
    assert!(times.len() > 1 && times.iter().all(|ms| *ms > 0.0));
    let longest = times.iter().copied().fold(0.0, f64::max);
    assert!(times.iter().sum::<f64>() < 50.0 + 2.0 * longest);
    drop(stdin);
    let output = child.wait_with_output().expect("netc ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_serving_bench_tells_what_is_wrong() {
    let (child, mut stdin, _lines) = serving();
    writeln!(stdin, "soon").expect("netc listens");
    let output = child.wait_with_output().expect("netc ends");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("`soon` is not a number of seconds"), "{said}");

    let (mut child, mut stdin, mut lines) = serving();
    next_line(&mut lines);
    drop(lines);
    // Another test that is just starting a program may hold a copy of the pipe's end for a moment: until that is closed, someone could still read.
    let begin = Instant::now();
    while child.try_wait().expect("a status").is_none() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not end");
        // It may be gone already.
        let _ = writeln!(stdin, "0");
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("netc ends");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("nobody reads"), "{said}");
}

#[test]
fn a_bench_takes_the_first_images_of_its_input() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join("x.npy");
    netc::data::write_npy(&input, &[3, 2], &[1.0; 6]).expect("written");
    let (_directory, net) = directory_with(
        "dense.net",
        "net Dense {\n  input x: [2]\n  fc: dense(4)\n  output y\n}\n",
    );
    let args = ["bench", text(&net), "--input", text(&input), "--json"];
    let bench = |batch: &[&str]| netc(&[&args, batch].concat());
    for (batch, images) in [(&[][..], 3), (&["--batch", "2"], 2)] {
        assert_eq!(json(&stdout(&bench(batch)))["batch"], images);
    }
    let said = stderr(&bench(&["--batch", "4"]));
    assert!(said.contains("fewer than the batch of 4"), "{said}");
}

#[test]
fn one_net_of_a_file_is_checked() {
    let (_directory, net) = directory_with(
        "several.net",
        "net Good {\n  input x: [3, 8, 8]\n  conv(8, 3x3)\n}\nnet Bad {\n  input x: [3, 8, 8]\n  conv(8, 9x9)\n}\n",
    );
    let target = |name: &str| format!("{}:{name}", text(&net));
    assert_eq!(netc(&["check", &target("Good")]).status.code(), Some(0));
    fail(&["check", &target("Bad")]);
    fail(&["check", text(&net)]);
    let said = fail(&["check", &target("Goood"), "--message-format", "text"]);
    assert!(said.contains("did you mean `Good`?"), "{said}");
    assert_eq!(
        netc(&["check", "nets/resnet.net:ResNet50"]).status.code(),
        Some(0)
    );
}

const NORM: &str = "net Norm {\n  input x: [2, 1, 1]\n  bn: batchnorm\n  output y\n}\n";

#[test]
fn a_negative_variance_is_told() {
    let (directory, net) = directory_with("norm.net", NORM);
    let input = directory.path().join("x.npy");
    netc::data::write_npy(&input, &[2, 1, 1], &[1.0, 2.0]).expect("written");
    let run = |variance: [f32; 2]| {
        let file = directory.path().join("w.safetensors");
        let tensor = |name: &str, values| netc::weights::NamedTensor {
            name: format!("bn.{name}"),
            shape: vec![2],
            values,
        };
        let tensors = [
            tensor("weight", &[1.0, 1.0][..]),
            tensor("bias", &[0.0, 0.0]),
            tensor("running_mean", &[0.0, 0.0]),
            tensor("running_var", &variance),
        ];
        netc::weights::write_safetensors(&file, &tensors).expect("written");
        netc(&["run", text(&net), "--weights", text(&file), text(&input)])
    };
    assert_eq!(run([1.0, 0.0]).status.code(), Some(0));
    let output = run([1.0, -1.0]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("`bn.running_var` is -1 at [1]"), "{said}");
}

#[test]
fn large_dense_weights_are_bound_part_by_part() {
    // 1100 features of 1000 inputs are two parts, the second not full.
    let (directory, net) = directory_with(
        "wide.net",
        "net Wide {\n  input x: [1000]\n  fc: dense(1100)\n  output y\n}\n",
    );
    let place = |name: &str| directory.path().join(name);
    let input: Vec<f32> = (0..1000).map(|i| ((i % 7) as f32 - 3.0) / 8.0).collect();
    netc::data::write_npy(&place("x.npy"), &[1000], &input).expect("written");
    let (file, x) = (place("w.safetensors"), place("x.npy"));
    succeed(&[
        "weights",
        "init",
        text(&net),
        "--seed",
        "0",
        "-o",
        text(&file),
    ]);
    let run = |weights: &[&str], output: &Path| {
        succeed(
            &[
                &["run", text(&net), text(&x), "--output", text(output)][..],
                weights,
            ]
            .concat(),
        );
        netc::data::read_npy(output).expect("an array").values
    };
    let whole = run(&["--init", "0"], &place("whole.npy"));
    assert_eq!(run(&["--weights", text(&file)], &place("parts.npy")), whole);

    let values = netc::weights::WeightsFile::open(&file).expect("a file");
    let mut weight = values.read_f32("fc.weight").expect("floats");
    let bias = values.read_f32("fc.bias").expect("floats");
    weight[1_099_999] = f32::NAN;
    let tensor = |name: &str, shape: &[usize], values| netc::weights::NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        values,
    };
    let tensors = [
        tensor("fc.weight", &[1100, 1000], &weight[..]),
        tensor("fc.bias", &[1100], &bias),
    ];
    drop(values);
    netc::weights::write_safetensors(&file, &tensors).expect("written");
    let said = fail(&["run", text(&net), "--weights", text(&file), text(&x)]);
    assert!(said.contains("`fc.weight` is NaN at [1099, 999]"), "{said}");
}

#[test]
fn more_threads_than_cores_finish() {
    let run = |threads: &str| {
        let args = [
            "run",
            MANIFEST,
            "nets/digits/images/3.png",
            "--json",
            "--threads",
            threads,
        ];
        succeed(&args)
    };
    assert_eq!(run("64"), run("1"));
    let too_many = netc(&[
        "run",
        MANIFEST,
        "nets/digits/images/3.png",
        "--threads",
        "257",
    ]);
    assert_eq!(too_many.status.code(), Some(2));
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_run() {
    let said = fail(&[
        "run",
        MANIFEST,
        "no-such.png",
        "--output",
        "no-such-dir/out.npy",
    ]);
    assert!(said.contains("its directory does not exist"), "{said}");
}

#[test]
fn a_short_weights_file_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let short = directory.path().join("short.safetensors");
    std::fs::write(&short, [0; 7]).expect("written");
    let said = fail(&["weights", "inspect", text(&short)]);
    assert!(said.contains("it has 7 bytes"), "{said}");
}

/// A net for even heights, with a default; and one without.
const OPEN: &str = "net Open {\n  input image: [3, H = 32, W = 32]\n  where H % 2 == 0\n  conv(4, 3x3, stride=2, pad=1)\n  output maps\n}\n\nnet Bare {\n  input image: [3, H, 8]\n  relu\n  output maps\n}\n";

#[test]
fn open_sizes_have_their_defaults_until_they_are_set() {
    let (_directory, path) = directory_with("open.net", OPEN);
    let open = format!("{}:Open", text(&path));
    let shape = |args: &[&str]| {
        let all: Vec<&str> = [&["summary", "--format", "json", &open], args].concat();
        json(&succeed(&all))["outputs"][0]["shape"].clone()
    };
    assert_eq!(shape(&[]), serde_json::json!([4, 16, 16]));
    assert_eq!(shape(&["--set", "H=50"]), serde_json::json!([4, 25, 16]));
    assert_eq!(
        shape(&["--set", "H=50", "--set", "W=7"]),
        serde_json::json!([4, 25, 4])
    );
    let said = fail(&["summary", &open, "--set", "H=51"]);
    assert!(said.contains("E0413") && said.contains("H = 51"), "{said}");
    let said = fail(&["summary", &open, "--set", "h=50"]);
    assert!(
        said.contains("E0414") && said.contains("did you mean `H`?"),
        "{said}"
    );
    assert_eq!(
        netc(&["summary", &open, "--set", "H=0"]).status.code(),
        Some(2)
    );
}

#[test]
fn open_sizes_are_fixed_on_every_command_that_takes_a_net() {
    let (directory, path) = directory_with("open.net", OPEN);
    let bare = format!("{}:Bare", text(&path));
    let weights = directory.path().join("w.safetensors");
    let input = directory.path().join("x.npy");
    let commands: &[&[&str]] = &[
        &["check", &bare],
        &["summary", &bare],
        &["dump", "--stage", "plan", &bare],
        &["bench", "--runs", "1", &bare],
        &["profile", "--runs", "1", &bare],
        &[
            "weights",
            "init",
            "-o",
            text(&weights),
            "--seed",
            "1",
            &bare,
        ],
    ];
    assert!(!input.exists());
    for command in commands {
        let all: Vec<&str> = [command, &["--set", "H=6"][..]].concat();
        let output = netc(&all);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{all:?}\n{}",
            stderr(&output)
        );
    }
    for command in &commands[1..4] {
        let said = fail(command);
        assert!(
            said.contains("E0411") && said.contains("--set H=224"),
            "{said}"
        );
    }
    succeed(&["check", text(&path)]);
    let said = fail(&["check", text(&path), "--set", "Q=3"]);
    assert!(said.contains("E0414"), "{said}");
}

#[test]
fn a_symbolic_summary_shows_expressions() {
    let (_directory, path) = directory_with("open.net", OPEN);
    let open = format!("{}:Open", text(&path));
    let told = json(&succeed(&[
        "summary",
        "--symbolic",
        "--format",
        "json",
        &open,
    ]));
    assert_eq!(
        told["outputs"][0]["shape"],
        serde_json::json!(["4", "H / 2", "ceil(W / 2)"])
    );
    assert_eq!(told["sizes"][0]["allowed"], "H % 2 == 0");
    assert_eq!(told["macs"], "108 * (H / 2) * ceil(W / 2)");
    let told = succeed(&["summary", "--symbolic", "nets/resnet.net:ResNet50"]);
    assert!(
        told.contains("[2048, ceil(H / 32), ceil(W / 32)]"),
        "{told}"
    );
    let fixed = succeed(&[
        "summary",
        "--symbolic",
        "nets/resnet.net:ResNet50",
        "--set",
        "H=224",
    ]);
    assert!(fixed.contains("[2048, 7, ceil(W / 32)]"), "{fixed}");
}

#[test]
fn sizes_are_set_where_they_matter() {
    let refused = netc(&["list", "nets/vgg_features.net", "--set", "H=64"]);
    assert_eq!(refused.status.code(), Some(2));
    let source = "net N {\n  input x: [3, S, 8]\n  relu : [3, 16, 8]\n}\n";
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("n.net");
    std::fs::write(&path, source).expect("a file");
    let path = path.to_str().expect("a path");
    assert_eq!(netc(&["fix", path, "--set", "S=16"]).status.code(), Some(0));
    assert!(fail(&["fix", path, "--set", "S=17"]).contains("E0401"));
}

/// Runs netc with a text on its standard input.
fn netc_on(text: &str, args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netc starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("netc reads");
    drop(input);
    child.wait_with_output().expect("netc ends")
}

/// Editors and hooks send a text there. What changes it writes the standard output.
#[test]
fn texts_come_from_the_standard_input() {
    let misspelt = "net N {\n  input x: [4, 8, 8]\n  maxpol(2x2)\n}\n";
    let right = misspelt.replace("maxpol", "maxpool");
    for path in ["-", "/dev/stdin", "/dev/fd/0"] {
        let found = netc_on(misspelt, &["check", path]);
        assert_eq!(found.status.code(), Some(1));
        let place = format!("{path}:3:3");
        assert!(stderr(&found).contains(&place), "{}", stderr(&found));
        let fixed = netc_on(misspelt, &["fix", path]);
        assert_eq!(
            (fixed.status.code(), stdout(&fixed)),
            (Some(0), right.clone())
        );
        let told = netc_on(misspelt, &["fix", "--check", path]);
        assert_eq!((told.status.code(), stdout(&told).as_str()), (Some(1), ""));
        let cramped = right.replace("  input", "input");
        let formatted = netc_on(&cramped, &["fmt", path]);
        assert_eq!(stdout(&formatted), right);
        assert!(netc_on(&right, &["summary", path]).status.success());
    }
}

#[test]
fn what_is_left_out_of_a_picture_is_told() {
    let net = "net P {\n  input x: [3, 8, 8] from image()\n  relu\n}\n";
    let (_directory, path) = directory_with("p.net", net);
    let path = path.display().to_string();
    for (picture, is_told) in [("rgba.png", true), ("rgb.png", false)] {
        let picture = format!("tests/data/pictures/{picture}");
        let output = netc(&["run", &path, "--init", "0", &picture]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(
            stderr(&output).contains("W0015"),
            is_told,
            "{}",
            stderr(&output)
        );
    }
}
