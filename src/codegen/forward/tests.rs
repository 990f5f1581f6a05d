//! The functions in memory, on random nets, against a session on one thread: bit for bit, whatever the plan.

use std::ffi::c_void;
use std::sync::Arc;

use cranelift::jit::{JITBuilder, JITModule};
use cranelift::module::{DataDescription, Linkage, Module, default_libcall_names};
use proptest::prelude::*;

use super::words::{Answer, WORD};
use super::*;
use crate::codegen::module::define_kernels;
use crate::codegen::processor::{self, tests::PROCESSORS};
use crate::codegen::{host_isa, jit, machines, x86};
use crate::graph::Graph;
use crate::graph::random::{GraphBuilder, inputs, random_graph};
use crate::kernels::Tuning;
use crate::optimize::optimize;
use crate::plan::{Lead, plan, print_plan};
use crate::runtime::tests::{batch_of, packed};
use crate::runtime::{AlignedBuffer, Session};

/// `fn(table of arguments) -> status`
type Call = unsafe extern "C" fn(*const u64) -> i32;

/// The two entries of a plan, in memory as long as this.
struct Code {
    module: Option<JITModule>,
    forward: Call,
    parallel: Call,
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the functions are only called while `self` lives.
            unsafe { module.free_memory() }
        }
    }
}

fn compile(plan: &Plan) -> Result<Code, CodegenError> {
    let host = host_isa()?;
    let builder = JITBuilder::with_isa(host.clone(), default_libcall_names());
    let mut module = JITModule::new(builder);
    let names: Vec<String> = (0..plan.kernels.len()).map(|i| format!("k{i}")).collect();
    let (specs, machine) = (&plan.kernels, &plan.machine);
    let kernels = define_kernels(&mut module, host.as_ref(), specs, machine, &names, "")?;
    let kernels: Vec<FuncId> = kernels.functions.iter().map(|(id, _)| *id).collect();
    let description = module
        .declare_data("description", Linkage::Local, false, false)
        .expect("a constant");
    let mut nothing = DataDescription::new();
    nothing.define_zeroinit(8);
    module
        .define_data(description, &nothing)
        .expect("a constant");
    let variants = [Variant {
        plan,
        prefix: "net.".to_owned(),
        weights_at: 0,
    }];
    let forward = Forward {
        name: "net",
        // It asks nothing of the processor.
        target: Target::Aarch64Linux,
        variants: &variants,
        header: ImageHeader {
            bytes: &[0; 64],
            checksum_at: 56,
            payload_at: 64,
            len: 128,
        },
        embedded: None,
        parallel: true,
        description,
    };
    define(&mut module, &forward, &[kernels])?;
    let n_ports = plan.inputs.len() + plan.outputs.len();
    let entries = [("net_forward", 3), ("net_forward_parallel", 6)];
    let calls = entries.map(|(name, n_further)| {
        let Some(cranelift::module::FuncOrDataId::Func(entry)) = module.get_name(name) else {
            panic!("{name} is not there");
        };
        let (linkage, from_table) = (Linkage::Local, format!("call_{name}"));
        let call = words::declare(&mut module, &from_table, linkage, 1, Answer::Status);
        let call = call.expect("a function");
        words::define(&mut module, call, |function, arguments| {
            let table = arguments[0];
            let words = 0..(n_further + n_ports) as i64;
            let words: Vec<Value> = words.map(|i| function.load(table, WORD * i)).collect();
            let status = function.call_for(entry, &words);
            function.answer(status);
        })
        .expect("a function");
        call
    });
    module.finalize_definitions().expect("code");
    let [forward, parallel] = calls.map(|id| {
        let address = module.get_finalized_function(id);
        // SAFETY: it was declared with this signature.
        unsafe { std::mem::transmute::<*const u8, Call>(address) }
    });
    Ok(Code {
        module: Some(module),
        forward,
        parallel,
    })
}

/// All parts, the last first, each on a thread of its own.
extern "C" fn on_threads(
    _: *mut c_void,
    parts: usize,
    body: extern "C" fn(*mut c_void, usize),
    argument: *mut c_void,
) {
    let argument = argument as usize;
    std::thread::scope(|scope| {
        for part in (0..parts).rev() {
            scope.spawn(move || body(argument as *mut c_void, part));
        }
    });
}

