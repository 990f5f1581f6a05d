//! Kernels in machine code against their references: random shapes, layouts, batches and splits into tasks, everything poisoned that no kernel may
//! read or write.

mod copy;
mod lrn;
mod map;
mod math;
mod pool;
mod resize;
mod softmax;

use proptest::prelude::*;

use super::{detect_machine, jit};
use crate::graph::Margins;
use crate::kernels::KernelSpec;
use crate::kernels::reference::run_reference;
use crate::plan::{KernelId, View};
use crate::runtime::{Edge, Guarded};

/// A NaN that nothing computes.
const POISON: u32 = 0x7fc0_beef;

/// Floats around an output that must stay as they are.
const GUARD: usize = 32;

/// How far a result may be from the reference.
#[derive(Clone, Copy)]
enum Tolerance {
    /// Equal (NaN to NaN).
    Exact,
    /// By so much of the reference's magnitude, or by two of the smallest numbers that there are.
    Relative(f64),
}

impl Tolerance {
    fn accepts(self, actual: f32, expected: f32) -> bool {
        if actual == expected || (actual.is_nan() && expected.is_nan()) {
            return true;
        }
        match self {
            Tolerance::Exact => false,
            Tolerance::Relative(tolerance) => {
                let (actual, expected) = (f64::from(actual), f64::from(expected));
                let smallest = f64::from(f32::from_bits(1));
                (actual - expected).abs() <= tolerance * expected.abs() + 2.0 * smallest
            }
        }
    }
}

/// A small generator (xorshift), so that a failing case is its seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// A whole number from -8 to 8.
    fn whole(&mut self) -> f32 {
        (self.next() % 17) as f32 - 8.0
    }

    /// A number from 1 to 9, so that nothing cancels; or now and then one that is infinite or none.
    fn now_and_then_none(&mut self) -> f32 {
        match self.next() % 40 {
            0 => f32::INFINITY,
            1 => f32::NEG_INFINITY,
            2 => f32::NAN,
            _ => self.fraction() + 5.0,
        }
    }

    /// A number from -4 to 4.
    fn fraction(&mut self) -> f32 {
        (self.next() % 80_001) as f32 / 10_000.0 - 4.0
    }
}

/// Layouts of a tensor of these sizes.
fn view(channels: usize, height: usize, width: usize, block: usize) -> impl Strategy<Value = View> {
    let halo = prop_oneof![
        2 => Just([0; 4]),
        3 => proptest::array::uniform4(0usize..3),
    ];
    (halo, prop_oneof![Just(0usize), 1usize..40]).prop_map(
        move |([top, left, bottom, right], gap)| {
            let mut view = View {
                channels,
                height,
                width,
                block,
                halo: Margins {
                    top,
                    left,
                    bottom,
                    right,
                },
                image_stride: 0,
            };
            view.image_stride = view.n_blocks() * view.plane_stride() + gap;
            view
        },
    )
}

fn block() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), Just(4), Just(8), Just(16)]
}

/// How a kernel is run.
#[derive(Clone, Debug)]
struct Run {
    batch: usize,
    seed: u64,
    /// Tasks of one call.
    piece: usize,
}

fn run() -> impl Strategy<Value = Run> {
    (1usize..4, any::<u64>(), 1usize..9).prop_map(|(batch, seed, piece)| Run { batch, seed, piece })
}

/// Floats of a tensor.
fn len(view: &View, batch: usize) -> usize {
    (batch - 1) * view.image_stride + view.n_blocks() * view.plane_stride()
}

/// For every float of a tensor's lanes that are channels: its index, and whether it lies inside the map.
fn for_each_float(view: &View, batch: usize, mut body: impl FnMut(usize, bool)) {
    let rows = view.halo.top + view.height + view.halo.bottom;
    let columns = view.halo.left + view.width + view.halo.right;
    for image in 0..batch {
        for channel in 0..view.channels {
            let plane = image * view.image_stride
                + channel / view.block * view.plane_stride()
                + channel % view.block;
            for row in 0..rows {
                for column in 0..columns {
                    let inside = (view.halo.top..view.halo.top + view.height).contains(&row)
                        && (view.halo.left..view.halo.left + view.width).contains(&column);
                    body(plane + (row * columns + column) * view.block, inside);
                }
            }
        }
    }
}

/// A tensor: zeros in the halo, poison in surplus lanes and between images.
fn tensor(view: &View, batch: usize, mut value: impl FnMut() -> f32) -> Vec<f32> {
    let mut data = vec![f32::from_bits(POISON); len(view, batch)];
    for_each_float(view, batch, |index, inside| {
        data[index] = if inside { value() } else { 0.0 };
    });
    data
}

/// Calls the kernel piece by piece, the last first.
fn call(spec: &KernelSpec, operands: &mut [*mut f32], batch: usize, piece: usize) {
    let machine = detect_machine().unwrap();
    let code = jit::compile(std::slice::from_ref(spec), &machine).unwrap();
    let function = code.function(KernelId(0));
    let n_tasks = spec.n_tasks(batch);
    for begin in (0..n_tasks).step_by(piece).rev() {
        let end = (begin + piece).min(n_tasks);
        // SAFETY: the operands are tensors of the spec's views for `batch` images.
        unsafe { function(operands.as_ptr().cast(), begin, end, batch) };
    }
}

/// Runs the kernel and its reference on the same inputs and compares all that it may and may not write.
fn check(spec: &KernelSpec, inputs: &[Vec<f32>], run: &Run, tolerance: Tolerance) {
    let view = spec.output();
    let n_floats = len(view, run.batch);
    let mut memory: Vec<Vec<f32>> = inputs.to_vec();
    memory.push(vec![f32::from_bits(POISON); n_floats]);
    run_reference(spec, memory.as_mut_slice(), run.batch);
    let expected = memory.pop().unwrap();

    let edge = [Edge::Start, Edge::End][run.seed as usize % 2];
    let guarded = |values: &Vec<f32>| Guarded::from_slice(values, edge).expect("memory");
    let mut memory: Vec<Guarded> = memory.iter().map(guarded).collect();
    let mut output = vec![f32::from_bits(POISON); n_floats + 2 * GUARD];
    let mut operands: Vec<*mut f32> = memory.iter_mut().map(|x| x.as_mut_ptr()).collect();
    operands.push(output[GUARD..].as_mut_ptr());
    call(spec, &mut operands, run.batch, run.piece);

    let (before, rest) = output.split_at(GUARD);
    let (actual, after) = rest.split_at(n_floats);
    let untouched = |value: &f32| value.to_bits() == POISON;
    assert!(before.iter().chain(after).all(untouched), "wrote outside");
    // What is neither element nor halo nor surplus lane must stay.
    let own = view.n_blocks() * view.plane_stride();
    for (index, value) in actual.iter().enumerate() {
        let between = view.image_stride > 0 && index % view.image_stride >= own;
        assert!(
            !between || untouched(value),
            "wrote between images at {index}"
        );
    }
    for_each_float(view, run.batch, |index, inside| {
        let (actual, expected) = (actual[index], expected[index]);
        let good = if expected.to_bits() == POISON {
            actual.to_bits() == POISON
        } else if inside {
            tolerance.accepts(actual, expected)
        } else {
            actual == 0.0
        };
        assert!(
            good,
            "float {index} ({}): {actual} instead of {expected}\n{spec:?}",
            if inside { "inside" } else { "halo" },
        );
    });
    for (operand, input) in memory.iter().zip(inputs) {
        let same = operand
            .iter()
            .zip(input)
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "wrote to an input");
    }
}
