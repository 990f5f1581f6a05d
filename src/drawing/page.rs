//! Pages that need nothing but a browser: a template, with its styles, scripts and data written into it.
//!
//! `page/dagre.min.js` is the bundle that the npm package `@dagrejs/dagre` 3.1.3 ships, as it is but for the reference to a source map; its
//! licence lies beside it. `page/update-dagre.sh` fetches it.

use serde::Serialize;

use super::figure::{Drawing, Place, place};
use super::metrics::{METRICS, Metrics};
use super::svg::{STYLE, escaped};
use crate::check::{ReceptiveField, costs, receptive_fields};
use crate::graph::Graph;
use crate::outline;
use crate::source::SourceMap;

/// What a page with a drawing knows.
#[derive(Clone, Debug, Serialize)]
pub struct Data {
    /// Boxes and lines.
    pub drawing: Drawing,
    metrics: Metrics,
    /// The layers of the net, in order of execution.
    pub nodes: Vec<Layer>,
    sources: Vec<Source>,
}

/// A node of the graph, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// Path of labels and numbers.
    pub name: String,
    /// As it would be written, `conv(64, 3x3, pad=1)`.
    pub layer: String,
    /// Shape of the result, per image.
    pub shape: String,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of the result as 32-bit numbers, per image.
    pub bytes: u64,
    /// Receptive field, `7x7`; empty where there is none.
    pub field: String,
    /// Effective stride, `2x2`; empty where there is none.
    pub stride: String,
    /// Where in the source it stands.
    pub place: Option<Place>,
}

#[derive(Clone, Debug, Serialize)]
struct Source {
    file: u32,
    path: String,
    text: String,
}

/// Everything that a page about a graph shows. The graph is as the front end makes it.
pub fn data(graph: &Graph, sources: &SourceMap) -> Data {
    let drawing = super::drawing(graph, &outline::outline(graph), sources);
    let nodes = layers(graph, sources);
    let is_needed = |file: u32| {
        let mut places = nodes.iter().filter_map(|node| node.place.as_ref());
        places.any(|place| place.file == file)
    };
    let sources = sources
        .iter()
        .filter(|(id, _)| is_needed(id.0))
        .map(|(id, file)| Source {
            file: id.0,
            path: file.path.display().to_string(),
            text: file.text.clone(),
        })
        .collect();
    Data {
        drawing,
        metrics: METRICS,
        nodes,
        sources,
    }
}

fn layers(graph: &Graph, sources: &SourceMap) -> Vec<Layer> {
    let fields = receptive_fields(graph);
    let mut layers = Vec::with_capacity(graph.nodes.len());
    for (id, field) in graph.node_ids().zip(fields) {
        let node = graph.node(id);
        let costs = costs(graph, id);
        let stride = field.and_then(|field: ReceptiveField| field.stride);
        layers.push(Layer {
            name: node.name.clone(),
            layer: outline::call(&node.op),
            shape: node.shape.to_string(),
            params: costs.params,
            macs: costs.macs,
            bytes: node.shape.elements().saturating_mul(4),
            field: field.map_or_else(String::new, |field| pair(field.size.map(f64::ceil))),
            stride: stride.map_or_else(String::new, pair),
            place: graph
                .origins
                .get(id.index())
                .map(|origin| place(sources, origin.span)),
        });
    }
    layers
}

/// `7x7`, with two digits after the point at most.
fn pair(sizes: [f64; 2]) -> String {
    let [height, width] = sizes.map(|size| (100.0 * size).round() / 100.0);
    format!("{height}x{width}")
}

/// The page to explore a drawing.
pub fn graph_page(data: &Data) -> Result<String, serde_json::Error> {
    assemble(
        include_str!("page/graph.html"),
        &data.drawing.net,
        &[],
        &[],
        data,
    )
}

/// Puts a page around a body: `{{title}}`, `{{style}}`, `{{script}}` and `{{data}}` may stand in it. Given styles and scripts come after those of drawings.
pub(crate) fn assemble(
    body: &str,
    title: &str,
    styles: &[&str],
    scripts: &[&str],
    data: &impl Serialize,
) -> Result<String, serde_json::Error> {
    let mut style = vec![STYLE, include_str!("page/page.css")];
    style.extend(styles);
    let mut script = vec![
        include_str!("page/dagre.min.js.LEGAL.txt"),
        include_str!("page/dagre.min.js"),
        include_str!("page/graph.js"),
        include_str!("page/explorer.js"),
    ];
    script.extend(scripts);
    // Inside an element of script, `<` could end it.
    let data = serde_json::to_string(data)?.replace('<', "\\u003c");
    let parts = [
        ("title", escaped(title)),
        ("style", style.join("\n")),
        ("script", script.join("\n")),
        ("data", data),
    ];
    let mut page = String::new();
    let whole = include_str!("page/page.html").replace("{{content}}", body);
    let mut rest = whole.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        let value = parts.iter().find(|(known, _)| *known == name);
        page.push_str(value.map_or("", |(_, value)| value.as_str()));
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}
