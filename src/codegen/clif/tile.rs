//! The register tile of a convolution, in 128-bit vectors: sums of some pixels by one or two vectors of output channels, kept in registers from bias to
//! epilogue. The loop nest around it is in [`super::conv`]; a wider family of tiles joins there.

use cranelift::codegen::ir::{InstBuilder, Value, types};

use super::emitter::{Emitter, LANES};
use crate::kernels::{Chain, ConvSpec, Sharing};

/// Steps (one input channel of one tap) that are written out before there is a loop: a row of three taps by a block of channels. At the end of each
/// round all sums move to the registers that the loop began with; with 8 steps a round a 3x3 convolution of 64 channels on 56x56 reached 80% of the peak,
/// with 24 87%. A full tile is then some 650 instructions, which compile in one to two milliseconds.
const UNROLLED_STEPS: usize = 24;

/// A rectangle of neighbouring results.
pub struct Tile<'s> {
    /// The convolution.
    pub spec: &'s ConvSpec,
    /// Rows and columns.
    pub size: [usize; 2],
}

/// Where a tile finds its inputs.
pub struct Source {
    /// The first pixel that the first tap of the tile's first result reads, in channel 0.
    pub pixel: Value,
    /// First channel of each lane: one for all lanes, or one a lane if the lanes [gather](Sharing::Gather). Empty: channel 0.
    pub channels: Vec<Value>,
}

/// What the loops carry.
struct Sums {
    /// Next weights are `offset` floats further.
    weight: Value,
    offset: usize,
    /// By chain, pixel, vector. A chain is a set of sums that takes every so many-th step, where the tile alone has too few sums.
    accumulators: Vec<Value>,
    n_chains: usize,
    /// The chain of the next step.
    turn: usize,
    /// Memory for what precise sums [end chains](Chain) with.
    totals: Option<Value>,
}

impl Sums {
    /// The chains that took turns as one.
    fn together(&self, e: &mut Emitter) -> Vec<Value> {
        let n_sums = self.accumulators.len() / self.n_chains;
        let mut sums = self.accumulators[..n_sums].to_vec();
        for chain in self.accumulators[n_sums..].chunks(n_sums) {
            for (sum, &part) in sums.iter_mut().zip(chain) {
                *sum = e.fadd(*sum, part);
            }
        }
        sums
    }

    /// The sums become the totals, and begin anew.
    fn begin_totals(mut self, e: &mut Emitter) -> Sums {
        let floats = self.accumulators.len() / self.n_chains * LANES;
        let totals = e.stack_floats(floats);
        for (index, &sum) in self.together(e).iter().enumerate() {
            e.store(sum, totals, (index * LANES) as i64);
        }
        self.totals = Some(totals);
        self.begin_anew(e)
    }

    /// A chain is done: it joins the totals if there are any, and the sums begin anew.
    fn end_chain(self, e: &mut Emitter) -> Sums {
        let Some(totals) = self.totals else {
            return self;
        };
        for (index, &sum) in self.together(e).iter().enumerate() {
            let place = (index * LANES) as i64;
            let total = e.load4(totals, place);
            let total = e.fadd(total, sum);
            e.store(total, totals, place);
        }
        self.begin_anew(e)
    }

    fn begin_anew(mut self, e: &mut Emitter) -> Sums {
        let zero = e.splat(0.0);
        self.accumulators.fill(zero);
        self
    }

    /// What the tile is after, once all is summed.
    fn results(&self, e: &mut Emitter) -> Vec<Value> {
        let Some(totals) = self.totals else {
            return self.together(e);
        };
        let n_sums = self.accumulators.len() / self.n_chains;
        (0..n_sums)
            .map(|index| e.load4(totals, (index * LANES) as i64))
            .collect()
    }
}

/// A loop over taps.
struct Level {
    count: usize,
    /// From one to the next, floats of input.
    step: usize,
    unrolled: bool,
    /// Whether a chain of sums ends with each.
    ends_chain: bool,
}

impl Level {
    /// What follows each round.
    fn end(&self, e: &mut Emitter, sums: Sums) -> Sums {
        match self.ends_chain {
            true => sums.end_chain(e),
            false => sums,
        }
    }
}

