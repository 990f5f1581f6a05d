//! Libraries that `netc build` makes: they compute what the JIT does, bit for bit, and answer an error code for whatever is wrong.

mod command;
mod library;
mod rust;

use std::ffi::c_void;
use std::io::Cursor;
use std::path::Path;

use netc::artefact::{Artefact, LibraryError, Options};
use netc::codegen::object::{PARTS_MAX, Status};
use netc::codegen::{Target, machines};
use netc::graph::{Graph, Recipe};
use netc::kernels::{TileFamily, WeightType};
use netc::runtime::Tensor;
use netc::weights::{NameMap, NamedTensor, WeightSource, WeightsFile, write_safetensors};

use crate::common::{NETS, digits, graph, jit};
use library::*;

/// The families that this machine runs.
fn families() -> Vec<TileFamily> {
    let machines = machines().expect("a machine");
    machines.iter().map(|machine| machine.family).collect()
}

/// An artefact with its weights in memory.
struct Built {
    artefact: Artefact,
    image: Aligned,
    loaded: Loaded,
    weights: Weights,
}

/// Builds for this machine. The weights are those of the library, or the image's.
fn build(graph: &Graph, source: &WeightSource, options: Options) -> Built {
    let embeds = options.embeds;
    let artefact = Artefact::new(graph, options).expect("an artefact");
    let image = packed(&artefact, source);
    let loaded = Loaded::new(&artefact, Some(source).filter(|_| embeds));
    let (status, weights) = match embeds {
        true => loaded.embedded(),
        false => loaded.open_weights(image.bytes()),
    };
    assert_eq!(status, Status::Ok.code());
    Built {
        artefact,
        image,
        loaded,
        weights,
    }
}

/// Compares with the JIT, bit for bit.
fn compare(
    graph: &Graph,
    source: &WeightSource,
    built: &Built,
    family: TileFamily,
    batches: &[usize],
) {
    let batches: Vec<Vec<Tensor>> = batches
        .iter()
        .map(|batch| inputs(&built.artefact, *batch))
        .collect();
    let machine = machine(built.artefact.options(), family);
    let wanted = jit(graph, &machine, source, &batches);
    for (inputs, wanted) in batches.iter().zip(wanted) {
        let found = built.loaded.run(&built.weights, inputs);
        assert!(
            found == bits(&wanted),
            "{} differs in {}",
            graph.name,
            family.name()
        );
    }
}

#[test]
fn the_net_of_digits_computes_what_the_jit_does_in_every_family() {
    let (graph, source) = digits();
    for family in families() {
        let built = build(&graph, &source, options(&[family]));
        compare(&graph, &source, &built, family, &[1, 2, 3, 40, 97]);
    }
}

#[test]
fn options_of_the_plan_hold_for_libraries_too() {
    let (graph, source) = digits();
    let family = TileFamily::Clif128;
    let options = Options {
        precise: true,
        dense_weights: WeightType::Bf16,
        batch: 8,
        ..options(&[family])
    };
    let for_one = Artefact::new(
        &graph,
        Options {
            batch: 1,
            ..options.clone()
        },
    );
    let built = build(&graph, &source, options);
    assert!(built.artefact.plans() != for_one.expect("an artefact").plans());
    compare(&graph, &source, &built, family, &[3]);
}

#[test]
fn of_several_families_the_widest_that_runs_here_is_chosen() {
    let (graph, source) = digits();
    let host = Target::host().expect("a target");
    let built = build(&graph, &source, options(host.families()));
    let widest = families().pop().expect("a family");
    let place = host.families().iter().position(|family| *family == widest);
    assert_eq!(built.weights.plan, 1 + place.expect("one of them") as u64);
    compare(&graph, &source, &built, widest, &[1, 5]);
}

#[test]
fn whole_networks_compute_what_the_jit_does() {
    let family = families().pop().expect("a family");
    for (file, net) in NETS {
        let graph = graph(file, net);
        let source = WeightSource::seeded(&graph, 1);
        // A file of weights for every other, so that both ways are gone; the large ones need not be linked.
        let options = Options {
            embeds: net.starts_with("G") || net.starts_with("P"),
            ..options(&[family])
        };
        let built = build(&graph, &source, options);
        compare(&graph, &source, &built, family, &[1, 2]);
    }
}

#[test]
fn weights_of_a_file_are_packed_as_those_of_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Target::host().expect("a target");
    // Large weights, which are read by rows: scaled ones of convolutions, those of a dense layer as they are.
    let graph = graph("resnet.net", "ResNet18");
    let options = Options {
        embeds: false,
        ..options(host.families())
    };
    let artefact = Artefact::new(&graph, options).expect("an artefact");
    let seeded = WeightSource::seeded(&graph, 3);
    let path = folder.path().join("weights.safetensors");
    write_stored(&graph, &seeded, &path);
    let file = WeightsFile::open(&path).expect("weights");
    let stored = WeightSource::file(file, &NameMap::default()).expect("weights");
    assert!(packed(&artefact, &stored).bytes() == packed(&artefact, &seeded).bytes());

    let mut short = vec![0; artefact.weights_len() - 1];
    let mut to = Cursor::new(short.as_mut_slice());
    let written = artefact.write_weights(&stored, &mut to, &|_| {});
    assert!(matches!(written, Err(LibraryError::Io(_))), "{written:?}");
}

