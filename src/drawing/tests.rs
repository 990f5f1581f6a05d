//! What holds of every drawing, whatever the net.

use proptest::prelude::*;

use super::figure::Panel;
use super::layout::{Placed, layout};
use super::metrics::METRICS;
use super::*;
use crate::graph::{Graph, NodeId};
use crate::outline::{Body, Content, outline};
use crate::source::SourceMap;

/// Every node of a graph is in exactly one unit of an outline, and what an item reads is linked to it.
fn check_outline(graph: &Graph) {
    fn collect(body: &Body, nodes: &mut Vec<NodeId>) {
        for item in &body.items {
            nodes.extend(item.all_nodes());
            if let Content::Block(inner) = &item.content {
                let mut inside = Vec::new();
                collect(inner, &mut inside);
                inside.sort_unstable();
                assert_eq!(inside, item.first().nodes, "{}", item.name());
            }
            for instance in &item.instances {
                assert_eq!(instance.nodes.len(), item.first().nodes.len());
            }
        }
    }
    let mut nodes = Vec::new();
    let outline = outline(graph);
    collect(&outline.body, &mut nodes);
    nodes.sort_unstable();
    assert_eq!(nodes, graph.node_ids().collect::<Vec<_>>());
    let outputs = outline.body.exits.iter();
    assert!(outputs.eq(graph.outputs.iter().map(|output| &output.node)));
}

/// Boxes lie apart and inside their panel, lines go down from border to border, shapes stand beside boxes.
fn check_places(panel: &Panel, placed: &Placed) {
    const SLACK: f64 = 0.01;
    for (index, spot) in placed.spots.iter().enumerate() {
        assert!(
            spot.x >= -SLACK && spot.x + spot.width <= placed.width + SLACK,
            "{spot:?}"
        );
        assert!(
            spot.y >= -SLACK && spot.y + spot.height <= placed.height + SLACK,
            "{spot:?}"
        );
        for other in &placed.spots[index + 1..] {
            let beside =
                spot.x + spot.width <= other.x + SLACK || other.x + other.width <= spot.x + SLACK;
            let apart =
                spot.y + spot.height <= other.y + SLACK || other.y + other.height <= spot.y + SLACK;
            assert!(beside || apart, "{spot:?} and {other:?} overlap");
        }
        if let (Some(inner), Some(place)) = (&panel.figures[index].inner, &spot.inner) {
            assert!(place.width + 2.0 * METRICS.padding <= spot.width + SLACK);
            assert!(place.height + METRICS.head <= spot.height + SLACK);
            check_places(inner, place);
        }
    }
    for (line, points) in panel.lines.iter().zip(&placed.lines) {
        assert!(points.len() >= 2);
        assert!(
            points
                .windows(2)
                .all(|pair| pair[0][1] <= pair[1][1] + SLACK),
            "{points:?}"
        );
        for (anchor, point) in [(line.from, points[0]), (line.to, points[points.len() - 1])] {
            if let Some(spot) = anchor.figure.map(|figure| &placed.spots[figure]) {
                assert!(point[0] >= spot.x && point[0] <= spot.x + spot.width);
                let sides = [spot.y, spot.y + spot.height];
                assert!(sides.iter().any(|side| (side - point[1]).abs() < SLACK));
            }
        }
    }
    for (line, [x, y]) in panel.lines.iter().zip(&placed.labels) {
        let covers = |spot: &layout::Spot| {
            let across = *x < spot.x + spot.width && spot.x < x + line.label_width;
            across && *y > spot.y && *y < spot.y + spot.height
        };
        assert!(
            line.label.is_empty() || !placed.spots.iter().any(covers),
            "{} stands on a box",
            line.label
        );
    }
}

fn check(graph: &Graph, sources: &SourceMap) {
    check_outline(graph);
    let drawing = drawing(graph, &outline(graph), sources);
    check_places(&drawing.panel, &layout(&drawing.panel, &|_| true));
    check_places(&drawing.panel, &layout(&drawing.panel, &|_| false));
}

#[test]
fn all_networks_are_drawn_without_overlaps() {
    let mut n_nets = 0;
    for entry in std::fs::read_dir("nets").expect("the directory is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "net") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a net");
        let mut loader = crate::loader::DiskLoader::new(&path, &[]);
        let program = crate::elaborate::Program::load(&path, text, &mut loader);
        for net in crate::elaborate::nets(&program) {
            if net.complete {
                let graph = crate::expand(&program, &net.name).expect("no errors");
                check(&graph, &program.sources);
                n_nets += 1;
            }
        }
    }
    assert!(n_nets > 25, "{n_nets}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_graph_is_drawn_without_overlaps(seed: u64, n_nodes in 1usize..40) {
        let graph = crate::graph::random::random_graph(seed, n_nodes);
        check(&graph, &SourceMap::new());
    }
}
