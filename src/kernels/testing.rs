//! Runs a kernel both ways, compiled and in plain f64, on equal data, and compares.

use proptest::prelude::*;

use super::reference::run_reference;
use super::{Epilogue, KernelSpec};
use crate::codegen::{jit, machines};
use crate::graph::{Margins, ScalarBinary, ScalarFn, ScalarOp, Shape};
use crate::plan::{KernelId, Machine, View};
use crate::runtime::{Edge, Guarded};

/// Numbers from a seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    /// Small integers, so that every sum is exact in f32; or fractions.
    fn value(&mut self, exact: bool) -> f32 {
        let integer = (self.next() % 7) as f32 - 3.0;
        if exact {
            integer
        } else {
            integer + (self.next() % 1000) as f32 / 999.0
        }
    }
}

/// A tensor for each image: values in the map, zeros in the halo, NaN in surplus lanes and between the images.
fn tensor(view: &View, batch: usize, noise: &mut Noise, exact: bool) -> Vec<f32> {
    let own = view.n_blocks() * view.plane_stride();
    let mut data = vec![f32::NAN; (batch - 1) * view.image_stride + own];
    for image in 0..batch {
        for channel in 0..view.channels {
            let plane = image * view.image_stride
                + channel / view.block * view.plane_stride()
                + channel % view.block;
            for pixel in 0..view.plane_stride() / view.block {
                data[plane + pixel * view.block] = 0.0;
            }
            for (row, column) in
                (0..view.height).flat_map(|row| (0..view.width).map(move |column| (row, column)))
            {
                let place = image * view.image_stride + view.offset(channel, row, column);
                data[place] = noise.value(exact);
            }
        }
    }
    data
}

/// A parameter operand of an epilogue: a vector padded with zeros.
fn is_param(view: &View) -> bool {
    view.image_stride == 0
}

/// Compiles `specs`, which share their operands, runs them over poisoned memory between pages that fault, in uneven shares of tasks, and compares each float of the result with the reference:
/// exactly, or to `1e-5` of the largest (`3e-5` for Winograd's algorithms of six points or more).
pub fn check(
    machine: &Machine,
    specs: &[KernelSpec],
    batch: usize,
    seed: u64,
    exact: bool,
) -> Result<(), TestCaseError> {
    check_scaled(machine, specs, batch, seed, exact, 1.0)
}

/// The same with inputs `scale` times as large, a power of two.
pub fn check_scaled(
    machine: &Machine,
    specs: &[KernelSpec],
    batch: usize,
    seed: u64,
    exact: bool,
    scale: f32,
) -> Result<(), TestCaseError> {
    let scaled = |input: &mut [f32]| input.iter_mut().for_each(|x| *x *= scale);
    let (expected, actual) = both(machine, specs, batch, seed, exact, [&scaled, &scaled]);
    // Winograd's transforms add numbers of different size: those of six points or more lose some bits more.
    let tolerance = match &specs[0] {
        _ if exact => 0.0,
        KernelSpec::Winograd(spec) if spec.side() >= 6 => 3e-5,
        _ => 1e-5,
    };
    compare(&expected, &actual, tolerance)
}

/// The error of one kernel for fractions: the root of the mean square of what it is off by, as a part of that of the results.
pub fn error(machine: &Machine, spec: &KernelSpec, seed: u64) -> f64 {
    error_on(machine, spec, seed, |x| x)
}

/// The same for what `input` makes of the fractions.
pub fn error_on(
    machine: &Machine,
    spec: &KernelSpec,
    seed: u64,
    input: impl Fn(f32) -> f32,
) -> f64 {
    let changed = |data: &mut [f32]| data.iter_mut().for_each(|x| *x = input(*x));
    let specs = std::slice::from_ref(spec);
    let (expected, actual) = both(machine, specs, 1, seed, false, [&changed, &changed]);
    let results = expected.iter().zip(&actual).filter(|(y, _)| !y.is_nan());
    let (mut off, mut all) = (0.0, 0.0);
    for (&expected, &actual) in results {
        off += (f64::from(actual) - f64::from(expected)).powi(2);
        all += f64::from(expected).powi(2);
    }
    (off / all).sqrt()
}

