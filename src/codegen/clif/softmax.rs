//! Softmax over the channels, in three passes: the largest; the exponentials and their sum; the division. One task is a row.

use cranelift::codegen::ir::{Value, types};

use super::emitter::{Emitter, LANES};
use super::halo::zero_halo;
use super::math;
use super::operand::{load_pixels, store_pixels};
use super::strip::{for_columns, has_vectors, plane_origin, plane_start};
use crate::kernels::{SoftmaxSpec, as_row};

/// Sums and maxima that are kept apart, so that none waits for another.
const CHAINS: usize = 4;

/// Vectors at regular distances: `vectors` in each of `count` rounds.
struct Segment {
    count: usize,
    /// Floats from the pixel to the first round, and from round to round: input, output.
    start: [usize; 2],
    stride: [usize; 2],
    /// Offset and number of lanes in use of each vector of a round.
    vectors: Vec<(usize, usize)>,
}

/// How the channels of a pixel lie in vectors.
struct Channels {
    segments: Vec<Segment>,
    /// Whether the lanes of a vector are channels of one pixel; otherwise they are pixels, one channel each.
    lanes_are_channels: bool,
    /// Whether a vector that is not full may be read and written as if it were.
    padded: bool,
}

/// Emits the kernel.
pub fn emit(e: &mut Emitter, spec: &SoftmaxSpec) {
    let (input, output) = (e.operand(0), e.operand(1));
    let (from, to) = (&spec.input, &spec.output);
    e.for_tasks(|e, task| {
        let (image, row) = e.div_rem(task, to.height);
        if !to.halo.is_zero() {
            let next = e.add_const(row, 1);
            e.for_count(to.n_blocks(), |e, block| {
                let plane = plane_start(e, to, output, image, block);
                zero_halo(e, to, plane, row, next);
            });
        }
        let zero = e.int(0);
        let source = plane_origin(e, from, input, image, zero);
        let source = e.advance(source, row, from.row_stride());
        let target = plane_origin(e, to, output, image, zero);
        let target = e.advance(target, row, to.row_stride());
        if as_row(from).is_some() && as_row(to).is_some() {
            emit_pixel(e, &side_by_side(from.channels), source, target);
        } else if has_vectors(to) {
            let channels = in_blocks(spec);
            for_columns(e, to.width, 1, |e, column, _| {
                let source = e.advance(source, column, from.block);
                let target = e.advance(target, column, to.block);
                emit_pixel(e, &channels, source, target);
            });
        } else {
            for_columns(e, to.width, LANES, |e, column, count| {
                let source = e.advance(source, column, 1);
                let target = e.advance(target, column, 1);
                emit_pixel(e, &in_planes(spec, count), source, target);
            });
        }
    });
}

/// All channels without gaps.
fn side_by_side(channels: usize) -> Channels {
    let round = CHAINS * LANES;
    let whole = channels / round * round;
    Channels {
        segments: vec![
            Segment {
                count: channels / round,
                start: [0, 0],
                stride: [round, round],
                vectors: vectors(round),
            },
            Segment {
                count: 1,
                start: [whole, whole],
                stride: [0, 0],
                vectors: vectors(channels - whole),
            },
        ],
        lanes_are_channels: true,
        padded: false,
    }
}

/// Blocks of channels, of one pixel.
fn in_blocks(spec: &SoftmaxSpec) -> Channels {
    let block = spec.output.block;
    let stride = [spec.input.plane_stride(), spec.output.plane_stride()];
    let whole = spec.output.channels / block;
    Channels {
        segments: vec![
            Segment {
                count: whole,
                start: [0, 0],
                stride,
                vectors: vectors(block),
            },
            Segment {
                count: 1,
                start: stride.map(|stride| whole * stride),
                stride,
                vectors: vectors(spec.output.channels % block),
            },
        ],
        lanes_are_channels: true,
        padded: true,
    }
}

/// Planes of one channel, of `count` pixels.
fn in_planes(spec: &SoftmaxSpec, count: usize) -> Channels {
    Channels {
        segments: vec![Segment {
            count: spec.output.channels,
            start: [0, 0],
            stride: [spec.input.plane_stride(), spec.output.plane_stride()],
            vectors: vec![(0, count)],
        }],
        lanes_are_channels: false,
        padded: false,
    }
}

/// Vectors for so many channels side by side.
fn vectors(channels: usize) -> Vec<(usize, usize)> {
    (0..channels)
        .step_by(LANES)
        .map(|offset| (offset, (channels - offset).min(LANES)))
        .collect()
}

