//! Sessions of kernels that only note who called them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use super::*;
use crate::graph::{ScalarFn, Shape};
use crate::kernels::{KernelSpec, MapSpec};
use crate::plan::{KernelId, Operand, Plan, Port, Step, View};

/// A call of a kernel.
struct Call {
    thread: ThreadId,
    operands: Vec<usize>,
}

/// Kernels that note their calls.
struct Noting {
    specs: Vec<KernelSpec>,
    n_operands: usize,
    calls: Mutex<Vec<Call>>,
}

// SAFETY: it touches no tensor.
unsafe impl Kernels for Noting {
    fn specs(&self) -> &[KernelSpec] {
        &self.specs
    }

    unsafe fn call(
        &self,
        _kernel: KernelId,
        operands: *const *mut f32,
        _begin: usize,
        _end: usize,
        _batch: usize,
    ) {
        // SAFETY: the caller passes as many.
        let operands = unsafe { std::slice::from_raw_parts(operands, self.n_operands) };
        let operands = operands.iter().map(|pointer| *pointer as usize).collect();
        let thread = std::thread::current().id();
        self.calls.lock().unwrap().push(Call { thread, operands });
        // So that others get their turn, however few cores there are.
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// `n_steps` sums of the input with itself, large enough to share, with scratch memory in between.
fn plan_with_scratch(n_steps: usize, scratch_size: usize) -> Plan {
    let shape = Shape::new([16, 64, 64]);
    let view = View::plain(&shape);
    let spec = KernelSpec::Map(MapSpec {
        function: ScalarFn::add(),
        operands: vec![view, view],
        output: view,
    });
    let step = Step {
        kernel: KernelId(0),
        operands: vec![
            Operand::Input(0),
            Operand::Input(0),
            Operand::Scratch,
            Operand::Output(0),
        ],
        name: "step".into(),
    };
    let port = |name: &str| Port {
        name: name.into(),
        shape: shape.clone(),
    };
    Plan {
        machine: crate::codegen::detect_machine().expect("a machine"),
        tuning: Default::default(),
        kernels: vec![spec],
        steps: vec![step; n_steps],
        buffers: Vec::new(),
        arena_size: 0,
        lead: None,
        packed: Vec::new(),
        packed_size: 0,
        scratch_size,
        inputs: vec![port("x")],
        outputs: vec![port("y")],
    }
}

fn session(plan: Plan, n_threads: usize) -> (Session, Arc<Noting>) {
    let noting = Arc::new(Noting {
        specs: plan.kernels.clone(),
        n_operands: plan.steps[0].operands.len(),
        calls: Mutex::default(),
    });
    let packed = Arc::new(AlignedBuffer::zeroed(0).unwrap());
    let session = Session::trusting(noting.clone(), Arc::new(plan), packed, n_threads);
    (session.expect("a session"), noting)
}

#[test]
fn each_thread_has_its_own_scratch_memory() {
    let scratch_size = 1000;
    let (session, noting) = session(plan_with_scratch(5, scratch_size), 2);
    let input = Tensor::zeroed(vec![1, 16, 64, 64]).unwrap();
    let mut pointers: HashMap<ThreadId, HashSet<usize>> = HashMap::new();
    let (_, times) = session.run_timed(&[input]).expect("a run");
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|time| *time >= Duration::from_micros(200)));
    for call in noting.calls.lock().unwrap().iter() {
        let [input, _, scratch, output] = call.operands[..] else {
            panic!("{} operands", call.operands.len());
        };
        assert!(input != scratch && scratch != output && scratch % 64 == 0);
        pointers.entry(call.thread).or_default().insert(scratch);
    }
    assert_eq!(pointers.len(), 2, "both threads work");
    assert!(
        pointers.values().all(|own| own.len() == 1),
        "from step to step the same"
    );
    let all: Vec<usize> = pointers.values().flatten().copied().collect();
    assert!(all[0].abs_diff(all[1]) >= scratch_size * size_of::<f32>());
}

#[test]
fn too_much_scratch_memory_is_an_error() {
    for size in [usize::MAX, usize::MAX / 16] {
        let (session, noting) = session(plan_with_scratch(1, size), 2);
        let input = Tensor::zeroed(vec![1, 16, 64, 64]).unwrap();
        let error = session.run(&[input]).err();
        assert!(matches!(error, Some(RunError::Memory { .. })), "{error:?}");
        assert!(noting.calls.lock().unwrap().is_empty());
    }
}

#[test]
fn scratch_memory_comes_only_where_a_kernel_asks_for_it() {
    let mut plan = plan_with_scratch(1, 1000);
    let error = crate::plan::verify_plan(&plan).err();
    let wanted = "step 0 `step`: 4 operands, not 3";
    assert_eq!(error.as_deref(), Some(wanted));
    plan.steps[0].operands = vec![Operand::Input(0), Operand::Scratch, Operand::Output(0)];
    let error = crate::plan::verify_plan(&plan).err();
    let wanted = "step 0 `step`: operand 1 and scratch memory are mixed up";
    assert_eq!(error.as_deref(), Some(wanted));
}

