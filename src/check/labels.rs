//! Names of classes, beside the outputs that they are for.

use crate::graph::Graph;

/// Why `n_labels` names cannot be those of the net's classes, if they cannot.
///
/// The classes of an output are its first dimension: the features of `[F]` and of `[F, 1, 1]`, the channels of a map. Labels name the classes of every output that has as many, and at least one
/// must, because labels of another number are those of another net.
pub fn label_fault(graph: &Graph, n_labels: usize) -> Option<String> {
    let classes = graph
        .outputs
        .iter()
        .map(|output| graph.node(output.node).shape.sizes().next().unwrap_or(1));
    let classes: Vec<u64> = classes.collect();
    if classes.contains(&(n_labels as u64)) {
        return None;
    }
    let outputs = graph.outputs.iter().zip(&classes).map(|(output, n)| {
        let plural = if *n == 1 { "" } else { "es" };
        format!("`{}` has {n} class{plural}", output.name)
    });
    let outputs: Vec<String> = outputs.collect();
    let plural = if n_labels == 1 { "" } else { "s" };
    Some(format!(
        "there are {n_labels} label{plural}, but the output {}",
        outputs.join(", ")
    ))
}
