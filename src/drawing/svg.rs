//! A drawing as one SVG file, in light and dark colours.

use std::fmt::Write;

use super::figure::{Drawing, Family, Figure, Panel};
use super::layout::{Placed, Spot, layout};
use super::metrics::METRICS;

/// The colours and sizes of text that drawings have everywhere.
pub(super) const STYLE: &str = include_str!("page/drawing.css");

/// Around the whole drawing, pixels.
const BORDER: f64 = 16.0;
/// For the name of the net and what it costs, pixels.
const HEADING: f64 = 46.0;

/// Draws with every block open that lies inside fewer than `depth` others.
pub fn svg(drawing: &Drawing, depth: usize) -> String {
    let mut panel = drawing.panel.clone();
    close_below(&mut panel, depth);
    let placed = layout(&panel, &|_| true);
    let least = super::metrics::width(&drawing.facts, super::metrics::Face::Title);
    let width = (placed.width.max(least) + 2.0 * BORDER).ceil();
    let height = (placed.height + HEADING + 2.0 * BORDER).ceil();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"drawing\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"6.5\" markerHeight=\"6.5\" orient=\"auto\"><path class=\"tip\" d=\"M0 0 8 4 0 8z\"/></marker></defs>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"net\" x=\"{BORDER}\" y=\"32\">{0}</text>\n<text class=\"row\" x=\"{BORDER}\" y=\"50\">{1}</text>\n",
        escaped(&drawing.net),
        escaped(&drawing.facts),
    );
    // A narrow drawing stands in the middle under its heading.
    let left = (width - placed.width) / 2.0;
    draw_panel(&mut text, &panel, &placed, [left, BORDER + HEADING]);
    text.push_str("</svg>\n");
    text
}

/// Takes away what lies in blocks that are to stay closed.
fn close_below(panel: &mut Panel, depth: usize) {
    for figure in &mut panel.figures {
        match &mut figure.inner {
            Some(inner) if depth > 0 => close_below(inner, depth - 1),
            inner => *inner = None,
        }
    }
}

fn draw_panel(text: &mut String, panel: &Panel, placed: &Placed, corner: [f64; 2]) {
    for (line, points) in panel.lines.iter().zip(&placed.lines) {
        let mut points = points.clone();
        let tip = match line.to.figure {
            Some(_) => " marker-end=\"url(#arrow)\"",
            None => {
                // On through the padding to the border.
                points.extend(points.last().map(|[x, y]| [*x, y + METRICS.padding]));
                ""
            }
        };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "<path class=\"line\" d=\"{}\"{tip}/>",
            curve(&points, corner)
        );
    }
    for (figure, spot) in panel.figures.iter().zip(&placed.spots) {
        draw_figure(text, figure, spot, corner);
    }
    for (line, [x, y]) in panel.lines.iter().zip(&placed.labels) {
        if !line.label.is_empty() {
            let _ = writeln!(
                text,
                "<text class=\"size\" x=\"{}\" y=\"{}\">{}</text>",
                short(x + corner[0]),
                short(y + corner[1] + 4.0),
                escaped(&line.label)
            );
        }
    }
}

fn draw_figure(text: &mut String, figure: &Figure, spot: &Spot, corner: [f64; 2]) {
    let behind = if figure.count > 1 { METRICS.stack } else { 0.0 };
    let [x, y] = [spot.x + corner[0] + behind, spot.y + corner[1]];
    let (width, height) = (spot.width - 2.0 * behind, spot.height - behind);
    let class = format!("{:?}", figure.family).to_lowercase();
    let _ = writeln!(text, "<g class=\"{class}\">");
    let _ = writeln!(text, "<title>{}</title>", escaped(&figure.name));
    if figure.count > 1 {
        // What of the second box looks out from behind the first.
        let [right, below] = [x + width, y + height];
        let _ = writeln!(
            text,
            "<path class=\"behind\" d=\"M{0} {1}H{2}V{3}H{4}V{5}\"/>",
            short(right),
            short(y + behind),
            short(right + behind),
            short(below + behind),
            short(x + behind),
            short(below),
        );
    }
    let _ = writeln!(
        text,
        "<rect class=\"box\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
        short(x),
        short(y),
        short(width),
        short(height),
        radius(figure)
    );
    let left = short(x + METRICS.margin + 2.0);
    let mut baseline = y + METRICS.margin + 8.0;
    let _ = writeln!(
        text,
        "<text class=\"title\" x=\"{left}\" y=\"{}\">{}</text>",
        short(baseline),
        escaped(&figure.title)
    );
    for row in &figure.rows {
        baseline += METRICS.line;
        let _ = writeln!(
            text,
            "<text class=\"row\" x=\"{left}\" y=\"{}\">{}</text>",
            short(baseline),
            escaped(row)
        );
    }
    text.push_str("</g>\n");
    if let (Some(panel), Some(placed)) = (&figure.inner, &spot.inner) {
        draw_panel(text, panel, placed, [x + METRICS.padding, y + METRICS.head]);
    }
}

/// How round the corners of a box are.
fn radius(figure: &Figure) -> f64 {
    match figure.family {
        Family::Input | Family::Output => figure.height / 2.0,
        Family::Block => 8.0,
        _ => 4.0,
    }
}

/// A path from point to point that leaves and arrives vertically.
fn curve(points: &[[f64; 2]], corner: [f64; 2]) -> String {
    let mut path = String::new();
    let mut before: Option<[f64; 2]> = None;
    for point in points {
        let [x, y] = [point[0] + corner[0], point[1] + corner[1]];
        match before {
            None => {
                let _ = write!(path, "M{} {}", short(x), short(y));
            }
            // What differs by less than a pixel is meant to be straight.
            Some([from, _]) if (from - x).abs() < 1.0 => {
                let _ = write!(path, "L{} {}", short(x), short(y));
            }
            Some([from, above]) => {
                let half = short((above + y) / 2.0);
                let _ = write!(
                    path,
                    "C{} {half} {} {half} {} {}",
                    short(from),
                    short(x),
                    short(x),
                    short(y)
                );
            }
        }
        before = Some([x, y]);
    }
    path
}

/// A length to a tenth of a pixel.
fn short(length: f64) -> String {
    let text = format!("{length:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".into(),
        Some(whole) => whole.into(),
        None => text,
    }
}

/// Text as it may stand in SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
