use super::*;

const UNITS: &str = "block One(width: int) { a: conv(width, 3x3, pad=1) -> relu }\nblock Two(width: int) { a: conv(width, 3x3, pad=1) -> relu -> b: conv(width, 1x1) }\n";

fn graph_of(body: &str) -> Graph {
    let program = crate::parse("test.net", format!("{UNITS}net N {{\n{body}\n}}"));
    crate::expand(&program, "N").expect("no errors")
}

fn between(before: &str, after: &str) -> Difference {
    diff(&graph_of(before), &graph_of(after))
}

/// What is said of the changes, without their costs.
fn said(before: &str, after: &str) -> Vec<String> {
    let difference = between(before, after);
    let text = render(&difference, &|n| n.to_string());
    let lines = text.lines().take(difference.changes.len().max(1));
    let bare = |line: &str| {
        let line = line.split(", which ").next().unwrap_or(line);
        let line = line
            .strip_prefix("N is N but for one thing: ")
            .unwrap_or(line);
        line.trim_end_matches('.').to_owned()
    };
    lines.map(bare).collect()
}

#[test]
fn each_kind_of_change_is_told() {
    for (before, after, expected) in [
        (
            "input x: [4, 8, 8]\n a: conv(4, 3x3)",
            "input x: [4, 8, 8]\n a: conv(4, 3x3, stride=2)",
            "a is conv(4, 3x3, stride=2) instead of conv(4, 3x3)",
        ),
        (
            "input x: [4, 8, 8]\n a: conv(4, 3x3)",
            "input x: [4, 8, 8]\n b: conv(4, 3x3)",
            "a is called b",
        ),
        (
            "input x: [4, 8, 8]\n a: conv(4, 3x3)",
            "input x: [4, 8, 8]\n a: conv(4, 3x3) -> relu",
            "relu is new (at 1)",
        ),
        (
            "input x: [4, 8, 8]\n a: conv(4, 3x3) -> relu",
            "input x: [4, 8, 8]\n a: conv(4, 3x3)",
            "relu is gone (at 1)",
        ),
        (
            "input x: [4, 8, 8]\n a: conv(4, 3x3)",
            "input x: [4, 9, 9]\n a: conv(4, 3x3)",
            "the input x is [4, 9, 9] instead of [4, 8, 8]",
        ),
        (
            "input x: [4, 8, 8]\n s: repeat i in 0..2 { One(4) }",
            "input x: [4, 8, 8]\n s: repeat i in 0..5 { One(4) }",
            "s repeats One 5 times instead of 2",
        ),
        (
            "input x: [4, 8, 8]\n s: repeat i in 0..2 { One(4) }",
            "input x: [4, 8, 8]\n s: repeat i in 0..2 { Two(4) }",
            "s is made of Two instead of One",
        ),
        (
            "input x: [4, 8, 8]\n s: repeat i in 0..2 { One(4) }",
            "input x: [4, 8, 8]\n s: repeat i in 0..3 { Two(4) }",
            "s is made of 3 Two instead of 2 One",
        ),
        (
            "input x: [4, 8, 8]\n s: One(4)",
            "input x: [4, 8, 8]\n s: One(8)",
            "s is One(width=8) instead of One(width=4)",
        ),
        (
            "input x: [4, 8, 8]\n a: relu\n b: tanh\n a + x",
            "input x: [4, 8, 8]\n a: relu\n b: tanh\n b + x",
            "add works on b instead of a",
        ),
        (
            "input x: [4, 8, 8]\n relu\n output y",
            "input x: [4, 8, 8]\n relu\n output z",
            "the outputs are z instead of y",
        ),
    ] {
        assert_eq!(said(before, after), [expected], "{before} -> {after}");
    }
}

#[test]
fn equal_nets_have_no_difference() {
    let net = "input x: [4, 8, 8]\n s: repeat i in 0..2 { One(4) }\n flatten -> dense(2)";
    let difference = between(net, net);
    assert_eq!((difference.changes.len(), difference.shapes.len()), (0, 0));
    assert_eq!((difference.further_params, difference.further_macs), (0, 0));
    assert_eq!(said(net, net), ["N and N are the same net"]);
}

#[test]
fn the_same_change_at_several_places_is_told_once() {
    let net = |stride: usize| {
        format!(
            "input x: [4, 64, 64]\n a: conv(4, 3x3, stride={stride})\n b: conv(4, 3x3, stride={stride})"
        )
    };
    let difference = between(&net(1), &net(2));
    assert_eq!(difference.changes.len(), 1);
    assert_eq!(difference.changes[0].places, ["a", "b"]);
}

/// What is told of changes and of unchanged layers is together what the nets differ by, whichever nets they are.
#[test]
fn costs_add_up() {
    let program = |file: &str| {
        let path = std::path::Path::new("nets").join(file);
        crate::parse(
            &path,
            std::fs::read_to_string(&path).expect("the net is there"),
        )
    };
    let graph = |file: &str, net: &str| crate::expand(&program(file), net).expect("no errors");
    let nets = [
        graph("resnet.net", "ResNet18"),
        graph("resnet.net", "ResNet50"),
        graph("resnet.net", "ResNet152"),
        graph("googlenet.net", "GoogLeNetTrain"),
        graph("vgg.net", "VGG_D"),
        graph("densenet.net", "DenseNet121"),
    ];
    for before in &nets {
        for after in &nets {
            let difference = diff(before, after);
            let params: i64 = difference.changes.iter().map(|change| change.params).sum();
            let macs: i64 = difference.changes.iter().map(|change| change.macs).sum();
            let (a, b) = (&difference.before, &difference.after);
            assert_eq!(
                params + difference.further_params,
                b.params as i64 - a.params as i64
            );
            assert_eq!(
                macs + difference.further_macs,
                b.macs as i64 - a.macs as i64
            );
            assert_eq!(before.name == after.name, difference.changes.is_empty());
        }
    }
}

#[test]
fn bodies_that_have_nothing_in_common_are_not_listed() {
    let graph = |file: &str, net: &str| {
        let text = std::fs::read_to_string(format!("nets/{file}")).expect("the net is there");
        crate::expand(&crate::parse(file, text), net).expect("no errors")
    };
    let difference = diff(
        &graph("googlenet.net", "GoogLeNet"),
        &graph("googlenet_torchvision.net", "GoogLeNetTorchvision"),
    );
    let rewritten = difference.changes.iter().find(|change| {
        change.what
            == What::Rewritten {
                block: "Inception".into(),
            }
    });
    assert_eq!(rewritten.expect("told").places.len(), 9);
}
