//! The likeliest classes of an output.

use crate::graph::{Graph, NodeId, Op};

/// One class of a ranking.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Class {
    /// Its index in the output.
    pub index: usize,
    /// Its name, if names are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its probability.
    pub probability: f32,
}

/// Whether a value is a softmax already, so that its numbers are probabilities.
pub fn is_probability(graph: &Graph, mut node: NodeId) -> bool {
    loop {
        let value = graph.node(node);
        node = match (&value.op, value.inputs.as_slice()) {
            (Op::Softmax, _) => return true,
            (Op::Flatten | Op::Reshape | Op::Identity | Op::Dropout, [input]) => *input,
            _ => return false,
        };
    }
}

/// `exp(x) / sum exp(x)`, in f64, the largest subtracted first so that nothing overflows.
pub fn softmax(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = scores
        .iter()
        .map(|score| f64::from(score - largest).exp())
        .collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / total) as f32).collect()
}

/// The `n` likeliest classes, the likeliest first; of equals the first index. What is not a number comes last.
pub fn top(probabilities: &[f32], labels: &[String], n: usize) -> Vec<Class> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    let key = |index: &usize| {
        let p = probabilities[*index];
        if p.is_nan() { f32::NEG_INFINITY } else { p }
    };
    order.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.cmp(b)));
    let class = |index: usize| Class {
        index,
        label: labels.get(index).cloned(),
        probability: probabilities[index],
    };
    order.into_iter().take(n).map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_comes_first_and_nan_last() {
        let labels = vec!["a".to_owned(), "b".to_owned()];
        let ranking = top(&[0.1, 0.7, f32::NAN, 0.7], &labels, 3);
        let indices: Vec<usize> = ranking.iter().map(|class| class.index).collect();
        assert_eq!(indices, [1, 3, 0]);
        assert_eq!(ranking[0].label.as_deref(), Some("b"));
        assert_eq!(ranking[1].label, None);
    }

    #[test]
    fn softmax_of_large_scores_is_finite() {
        let probabilities = softmax(&[1000.0, 1000.0]);
        assert_eq!(probabilities, [0.5, 0.5]);
    }
}
