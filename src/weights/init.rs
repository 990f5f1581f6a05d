//! Weights without a file: He-initialised from a seed.
//!
//! Each tensor draws from a stream of its own, which the seed and the tensor's name decide, so a layer that is added or removed changes
//! no other. Batch-norms get the statistics that they would have gathered: without that, a residual net of 1,000 layers doubles
//! its variance at every addition and leaves the range of f32 long before its end.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::graph::{Graph, Init, Node, Op, PoolKind, Recipe};

/// Weights that a seed decides.
#[derive(Clone, Debug)]
pub struct SeededWeights {
    seed: u64,
    /// How each stored parameter is filled, by name.
    inits: HashMap<String, Init>,
}

impl SeededWeights {
    /// The weights of `graph` (as the source has it, before any pass) for a seed.
    pub fn new(graph: &Graph, seed: u64) -> SeededWeights {
        let variances = expected_variances(graph);
        let stored = graph.params.iter().filter_map(|param| match &param.recipe {
            Recipe::Stored { name, init, .. } => Some((name, init)),
            _ => None,
        });
        let inits = stored.map(|(name, init)| {
            let init = variances
                .get(name)
                .map_or(*init, |variance| Init::Constant(*variance));
            (name.clone(), init)
        });
        SeededWeights {
            seed,
            inits: inits.collect(),
        }
    }

    /// The values of the stored parameter with this name; `None` if the net has none.
    pub fn values(&self, name: &str, shape: &[usize]) -> Option<Vec<f32>> {
        let n = shape.iter().product();
        Some(match self.inits.get(name)? {
            Init::Constant(value) => vec![*value; n],
            Init::HeNormal { fan_in } => {
                // He et al. 2015, equation 10: the variance 2 / fan_in keeps the scale of activations through ReLUs.
                let deviation = (2.0 / (*fan_in).max(1) as f64).sqrt() as f32;
                let mut stream = stream(self.seed, name);
                (0..n).map(|_| deviation * normal(&mut stream)).collect()
            }
        })
    }
}

/// The generator of one tensor.
fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(fnv1a(name));
    generator
}

fn normal(generator: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(generator)
}

/// 64-bit FNV-1a: the standard library's hash may change between versions, and with it every seeded network.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Samples of each value's distribution that the simulation carries.
const N_SAMPLES: usize = 256;

/// Windows of a pool are summarised by at most this many samples.
const N_WINDOW: usize = 64;

/// Follows a sample of each value's distribution through the net, every weight drawn as He says and the inputs standard normal.
///
/// Elements of a value are taken as independent draws from one distribution, which is what He's own derivation does.
fn expected_variances(graph: &Graph) -> HashMap<String, f32> {
    let mut variances = HashMap::new();
    if !graph
        .nodes
        .iter()
        .any(|node| matches!(node.op, Op::BatchNorm { .. }))
    {
        return variances;
    }
    let mut uses = graph.use_counts();
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<&[f64]> = node
            .op_inputs()
            .iter()
            .map(|input| samples[input.index()].as_slice())
            .collect();
        let result = match &node.op {
            Op::BatchNorm { eps, .. } => {
                let variance = second_moment(inputs.first().copied().unwrap_or_default());
                // The order of the parameters is running_mean, running_var.
                if let Some(Recipe::Stored { name, .. }) =
                    node.params.get(1).map(|id| &graph.param(*id).recipe)
                {
                    variances.insert(name.clone(), variance.clamp(1e-6, 1e30) as f32);
                }
                let scale = 1.0 / (variance + eps).sqrt();
                each(&inputs, |x| x * scale)
            }
            _ => simulate(graph, node, &inputs),
        };
        samples[index] = result;
        for input in &node.inputs {
            uses[input.index()] -= 1;
            if uses[input.index()] == 0 {
                samples[input.index()] = Vec::new();
            }
        }
    }
    variances
}

fn second_moment(samples: &[f64]) -> f64 {
    samples.iter().map(|x| x * x).sum::<f64>() / samples.len().max(1) as f64
}

fn each(inputs: &[&[f64]], f: impl Fn(f64) -> f64) -> Vec<f64> {
    inputs
        .first()
        .map(|samples| samples.iter().map(|x| f(*x)).collect())
        .unwrap_or_default()
}

/// Standard normal samples of one node, with mean 0 and variance 1 exactly, so that no error adds up over many layers.
fn fresh(name: &str, index: usize, second_moment: f64) -> Vec<f64> {
    let mut generator = stream(index as u64, name);
    let mut samples: Vec<f64> = (0..N_SAMPLES)
        .map(|_| f64::from(normal(&mut generator)))
        .collect();
    let mean = samples.iter().sum::<f64>() / N_SAMPLES as f64;
    samples.iter_mut().for_each(|x| *x -= mean);
    let scale = (second_moment / self::second_moment(&samples)).sqrt();
    samples.iter_mut().for_each(|x| *x *= scale);
    samples
}

