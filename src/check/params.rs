//! The parameters of each operation.

use crate::graph::{Init, Op, Shape};

/// One parameter that an operation has.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Last part of its name.
    pub suffix: &'static str,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Whether it is learned (a parameter) or a running statistic (a buffer).
    pub learned: bool,
    /// How to fill it without a file.
    pub init: Init,
}

/// The parameters of an operation on inputs that its shape rule accepts, in the order that [`Op`] documents.
///
/// Sizes saturate; whoever stores parameters counts their elements against the limit first.
pub fn param_specs(op: &Op, inputs: &[&Shape]) -> Vec<ParamSpec> {
    let Some(input) = inputs.first() else {
        return Vec::new();
    };
    let channels = size(input.channels());
    match op {
        Op::Conv(conv) => {
            let per_group = channels / conv.groups.max(1);
            let [kh, kw] = conv.kernel;
            let weight = vec![conv.out_channels, per_group, kh, kw];
            let fan_in = per_group.saturating_mul(kh).saturating_mul(kw);
            weight_and_bias(weight, fan_in, conv.bias.then_some(conv.out_channels))
        }
        Op::ConvTranspose(conv) => {
            let groups = conv.groups.max(1);
            let [kh, kw] = conv.kernel;
            let weight = vec![channels, conv.out_channels / groups, kh, kw];
            // Every output sums over the channels of its group and, on average, over kernel/stride positions.
            let stride = conv.stride[0].saturating_mul(conv.stride[1]).max(1);
            let taps = (kh.saturating_mul(kw) / stride).max(1);
            let fan_in = (channels / groups).saturating_mul(taps);
            weight_and_bias(weight, fan_in, conv.bias.then_some(conv.out_channels))
        }
        Op::Dense { features, bias } => {
            let n_inputs = size(input.checked_elements().unwrap_or(u64::MAX));
            weight_and_bias(
                vec![*features, n_inputs],
                n_inputs,
                bias.then_some(*features),
            )
        }
        Op::BatchNorm { affine, .. } => {
            let vector = |suffix, learned, value| ParamSpec {
                suffix,
                shape: vec![channels],
                learned,
                init: Init::Constant(value),
            };
            let mut specs = vec![
                vector("running_mean", false, 0.0),
                vector("running_var", false, 1.0),
            ];
            if *affine {
                specs.push(vector("weight", true, 1.0));
                specs.push(vector("bias", true, 0.0));
            }
            specs
        }
        _ => Vec::new(),
    }
}

fn size(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn weight_and_bias(weight: Vec<usize>, fan_in: usize, bias: Option<usize>) -> Vec<ParamSpec> {
    let weight = ParamSpec {
        suffix: "weight",
        shape: weight,
        learned: true,
        init: Init::HeNormal {
            fan_in: fan_in.max(1),
        },
    };
    let bias = bias.map(|features| ParamSpec {
        suffix: "bias",
        shape: vec![features],
        learned: true,
        init: Init::Constant(0.0),
    });
    std::iter::once(weight).chain(bias).collect()
}
