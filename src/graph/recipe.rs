//! Evaluation of recipes: a parameter's values from the tensors of the weights file.

use super::{Graph, ParamId, Recipe};

/// Answers the tensor of the weights file with a name and a shape, row-major.
pub type StoredTensors<'a, E> = &'a mut dyn FnMut(&str, &[usize]) -> Result<Vec<f32>, E>;

/// A parameter's values, row-major.
///
/// One parameter at a time, so that binding holds no more than one and what it is made of. What a recipe needs is evaluated anew for every recipe
/// that needs it: only the vectors of a batch-norm are shared, and those are small. Arithmetic is in f64, rounded once.
pub fn evaluate_recipe<E>(
    graph: &Graph,
    param: ParamId,
    stored: StoredTensors<E>,
) -> Result<Vec<f32>, E> {
    let values = match &graph.param(param).recipe {
        // Nothing to compute: the largest tensors of most nets pass through without a copy in f64.
        Recipe::Stored { name, .. } => return stored(name, &graph.param(param).shape),
        Recipe::ScaledRows { tensor, scale } => {
            let mut tensor = evaluate_recipe(graph, *tensor, stored)?;
            let scale = evaluate_recipe_exact(graph, *scale, stored)?;
            scale_rows(&mut tensor, &scale);
            return Ok(tensor);
        }
        _ => evaluate_recipe_exact(graph, param, stored)?,
    };
    Ok(values.into_iter().map(|value| value as f32).collect())
}

/// Multiplies rows of equal length by a factor each.
pub fn scale_rows(rows: &mut [f32], factors: &[f64]) {
    let len = rows.len() / factors.len().max(1);
    for (row, factor) in rows.chunks_mut(len.max(1)).zip(factors) {
        for value in row {
            *value = (f64::from(*value) * factor) as f32;
        }
    }
}

/// As [`evaluate_recipe`], not rounded: for comparisons, and for vectors (a tensor in f64 is twice as large).
pub fn evaluate_recipe_exact<E>(
    graph: &Graph,
    param: ParamId,
    stored: StoredTensors<E>,
) -> Result<Vec<f64>, E> {
    let param_ = graph.param(param);
    let len = param_.elements();
    let mut or = |id: &Option<ParamId>, absent: f64| match id {
        Some(id) => evaluate_recipe_exact(graph, *id, stored),
        None => Ok(vec![absent; len]),
    };
    Ok(match &param_.recipe {
        Recipe::Stored { name, .. } => {
            let values = stored(name, &param_.shape)?;
            values.into_iter().map(f64::from).collect()
        }
        Recipe::NormScale {
            weight,
            variance,
            eps,
        } => {
            let (weight, variance) = (or(weight, 1.0)?, or(&Some(*variance), 0.0)?);
            let pairs = weight.iter().zip(&variance);
            pairs
                .map(|(weight, variance)| weight / (variance + eps).sqrt())
                .collect()
        }
        Recipe::NormShift { bias, mean, scale } => {
            let (bias, mean) = (or(bias, 0.0)?, or(&Some(*mean), 0.0)?);
            let scale = or(&Some(*scale), 0.0)?;
            (0..len).map(|i| bias[i] - mean[i] * scale[i]).collect()
        }
        Recipe::ScaledRows { tensor, scale } => {
            let (tensor, scale) = (or(&Some(*tensor), 0.0)?, or(&Some(*scale), 0.0)?);
            let row = (len / scale.len().max(1)).max(1);
            tensor
                .iter()
                .enumerate()
                .map(|(i, value)| value * scale[i / row])
                .collect()
        }
        Recipe::FoldedBias { bias, scale, shift } => {
            let (bias, shift) = (or(bias, 0.0)?, or(&Some(*shift), 0.0)?);
            let scale = or(&Some(*scale), 0.0)?;
            (0..len).map(|i| bias[i] * scale[i] + shift[i]).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Init, Param};

    #[test]
    fn a_folded_convolution_is_the_convolution_then_the_norm() {
        let mut graph = Graph::default();
        let mut stored = |name: &str, shape: &[usize]| {
            graph.push_param(Param {
                shape: shape.to_vec(),
                recipe: Recipe::Stored {
                    name: name.into(),
                    learned: true,
                    init: Init::Constant(0.0),
                },
            })
        };
        let (tensor, bias) = (stored("w", &[2, 3]), stored("b", &[2]));
        let (mean, variance) = (stored("mean", &[2]), stored("var", &[2]));
        let mut derive = |shape: &[usize], recipe| {
            graph.push_param(Param {
                shape: shape.to_vec(),
                recipe,
            })
        };
        let scale = derive(
            &[2],
            Recipe::NormScale {
                weight: None,
                variance,
                eps: 1.0,
            },
        );
        let shift = derive(
            &[2],
            Recipe::NormShift {
                bias: None,
                mean,
                scale,
            },
        );
        let rows = derive(&[2, 3], Recipe::ScaledRows { tensor, scale });
        let folded = derive(
            &[2],
            Recipe::FoldedBias {
                bias: Some(bias),
                scale,
                shift,
            },
        );
        let mut file = |name: &str, _: &[usize]| -> Result<Vec<f32>, ()> {
            Ok(match name {
                "w" => vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
                "b" => vec![10.0, 20.0],
                "mean" => vec![2.0, 4.0],
                _ => vec![3.0, 15.0],
            })
        };
        let rows = evaluate_recipe(&graph, rows, &mut file);
        assert_eq!(rows, Ok(vec![0.5, 1.0, 1.5, 1.0, 1.25, 1.5]));
        // (10 - 2) / 2, (20 - 4) / 4
        assert_eq!(
            evaluate_recipe(&graph, folded, &mut file),
            Ok(vec![4.0, 4.0])
        );
    }
}
