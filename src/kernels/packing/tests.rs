use proptest::prelude::*;

use super::*;
use crate::kernels::winograd::SCHEMES;

/// The packed form of `1, 2, 3, ...`.
fn packed(packing: &Packing) -> Vec<usize> {
    let values: Vec<f32> = (1..=packing.len()).map(|value| value as f32).collect();
    let mut out = vec![f32::NAN; packing.packed_len()];
    packing.pack(&values, &mut out);
    out.into_iter().map(|value| value as usize).collect()
}

proptest! {
    #[test]
    fn conv_weights_stand_where_the_loops_read_them(
        (groups, group_inputs, group_outputs) in (1..3usize, 1..9usize, 1..9usize),
        kernel in [1..4usize, 1..4usize],
        unit in prop_oneof![Just(4usize), Just(8)],
    ) {
        let chunk = crate::kernels::schedule::gcd(group_inputs, 8);
        let out_channels = groups * group_outputs;
        let out = packed(&Packing::Conv(ConvPacking {
            out_channels,
            group_inputs,
            group_outputs,
            kernel,
            unit,
            granule: unit,
            chunk,
            transposed: None,
            pairs: false,
        }));
        let mut unpacked = vec![0; out_channels * group_inputs * kernel[0] * kernel[1]];
        for (place, &value) in out.iter().enumerate() {
            let (place, lane) = (place / unit, place % unit);
            let (place, c) = (place / chunk, place % chunk);
            let (place, s) = (place / kernel[1], place % kernel[1]);
            let (place, r) = (place / kernel[0], place % kernel[0]);
            let n_chunks = group_inputs / chunk;
            let (k, c) = (place / n_chunks * unit + lane, place % n_chunks * chunk + c);
            if k < out_channels {
                unpacked[((k * group_inputs + c) * kernel[0] + r) * kernel[1] + s] = value;
            } else {
                prop_assert_eq!(value, 0);
            }
        }
        prop_assert!(unpacked.into_iter().eq(1..=out_channels * group_inputs * kernel[0] * kernel[1]));
    }

    #[test]
    fn dense_weights_follow_the_memory_of_a_map(
        (blocks, pixels, features) in (1..4usize, 1..10usize, 1..70usize),
        block in prop_oneof![Just(1usize), Just(8)],
        unit in prop_oneof![Just(16usize), Just(32), Just(64)],
    ) {
        let channels = blocks * block;
        let n_inputs = channels * pixels;
        let out = packed(&Packing::Dense(DensePacking {
            features, unit, channels, pixels, block, weights: WeightType::F32,
        }));
        let mut unpacked = vec![0; features * n_inputs];
        for (place, &value) in out.iter().enumerate() {
            let (place, lane) = (place / unit, place % unit);
            let (task, place) = (place / n_inputs, place % n_inputs);
            let feature = task * unit + lane;
            let (place, lane) = (place / block, place % block);
            let channel = place / pixels * block + lane;
            if feature < features {
                unpacked[(feature * channels + channel) * pixels + place % pixels] = value;
            } else {
                prop_assert_eq!(value, 0);
            }
        }
        prop_assert!(unpacked.into_iter().eq(1..=features * n_inputs));
    }
}

/// The packed form of each part of a cut, one after the other.
fn packed_by_parts(packing: &Packing, floats: usize) -> Vec<u32> {
    let values: Vec<f32> = (1..=packing.len()).map(|value| value as f32).collect();
    let parts = packing.cut(floats);
    let n_rows = parts.last().map_or(1, |(rows, _)| rows.end);
    let row = values.len() / n_rows;
    let parts = parts.into_iter().flat_map(|(rows, packing)| {
        let mut out = vec![f32::NAN; packing.packed_len()];
        packing.pack(&values[rows.start * row..rows.end * row], &mut out);
        out
    });
    parts.map(f32::to_bits).collect()
}

proptest! {
    #[test]
    fn parts_in_a_row_are_the_whole(
        (out_channels, channels) in (1..100usize, 1..10usize),
        (lanes, vectors, units) in (prop_oneof![Just(4usize), Just(8)], 1..4usize, 1..4usize),
        (narrows, groups, floats) in (any::<bool>(), 1..4usize, 1..5000usize),
    ) {
        let unit = lanes * vectors;
        let granule = if narrows { lanes } else { unit };
        let packings = [
            Packing::Conv(ConvPacking {
                out_channels,
                group_inputs: channels,
                group_outputs: out_channels,
                kernel: [2, 3],
                unit,
                granule,
                chunk: 4,
                transposed: None,
                pairs: false,
            }),
            Packing::Conv(ConvPacking {
                out_channels,
                group_inputs: 16 * channels,
                group_outputs: out_channels,
                kernel: [1, 1],
                unit,
                granule,
                chunk: 16,
                transposed: None,
                pairs: true,
            }),
            Packing::Winograd(WinogradPacking {
                groups,
                out_channels,
                in_channels: channels,
                scheme: SCHEMES[1],
                task: units * unit,
                unit,
                granule,
                direct: narrows.then_some(ConvPacking {
                    out_channels,
                    group_inputs: channels,
                    group_outputs: out_channels,
                    kernel: [3, 3],
                    unit: lanes,
                    granule: lanes,
                    chunk: 4,
                    transposed: None,
                    pairs: false,
                }),
            }),
            Packing::Dense(DensePacking {
                features: out_channels,
                unit,
                channels,
                pixels: 2,
                block: 1,
                weights: if narrows { WeightType::Bf16 } else { WeightType::F32 },
            }),
        ];
        for packing in packings {
            let values: Vec<f32> = (1..=packing.len()).map(|value| value as f32).collect();
            let mut whole = vec![f32::NAN; packing.packed_len()];
            packing.pack(&values, &mut whole);
            let whole: Vec<u32> = whole.into_iter().map(f32::to_bits).collect();
            prop_assert_eq!(packed_by_parts(&packing, floats), whole);
        }
    }
}

#[test]
fn phases_of_a_transposed_convolution_share_out_its_taps() {
    // Kernel 4, stride 2: even taps to one phase, odd ones to the other, last first.
    let phase = |first: usize| {
        Packing::Conv(ConvPacking {
            out_channels: 1,
            group_inputs: 1,
            group_outputs: 1,
            kernel: [1, 2],
            unit: 4,
            granule: 4,
            chunk: 1,
            transposed: Some(TransposedTaps {
                kernel: [1, 4],
                first: [0, first],
                step: [1, 2],
            }),
            pairs: false,
        })
    };
    assert_eq!(packed(&phase(2)), [3, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(packed(&phase(3)), [4, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn halves_are_rounded_to_the_nearest_and_to_even() {
    let packing = Packing::Dense(DensePacking {
        features: 3,
        unit: 8,
        channels: 1,
        pixels: 1,
        block: 1,
        weights: WeightType::Bf16,
    });
    let ulp = f32::powi(2.0, -7);
    let mut out = vec![f32::NAN; packing.packed_len()];
    packing.pack(
        &[1.0 + 0.5 * ulp, 1.0 + 1.5 * ulp, 1.0 + 0.6 * ulp],
        &mut out,
    );
    let bits: Vec<u32> = out.into_iter().map(f32::to_bits).collect();
    assert_eq!(bits, [0x3f82_3f80, 0x3f81, 0, 0]);
}

#[test]
fn vectors_end_in_zeros() {
    assert_eq!(
        packed(&Packing::Vector { len: 3, padded: 8 }),
        [1, 2, 3, 0, 0, 0, 0, 0]
    );
}