/// Writes the values of all that a net stores.
fn write_stored(graph: &Graph, source: &WeightSource, path: &Path) {
    let stored = graph.params.iter().filter_map(|param| match &param.recipe {
        Recipe::Stored { name, .. } => Some((name, &param.shape)),
        _ => None,
    });
    let read = |(name, shape): (&String, &Vec<usize>)| {
        let values = source.values(name, shape).expect("values");
        (name.clone(), shape.clone(), values)
    };
    let tensors: Vec<(String, Vec<usize>, Vec<f32>)> = stored.map(read).collect();
    let named = tensors.iter().map(|(name, shape, values)| NamedTensor {
        name: name.clone(),
        shape: shape.clone(),
        values,
    });
    write_safetensors(path, &named.collect::<Vec<_>>()).expect("it is written");
}

#[test]
fn the_code_of_resnet_50_is_small() {
    let graph = graph("resnet.net", "ResNet50");
    for family in Target::host().expect("a target").families() {
        let options = Options {
            embeds: false,
            ..options(&[*family])
        };
        let artefact = Artefact::new(&graph, options).expect("an artefact");
        let mut bytes = Vec::new();
        let object = artefact.object().expect("an object");
        object.write(&mut bytes).expect("it is written");
        let size = bytes.len();
        assert!(size <= 512 << 10, "{size} bytes for {}", family.name());
    }
}

#[test]
fn damaged_weights_are_an_error_and_never_more() {
    let (graph, source) = digits();
    let host = Target::host().expect("a target");
    let options = Options {
        embeds: false,
        ..options(host.families())
    };
    let built = build(&graph, &source, options);
    let good = built.image.bytes();
    let mut random = Random(1);
    for round in 0..1000 {
        let mut bytes = good.to_vec();
        match round % 4 {
            // A bit, anywhere or in the header.
            0 => {
                let reach = [bytes.len(), 256][random.below(2)];
                let at = random.below(reach);
                bytes[at] ^= 1 << random.below(8);
            }
            // A few bytes, each different from what was there.
            1 => {
                for _ in 0..1 + random.below(16) {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 + random.below(255) as u8;
                }
            }
            // The end is missing, or there is more.
            2 => {
                let len = random.below(bytes.len());
                bytes.truncate(len);
            }
            // A stretch of zeros, or of noise.
            _ => {
                let begin = random.below(bytes.len());
                let end = (begin + 1 + random.below(5000)).min(bytes.len());
                let value = random.below(2) as u8;
                for byte in &mut bytes[begin..end] {
                    *byte = value * random.below(256) as u8;
                }
            }
        }
        if bytes == good {
            continue;
        }
        let image = Aligned::new(&bytes);
        let (status, weights) = built.loaded.open_weights(image.bytes());
        let is_told =
            status >= Status::WeightsSize.code() && status <= Status::WeightsChecksum.code();
        assert!(is_told, "round {round}: {status}");
        assert_eq!(weights, NO_WEIGHTS, "round {round}");
    }
}

#[test]
fn the_loader_says_what_is_wrong() {
    let (graph, source) = digits();
    let family = TileFamily::Clif128;
    let options = Options {
        embeds: false,
        ..options(&[family])
    };
    let built = build(&graph, &source, options.clone());
    let opened = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = built.image.bytes().to_vec();
        change(&mut bytes);
        built.loaded.open_weights(Aligned::new(&bytes).bytes()).0
    };
    let told = |status: i32| Status::ALL.into_iter().find(|known| known.code() == status);
    type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: [(Damage<'_>, Status); 9] = [
        (&|_| {}, Status::Ok),
        (&|bytes| bytes.clear(), Status::WeightsSize),
        (&|bytes| bytes.truncate(100), Status::WeightsSize),
        (
            &|bytes| bytes.truncate(bytes.len() - 1),
            Status::WeightsSize,
        ),
        (&|bytes| bytes.push(0), Status::WeightsSize),
        (&|bytes| bytes[0] = b'N', Status::WeightsMagic),
        (&|bytes| bytes[8] += 1, Status::WeightsVersion),
        (&|bytes| bytes[30] ^= 1, Status::WeightsNet),
        (&|bytes| bytes[2000] ^= 1, Status::WeightsChecksum),
    ];
    for (change, wanted) in cases {
        assert_eq!(told(opened(change)), Some(wanted));
    }
    let image = built.image.bytes();
    let (status, _) = built.loaded.open_weights(&image[4..]);
    assert_eq!(told(status), Some(Status::Alignment));

    // The weights of another net, or packed for other code.
    let other = WeightSource::seeded(&graph, 5);
    let retrained = packed(&built.artefact, &other);
    assert_eq!(
        built.loaded.open_weights(retrained.bytes()).0,
        Status::Ok.code()
    );
    let precise = Options {
        precise: true,
        ..options
    };
    let precise = Artefact::new(&graph, precise).expect("an artefact");
    let precise = packed(&precise, &source);
    let (status, _) = built.loaded.open_weights(precise.bytes());
    assert!(matches!(
        told(status),
        Some(Status::WeightsSize | Status::WeightsNet)
    ));
}

