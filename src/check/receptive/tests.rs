use super::*;
use crate::graph::reference::evaluate;

fn graph_of(body: &str) -> Graph {
    let program = crate::parse("test.net", format!("net N {{\n{body}\n}}"));
    crate::expand(&program, "N").expect("no errors")
}

/// The field of the net's last value.
fn last(body: &str) -> ReceptiveField {
    let fields = receptive_fields(&graph_of(body));
    fields.last().copied().flatten().expect("a field")
}

/// Rows and columns of the input that the middle of the result depends on, by trying every pixel, all weights being 1.
fn tried(graph: &Graph) -> [usize; 2] {
    let input = &graph.nodes[0].shape;
    let result = &graph.nodes.last().expect("a node").shape;
    let (height, width) = (input.height() as usize, input.width() as usize);
    let middle = (result.height() / 2 * result.width() + result.width() / 2) as usize;
    let ones = |id| vec![1.0; graph.param(id).elements()];
    let at = |pixel: usize| {
        let mut image = vec![0.0; height * width];
        image[pixel] = 1.0;
        evaluate(graph, &ones, &[image])[0][middle]
    };
    let seen: Vec<usize> = (0..height * width)
        .filter(|pixel| at(*pixel) != 0.0)
        .collect();
    let extent = |of: fn(usize, usize) -> usize| {
        let places = || seen.iter().map(|pixel| of(*pixel, width));
        places().max().expect("a pixel") - places().min().expect("a pixel") + 1
    };
    [
        extent(|pixel, width| pixel / width),
        extent(|pixel, width| pixel % width),
    ]
}

#[test]
fn fields_are_what_trying_every_pixel_finds() {
    for body in [
        "input x: [1, 15, 15]\n conv(1, 3x3, bias=false)",
        "input x: [1, 15, 17]\n conv(1, 3x5, stride=2, pad=[1, 2, 1, 2], bias=false) -> conv(1, 3x3, bias=false)",
        "input x: [1, 31, 31]\n conv(1, 3x3, dilation=2, bias=false) -> avgpool(2x2) -> conv(1, 3x3, stride=2, bias=false)",
        "input x: [1, 31, 31]\n residual { conv(1, 5x5, pad=2, bias=false) } -> conv(1, 3x3, pad=1, bias=false)",
        "input x: [1, 21, 21]\n maxpool(3x3, stride=2) -> concat { conv(1, 1x1, bias=false) conv(1, 3x3, pad=1, bias=false) } -> conv(1, 1x1, bias=false)",
        "input x: [1, 12, 12]\n adaptiveavgpool(5x5)",
        "input x: [1, 9, 9]\n globalavgpool",
    ] {
        let graph = graph_of(body);
        let field = last(body);
        assert_eq!(field.size, tried(&graph).map(|size| size as f64), "{body}");
    }
}

#[test]
fn enlarged_maps_are_right_to_a_pixel_of_the_map_before() {
    for (body, before) in [
        (
            "input x: [1, 24, 24]\n conv(1, 3x3, stride=2, bias=false) -> upsample(2) -> conv(1, 3x3, bias=false)",
            2.0,
        ),
        (
            "input x: [1, 24, 24]\n avgpool(4x4) -> upsample(2, mode=\"bilinear\")",
            4.0,
        ),
        (
            "input x: [1, 24, 24]\n avgpool(2x2) -> conv_transpose(1, 4x4, stride=2, pad=1, bias=false)",
            2.0,
        ),
    ] {
        let graph = graph_of(body);
        let field = last(body);
        for (size, tried) in field.size.into_iter().zip(tried(&graph)) {
            assert!(
                (size - tried as f64).abs() <= before,
                "{body}: {size}, tried {tried}"
            );
        }
    }
}

#[test]
fn strides_multiply_and_are_divided_by_what_enlarges() {
    let stride = |body: &str| last(body).stride;
    let down = "input x: [1, 32, 32]\n conv(4, 3x3, stride=2, pad=1) -> maxpool(2x2)";
    assert_eq!(stride(down), Some([4.0, 4.0]));
    assert_eq!(stride(&format!("{down} -> upsample(8)")), Some([0.5, 0.5]));
    let gated = format!("{down}\n gate: globalavgpool -> sigmoid\n");
    assert_eq!(stride(&gated), Some([32.0, 32.0]));
    assert_eq!(
        stride(&format!(
            "{down}\n a: relu\n globalavgpool -> sigmoid -> multiply(a)"
        )),
        Some([4.0, 4.0])
    );
    assert_eq!(stride(&format!("{down} -> flatten -> dense(3)")), None);
}

#[test]
fn resnet_50_sees_as_far_as_published() {
    let text = std::fs::read_to_string("nets/resnet.net").expect("the net is there");
    let last = |text: String| {
        let program = crate::parse("resnet.net", text);
        let graph = crate::expand(&program, "ResNet50").expect("no errors");
        let is_last = |node: &Node| node.name == "layer4.2.conv3";
        let last = graph.nodes.iter().position(is_last).expect("the layer");
        receptive_fields(&graph)[last].expect("a field")
    };
    // The published 483 pixels (Araujo et al., table 1) are those of the paper's net, whose strides are in the first 1x1.
    let paper = text
        .replace("conv(width, 3x3, stride=stride,", "conv(width, 3x3,")
        .replace(
            "conv1: conv(width, 1x1,",
            "conv1: conv(width, 1x1, stride=stride,",
        );
    let (ours, paper) = (last(text), last(paper));
    assert_eq!((ours.size, ours.stride), ([427.0; 2], Some([32.0; 2])));
    assert_eq!((paper.size, paper.stride), ([483.0; 2], Some([32.0; 2])));
}

#[test]
fn vectors_have_none() {
    let graph = graph_of("input x: [8]\n dense(2)");
    assert_eq!(receptive_fields(&graph), [None, None]);
}
