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
        for from in boxes(panel, line.from, End::From) {
            for to in boxes(panel, line.to, End::To) {
                edge(text, &from, &to, line);
            }
        }
    }
}

fn edge(text: &mut String, from: &str, to: &str, line: &Line) {
    let _ = writeln!(text, "  {from} -> {to} [label={}];", quoted(&line.shape));
}

/// Which end of a line.
#[derive(Clone, Copy)]
enum End {
    From,
    To,
}

/// The closed boxes behind an end of a line: whose value leaves there, or that read what arrives there.
fn boxes(panel: &Panel, anchor: Anchor, end: End) -> Vec<String> {
    let Some(figure) = figure_at(panel, anchor) else {
        return Vec::new();
    };
    let Some(inner) = &figure.inner else {
        return vec![format!("n{}", figure.id)];
    };
    // A line from a frame goes on inside, where it leads to the frame.
    let ends = |line: &Line| match end {
        End::From => (line.to, line.from),
        End::To => (line.from, line.to),
    };
    let lines = inner.lines.iter().map(ends);
    lines
        .filter(|(frame, _)| frame.figure.is_none() && frame.port == anchor.port)
        .flat_map(|(_, inside)| boxes(inner, inside, end))
        .collect()
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