/// Compares all results whose windows do not contain one of `places`, floats of the input, with the reference, to `tolerance` of the largest of them, where `value` stands at
/// these places.
pub fn check_around(
    machine: &Machine,
    specs: &[KernelSpec],
    batch: usize,
    seed: u64,
    (places, value): (&[usize], f32),
    tolerance: f32,
) -> Result<(), TestCaseError> {
    // The reference has NaN there, and so in all results that may be anything.
    let with = |value: f32| {
        move |data: &mut [f32]| {
            places.iter().for_each(|&place| data[place] = value);
        }
    };
    let inputs: [Change; 2] = [&with(f32::NAN), &with(value)];
    let (expected, actual) = both(machine, specs, batch, seed, false, inputs);
    compare(&expected, &actual, tolerance)
}

/// What is changed of an input.
type Change<'c> = &'c dyn Fn(&mut [f32]);

/// The result as the reference has it, and as the compiled kernels do, each of its own change of the input.
fn both(
    machine: &Machine,
    specs: &[KernelSpec],
    batch: usize,
    seed: u64,
    exact: bool,
    [of_reference, of_kernels]: [Change; 2],
) -> (Vec<f32>, Vec<f32>) {
    let mut noise = Noise(seed);
    let executable = jit::compile(specs, machine).expect("the kernel compiles");
    let (inputs, epilogue, bias) = match &specs[0] {
        KernelSpec::Conv(spec) => (spec.input, &spec.epilogue, spec.bias),
        KernelSpec::Winograd(spec) => (spec.conv.input, &spec.conv.epilogue, spec.conv.bias),
        KernelSpec::Depthwise(spec) => (spec.input, &spec.epilogue, spec.bias),
        KernelSpec::Dense(spec) => (spec.input, &spec.epilogue, spec.bias),
        _ => unreachable!("only kernels with weights"),
    };
    let views = epilogue
        .as_ref()
        .map_or(&[][..], |epilogue| &epilogue.operands);
    let output = specs[0].output();

    // Operands as the reference wants them. Parameters are plain there, packed for the kernel, each spec its own way.
    let packings: Vec<_> = specs.iter().map(KernelSpec::packings).collect();
    let mut plain = vec![tensor(&inputs, batch, &mut noise, exact)];
    let n_params = 1 + usize::from(bias);
    for packing in &packings[0][..n_params] {
        plain.push((0..packing.len()).map(|_| noise.value(exact)).collect());
    }
    for view in views {
        let mut data = tensor(
            view,
            if is_param(view) { 1 } else { batch },
            &mut noise,
            exact,
        );
        if is_param(view) {
            data.iter_mut()
                .filter(|x| x.is_nan())
                .for_each(|x| *x = 0.0);
        }
        plain.push(data);
    }
    let own = output.n_blocks() * output.plane_stride();
    plain.push(vec![f32::NAN; (batch - 1) * output.image_stride + own]);
    // Most reads beyond the ends are of what lies behind.
    let mut guarded = |values: &[f32]| {
        let edge = [Edge::End, Edge::End, Edge::Start][noise.next() as usize % 3];
        Guarded::from_slice(values, edge).expect("memory")
    };
    let mut actual: Vec<Guarded> = plain.iter().map(|values| guarded(values)).collect();
    of_reference(&mut plain[0]);
    of_kernels(&mut actual[0]);

    for (index, (spec, packings)) in specs.iter().zip(&packings).enumerate() {
        run_reference(spec, &mut plain[..], batch);
        let params = plain[1..].iter().zip(&packings[..n_params]);
        let mut packed: Vec<Guarded> = params
            .map(|(values, packing)| {
                let mut out = Guarded::new(packing.packed_len(), Edge::End).expect("memory");
                packing.pack(values, &mut out);
                out
            })
            .collect();
        let mut scratch = Guarded::new(spec.scratch_size(), Edge::End).expect("memory");
        let mut pointers: Vec<*mut f32> = actual
            .iter_mut()
            .enumerate()
            .map(|(operand, data)| match operand {
                1.. if operand <= n_params => packed[operand - 1].as_mut_ptr(),
                _ => data.as_mut_ptr(),
            })
            .collect();
        if !scratch.is_empty() {
            pointers.insert(pointers.len() - 1, scratch.as_mut_ptr());
        }
        let function = executable.function(KernelId(index as u32));
        let n_tasks = spec.n_tasks(batch);
        let mut begin = 0;
        while begin < n_tasks {
            let end = (begin + 1 + noise.next() as usize % 5).min(n_tasks);
            // SAFETY: the pointers are in the spec's order, each to as much as its view (or packing) and the batch need.
            unsafe { function(pointers.as_ptr(), begin, end, batch) };
            begin = end;
        }
    }
    let last = plain.len() - 1;
    (plain.swap_remove(last), actual[last].to_vec())
}