impl Tile<'_> {
    fn n_pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Places of the tile's pixels in the input, from the first.
    fn pixels(&self) -> Vec<usize> {
        let ConvSpec { input, stride, .. } = self.spec;
        let [rows, columns] = self.size;
        let (down, right) = (
            stride[0] * input.row_stride(),
            stride[1] * input.pixel_stride(),
        );
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| row * down + column * right))
            .collect()
    }

    /// The taps' loops, outermost first: written out from the inside while there are few steps.
    fn levels(&self) -> [Level; 2] {
        let ConvSpec {
            input,
            kernel,
            dilation,
            ..
        } = self.spec;
        let columns_steps = kernel[1] * self.spec.chunk();
        let ends_rows = self.spec.chain() == Chain::Row;
        let level = |axis: usize, stride: usize, steps: usize| Level {
            count: kernel[axis],
            step: dilation[axis] * stride,
            unrolled: kernel[axis] == 1 || steps <= UNROLLED_STEPS,
            ends_chain: axis == 0 && ends_rows,
        };
        [
            level(0, input.row_stride(), columns_steps * kernel[0]),
            level(1, input.pixel_stride(), columns_steps),
        ]
    }

    /// The sums of products, added to `bias` (one a vector). Answers by pixel, then vector.
    pub fn accumulate(
        &self,
        e: &mut Emitter,
        source: &Source,
        weight: Value,
        bias: &[Value],
    ) -> Vec<Value> {
        let spec = self.spec;
        let levels = self.levels();
        let steps = levels
            .iter()
            .filter(|level| level.unrolled)
            .map(|level| level.count)
            .product::<usize>()
            * spec.chunk();
        let n_sums = self.n_pixels() * bias.len();
        let n_chains = spec.n_chains(n_sums).min(steps.max(1));
        let mut accumulators: Vec<Value> =
            (0..self.n_pixels()).flat_map(|_| bias).copied().collect();
        if n_chains > 1 {
            let zero = e.splat(0.0);
            accumulators.resize(n_sums * n_chains, zero);
        }
        let mut sums = Sums {
            weight,
            offset: 0,
            accumulators,
            n_chains,
            turn: 0,
            totals: None,
        };
        if spec.kernel.contains(&0) {
            return sums.accumulators;
        }
        if spec.chain() != Chain::Whole {
            sums = sums.begin_totals(e);
        }
        self.chunks(e, &levels, source, sums).results(e)
    }

    /// Over the chunks of input channels.
    fn chunks(&self, e: &mut Emitter, levels: &[Level], source: &Source, sums: Sums) -> Sums {
        let spec = self.spec;
        let (view, chunk) = (&spec.input, spec.chunk());
        let n_channels = match spec.sharing() {
            Sharing::Lanes => 1,
            _ => spec.group_inputs(),
        };
        if n_channels == chunk {
            let pointers = pointers(e, spec, source, None);
            return self.taps(e, levels, &pointers, 0, sums);
        }
        if chunk == view.block {
            let plane = (view.plane_stride() * size_of::<f32>()) as i64;
            let pointers = pointers(e, spec, source, None);
            return self.chains(e, n_channels / chunk, plane, sums, |e, offset, sums| {
                let pointers: Vec<Value> = pointers
                    .iter()
                    .map(|&pointer| e.add(pointer, offset))
                    .collect();
                self.taps(e, levels, &pointers, 0, sums)
            });
        }
        // Chunks are smaller than blocks: from one to the next the block may change or not.
        self.chains(
            e,
            n_channels / chunk,
            chunk as i64,
            sums,
            |e, channel, sums| {
                let pointers = pointers(e, spec, source, Some(channel));
                self.taps(e, levels, &pointers, 0, sums)
            },
        )
    }

    /// Does `body` for so many chunks, which are a `step` apart, and lets chains of sums end where they end after chunks.
    fn chains(
        &self,
        e: &mut Emitter,
        n_chunks: usize,
        step: i64,
        sums: Sums,
        body: impl FnOnce(&mut Emitter, Value, Sums) -> Sums,
    ) -> Sums {
        let (start, end) = (e.int(0), e.int(n_chunks as i64 * step));
        let Chain::Chunks(size) = self.spec.chain() else {
            return looped(e, sums, (start, end, step), body);
        };
        let stride = size as i64 * step;
        looped(e, sums, (start, end, stride), |e, first, sums| {
            let last = e.add_const(first, stride);
            let last = e.min_int(last, end);
            looped(e, sums, (first, last, step), body).end_chain(e)
        })
    }

    /// Over the taps (and whatever else advances by a constant): `place` is what the unrolled levels have advanced already.
    fn taps(
        &self,
        e: &mut Emitter,
        levels: &[Level],
        pointers: &[Value],
        place: usize,
        sums: Sums,
    ) -> Sums {
        let Some((level, inner)) = levels.split_first() else {
            return self.steps(e, pointers, place, sums);
        };
        if level.unrolled {
            return (0..level.count).fold(sums, |sums, index| {
                let place = place + index * level.step;
                let sums = self.taps(e, inner, pointers, place, sums);
                level.end(e, sums)
            });
        }
        let bytes = (level.step * size_of::<f32>()) as i64;
        let (start, end) = (e.int(0), e.int(level.count as i64 * bytes));
        looped(e, sums, (start, end, bytes), |e, offset, sums| {
            let pointers: Vec<Value> = pointers
                .iter()
                .map(|&pointer| e.add(pointer, offset))
                .collect();
            let sums = self.taps(e, inner, &pointers, place, sums);
            level.end(e, sums)
        })
    }

    /// The channels of a chunk at one tap.
    fn steps(&self, e: &mut Emitter, pointers: &[Value], place: usize, mut sums: Sums) -> Sums {
        let sharing = self.spec.sharing();
        let pixels = self.pixels();
        let n_vectors = self.spec.schedule.vectors;
        for channel in 0..self.spec.chunk() {
            let weights: Vec<Value> = (0..n_vectors)
                .map(|v| e.load4(sums.weight, (sums.offset + v * LANES) as i64))
                .collect();
            let first = sums.turn * pixels.len() * n_vectors;
            for (index, pixel) in pixels.iter().enumerate() {
                let place = (place + pixel + channel) as i64;
                let shared = match sharing {
                    Sharing::Lanes => None,
                    Sharing::Permuted => unreachable!("only assembled tiles permute"),
                    Sharing::Gather => Some(gather(e, pointers, place)),
                    Sharing::Block | Sharing::Vector => Some(e.load_splat(pointers[0], place)),
                };
                for (v, &weight) in weights.iter().enumerate() {
                    let sum = &mut sums.accumulators[first + index * n_vectors + v];
                    *sum = match shared {
                        // The instruction overwrites its first factor: at the last pixel that is a weight nobody needs any more, and one copy less.
                        Some(x) if index + 1 == pixels.len() && v + 1 < n_vectors => {
                            e.fma(weight, x, *sum)
                        }
                        Some(x) => e.fma(x, weight, *sum),
                        None => {
                            let x = e.load4(pointers[0], place + (v * LANES) as i64);
                            e.fma(weight, x, *sum)
                        }
                    };
                }
            }
            sums.offset += n_vectors * LANES;
            sums.turn = (sums.turn + 1) % sums.n_chains;
        }
        sums
    }
}