#[test]
fn wrong_arguments_are_an_error() {
    let (graph, source) = digits();
    let built = build(&graph, &source, options(&[TileFamily::Clif128]));
    let inputs = inputs(&built.artefact, 1);
    let image = inputs[0].values().as_ptr().cast_mut();
    let logits = Guarded::new(10);
    let workspace = Guarded::new(built.loaded.workspace_size(1) / 4);
    let null = std::ptr::null_mut();
    let call =
        |weights: *const Weights, ports: [*mut f32; 2], batch: usize, workspace: *mut f32| {
            // SAFETY: what is not null has its size; what is wrong is told before anything is touched.
            unsafe { built.loaded.forward(weights, &ports, batch, workspace) }
        };
    let good: *const Weights = &built.weights;
    let ports = [image, logits.pointer()];
    let memory = workspace.pointer();
    let off = memory.wrapping_add(1);
    let unopened = Weights {
        plan: 9,
        ..built.weights
    };
    let cases = [
        (call(good, ports, 1, memory), Status::Ok),
        (call(good, [null, null], 0, null), Status::Ok),
        (call(std::ptr::null(), ports, 1, memory), Status::Null),
        (
            call(good, [null, logits.pointer()], 1, memory),
            Status::Null,
        ),
        (call(good, [image, null], 1, memory), Status::Null),
        (call(good, ports, 1, null), Status::Null),
        (call(good, ports, 1, off), Status::Alignment),
        (call(good, ports, usize::MAX, memory), Status::Batch),
        (
            call(
                good,
                ports,
                built.artefact.workspace().batch_max + 1,
                memory,
            ),
            Status::Batch,
        ),
        (call(&NO_WEIGHTS, ports, 1, memory), Status::Weights),
        (call(&unopened, ports, 1, memory), Status::Weights),
    ];
    for (index, (found, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(found, wanted.code(), "case {index}");
    }
    assert_eq!(built.loaded.workspace_size(usize::MAX), 0);
}

#[test]
fn threads_run_one_library_at_once() {
    let (graph, source) = digits();
    let family = families().pop().expect("a family");
    let built = build(&graph, &source, options(&[family]));
    let batches: Vec<Vec<Tensor>> = (1..5).map(|batch| inputs(&built.artefact, batch)).collect();
    let machine = machine(built.artefact.options(), family);
    let wanted = jit(&graph, &machine, &source, &batches);
    std::thread::scope(|scope| {
        for (inputs, wanted) in batches.iter().zip(&wanted) {
            let built = &built;
            scope.spawn(move || {
                for _ in 0..20 {
                    assert!(built.loaded.run(&built.weights, inputs) == bits(wanted));
                }
            });
        }
    });
}

/// All parts, each on a thread of its own.
extern "C" fn on_threads(
    _: *mut c_void,
    parts: usize,
    body: extern "C" fn(*mut c_void, usize),
    argument: *mut c_void,
) {
    let argument = argument as usize;
    std::thread::scope(|scope| {
        for part in 0..parts {
            scope.spawn(move || body(argument as *mut c_void, part));
        }
    });
}

#[test]
fn a_callers_threads_compute_the_same() {
    let (digits, source) = digits();
    let resnet = graph("resnet_cifar.net", "ResNet20");
    let seeded = WeightSource::seeded(&resnet, 3);
    let family = families().pop().expect("a family");
    for (graph, source) in [(&digits, &source), (&resnet, &seeded)] {
        let options = Options {
            parallel: true,
            ..options(&[family])
        };
        let built = build(graph, source, options);
        assert!(built.loaded.has("net_forward_parallel"));
        for batch in [1, 4] {
            let inputs = inputs(&built.artefact, batch);
            let wanted = built.loaded.run(&built.weights, &inputs).remove(0);
            for parts in [1, 2, 7] {
                let found =
                    built
                        .loaded
                        .run_parallel(&built.weights, &inputs[0], parts, on_threads);
                assert!(found.as_ref() == Ok(&wanted), "{parts} parts");
            }
        }
        let inputs = inputs(&built.artefact, 1);
        for parts in [0, PARTS_MAX + 1] {
            let found = built
                .loaded
                .run_parallel(&built.weights, &inputs[0], parts, on_threads);
            assert_eq!(found, Err(Status::Parts.code()));
        }
    }
}

#[test]
fn what_was_not_asked_for_is_not_there() {
    let (graph, source) = digits();
    let built = build(&graph, &source, options(&[TileFamily::Clif128]));
    assert!(built.loaded.has("net_forward"));
    assert!(!built.loaded.has("net_forward_parallel"));
    let options = Options {
        embeds: false,
        ..options(&[TileFamily::Clif128])
    };
    let built = build(&graph, &source, options);
    assert!(!built.loaded.has("net_weights_embedded"));
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % n.max(1)
    }
}