/// Floats that nobody but the code may have written, with a fence of NaN at the end.
fn poisoned(bytes: usize) -> AlignedBuffer {
    let mut floats = AlignedBuffer::zeroed(bytes / FLOAT + 64).expect("memory");
    floats.fill(f32::NAN);
    floats
}

fn check(graph: &Graph, what: &str, change: impl Fn(&mut Plan)) {
    let mut graph = graph.clone();
    optimize(&mut graph).expect("a valid graph");
    for machine in machines().expect("a machine") {
        let mut plan = plan(&graph, &machine, &Tuning::default());
        change(&mut plan);
        let what = format!("{what}\n{}", print_plan(&plan));
        let packed = packed(&graph, &plan);
        let code = compile(&plan).expect("code");
        let (plan, packed) = (Arc::new(plan), Arc::new(packed));
        let executable = jit::compile(&plan.kernels, &machine).expect("code");
        let session = Session::new(Arc::new(executable), plan.clone(), packed.clone(), 1);
        let session = session.expect("a session");
        for batch in [1, 2, 5] {
            compare(&code, &plan, &packed, &session, &graph, batch, &what);
        }
    }
}

fn compare(
    code: &Code,
    plan: &Plan,
    packed: &AlignedBuffer,
    session: &Session,
    graph: &Graph,
    batch: usize,
    what: &str,
) {
    let images: Vec<Vec<Vec<f64>>> = (0..batch).map(|seed| inputs(graph, seed as u64)).collect();
    let tensors = batch_of(session, &images);
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    let wanted = session.run(&tensors).expect("a run");
    let variant = [Variant {
        plan,
        prefix: String::new(),
        weights_at: 0,
    }];
    let workspace = Workspace::of(variant.iter());
    let weights = [packed.as_ptr() as u64, 1];
    for n_parts in [0usize, 1, 3] {
        let outputs: Vec<AlignedBuffer> = wanted
            .iter()
            .map(|tensor| poisoned(FLOAT * tensor.values().len()))
            .collect();
        let size = match n_parts {
            0 => {
                workspace.scratch
                    + batch.min(workspace.group) * workspace.arena
                    + batch * workspace.shared
            }
            n => n * workspace.scratch + batch * workspace.whole,
        };
        let memory = poisoned(size);
        let mut table = vec![weights.as_ptr() as u64];
        table.extend(tensors.iter().map(|tensor| tensor.values().as_ptr() as u64));
        table.extend(outputs.iter().map(|output| output.as_ptr() as u64));
        table.extend([batch as u64, memory.as_ptr() as u64]);
        // SAFETY: the table holds what the entry takes: tensors of the plan's shapes, weights packed for it, and as much memory as the plan needs.
        let status = unsafe {
            match n_parts {
                0 => (code.forward)(table.as_ptr()),
                n => {
                    table.extend([n as u64, on_threads as *const () as u64, 0]);
                    (code.parallel)(table.as_ptr())
                }
            }
        };
        assert_eq!(status, 0, "{what}");
        assert!(memory[size / FLOAT..].iter().all(|value| value.is_nan()));
        for (wanted, found) in wanted.iter().zip(&outputs) {
            let n = wanted.values().len();
            let found = bits(&found[..n]);
            assert_eq!(bits(wanted.values()), found, "{n_parts} parts, {what}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn functions_compute_what_a_session_does(
        seed: u64, n_nodes in 2usize..16, cut in proptest::option::of(0.0..1.0f64), group in 1usize..4
    ) {
        let what = format!("seed {seed}, {n_nodes} nodes");
        check(&random_graph(seed, n_nodes), &what, |plan| {
            if let Some(cut) = cut {
                let n_steps = 1 + (cut * plan.steps.len() as f64) as usize;
                plan.lead = Some(Lead::of_steps(plan, n_steps.min(plan.steps.len()), group));
            }
        });
    }
}

/// `fn(words)`: writes down what the processor tells of itself.
type Cpu = unsafe extern "C" fn(*mut processor::Words);

/// `fn(image, weights) -> status`
type Adopt = unsafe extern "C" fn(*const u8, *mut [u64; 2]) -> i32;

/// A module for code in memory.
fn in_memory() -> JITModule {
    let host = host_isa().expect("the host is supported");
    JITModule::new(JITBuilder::with_isa(host, default_libcall_names()))
}

/// What a library with plans for these families does on a processor that tells these words: the family that it takes, if it takes one.
fn adopted(families: &[TileFamily], found: &processor::Words) -> Option<TileFamily> {
    let mut b = GraphBuilder::new();
    let x = b.input(&[4]);
    let y = b.relu(x);
    b.output(y);
    let planned = families.iter().map(|family| {
        let machine = Target::X86_64Linux.machine(*family);
        plan(&b.graph, &machine, &Tuning::default())
    });
    let plans: Vec<Plan> = planned.collect();
    let variants: Vec<Variant> = plans
        .iter()
        .map(|plan| Variant {
            plan,
            prefix: String::new(),
            weights_at: 64,
        })
        .collect();
    let mut module = in_memory();
    let description = module.declare_data("description", Linkage::Local, false, false);
    let forward = Forward {
        name: "net",
        target: Target::X86_64Linux,
        variants: &variants,
        header: ImageHeader {
            bytes: &[0; 64],
            checksum_at: 56,
            payload_at: 64,
            len: 128,
        },
        embedded: None,
        parallel: false,
        description: description.expect("a constant"),
    };
    let imitated = words::declare(&mut module, "cpu", Linkage::Local, 1, Answer::Nothing);
    let imitated = imitated.expect("a function");
    words::define(&mut module, imitated, |function, arguments| {
        for (index, pair) in found.chunks(2).enumerate() {
            let halves = pair.iter().rev();
            let word = halves.fold(0, |word, half| word << 32 | u64::from(*half));
            let word = function.bits(word);
            function.store(word, arguments[0], WORD * index as i64);
        }
        function.end();
    })
    .expect("a function");
    let adopt = open::define_adopt(&mut module, &forward, Some(imitated)).expect("a function");
    module.finalize_definitions().expect("code");
    let address = module.get_finalized_function(adopt);
    // SAFETY: it was declared with this signature.
    let adopt = unsafe { std::mem::transmute::<*const u8, Adopt>(address) };
    let mut weights = [0, 0];
    // SAFETY: the function reads nothing of the image, and writes two words.
    let status = unsafe { adopt(std::ptr::null(), &mut weights) };
    // SAFETY: the function is not called any more.
    unsafe { module.free_memory() };
    match weights {
        [0, 0] => {
            assert_eq!(status, Status::Isa.code());
            None
        }
        [data, number] => {
            assert_eq!((status, data), (Status::Ok.code(), 64));
            Some(families[number as usize - 1])
        }
    }
}

/// The words are imitated: any machine runs the code that decides.
#[test]
fn a_library_takes_what_a_session_on_the_same_processor_takes() {
    for (name, words, runs) in PROCESSORS {
        assert_eq!(
            adopted(&TileFamily::ALL, &words).as_ref(),
            runs.last(),
            "{name}"
        );
        for family in TileFamily::ALL {
            let found = adopted(&[family], &words);
            assert_eq!(
                found.is_some(),
                runs.contains(&family),
                "{family:?} on {name}"
            );
        }
    }
}

/// What the assembled function finds is what the program itself finds.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_assembled_question_gets_the_processors_words() {
    let mut module = in_memory();
    let code = x86::cpu().expect("code");
    let cpu = crate::codegen::module::define_assembled(&mut module, "cpu", &code, 1);
    module.finalize_definitions().expect("code");
    let address = module.get_finalized_function(cpu.expect("a function"));
    // SAFETY: it is a function of one pointer.
    let cpu = unsafe { std::mem::transmute::<*const u8, Cpu>(address) };
    let mut words = [u32::MAX; processor::N_WORDS];
    // SAFETY: it writes as many words.
    unsafe { cpu(&mut words) };
    assert_eq!(words, processor::host());
    // SAFETY: the function is not called any more.
    unsafe { module.free_memory() };
}
