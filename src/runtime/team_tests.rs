//! Sessions of kernels that only note who called them.

use std::collections::{HashMap, HashSet};
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
        kernels: vec![spec],
        steps: vec![step; n_steps],
        buffers: Vec::new(),
        arena_size: 0,
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
    let wanted = "step 0 `step`: 4 operands for 2 inputs, 0 parameters and a result";
    assert_eq!(error.as_deref(), Some(wanted));
    plan.steps[0].operands = vec![Operand::Input(0), Operand::Scratch, Operand::Output(0)];
    let error = crate::plan::verify_plan(&plan).err();
    let wanted = "step 0 `step`: operand 1 is scratch memory unasked for";
    assert_eq!(error.as_deref(), Some(wanted));
}