/// Kernels that check that all of what their step waits for is done. Each step has a kernel of its own.
struct Ordered {
    specs: Vec<KernelSpec>,
    /// For each step, those before it that it conflicts with.
    before: Vec<Vec<usize>>,
    n_done: Vec<AtomicUsize>,
    faults: Mutex<Vec<String>>,
}

// SAFETY: it touches no tensor.
unsafe impl Kernels for Ordered {
    fn specs(&self) -> &[KernelSpec] {
        &self.specs
    }

    unsafe fn call(
        &self,
        kernel: KernelId,
        _operands: *const *mut f32,
        begin: usize,
        end: usize,
        batch: usize,
    ) {
        let step = kernel.0 as usize;
        for &before in &self.before[step] {
            let n_done = self.n_done[before].load(Ordering::Relaxed);
            let n_tasks = self.specs[before].n_tasks(batch);
            if n_done != n_tasks {
                let fault = format!("{step} begins with {n_done} of {n_tasks} tasks of {before}");
                self.faults.lock().unwrap().push(fault);
            }
        }
        self.n_done[step].fetch_add(end - begin, Ordering::Relaxed);
    }
}

/// A step for each triple of buffers: the sum of the first two in the third. Some are too small to share.
fn plan_of_sums(steps: &[[usize; 3]], n_buffers: usize) -> Plan {
    let mut plan = plan_with_scratch(0, 0);
    plan.kernels.clear();
    plan.steps.clear();
    let size = 1 << 16;
    plan.arena_size = n_buffers * size;
    plan.buffers = (0..n_buffers)
        .map(|buffer| crate::plan::Buffer {
            size,
            image_stride: size,
            offset: buffer * size,
            live: (0, steps.len() - 1),
        })
        .collect();
    for (index, buffers) in steps.iter().enumerate() {
        let width = if index % 3 == 0 { 64 } else { 2048 } - index as u64 % 64;
        let view = View::plain(&Shape::new([16, 1, width]));
        plan.kernels.push(KernelSpec::Map(MapSpec {
            function: ScalarFn::add(),
            operands: vec![view, view],
            output: view,
        }));
        let operand = |buffer: usize| Operand::Buffer {
            buffer: crate::plan::BufferId(buffer as u32),
            offset: 0,
        };
        plan.steps.push(Step {
            kernel: KernelId(index as u32),
            operands: buffers.map(operand).to_vec(),
            name: format!("step{index}"),
        });
    }
    plan
}

#[test]
fn steps_wait_for_those_they_depend_on_however_many_threads_there_are() {
    let n_buffers = 12;
    // Numbers without a pattern.
    let mut state = 1usize;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % n_buffers
    };
    let steps: Vec<[usize; 3]> = (0..60).map(|_| [random(), random(), random()]).collect();
    let conflict = |a: &[usize; 3], b: &[usize; 3]| b.contains(&a[2]) || a.contains(&b[2]);
    let before = steps.iter().enumerate().map(|(index, step)| {
        let before = (0..index).filter(|before| conflict(&steps[*before], step));
        before.collect::<Vec<usize>>()
    });
    let before: Vec<Vec<usize>> = before.collect();
    let plan = Arc::new(plan_of_sums(&steps, n_buffers));
    for n_threads in [1, 2, 3, 8] {
        for batch in [1, 2, 5] {
            let kernels = Arc::new(Ordered {
                specs: plan.kernels.clone(),
                before: before.clone(),
                n_done: steps.iter().map(|_| AtomicUsize::new(0)).collect(),
                faults: Mutex::default(),
            });
            let packed = Arc::new(AlignedBuffer::zeroed(0).unwrap());
            let session = Session::trusting(kernels.clone(), plan.clone(), packed, n_threads);
            let session = session.expect("a session");
            let input = Tensor::zeroed(vec![batch, 16, 64, 64]).unwrap();
            for _ in 0..20 {
                session.run(std::slice::from_ref(&input)).expect("a run");
                let faults = std::mem::take(&mut *kernels.faults.lock().unwrap());
                assert_eq!(faults, [""; 0], "{n_threads} threads, batch {batch}");
                for (n_done, spec) in kernels.n_done.iter().zip(&kernels.specs) {
                    assert_eq!(n_done.swap(0, Ordering::Relaxed), spec.n_tasks(batch));
                }
            }
        }
    }
}

/// Kernels that panic.
struct Failing(Vec<KernelSpec>);

// SAFETY: it touches no tensor.
unsafe impl Kernels for Failing {
    fn specs(&self) -> &[KernelSpec] {
        &self.0
    }

    unsafe fn call(&self, _: KernelId, _: *const *mut f32, _: usize, _: usize, _: usize) {
        panic!("as it should");
    }
}

#[test]
fn a_panic_in_a_kernel_ends_the_run_and_not_the_session() {
    let plan = Arc::new(plan_with_scratch(3, 0));
    let kernels = Arc::new(Failing(plan.kernels.clone()));
    let packed = Arc::new(AlignedBuffer::zeroed(0).unwrap());
    let session = Session::trusting(kernels, plan, packed, 3).expect("a session");
    let input = Tensor::zeroed(vec![1, 16, 64, 64]).unwrap();
    for _ in 0..2 {
        let run = || session.run(std::slice::from_ref(&input));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    }
}
