//! The functions in memory, on random nets, against a session on one thread: bit for bit, whatever the plan.

use std::sync::Arc;

use cranelift::jit::{JITBuilder, JITModule};
use cranelift::module::{Linkage, Module, default_libcall_names};
use proptest::prelude::*;

use super::memory::Library;
use super::words::{Answer, WORD};
use super::*;
use crate::codegen::processor::{self, tests::PROCESSORS};
use crate::codegen::{host_isa, jit, machines, x86};
use crate::graph::Graph;
use crate::graph::random::{GraphBuilder, inputs, random_graph};
use crate::kernels::Tuning;
use crate::optimize::optimize;
use crate::plan::{Lead, plan, print_plan};
use crate::runtime::tests::{batch_of, packed};
use crate::runtime::{AlignedBuffer, Edge, Session};

fn check(graph: &Graph, what: &str, change: impl Fn(&mut Plan)) {
    let mut graph = graph.clone();
    optimize(&mut graph).expect("a valid graph");
    for machine in machines().expect("a machine") {
        let mut plan = plan(&graph, &machine, &Tuning::default());
        change(&mut plan);
        let what = format!("{what}\n{}", print_plan(&plan));
        let packed = packed(&graph, &plan);
        let library = Library::compile(&plan).expect("code");
        let (plan, packed) = (Arc::new(plan), Arc::new(packed));
        let executable = jit::compile(&plan.kernels, &machine).expect("code");
        let session = Session::new(Arc::new(executable), plan.clone(), packed.clone(), 1);
        let session = session.expect("a session");
        for batch in [1, 2, 5] {
            compare(&library, &plan, &packed, &session, &graph, batch, &what);
        }
    }
}

fn compare(
    library: &Library,
    plan: &Plan,
    packed: &AlignedBuffer,
    session: &Session,
    graph: &Graph,
    batch: usize,
    what: &str,
) {
    let images: Vec<Vec<Vec<f64>>> = (0..batch).map(|seed| inputs(graph, seed as u64)).collect();
    let tensors = batch_of(session, &images);
    let values: Vec<&[f32]> = tensors.iter().map(|tensor| tensor.values()).collect();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    let wanted = session.run(&tensors).expect("a run");
    for (n_parts, edge) in [
        (None, Edge::End),
        (Some(1), Edge::Start),
        (Some(3), Edge::End),
    ] {
        // SAFETY: the library, the weights and the tensors are the plan's.
        let outputs = unsafe { library.run(plan, packed, &values, (batch, n_parts), edge) };
        for (wanted, found) in wanted.iter().zip(outputs.expect("a run")) {
            assert_eq!(
                bits(wanted.values()),
                bits(&found),
                "{n_parts:?} parts, {what}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn functions_compute_what_a_session_does(
        seed: u64, n_nodes in 2usize..12, cut in proptest::option::of(0.0..1.0f64), group in 1usize..4
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