/// Where the reference writes NaN (surplus lanes, what lies between images) anything may be.
fn compare(expected: &[f32], actual: &[f32], tolerance: f32) -> Result<(), TestCaseError> {
    let largest = expected
        .iter()
        .filter(|x| x.is_finite())
        .fold(0f32, |a, x| a.max(x.abs()));
    for (place, (&expected, &actual)) in expected.iter().zip(actual).enumerate() {
        if expected.is_nan() {
            continue;
        }
        let difference = (expected - actual).abs();
        let allowed = tolerance * largest;
        prop_assert!(
            difference <= allowed,
            "at {}: {} instead of {}",
            place,
            actual,
            expected
        );
    }
    Ok(())
}

/// Values that a tensor may hold in place of what is missing, and others that are hard to be near.
pub fn extreme_value() -> impl Strategy<Value = f32> {
    let values = [1e20, 3.4e38, 1e10, 1e6, 65504.0, -9999.0];
    let others = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    proptest::sample::select([&values[..], &others].concat())
}

/// A few elements of a tensor, whatever its size: image, channel, row, column.
pub type Elements = Vec<[proptest::sample::Index; 4]>;

/// One to three.
pub fn elements() -> impl Strategy<Value = Elements> {
    proptest::collection::vec(any::<[proptest::sample::Index; 4]>(), 1..4)
}

/// Where they lie.
pub fn places(elements: &Elements, view: &View, batch: usize) -> Vec<usize> {
    let place = |[image, channel, row, column]: &[proptest::sample::Index; 4]| {
        let channel = channel.index(view.channels);
        let pixel = [row.index(view.height), column.index(view.width)];
        image.index(batch) * view.image_stride + view.offset(channel, pixel[0], pixel[1])
    };
    elements.iter().map(place).collect()
}

/// Any family of tiles that runs here.
pub fn machine() -> impl Strategy<Value = Machine> {
    proptest::sample::select(machines().expect("the host is supported"))
}

/// Any halo of up to two pixels.
pub fn margins() -> impl Strategy<Value = Margins> {
    [0..3usize, 0..3, 0..3, 0..3].prop_map(|[top, left, bottom, right]| Margins {
        top,
        left,
        bottom,
        right,
    })
}

/// Which operands an epilogue has: for each, whether it is a parameter, and along which dimensions it has one element.
pub type Operands = Vec<(bool, [bool; 3], Margins)>;

/// Up to three operands of any kind.
pub fn operands() -> impl Strategy<Value = Option<Operands>> {
    let operand = (any::<bool>(), any::<[bool; 3]>(), margins());
    proptest::option::of(proptest::collection::vec(operand, 0..4))
}

/// `max(result + a * b ..., -32)` of such operands. A bound of zero might leave none of the large results, by which errors are measured.
pub fn epilogue(result: &View, operands: &Operands) -> Epilogue {
    let mut function = ScalarFn::build(operands.len() + 1);
    let mut value = function.arg(0);
    for index in 0..operands.len() {
        let operand = function.arg(index + 1);
        let op = [ScalarBinary::Add, ScalarBinary::Mul][index % 2];
        value = function.push(ScalarOp::Binary(op, value, operand));
    }
    let bound = function.constant(-32.0);
    value = function.push(ScalarOp::Binary(ScalarBinary::Max, value, bound));
    let views = operands.iter().map(|&(param, one, halo)| {
        let size = |axis: usize, size: usize| {
            if one[axis] || (param && axis > 0) {
                1
            } else {
                size as u64
            }
        };
        let shape = Shape::chw(
            size(0, result.channels),
            size(1, result.height),
            size(2, result.width),
        );
        // What has one channel need not have the result's block.
        let block = if shape.channels() == 1 {
            1
        } else {
            result.block
        };
        let is_vector = result.height * result.width == 1;
        let halo = if param || is_vector {
            Margins::default()
        } else {
            halo
        };
        let mut view = View::dense(&shape, block, halo);
        if param {
            view.image_stride = 0;
        }
        view
    });
    Epilogue {
        operands: views.collect(),
        function: function.finish("test", value),
    }
}
