//! A drawing in the language of Graphviz: blocks are clusters.

use std::fmt::Write;

use super::figure::{Anchor, Drawing, Family, Figure, Line, Panel};

/// Writes the drawing, with every block open.
pub fn dot(drawing: &Drawing) -> String {
    let mut text = format!(
        "digraph {} {{\n  label={};\n  labelloc=t;\n  compound=true;\n  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n  edge [fontname=\"Helvetica\", fontsize=9];\n",
        quoted(&drawing.net),
        quoted(&format!("{}\n{}", drawing.net, drawing.facts)),
    );
    nodes(&mut text, &drawing.panel, 1);
    edges(&mut text, &drawing.panel);
    text.push_str("}\n");
    text
}

fn nodes(text: &mut String, panel: &Panel, depth: usize) {
    let indent = "  ".repeat(depth);
    for figure in &panel.figures {
        let mut label = vec![figure.title.clone()];
        label.extend(figure.rows.iter().cloned());
        let label = quoted(&label.join("\n"));
        // Writing to a string cannot fail, here and below.
        let _ = match &figure.inner {
            Some(inner) => {
                let stacked = if figure.count > 1 {
                    ", peripheries=2"
                } else {
                    ""
                };
                let _ = writeln!(
                    text,
                    "{indent}subgraph cluster_{} {{\n{indent}  graph [label={label}, fontname=\"Helvetica\", fontsize=11, style=rounded, color=gray50{stacked}];",
                    figure.id
                );
                nodes(text, inner, depth + 1);
                writeln!(text, "{indent}}}")
            }
            None => writeln!(
                text,
                "{indent}n{} [label={label}, fillcolor=\"{}\"];",
                figure.id,
                colour(figure.family)
            ),
        };
    }
}

/// Writes the lines of a panel. Graphviz has no ports of clusters: a line leads from the box inside that gives the value to the boxes
/// inside that read it.
fn edges(text: &mut String, panel: &Panel) {
    for figure in &panel.figures {
        if let Some(inner) = &figure.inner {
            edges(text, inner);
        }
    }
    for line in &panel.lines {
        for from in sources(panel, line.from) {
            for to in targets(panel, line.to) {
                edge(text, &from, &to, line);
            }
        }
    }
}

fn edge(text: &mut String, from: &str, to: &str, line: &Line) {
    let _ = writeln!(text, "  {from} -> {to} [label={}];", quoted(&line.shape));
}

/// The closed box whose value leaves at an anchor.
fn sources(panel: &Panel, anchor: Anchor) -> Vec<String> {
    let Some(figure) = figure_at(panel, anchor) else {
        return Vec::new();
    };
    match &figure.inner {
        None => vec![format!("n{}", figure.id)],
        Some(inner) => inner
            .lines
            .iter()
            .filter(|line| line.to.figure.is_none() && line.to.port == anchor.port)
            .flat_map(|line| sources(inner, line.from))
            .collect(),
    }
}

/// The closed boxes that read what arrives at an anchor.
fn targets(panel: &Panel, anchor: Anchor) -> Vec<String> {
    let Some(figure) = figure_at(panel, anchor) else {
        return Vec::new();
    };
    match &figure.inner {
        None => vec![format!("n{}", figure.id)],
        Some(inner) => inner
            .lines
            .iter()
            .filter(|line| line.from.figure.is_none() && line.from.port == anchor.port)
            .flat_map(|line| targets(inner, line.to))
            .collect(),
    }
}

fn figure_at(panel: &Panel, anchor: Anchor) -> Option<&Figure> {
    panel.figures.get(anchor.figure?)
}

fn colour(family: Family) -> &'static str {
    match family {
        Family::Conv => "#ddeeff",
        Family::Dense => "#fde3e1",
        Family::Pool => "#dff5e3",
        Family::Norm => "#ece4fb",
        Family::Activation => "#ffefd6",
        Family::Join => "#fff8c5",
        Family::Shape | Family::Block => "#f0f2f4",
        Family::Input | Family::Output => "#ffffff",
    }
}

/// A text in quotation marks.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n"))
}