/// The inputs of the lanes: `channel` further than their first channels.
fn pointers(
    e: &mut Emitter,
    spec: &ConvSpec,
    source: &Source,
    channel: Option<Value>,
) -> Vec<Value> {
    let at = |e: &mut Emitter, channel: Value| {
        let (block, lane) = e.div_rem(channel, spec.input.block);
        let plane = e.advance(source.pixel, block, spec.input.plane_stride());
        e.advance(plane, lane, 1)
    };
    match (&source.channels[..], channel) {
        ([], None) => vec![source.pixel],
        ([], Some(channel)) => vec![at(e, channel)],
        (firsts, channel) => firsts
            .iter()
            .map(|&first| {
                let channel = channel.map_or(first, |channel| e.add(first, channel));
                at(e, channel)
            })
            .collect(),
    }
}

/// One float for each lane.
fn gather(e: &mut Emitter, pointers: &[Value], place: i64) -> Value {
    let first = e.load_splat(pointers[0], place);
    pointers
        .iter()
        .enumerate()
        .skip(1)
        .fold(first, |vector, (lane, &pointer)| {
            let value = e.load(types::F32, pointer, place);
            e.builder().ins().insertlane(vector, value, lane as u8)
        })
}

/// A loop that carries the sums.
fn looped(
    e: &mut Emitter,
    sums: Sums,
    (start, end, step): (Value, Value, i64),
    body: impl FnOnce(&mut Emitter, Value, Sums) -> Sums,
) -> Sums {
    let (n_chains, turn, totals) = (sums.n_chains, 0, sums.totals);
    let carry = |e: &mut Emitter, sums: Sums| {
        let mut values = vec![e.offset(sums.weight, sums.offset as i64)];
        values.extend(sums.accumulators);
        values
    };
    let uncarry = |values: &[Value]| Sums {
        weight: values[0],
        offset: 0,
        accumulators: values[1..].to_vec(),
        n_chains,
        turn,
        totals,
    };
    let carried = carry(e, sums);
    let left = e.for_range_carrying(start, end, step, &carried, |e, index, values| {
        let sums = body(e, index, uncarry(values));
        carry(e, sums)
    });
    uncarry(&left)
}
