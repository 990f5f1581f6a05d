//! Diagnostics in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS), which code hosts and editors show beside the source.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::render::{View, line_column};
use super::{Code, Diagnostic, Fix, Label, bounds};
use crate::source::{SourceMap, Span};

/// The diagnostics of any number of runs as one log; each with the texts that it points into.
pub fn render_sarif<'a>(
    found: impl IntoIterator<Item = (&'a [Diagnostic], &'a SourceMap)>,
) -> Value {
    let mut rules: BTreeSet<Code> = BTreeSet::new();
    let mut results = Vec::new();
    for (diagnostics, sources) in found {
        let places = Places {
            view: View::new(sources),
            sources,
        };
        for diagnostic in diagnostics.iter().map(bounds::bounded) {
            rules.insert(diagnostic.code);
            results.push(result(&diagnostic, &places));
        }
    }
    let rules: Vec<Value> = rules.into_iter().map(rule).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "netc",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(code: Code) -> &'static str {
    match code.severity() {
        super::Severity::Error => "error",
        super::Severity::Warning => "warning",
    }
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id,
        "shortDescription": { "text": code.title },
        "defaultConfiguration": { "level": level(code) },
    })
}

/// Where spans lie, as lines and columns.
struct Places<'a> {
    view: View,
    sources: &'a SourceMap,
}

impl Places<'_> {
    fn artifact(&self, span: Span) -> Value {
        json!({ "uri": uri(&self.sources.path(span.file).display().to_string()) })
    }

    fn region(&self, span: Span) -> Value {
        let (line, column) = line_column(&self.view, span.file, span.start as usize);
        let (end_line, end_column) = line_column(&self.view, span.file, span.end as usize);
        json!({
            "startLine": line, "startColumn": column,
            "endLine": end_line, "endColumn": end_column,
        })
    }

    fn location(&self, span: Span) -> Value {
        json!({ "physicalLocation": {
            "artifactLocation": self.artifact(span),
            "region": self.region(span),
        }})
    }

    fn described(&self, label: &Label) -> Value {
        let mut location = self.location(label.span);
        location["message"] = json!({ "text": label.message });
        location
    }

    fn fix(&self, fix: &Fix, description: &str) -> Value {
        json!({
            "description": { "text": description },
            "artifactChanges": [{
                "artifactLocation": self.artifact(fix.span),
                "replacements": [{
                    "deletedRegion": self.region(fix.span),
                    "insertedContent": { "text": fix.replacement },
                }],
            }],
        })
    }
}

fn result(diagnostic: &Diagnostic, places: &Places<'_>) -> Value {
    let mut text = diagnostic.message.clone();
    for line in diagnostic.notes.iter().chain(&diagnostic.help) {
        text += "\n";
        text += line;
    }
    let primary: Vec<Value> = diagnostic
        .primary
        .iter()
        .map(|label| places.location(label.span))
        .collect();
    // The format wants each of them once; a block that applies itself is on the trail often.
    let mut related: Vec<Value> = Vec::new();
    let (inner, _, outer) = bounds::trail(&diagnostic.trail);
    for label in diagnostic.secondary.iter().chain(inner).chain(outer) {
        let described = places.described(label);
        if !related.contains(&described) {
            related.push(described);
        }
    }
    let description = diagnostic.help.as_deref().unwrap_or(&diagnostic.message);
    let fixes: Vec<Value> = diagnostic
        .fix
        .iter()
        .map(|fix| places.fix(fix, description))
        .collect();
    json!({
        "ruleId": diagnostic.code.id,
        "level": level(diagnostic.code),
        "message": { "text": text },
        "locations": primary,
        "relatedLocations": related,
        "fixes": fixes,
    })
}

/// A path as a URI: slashes forward, everything but letters, digits and a few signs in percent.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(byte as char);
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("nets/a b.net"), "nets/a%20b.net");
        assert_eq!(uri("/tmp/é.net"), "file:///tmp/%C3%A9.net");
    }
}
