//! Drawings, reports and comparisons as the command line gives them. What a browser makes of the pages is in `browser.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn netc(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(args)
        .current_dir(root())
        .output()
        .expect("netc starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// Compares with a file, which `UPDATE=1` writes anew.
fn assert_is_file(actual: &str, file: PathBuf) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, actual).expect("the snapshot can be written");
    }
    let expected = std::fs::read_to_string(&file).expect("the snapshot is there");
    let file = file.display();
    assert!(
        actual == expected,
        "{file} would change; UPDATE=1 accepts it"
    );
}

const SMALL: &str = "tests/drawing/small.net";

#[test]
fn pictures_of_a_small_net_are_as_they_were() {
    for format in ["svg", "dot"] {
        let drawn = netc(&["graph", SMALL, "--format", format]);
        assert_is_file(&drawn, root().join(format!("tests/drawing/small.{format}")));
        assert_eq!(drawn, netc(&["graph", SMALL, "--format", format]));
    }
}

/// The commands stand above the pictures in docs/drawings.md.
#[test]
fn pictures_of_the_documentation_are_what_their_commands_draw() {
    let page = std::fs::read_to_string(root().join("docs/drawings.md")).expect("the page");
    let mut n_pictures = 0;
    for line in page.lines() {
        let Some(command) = line.strip_prefix("netc graph ") else {
            continue;
        };
        let Some((arguments, file)) = command.split_once(" -o ") else {
            continue;
        };
        if !file.starts_with("docs/pictures/") {
            continue;
        }
        let mut words = vec!["graph"];
        words.extend(arguments.split(' '));
        assert_is_file(&netc(&words), root().join(file));
        n_pictures += 1;
    }
    assert!(n_pictures >= 3, "{n_pictures} pictures");
}

#[test]
fn depth_closes_blocks() {
    let whole = netc(&["graph", SMALL]);
    let closed = netc(&["graph", SMALL, "--depth", "0"]);
    assert!(whole.contains(">conv(32, 3x3, stride=2, pad=1)<"));
    assert!(!closed.contains(">conv(32, 3x3, stride=2, pad=1)<"));
    assert!(closed.contains(">stage2<"), "{closed}");
}

#[test]
fn equal_blocks_are_one_box_with_a_count() {
    let drawn = netc(&["graph", "nets/resnet.net:ResNet152"]);
    for count in [2, 7, 35] {
        assert!(
            drawn.contains(&format!(">{count} × Bottleneck(")),
            "{count}"
        );
    }
    // Of each stage the first block and one for all others: four convolutions and three.
    assert_eq!(drawn.matches(">conv(").count(), 1 + 4 * (4 + 3));
    // The layers of a dense block differ in the channels that they take, and in nothing else.
    let dense = netc(&["graph", "nets/densenet.net"]);
    assert!(dense.contains(">24 × DenseLayer(growth=32)<"));
}

/// Pages stand for themselves: nothing in them is loaded from elsewhere.
#[test]
fn pages_are_whole() {
    for page in [
        netc(&["graph", SMALL, "--format", "html"]),
        netc(&["report", SMALL]),
    ] {
        for word in [
            "src=\"",
            "href=",
            "@import",
            "url(http",
            "fetch(",
            "XMLHttpRequest",
            "sourceMappingURL",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(
            !page.contains("{{"),
            "a part of the template is not filled in"
        );
        assert_eq!(page.matches("</script>").count(), 2);
    }
}

/// A text of the source cannot end the element that holds the data.
#[test]
fn names_cannot_break_a_page_or_picture() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a<b>&\"c.net");
    let text = "// </script><script>alert(1)</script> <!--\nnet N { input x: [4]\n dense(2) }";
    std::fs::write(&path, text).expect("a file");
    let net = path.to_str().expect("text");
    let page = netc(&["graph", net, "--format", "html"]);
    assert_eq!(page.matches("<script").count(), 2);
    assert!(page.contains("\\u003c/script>"));
}

#[test]
fn files_are_written() {
    let directory = tempfile::tempdir().expect("a directory");
    for (command, name) in [("graph", "a.svg"), ("report", "a.html")] {
        let path = directory.path().join(name);
        let file = path.to_str().expect("text");
        assert_eq!(netc(&[command, SMALL, "-o", file]), "");
        let written = std::fs::read_to_string(&path).expect("the file");
        assert!(written.len() > 1000);
    }
}