/// The samples of one node's result from those of its inputs.
fn simulate(graph: &Graph, node: &Node, inputs: &[&[f64]]) -> Vec<f64> {
    let first = inputs.first().copied().unwrap_or_default();
    let window = |n: usize, average: bool| -> Vec<f64> {
        // Elements of a window are other samples, at strides that share no factor with their number.
        let n = n.clamp(1, N_WINDOW);
        let element = |i: usize, j: usize| first.get((i + j * 37) % first.len().max(1));
        (0..first.len())
            .map(|i| {
                let elements = (0..n).filter_map(|j| element(i, j)).copied();
                match average {
                    true => elements.sum::<f64>() / n as f64,
                    false => elements.fold(f64::NEG_INFINITY, f64::max),
                }
            })
            .collect()
    };
    match &node.op {
        Op::Input(index) => fresh("input", *index, 1.0),
        Op::Param => vec![0.0; N_SAMPLES],
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense { .. } => {
            fresh(&node.name, 0, 2.0 * second_moment(first))
        }
        Op::Pool(pool) => window(
            pool.kernel[0].saturating_mul(pool.kernel[1]),
            pool.kind != PoolKind::Max,
        ),
        Op::GlobalPool(kind) => window(N_WINDOW, *kind != PoolKind::Max),
        Op::AdaptiveAveragePool { .. } => window(4, true),
        Op::BatchNorm { .. } => first.to_vec(),
        Op::Lrn { alpha, beta, k, .. } => {
            let scale = (k + alpha * second_moment(first)).powf(-beta);
            each(inputs, |x| x * scale)
        }
        Op::Map(function) => (0..N_SAMPLES)
            .map(|i| {
                let args: Vec<f64> = inputs
                    .iter()
                    .map(|samples| samples.get(i).copied().unwrap_or(0.0))
                    .collect();
                let value = function.eval(&args);
                if value.is_finite() { value } else { 0.0 }
            })
            .collect(),
        Op::Softmax => vec![1.0 / node.shape.channels().max(1) as f64; N_SAMPLES],
        Op::Concat { .. } => {
            let sizes = node
                .op_inputs()
                .iter()
                .map(|id| graph.node(*id).shape.elements());
            mix(inputs, &sizes.collect::<Vec<_>>())
        }
        Op::Pad { value, .. } => {
            let before = node
                .op_inputs()
                .first()
                .map_or(0, |id| graph.node(*id).shape.elements());
            let filled = vec![f64::from(*value); N_SAMPLES];
            mix(
                &[first, &filled],
                &[before, node.shape.elements().saturating_sub(before)],
            )
        }
        Op::Dropout
        | Op::Identity
        | Op::Flatten
        | Op::Reshape
        | Op::Slice { .. }
        | Op::Resize(_) => first.to_vec(),
    }
}

/// Each sample from one of the inputs, in proportion to their sizes.
fn mix(inputs: &[&[f64]], sizes: &[u64]) -> Vec<f64> {
    let total: f64 = sizes.iter().map(|size| *size as f64).sum();
    (0..N_SAMPLES)
        .map(|i| {
            // The fractions of multiples of the golden ratio are spread evenly.
            let mut place = (i as f64 * 0.618_033_988_749_895).fract() * total;
            let mut chosen = inputs.first();
            for (input, size) in inputs.iter().zip(sizes) {
                chosen = Some(input);
                if place < *size as f64 {
                    break;
                }
                place -= *size as f64;
            }
            chosen
                .and_then(|samples| samples.get(i))
                .copied()
                .unwrap_or(0.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Param;

    fn graph(params: &[(&str, Init)]) -> Graph {
        let param = |(name, init): &(&str, Init)| Param {
            shape: Vec::new(),
            recipe: Recipe::Stored {
                name: (*name).into(),
                learned: true,
                init: *init,
            },
        };
        Graph {
            params: params.iter().map(param).collect(),
            ..Graph::default()
        }
    }

    #[test]
    fn weights_depend_on_seed_and_name_only() {
        let he = Init::HeNormal { fan_in: 288 };
        let graph = graph(&[("a", he), ("b", he), ("one", Init::Constant(1.0))]);
        let values = |seed, name: &str| {
            SeededWeights::new(&graph, seed)
                .values(name, &[64, 32, 3, 3])
                .unwrap()
        };
        let a = values(1, "a");
        assert_eq!(a, values(1, "a"));
        assert_ne!(a, values(2, "a"));
        assert_ne!(a, values(1, "b"));
        let variance = a.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / a.len() as f64;
        assert!((variance * 288.0 / 2.0 - 1.0).abs() < 0.05, "{variance}");
        assert!(values(1, "one").iter().all(|value| *value == 1.0));
    }

    #[test]
    fn the_values_of_a_seed_do_not_change_between_versions() {
        let weights =
            SeededWeights::new(&graph(&[("conv1.weight", Init::HeNormal { fan_in: 2 })]), 7);
        let values = weights.values("conv1.weight", &[3]).unwrap();
        assert_eq!(values, [-0.4408824, -0.65440506, 1.6975467]);
    }
}
