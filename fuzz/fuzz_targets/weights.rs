//! A weights file that is accepted can be bound, or the reason why not is told; and its
//! inspection tells the same as binding.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netc::graph::Graph;
use netc::weights::{NameMap, WeightSource, WeightsFile};
use netc::{BindError, Compiled};

const NET: &str = "net Small {
  input x: [1, 4, 4]
  c: conv(2, 3x3, bias=false) -> n: batchnorm -> flatten
  d: dense(1)
}";

static GRAPH: LazyLock<Graph> = LazyLock::new(|| netc_fuzz::graph(NET, "Small"));
static COMPILED: LazyLock<Compiled> =
    LazyLock::new(|| netc::compile(&GRAPH).expect("the net compiles"));

fuzz_target!(|data: &[u8]| {
    let path = Path::new("fuzz.safetensors");
    let Ok(file) = WeightsFile::from_bytes(path, data.to_vec()) else {
        return;
    };
    for (name, tensor) in file.tensors() {
        let values = file.read_f32(name).map(|values| values.len());
        assert!(values.is_none_or(|n| n == tensor.elements()), "{name}");
    }
    let Ok(source) = WeightSource::file(file, &NameMap::default()) else {
        return;
    };
    let faults = source.check(&GRAPH);
    let bound = COMPILED.bind_with(&source, 1, &|_| {});
    match bound {
        Ok(_) => assert!(!faults.iter().any(|fault| fault.is_error()), "{faults:?}"),
        Err(BindError::Weights(faults)) => assert!(!faults.is_empty()),
        Err(BindError::Run(error)) => panic!("{error}"),
    }
});
