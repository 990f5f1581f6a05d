//! Every layer and attribute against PyTorch: `fixtures/layers/NAME.net` with the tensors that `fixtures/make_fixtures.py` wrote.

use std::path::{Path, PathBuf};

use netc::diagnostic::{Diagnostic, render_text};
use netc::plan::Machine;
use netc::runtime::Tensor;
use netc::weights::{NameMap, WeightSource, WeightsFile};

/// Largest difference, as a part of the largest expected magnitude, where every layer is computed by its definition.
const TOLERANCE: f64 = 2e-6;

/// The same where Winograd's algorithms may be used.
const FAST_TOLERANCE: f64 = 2e-5;

/// Every way to compute that this machine has.
fn machines() -> Vec<Machine> {
    let all = netc::codegen::machines().expect("a machine");
    let precise = |machine: Machine| [true, false].map(|precise| Machine { precise, ..machine });
    all.into_iter().flat_map(precise).collect()
}

/// The outputs of the case beside `net`, with PyTorch's answers, by name.
fn run_case(net: &Path, machine: &Machine) -> Result<Vec<(Tensor, Tensor)>, String> {
    let text = std::fs::read_to_string(net).map_err(|error| error.to_string())?;
    let program = netc::parse(net, text);
    let faults = netc::check(&program);
    if faults.iter().any(Diagnostic::is_error) {
        return Err(render_text(&faults, &program.sources, false));
    }
    let name = &netc::elaborate::nets(&program)[0].name;
    let graph = netc::expand(&program, name).map_err(|faults| format!("{faults:?}"))?;
    let open =
        || WeightsFile::open(&net.with_extension("safetensors")).map_err(|fault| fault.message);
    let tensors = open()?;
    let read = |name: &str| {
        let shape = tensors
            .get(name)
            .ok_or(format!("there is no tensor {name}"))?
            .shape
            .clone();
        let values = tensors
            .read_f32(name)
            .ok_or(format!("{name} holds no floats"))?;
        Tensor::new(shape, values).map_err(|error| error.to_string())
    };
    let inputs: Vec<Tensor> = graph
        .inputs
        .iter()
        .map(|input| read(&input.name))
        .collect::<Result<_, _>>()?;
    let source = WeightSource::file(open()?, &NameMap::default()).map_err(|fault| fault.message)?;
    let compiled = netc::compile_for(&graph, machine).map_err(|error| error.to_string())?;
    let session = compiled.bind(&source).map_err(|error| error.to_string())?;
    let outputs = session.run(&inputs).map_err(|error| error.to_string())?;
    outputs
        .into_iter()
        .zip(&graph.outputs)
        .map(|(output, port)| Ok((output, read(&port.name)?)))
        .collect()
}

/// The largest difference as a part of the largest expected magnitude; infinite where one is NaN.
fn difference(output: &Tensor, expected: &Tensor) -> f64 {
    let scale = expected
        .values()
        .iter()
        .fold(0.0, |most, value| f64::max(most, f64::from(value.abs())));
    let differences = output
        .values()
        .iter()
        .zip(expected.values())
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs() / scale);
    differences.fold(0.0, |most, difference| {
        if difference <= most {
            most
        } else if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        }
    })
}

fn compare(net: &Path, machine: &Machine) -> Result<(), String> {
    let tolerance = match machine.precise {
        true => TOLERANCE,
        false => FAST_TOLERANCE,
    };
    for (output, expected) in run_case(net, machine)? {
        if output.shape() != expected.shape() {
            return Err(format!(
                "the shape is {:?}, not {:?}",
                output.shape(),
                expected.shape()
            ));
        }
        let difference = difference(&output, &expected);
        if difference > tolerance {
            return Err(format!("differs by {difference:.2e}"));
        }
    }
    Ok(())
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The worked example of `docs/residual.md`: small integers, so it is exact.
#[test]
fn the_two_channel_residual_is_what_the_page_says() {
    for machine in machines() {
        let net = fixtures().join("residual/two_channel.net");
        let cases = run_case(&net, &machine).expect("it runs");
        assert!(!cases.is_empty());
        for (output, expected) in cases {
            assert_eq!(output.shape(), expected.shape());
            assert_eq!(output.values(), expected.values());
        }
    }
}

#[test]
fn every_layer_agrees_with_pytorch() {
    let directory = fixtures().join("layers");
    let mut nets: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "net"))
        .collect();
    nets.sort();
    assert!(nets.len() > 100, "only {} fixtures", nets.len());
    let mut failures = Vec::new();
    for net in &nets {
        let name = net
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for machine in machines() {
            if let Err(reason) = compare(net, &machine) {
                failures.push(format!("{name} on {machine:?}: {reason}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} fail of {} nets:\n{}",
        failures.len(),
        nets.len(),
        failures.join("\n")
    );
}
