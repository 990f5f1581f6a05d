//! Random nodes, one function a family.

use super::{GraphBuilder, Rng, relu, tanh};
use crate::graph::{
    Conv, ConvTranspose, Margins, NodeId, Op, Pool, PoolKind, Resize, ResizeMode, ScalarFn,
};

/// Adds a node of any kind (or none, where the kind does not fit).
pub(super) fn add_random_node(b: &mut GraphBuilder, rng: &mut Rng) {
    let n = b.graph.nodes.len();
    // Recent values are likelier, so that chains form.
    let back = if rng.below(3) == 0 { n } else { n.min(3) };
    let x = NodeId((n - 1 - rng.below(back)) as u32);
    let s = b.sizes(x);
    let elements: u64 = s.iter().product();
    if s.len() == 1 {
        match rng.below(7) {
            0 | 1 => {
                let features = rng.pick(&[3, 8, 10, 16]);
                let bias = rng.below(2) == 0;
                b.dense(x, features, bias);
            }
            2 => {
                b.norm(x, true);
            }
            3 => {
                b.push(Op::Softmax, &[x], &[], &s);
            }
            4 if elements.is_multiple_of(4) => {
                b.push(Op::Reshape, &[x], &[], &[elements / 4, 2, 2]);
            }
            5 => slice_or_concat(b, rng, x),
            _ => maps(b, rng, x),
        }
        return;
    }
    match rng.below(20) {
        0..=4 => random_conv(b, rng, x),
        5 => random_transposed(b, rng, x),
        6 => random_pool(b, rng, x),
        7 => {
            let kind = rng.pick(&[PoolKind::Max, AVERAGE]);
            b.push(Op::GlobalPool(kind), &[x], &[], &[s[0], 1, 1]);
        }
        8 => {
            let output = [1 + rng.below(3), 1 + rng.below(3)];
            let shape = [s[0], output[0] as u64, output[1] as u64];
            b.push(Op::AdaptiveAveragePool { output }, &[x], &[], &shape);
        }
        9 | 10 => {
            let affine = rng.below(2) == 0;
            b.norm(x, affine);
        }
        11 => {
            let op = Op::Lrn {
                size: 1 + rng.below(5),
                alpha: 0.5,
                beta: 0.75,
                k: 1.0,
            };
            b.push(op, &[x], &[], &s);
        }
        12 => {
            let op = [Op::Softmax, Op::Dropout, Op::Identity][rng.below(3)].clone();
            b.push(op, &[x], &[], &s);
        }
        13 if elements <= 600 => {
            let flat = b.flatten(x);
            if rng.below(2) == 0 {
                b.dense(flat, 7, true);
            }
        }
        14 => {
            let shape = if rng.below(2) == 0 {
                [s[1], s[2], s[0]]
            } else {
                [elements, 1, 1]
            };
            b.push(Op::Reshape, &[x], &[], &shape);
        }
        15 | 16 => slice_or_concat(b, rng, x),
        17 => {
            let mut margin = || rng.below(3);
            let spatial = Margins {
                top: margin(),
                left: margin(),
                bottom: margin(),
                right: margin(),
            };
            let channels = [margin(), margin()];
            let shape = [
                s[0] + (channels[0] + channels[1]) as u64,
                s[1] + (spatial.top + spatial.bottom) as u64,
                s[2] + (spatial.left + spatial.right) as u64,
            ];
            let value = rng.pick(&[0.0, 0.5]);
            let op = Op::Pad {
                spatial,
                channels,
                value,
            };
            b.push(op, &[x], &[], &shape);
        }
        18 => {
            let size = [1 + rng.below(7), 1 + rng.below(7)];
            let mode = rng.pick(&[
                ResizeMode::Nearest,
                ResizeMode::Bilinear {
                    align_corners: true,
                },
                ResizeMode::Bilinear {
                    align_corners: false,
                },
            ]);
            let shape = [s[0], size[0] as u64, size[1] as u64];
            b.push(Op::Resize(Resize { mode, size }), &[x], &[], &shape);
        }
        _ => maps(b, rng, x),
    }
}

const AVERAGE: PoolKind = PoolKind::Average {
    count_include_pad: false,
};

fn random_conv(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let channels = s[0] as usize;
    let kernel = [1 + rng.below(3), 1 + rng.below(3)];
    let dilation = [1 + rng.below(2), 1 + rng.below(2)];
    let reach = |axis: usize| dilation[axis] * (kernel[axis] - 1);
    let pad = Margins {
        top: reach(0).div_ceil(2),
        left: reach(1).div_ceil(2),
        bottom: reach(0).div_ceil(2) + rng.below(2),
        right: reach(1).div_ceil(2),
    };
    let (groups, out_channels) = match rng.below(4) {
        0 => (channels, channels),
        1 if channels.is_multiple_of(2) => (2, rng.pick(&[4, 8, 16])),
        _ => (1, rng.pick(&[1, 3, 8, 12, 16, 20])),
    };
    b.conv(
        x,
        Conv {
            out_channels,
            kernel,
            stride: [1 + rng.below(2), 1 + rng.below(2)],
            pad,
            dilation,
            groups,
            bias: rng.below(2) == 0,
        },
    );
}