#[test]
fn a_report_times_layers_on_request() {
    let page = netc(&[
        "report",
        SMALL,
        "--profile",
        "--runs",
        "1",
        "--threads",
        "1",
    ]);
    let data = page.split("id=\"data\">").nth(1).expect("the data");
    let data: serde_json::Value =
        serde_json::from_str(data.split("</script>").next().expect("an end")).expect("JSON");
    let steps = data["profile"]["steps"].as_array().expect("steps");
    assert!(steps.len() > 10);
    for step in steps {
        let node = step["node"].as_u64().expect("every step is of a node") as usize;
        assert_eq!(data["nodes"][node]["name"], step["name"]);
        assert!(step["seconds"].as_f64().expect("a time") >= 0.0);
    }
    let peak = data["memory"]["peak_step"].as_u64().expect("a step") as usize;
    let live = data["memory"]["live"].as_array().expect("bytes");
    assert_eq!(
        live[peak].as_u64(),
        live.iter().filter_map(serde_json::Value::as_u64).max()
    );
}

#[test]
fn differences_read_like_sentences() {
    let text = |before: &str, after: &str| {
        let net = |name: &str| format!("nets/{name}");
        netc(&["diff", &net(before), &net(after)])
    };
    let sentence = "ResNet101 is ResNet50 but for one thing: layer3 repeats Bottleneck 23 times instead of 6, which adds 18,992,128 parameters and 3,712,221,184 MACs.\n";
    let told = text("resnet.net:ResNet50", "resnet.net:ResNet101");
    assert!(told.starts_with(sentence), "{told}");
    assert!(told.contains("44,549,160"), "{told}");
    let back = text("resnet.net:ResNet101", "resnet.net:ResNet50");
    assert!(
        back.contains(
            "layer3 repeats Bottleneck 6 times instead of 23, which saves 18,992,128 parameters"
        ),
        "{back}"
    );
    assert!(
        text("resnet.net:ResNet50", "resnet.net:ResNet50")
            .starts_with("ResNet50 and ResNet50 are the same net.\n")
    );
}

#[test]
fn differences_as_json_add_up() {
    let json = netc(&[
        "diff",
        "nets/resnet.net:ResNet34",
        "nets/resnet.net:ResNet50",
        "--format",
        "json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let change = &value["changes"][0];
    assert_eq!(change["change"], "made_of");
    assert_eq!(change["places"].as_array().map(Vec::len), Some(4));
    let number = |value: &serde_json::Value| value.as_i64().expect("a number");
    let total = number(&value["after"]["params"]) - number(&value["before"]["params"]);
    assert_eq!(
        number(&change["params"]) + number(&value["further_params"]),
        total
    );
}

/// Three hundred values that are all joined at the end: their lines are not led around everything in between.
#[test]
fn very_many_long_lines_take_no_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("long.net");
    let labels: Vec<String> = (0..300).map(|index| format!("a{index}")).collect();
    let layers: Vec<String> = (0..300)
        .map(|index| format!("a{index}: conv({}, 1x1)", 1 + index % 2))
        .collect();
    let text = format!(
        "net N {{ input x: [1, 8, 8]\n{}\nconcat({})\n}}",
        layers.join("\n"),
        labels.join(", ")
    );
    std::fs::write(&path, text).expect("a file");
    let drawn = netc(&["graph", path.to_str().expect("text")]);
    assert_eq!(drawn.matches("<path class=\"line\"").count(), 301 + 299 + 1);
}

#[test]
fn too_many_boxes_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("flat.net");
    let layers: Vec<String> = (0..5_001)
        .map(|index| format!("conv({}, 1x1)", 1 + index % 2))
        .collect();
    std::fs::write(
        &path,
        format!("net N {{ input x: [1, 8, 8]\n{} }}", layers.join("\n")),
    )
    .expect("a file");
    for command in ["graph", "report"] {
        let output = Command::new(env!("CARGO_BIN_EXE_netc"))
            .args([command, path.to_str().expect("text")])
            .output()
            .expect("netc starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("has 5003 layers or blocks side by side; at most 5000 are drawn"),
            "{errors}"
        );
    }
}
