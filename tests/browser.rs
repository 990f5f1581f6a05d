//! Pages as a browser shows them: no script fails, blocks open and close, the search finds, a click shows the source.
//!
//! It wants Chromium, `chromium` on the path or what `CHROMIUM` names, and so is no part of a plain `cargo test`:
//!
//! ```text
//! cargo test --test browser
//! ```

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The browser. Without one nothing here can be tested, and that is a failure of its own.
fn chromium(arguments: &[&str], page: &Path) -> Output {
    let name = std::env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
    let profile = tempfile::tempdir().expect("a directory");
    let output = Command::new(&name)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args(["--hide-scrollbars", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output();
    match output {
        Ok(output) => output,
        Err(error) => panic!(
            "{} cannot be started ({error}): these tests need Chromium; install it or name it in CHROMIUM",
            name.display()
        ),
    }
}

fn netc(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netc"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("netc starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a page, and then `script`, whose return value is answered. `script` sees the page as it is after its own scripts; a fault of
/// any script fails the test.
fn run(page: &str, script: &str) -> Value {
    let watch = "<script>window.faults = []; window.addEventListener('error', (event) => window.faults.push(String(event.message)));</script>";
    let probe = format!(
        "<script>let told; try {{ told = (() => {{ {script} }})(); }} catch (error) {{ window.faults.push(String(error)); }}\n\
         const result = document.createElement('pre'); result.id = 'result';\n\
         result.textContent = JSON.stringify({{ faults: window.faults, told }}); document.body.append(result);</script>"
    );
    let page = page
        .replacen("<head>", &format!("<head>{watch}"), 1)
        .replacen("</body>", &format!("{probe}</body>"), 1);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("page.html");
    std::fs::write(&file, page).expect("the page can be written");
    let output = chromium(&["--window-size=1400,900", "--dump-dom"], &file);
    let dom = String::from_utf8_lossy(&output.stdout);
    let result = dom
        .split("<pre id=\"result\">")
        .nth(1)
        .and_then(|rest| rest.split("</pre>").next());
    let result = result.unwrap_or_else(|| {
        panic!(
            "the page gave no result: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let result = result
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let mut result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["faults"], Value::Array(Vec::new()));
    result["told"].take()
}

/// Tools of the scripts below.
const TOOLS: &str = "
    const all = (selector) => [...document.querySelectorAll(selector)];
    const figure = (title) => all('.figure').find((f) => f.querySelector(':scope > .title').textContent.startsWith(title));
    const click = (element) => element.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    const press = (word) => click(all('button').find((b) => b.textContent === word));
    const size = () => document.querySelector('.canvas').dataset.size.split(' ').map(Number);
";

fn told(page: &str, script: &str) -> Value {
    run(page, &format!("{TOOLS}{script}"))
}

/// Width and height of a drawing without its border and heading, which the pictures of the command line have.
fn size_of_picture(svg: &str) -> [f64; 2] {
    let number = |name: &str| -> f64 {
        let text = svg
            .split(&format!("{name}=\""))
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        text.and_then(|text| text.parse().ok()).expect("a size")
    };
    [number("width") - 32.0, number("height") - 78.0]
}

#[test]
fn the_browser_lays_out_as_the_command_does() {
    for net in [
        "nets/googlenet.net:GoogLeNet",
        "nets/resnet.net:ResNet152",
        "nets/mobilenet_v2.net",
        "nets/densenet.net",
        "tests/drawing/small.net",
    ] {
        let page = netc(&["graph", net, "--format", "html"]);
        let sizes = told(
            &page,
            "press('open all'); const open = size(); press('close all'); return [open, size()];",
        );
        let pictures = [netc(&["graph", net]), netc(&["graph", net, "--depth", "0"])];
        for (index, picture) in pictures.iter().enumerate() {
            for (axis, expected) in size_of_picture(picture).into_iter().enumerate() {
                let size = sizes[index][axis].as_f64().expect("a number");
                assert!(
                    (size - expected).abs() <= 1.0,
                    "{net}: {size}, in the picture {expected}"
                );
            }
        }
    }
}

#[test]
fn blocks_open_and_close() {
    let page = netc(&["graph", "nets/resnet.net:ResNet152", "--format", "html"]);
    let counts = told(
        &page,
        "const counts = [all('.figure').length];
         click(figure('35 × Bottleneck').querySelector('.knob')); counts.push(all('.figure').length);
         click(figure('35 × Bottleneck').querySelector('.knob')); counts.push(all('.figure').length);
         figure('layer1').dispatchEvent(new MouseEvent('dblclick', { bubbles: true })); counts.push(all('.figure').length);
         press('open all'); counts.push(all('.figure').length);
         press('close all'); counts.push(all('.figure').length);
         return counts;",
    );
    // At first the four stages are open, each with two blocks; a block that repeats holds three convolutions and a sum.
    let closed = 1 + 2 + 4 + 2 + 1;
    let open = closed + 4 * (2 + 5 + 4);
    assert_eq!(
        counts,
        serde_json::json!([
            closed + 8,
            closed + 12,
            closed + 8,
            closed + 6,
            open,
            closed
        ])
    );
}

#[test]
fn a_click_shows_details_and_the_line_of_the_source() {
    let page = netc(&["graph", "nets/googlenet.net:GoogLeNet", "--format", "html"]);
    let told = told(
        &page,
        "click(figure('conv(192, 3x3')); const layer = all('.here').map((line) => line.textContent);
         const details = document.querySelector('.details').textContent;
         click(figure('inception3a')); const block = all('.here').map((line) => line.textContent);
         const selected = all('.selected').length;
         return { layer, details, block, selected };",
    );
    let line = |name: &str| told[name][0].as_str().expect("a line").to_owned();
    assert!(
        line("layer")
            .trim_start()
            .starts_with("conv2: conv(192, 3x3, pad=1)"),
        "{told}"
    );
    assert!(
        line("block")
            .trim_start()
            .starts_with("inception3a: Inception( 64,"),
        "{told}"
    );
    assert_eq!(told["selected"], 1);
    let details = told["details"].as_str().expect("text");
    for word in [
        "110,784",
        "346,816,512",
        "[192, 56, 56]",
        "receptive field 19x19, effective stride 4x4",
    ] {
        assert!(details.contains(word), "{word}: {details}");
    }
}

#[test]
fn the_search_finds_and_opens() {
    let page = netc(&["graph", "nets/resnet.net:ResNet50", "--format", "html"]);
    let told = told(
        &page,
        "press('close all');
         const search = document.querySelector('input');
         search.value = 'layer3.4.conv2'; search.dispatchEvent(new Event('input'));
         const found = document.querySelector('.found').textContent;
         search.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
         const selected = document.querySelector('.selected');
         const box = selected.getBoundingClientRect(), canvas = document.querySelector('.canvas').getBoundingClientRect();
         search.value = 'nothing of the kind'; search.dispatchEvent(new Event('input'));
         return { found, none: document.querySelector('.found').textContent, title: selected.querySelector('.title').textContent,
                  inside: box.left >= canvas.left && box.right <= canvas.right && box.top >= canvas.top && box.bottom <= canvas.bottom };",
    );
    // The layer is one of those that the drawn block stands for.
    assert_eq!(told["found"], "1 found");
    assert_eq!(told["none"], "0 found");
    assert_eq!(told["inside"], true, "{told}");
}

#[test]
fn zoom_and_width_scale_the_drawing() {
    let page = netc(&["graph", "nets/googlenet.net:GoogLeNet", "--format", "html"]);
    let told = told(
        &page,
        "const width = () => figure('image').getBoundingClientRect().width;
         const widths = [width()]; press('+'); widths.push(width()); press('−'); widths.push(width());
         press('whole'); widths.push(width()); press('width'); widths.push(width());
         return widths;",
    );
    let widths: Vec<f64> = told
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    assert!((widths[1] / widths[0] - 1.3).abs() < 0.01, "{widths:?}");
    assert!((widths[2] - widths[0]).abs() < 0.5, "{widths:?}");
    assert!(widths[3] < widths[0] / 2.0, "{widths:?}");
    assert!((widths[4] - widths[0]).abs() < 0.5, "{widths:?}");
}

#[test]
fn a_report_shows_every_layer_and_buffer() {
    let page = netc(&[
        "report",
        "nets/googlenet.net:GoogLeNet",
        "--profile",
        "--runs",
        "1",
    ]);
    let told = told(
        &page,
        "const data = JSON.parse(document.getElementById('data').textContent);
         const cells = () => all('#layers tbody tr').map((row) => row.children[3].textContent);
         click(all('#layers th')[3]); const largest = cells()[0];
         click(all('#layers tbody tr')[0]); const title = document.querySelector('.selected .title').textContent;
         return { rows: all('#layers tbody tr').length, nodes: data.nodes.length,
                  boxes: all('#memory .buffer').length, buffers: data.memory.buffers.length,
                  peak: document.querySelector('.peak-text').textContent, hot: all('[style*=\"--heat\"]').length,
                  bars: all('.bar-params').length, times: all('.bar-seconds').length, largest, title };",
    );
    assert_eq!(told["rows"], told["nodes"]);
    assert_eq!(told["boxes"], told["buffers"]);
    assert!(
        told["peak"].as_str().expect("text").starts_with("peak: "),
        "{told}"
    );
    // 57 convolutions and one dense layer have parameters.
    assert_eq!(told["bars"], 58);
    for what in ["hot", "times"] {
        assert!(told[what].as_u64().expect("a number") > 58, "{told}");
    }
    assert_eq!(
        (&told["largest"], &told["title"]),
        (&Value::from("1,025,000"), &Value::from("dense(1000)"))
    );
}

/// Pixels of several colours, in light and in dark: something was drawn, and not on the ground of the other.
#[test]
fn screenshots_show_the_drawing() {
    let directory = tempfile::tempdir().expect("a directory");
    let page = directory.path().join("page.html");
    std::fs::write(
        &page,
        netc(&["graph", "nets/googlenet.net:GoogLeNet", "--format", "html"]),
    )
    .expect("the page");
    for (dark, ground) in [(false, [255, 255, 255]), (true, [13, 17, 23])] {
        let picture = directory.path().join("page.png");
        let shot = format!("--screenshot={}", picture.display());
        let mut arguments = vec!["--window-size=1400,900", &shot];
        if dark {
            arguments.push("--force-dark-mode");
        }
        let output = chromium(&arguments, &page);
        let pixels = image::open(&picture).unwrap_or_else(|error| {
            panic!(
                "no screenshot ({error}): {}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        let pixels = pixels.to_rgb8();
        assert_eq!(pixels.dimensions(), (1400, 900));
        let n_ground = pixels.pixels().filter(|pixel| pixel.0 == ground).count();
        let colours: BTreeSet<[u8; 3]> = pixels.pixels().map(|pixel| pixel.0).collect();
        assert!(
            n_ground > 400_000,
            "{n_ground} pixels of the ground, dark: {dark}"
        );
        assert!(
            colours.len() > 100,
            "{} colours, dark: {dark}",
            colours.len()
        );
    }
}