fn random_transposed(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    if s[1] * s[2] > 64 {
        return;
    }
    let kernel = [1 + rng.below(4), 1 + rng.below(3)];
    let stride = [1 + rng.below(3), 1 + rng.below(2)];
    let dilation = [1 + rng.below(2), 1];
    let output_pad = [rng.below(stride[0]), rng.below(stride[1])];
    let pad = Margins::symmetric([rng.below(kernel[0]).min(1), rng.below(kernel[1]).min(1)]);
    let out = |axis: usize, pads: usize| {
        let grown = (s[axis + 1] as usize - 1) * stride[axis]
            + dilation[axis] * (kernel[axis] - 1)
            + output_pad[axis]
            + 1;
        grown.saturating_sub(pads)
    };
    let size = [out(0, pad.top + pad.bottom), out(1, pad.left + pad.right)];
    if size.contains(&0) {
        return;
    }
    let groups = if s[0].is_multiple_of(2) {
        1 + rng.below(2)
    } else {
        1
    };
    let out_channels = rng.pick(&[2, 8, 12]);
    let op = ConvTranspose {
        out_channels,
        kernel,
        stride,
        pad,
        output_pad,
        dilation,
        groups,
        bias: true,
    };
    let weight = vec![s[0] as usize, out_channels / groups, kernel[0], kernel[1]];
    let shape = [out_channels as u64, size[0] as u64, size[1] as u64];
    b.push(
        Op::ConvTranspose(op),
        &[x],
        &[weight, vec![out_channels]],
        &shape,
    );
}

fn random_pool(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let include = PoolKind::Average {
        count_include_pad: true,
    };
    let pool = Pool {
        kind: rng.pick(&[PoolKind::Max, AVERAGE, include]),
        kernel: [2, 2],
        stride: [1 + rng.below(2), 1 + rng.below(2)],
        pad: Margins::symmetric([rng.below(2), rng.below(2)]),
        dilation: [1, 1],
        ceil: false,
    };
    let out = |axis: usize, pad: usize| {
        (s[axis + 1] as usize + 2 * pad)
            .checked_sub(2)
            .map(|room| (room / pool.stride[axis] + 1) as u64)
    };
    if let (Some(height), Some(width)) = (out(0, pool.pad.top), out(1, pool.pad.left)) {
        b.push(Op::Pool(pool), &[x], &[], &[s[0], height, width]);
    }
}

fn slice_or_concat(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let axis = if rng.below(2) == 0 {
        0
    } else {
        rng.below(s.len())
    };
    if rng.below(2) == 0 {
        let size = s[axis] as usize;
        let start = rng.below(size) / if rng.below(2) == 0 { 1 } else { size };
        b.slice(axis, start, start + 1 + rng.below(size - start), x);
        return;
    }
    let fits = |other: &Vec<u64>| {
        other.len() == s.len()
            && (0..s.len())
                .all(|other_axis| other_axis == axis || other[other_axis] == s[other_axis])
    };
    let others: Vec<NodeId> = b
        .graph
        .node_ids()
        .filter(|id| fits(&b.sizes(*id)))
        .collect();
    let inputs: Vec<NodeId> = (0..1 + rng.below(3)).map(|_| rng.pick(&others)).collect();
    if inputs.iter().map(|id| b.sizes(*id)[axis]).sum::<u64>() <= 64 {
        b.concat(axis, &inputs);
    }
}

fn maps(b: &mut GraphBuilder, rng: &mut Rng, x: NodeId) {
    let s = b.sizes(x);
    let fits = |other: &Vec<u64>| {
        other.len() == s.len()
            && s.iter()
                .zip(other)
                .all(|(a, b)| a == b || *a == 1 || *b == 1)
    };
    let others: Vec<NodeId> = b
        .graph
        .node_ids()
        .filter(|id| fits(&b.sizes(*id)))
        .collect();
    let other = rng.pick(&others);
    match rng.below(6) {
        0 => b.map(relu(), &[x]),
        1 => b.map(tanh(), &[x]),
        2 => b.map(ScalarFn::multiply(), &[x, other]),
        3 => b.map(ScalarFn::subtract(), &[other, x]),
        _ => b.map(ScalarFn::add(), &[x, other]),
    };
}