/// One pixel (or, in planes, a few side by side).
fn emit_pixel(e: &mut Emitter, channels: &Channels, source: Value, target: Value) {
    let lowest = e.splat(f32::NEG_INFINITY);
    // NaN need not survive here: its exponential makes the sum NaN.
    let largest = channels.fold(
        e,
        lowest,
        |e, a, b| e.max_or_second(a, b),
        |e, place, offset, lanes| {
            let from = place(e, 0, source);
            channels.load(e, from, offset, lanes)
        },
    );
    let zero = e.splat(0.0);
    let sum = channels.fold(
        e,
        zero,
        |e, a, b| e.fadd(a, b),
        |e, place, offset, lanes| {
            let from = place(e, 0, source);
            let value = channels.load(e, from, offset, lanes);
            let value = e.fsub(value, largest);
            let value = math::exp(e, value);
            let to = place(e, 1, target);
            channels.store(e, value, to, offset, lanes);
            value
        },
    );
    for segment in &channels.segments {
        segment.for_each(e, &[], |e, place, offset, lanes, _| {
            let to = place(e, 1, target);
            let value = channels.load(e, to, offset, lanes);
            let value = e.fdiv(value, sum);
            channels.store(e, value, to, offset, lanes);
            None
        });
    }
}

/// The place of a round: of the input (0) or output (1), given the pixel.
type Place<'p> = &'p dyn Fn(&mut Emitter, usize, Value) -> Value;

impl Segment {
    /// For every vector, with a carried value for each of the chains that they share.
    fn for_each(
        &self,
        e: &mut Emitter,
        chains: &[Value],
        mut body: impl FnMut(&mut Emitter, Place, usize, usize, Option<Value>) -> Option<Value>,
    ) -> Vec<Value> {
        if self.vectors.is_empty() || self.count == 0 {
            return chains.to_vec();
        }
        let (start, end) = (e.int(0), e.int(self.count as i64));
        e.for_range_carrying(start, end, 1, chains, |e, index, chains| {
            let mut chains = chains.to_vec();
            let place = |e: &mut Emitter, side: usize, pixel: Value| {
                let pixel = e.offset(pixel, self.start[side] as i64);
                e.advance(pixel, index, self.stride[side])
            };
            for (number, (offset, lanes)) in self.vectors.iter().enumerate() {
                let chain = number % CHAINS;
                let next = body(e, &place, *offset, *lanes, chains.get(chain).copied());
                if let Some(next) = next {
                    chains[chain] = next;
                }
            }
            chains
        })
    }
}

impl Channels {
    /// Joins what `value` answers for every vector, over the lanes too if they are channels; the result is the same in all lanes then.
    fn fold(
        &self,
        e: &mut Emitter,
        neutral: Value,
        join: impl Fn(&mut Emitter, Value, Value) -> Value,
        value: impl Fn(&mut Emitter, Place, usize, usize) -> Value,
    ) -> Value {
        let mut chains = vec![neutral; CHAINS];
        for segment in &self.segments {
            chains = segment.for_each(e, &chains, |e, place, offset, lanes, chain| {
                let value = value(e, place, offset, lanes);
                chain.map(|chain| join(e, chain, value))
            });
        }
        let mut all = neutral;
        for chain in chains {
            all = join(e, all, chain);
        }
        if self.lanes_are_channels {
            for pick in [[2, 3, 0, 1], [1, 0, 3, 2]] {
                let turned = e.shuffle(all, all, pick);
                all = join(e, all, turned);
            }
        }
        all
    }

    /// A vector; lanes that are no channels are minus infinity, whose exponential adds nothing.
    fn load(&self, e: &mut Emitter, place: Value, offset: usize, lanes: usize) -> Value {
        let place = e.offset(place, offset as i64);
        let lanes_read = if self.padded { LANES } else { lanes };
        let value = load_pixels(e, place, 1, lanes_read);
        if lanes == LANES || !self.lanes_are_channels {
            return value;
        }
        let bytes: Vec<u8> = (0..LANES)
            .flat_map(|lane| if lane < lanes { [0xff; 4] } else { [0; 4] })
            .collect();
        let mask = e.constant(types::I32X4, bytes);
        let lowest = e.splat(f32::NEG_INFINITY);
        e.pick(mask, value, lowest)
    }

    fn store(&self, e: &mut Emitter, value: Value, place: Value, offset: usize, lanes: usize) {
        let place = e.offset(place, offset as i64);
        store_pixels(e, value, place, if self.padded { LANES } else { lanes });
    }
}
