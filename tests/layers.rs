//! Every layer and attribute against PyTorch: `fixtures/layers/NAME.net` with the tensors that `fixtures/make_fixtures.py` wrote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use netc::runtime::{AlignedBuffer, Session, Tensor};
use netc::weights::{NameMap, WeightSource, WeightsFile};

/// Largest difference, as a part of the largest expected magnitude.
const TOLERANCE: f64 = 2e-6;

fn compare(net: &Path) -> Result<f64, String> {
    let text = std::fs::read_to_string(net).map_err(|error| error.to_string())?;
    let program = netc::elaborate::Program::load(net, text, &mut netc::elaborate::NoLoader);
    let faults = netc::elaborate::check(&program);
    if faults.iter().any(netc::diagnostic::Diagnostic::is_error) {
        return Err(netc::diagnostic::render_text(&faults, &program.sources, false));
    }
    let (graph, _) = netc::elaborate::expand(&program, "Case");
    let graph = graph.ok_or("no graph")?;
    let tensors = WeightsFile::open(&net.with_extension("safetensors")).map_err(|e| e.message)?;
    let read = |name: &str| -> Result<(Vec<usize>, Vec<f32>), String> {
        let shape = tensors.get(name).ok_or(format!("no tensor {name}"))?.shape.clone();
        Ok((shape, tensors.read_f32(name).ok_or("not f32")?))
    };
    let inputs = graph
        .inputs
        .iter()
        .map(|input| read(&input.name).map(|(shape, values)| Tensor::new(shape, values).map_err(|e| e.to_string())))
        .collect::<Result<Result<Vec<_>, _>, _>>()??;
    let expected = graph.outputs.iter().map(|output| read(&output.name)).collect::<Result<Vec<_>, _>>()?;

    let machine = netc::codegen::detect_machine().map_err(|e| e.to_string())?;
    let mut optimized = graph.clone();
    netc::optimize::optimize(&mut optimized)?;
    let plan = netc::plan::plan(&optimized, &machine);
    let executable = netc::codegen::jit::compile(&plan.kernels, &machine).map_err(|e| e.to_string())?;
    let names = NameMap::default();
    let file = WeightsFile::open(&net.with_extension("safetensors")).map_err(|e| e.message)?;
    let source = WeightSource::file(file, &names).map_err(|e| e.message)?;
    let mut packed = AlignedBuffer::zeroed(plan.packed_size).map_err(|e| e.to_string())?;
    netc::weights::bind(&optimized, &plan, &source, &mut packed, &|_| {}).map_err(|e| format!("{e:?}"))?;
    let session = Session::new(Arc::new(executable), Arc::new(plan), Arc::new(packed), 2).map_err(|e| e.to_string())?;
    let outputs = session.run(&inputs).map_err(|e| e.to_string())?;
    let mut worst = 0.0f64;
    for (output, (shape, values)) in outputs.iter().zip(&expected) {
        if output.shape() != shape {
            return Err(format!("shape {:?}, expected {shape:?}", output.shape()));
        }
        let scale = values.iter().fold(0.0f64, |max, v| max.max(f64::from(v.abs())));
        for (a, b) in output.values().iter().zip(values) {
            let difference = f64::from(a - b).abs() / scale;
            worst = worst.max(if difference.is_nan() { f64::INFINITY } else { difference });
        }
    }
    Ok(worst)
}

#[test]
fn every_layer_agrees_with_pytorch() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layers");
    let mut nets: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "net"))
        .collect();
    nets.sort();
    assert!(nets.len() > 100, "only {} fixtures", nets.len());
    let mut failures = Vec::new();
    for net in &nets {
        let name = net.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match compare(net) {
            Ok(worst) if worst <= TOLERANCE => {}
            Ok(worst) => failures.push(format!("{name}: differs by {worst:.2e}")),
            Err(reason) => failures.push(format!("{name}: {reason}")),
        }
    }
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), nets.len(), failures.join("\n"));
}
