use super::*;

fn graph_of(source: &str) -> Graph {
    let program = crate::parse("test.net", source);
    crate::expand(&program, "N").expect("no errors")
}

/// An outline in lines: names, counts, layers.
fn lines(source: &str) -> Vec<String> {
    fn walk(graph: &Graph, body: &Body, depth: usize, lines: &mut Vec<String>) {
        for item in &body.items {
            let layers = item
                .first()
                .nodes
                .iter()
                .map(|id| graph.node(*id).op.name());
            let what = match &item.content {
                Content::Unit => layers.collect::<Vec<_>>().join(" "),
                Content::Block(_) => item.call.as_ref().map_or("group".into(), |c| c.to_string()),
            };
            let indent = "  ".repeat(depth);
            lines.push(format!(
                "{indent}{} x{}: {what}",
                item.name(),
                item.instances.len()
            ));
            if let Content::Block(inner) = &item.content {
                walk(graph, inner, depth + 1, lines);
            }
        }
    }
    let graph = graph_of(source);
    let mut found = Vec::new();
    walk(&graph, &outline(&graph).body, 0, &mut found);
    found
}

const UNIT: &str =
    "block Unit(width: int) {\n residual { a: conv(width, 3x3, pad=1) -> relu }\n relu\n}\n";

#[test]
fn layers_take_along_what_follows_them() {
    let found = lines(
        "net N { input x: [3, 8, 8]\n c: conv(4, 3x3) -> batchnorm -> relu -> flatten\n d: dense(2) -> softmax }",
    );
    assert_eq!(
        found,
        [
            "x x1: input",
            "c x1: conv batchnorm relu flatten",
            "d x1: dense softmax"
        ]
    );
}

#[test]
fn what_is_read_twice_or_is_an_output_ends_a_unit() {
    let found = lines(
        "net N { input x: [3, 8, 8]\n a: conv(3, 1x1)\n b: relu\n a + b\n output first\n relu }",
    );
    assert_eq!(
        found,
        [
            "x x1: input",
            "a x1: conv",
            "b x1: relu",
            "add x1: add",
            "2 x1: relu"
        ]
    );
}

#[test]
fn equal_blocks_in_a_row_are_one_item() {
    let net = format!(
        "{UNIT}net N {{ input x: [4, 8, 8]\n stage: repeat i in 0..3 {{ Unit(4) }}\n Unit(4)\n relu }}"
    );
    assert_eq!(
        lines(&net),
        [
            "x x1: input",
            "stage.0 … stage.2 x3: Unit(width=4)",
            "  stage.0.a x1: conv relu",
            "  stage.0.add x1: add relu",
            "1 x1: Unit(width=4)",
            "  1.a x1: conv relu",
            "  1.add x1: add relu",
            "2 x1: relu",
        ]
    );
}

#[test]
fn blocks_that_differ_or_are_read_from_elsewhere_stay_apart() {
    let counts = |net: String| {
        let graph = graph_of(&net);
        outline(&graph)
            .body
            .items
            .iter()
            .map(|item| item.instances.len())
            .collect::<Vec<_>>()
    };
    let wide = counts(format!(
        "{UNIT}net N {{ input x: [4, 8, 8]\n Unit(4)\n conv(8, 1x1)\n Unit(8)\n Unit(8) }}"
    ));
    assert_eq!(wide, [1, 1, 1, 2]);
    // The middle of three is an output: it cannot be hidden behind the first.
    let output = counts(format!(
        "{UNIT}net N {{ input x: [4, 8, 8]\n Unit(4)\n Unit(4)\n output middle\n Unit(4)\n output last }}"
    ));
    assert_eq!(output, [1, 2, 1]);
    // The last also takes what the first gave.
    let skip = counts(format!(
        "{UNIT}net N {{ input x: [4, 8, 8]\n a: Unit(4)\n b: Unit(4)\n c: Unit(4)\n a + c }}"
    ));
    assert_eq!(skip, [1, 1, 2, 1]);
}

#[test]
fn layers_of_a_densenet_are_equal_though_their_inputs_grow() {
    let net = "block Layer() { concat { in { conv(2, 3x3, pad=1) -> relu -> conv(2, 1x1) } } }\nnet N { input x: [4, 8, 8]\n repeat i in 0..4 { Layer }\n relu }";
    let found = lines(net);
    assert_eq!(found[1], "0 … 3 x4: Layer");
}

#[test]
fn links_name_entries_and_exits() {
    let graph = graph_of(
        "block Two() { a: conv(2, 1x1)\n b: conv(2, 1x1) }\nnet N { input x: [2, 4, 4]\n inner: Two\n output y }",
    );
    let outline = outline(&graph);
    let [input, block] = outline.body.items.as_slice() else {
        panic!("two items");
    };
    assert_eq!(input.name(), "x");
    let Content::Block(body) = &block.content else {
        panic!("a block");
    };
    assert_eq!((body.entries.len(), body.exits.len()), (1, 1));
    let ends: Vec<(End, End)> = body.links.iter().map(|link| (link.from, link.to)).collect();
    assert_eq!(
        ends,
        [
            (End::Port(0), End::Item(0)),
            (End::Item(0), End::Item(1)),
            (End::Item(1), End::Port(0))
        ]
    );
}

#[test]
fn layers_are_said_as_they_are_written() {
    let graph = graph_of(
        "net N { input x: [4, 16, 16]\n conv(8, 3x5, stride=2, pad=[0, 1, 2, 1], bias=false)\n maxpool(2x2)\n lrn(5)\n upsample(2, mode=\"bilinear\") }",
    );
    let calls: Vec<String> = graph.nodes[1..].iter().map(|node| call(&node.op)).collect();
    let glances: Vec<String> = graph.nodes[1..]
        .iter()
        .map(|node| glance(&node.op))
        .collect();
    assert_eq!(
        calls[0],
        "conv(8, 3x5, stride=2, pad=[0, 1, 2, 1], bias=false)"
    );
    assert_eq!(
        glances,
        [
            "conv(8, 3x5, stride=2, pad=[0, 1, 2, 1])",
            "maxpool(2x2)",
            "lrn(5)",
            "upsample(size=8x6, mode=\"bilinear\")"
        ]
    );
}
