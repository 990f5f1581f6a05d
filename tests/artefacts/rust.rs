//! Nets in Rust programs: modules that `netc::build` makes, compiled by rustc and run.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use netc::build::{Config, Error, TileFamily};
use netc::codegen::Target;
use netc::graph::Graph;
use netc::plan::Machine;
use netc::runtime::Tensor;
use netc::weights::WeightSource;

use super::command::netc;
use super::library::bits;
use crate::common::{digits, jit, noise};

const DIGITS: &str = "nets/digits/digits.yaml";

/// Of several inputs and outputs, with names that Rust keeps for itself; together the outputs are too large for the stack.
const SEVERAL: &str = "
net Several() {
  input type: [3, 40, 40]
  input status: [2, 40, 40]
  concat(type, status) -> both: conv(8, 3x3, pad=1) -> relu
  output match: conv(4, 1x1)
  globalavgpool -> flatten
  output n_images: fc: dense(5)
}
";

/// How every program begins: it takes floats from a file and prints floats as bits.
const HEAD: &str = "//! A program with a net inside.
#![deny(missing_docs, warnings)]

/// The net.
pub mod net {
    include!(concat!(env!(\"OUT_DIR\"), \"/Net.rs\"));
}

fn floats() -> Vec<f32> {
    let path = std::env::args().nth(1).expect(\"a file\");
    let bytes = std::fs::read(path).expect(\"floats\");
    let floats = bytes.chunks_exact(4);
    floats.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn print(values: &[f32]) {
    for value in values {
        println!(\"{}\", value.to_bits());
    }
}
";

/// A folder with the module of a net called `Net`.
fn folder(net: &str, choose: impl Fn(&mut Config) -> &mut Config) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(net);
    config
        .name("Net")
        .target(host().triple())
        .out_dir(folder.path());
    let built = choose(&mut config).try_compile();
    assert_eq!(built.expect("a module"), folder.path().join("Net.rs"));
    folder
}

/// The same of a text.
fn folder_of(text: &str, choose: impl Fn(&mut Config) -> &mut Config) -> tempfile::TempDir {
    let source = tempfile::tempdir().expect("a folder");
    let path = source.path().join("several.net");
    fs::write(&path, text).expect("a file");
    folder(&path.display().to_string(), choose)
}

fn host() -> Target {
    Target::host().expect("a target")
}

fn machine() -> Machine {
    let family = host().native_family().expect("a family");
    host().machine(family)
}

/// Compiles a program in a folder.
fn compile(folder: &Path, edition: &str, source: &str) -> Output {
    let path = folder.join("main.rs");
    fs::write(&path, source).expect("a file");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", edition, "-L"]).arg(folder);
    command.arg("-o").arg(folder.join("program")).arg(path);
    command
        .env("OUT_DIR", folder)
        .output()
        .expect("rustc starts")
}

/// Compiles and runs a program on floats; answers the bits that it prints.
fn run(folder: &Path, edition: &str, source: &str, floats: &[f32]) -> Vec<u32> {
    let compiled = compile(folder, edition, source);
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
    let file = folder.join("floats");
    let bytes: Vec<u8> = floats
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(&file, bytes).expect("floats");
    let output = Command::new(folder.join("program")).arg(file).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let bits = text(&output.stdout);
    bits.lines()
        .map(|line| line.parse().expect("bits"))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a build that is wrong says.
fn fault(config: &mut Config) -> Error {
    let folder = tempfile::tempdir().expect("a folder");
    let built = config.out_dir(folder.path()).try_compile();
    built.expect_err("something is wrong")
}

#[test]
fn a_rust_program_computes_what_the_jit_does() {
    let folder = folder(DIGITS, |config| config);
    let program = "
fn main() {
    let floats = floats();
    let images = net::inputs(&floats).expect(\"three images\");
    assert!(net::inputs(&floats[1..]).is_none() && net::input(&floats).is_none());
    let mut one = net::Net::new().expect(\"weights\");
    print(&one.forward(&images[0]));
    let mut output: net::Output = [f32::NAN; 10];
    one.forward_into(net::input(&floats[64..128]).expect(\"an image\"), &mut output);
    print(&output);
    print(one.forward_batch(images).as_flattened());
    assert!(one.forward_batch(&[]).is_empty());
    assert!(net::ISAS.contains(&one.isa()) && format!(\"{one:?}\").contains(one.isa()));
    assert_eq!((net::NET, net::LABELS[7]), (\"Digits\", \"seven\"));
    let other = one.clone();
    let threads = [one, other].map(|mut net| {
        let images = images.to_vec();
        std::thread::spawn(move || {
            let first = net.forward_batch(&images);
            for _ in 0..50 {
                assert_eq!(net.forward_batch(&images), first);
            }
            first
        })
    });
    for thread in threads {
        print(thread.join().expect(\"the same\").as_flattened());
    }
}
";
    let (graph, source) = digits();
    let floats = noise(3 * 64, 1);
    let tensor = |floats: &[f32]| {
        let shape = vec![floats.len() / 64, 1, 8, 8];
        vec![Tensor::new(shape, floats).expect("a tensor")]
    };
    let batches = [&floats[..64], &floats[64..128], &floats[..]].map(tensor);
    let wanted = jit(&graph, &machine(), &source, &batches);
    let [one, two, three] = [0, 1, 2].map(|batch: usize| bits(&wanted[batch]).concat());
    let wanted = [one, two, three.clone(), three.clone(), three].concat();
    for edition in ["2021", "2024"] {
        let found = run(folder.path(), edition, &format!("{HEAD}{program}"), &floats);
        assert!(found == wanted, "edition {edition}");
    }
}

#[test]
fn a_programs_threads_compute_the_same() {
    let folder = folder(DIGITS, |config| config.parallel(true));
    let program = "
fn main() {
    let floats = floats();
    let images = net::inputs(&floats).expect(\"images\");
    let mut one = net::Net::new().expect(\"weights\");
    let n_calls = std::cell::Cell::new(0);
    // A thread for each part, the last first.
    let on_threads = |n: usize, body: &(dyn Fn(usize) + Sync)| {
        n_calls.set(n_calls.get() + 1);
        std::thread::scope(|scope| {
            for part in (0..n).rev() {
                scope.spawn(move || body(part));
            }
        });
    };
    print(one.forward_batch_parallel(images, 3, on_threads).as_flattened());
    assert!(n_calls.get() > 0);
    // Leaves parts out, has one run twice and others that are not there.
    let careless = |n: usize, body: &(dyn Fn(usize) + Sync)| {
        for part in [n - 1, n - 1, n, usize::MAX] {
            body(part);
        }
    };
    print(one.forward_batch_parallel(images, 4, careless).as_flattened());
    print(one.forward_batch(images).as_flattened());
    for n_parts in [0, net::PARTS_MAX + 1] {
        let mut one = one.clone();
        let wrong = move || one.forward_batch_parallel(images, n_parts, careless);
        let wrong = std::panic::AssertUnwindSafe(wrong);
        assert!(std::panic::catch_unwind(wrong).is_err());
    }
}
";
    let (graph, source) = digits();
    let floats = noise(97 * 64, 1);
    let images = Tensor::new(vec![97, 1, 8, 8], floats.clone()).expect("a tensor");
    let wanted = jit(&graph, &machine(), &source, &[vec![images]]);
    let wanted = bits(&wanted[0]).concat().repeat(3);
    for edition in ["2021", "2024"] {
        let found = run(folder.path(), edition, &format!("{HEAD}{program}"), &floats);
        assert!(found == wanted, "edition {edition}");
    }
}

/// The net of a text.
fn graph_of(text: &str, net: &str) -> Graph {
    let program = netc::parse("several.net", text);
    netc::expand(&program, net).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[test]
fn nets_with_several_inputs_and_outputs_have_them_by_name() {
    let folder = folder_of(SEVERAL, |config| {
        let families = host().families().to_vec();
        config.init(3).weights_file(true).isas(families)
    });
    let program = "
fn main() {
    let floats = floats();
    let (one, other) = floats.split_at(2 * 4800);
    let one = net::inputs_type_(one).expect(\"inputs\");
    let other = net::inputs_status_(other).expect(\"inputs\");
    let image = std::fs::read(net::WEIGHTS_PATH).expect(\"weights\");
    assert_eq!(image.len(), net::WEIGHTS_SIZE);
    let mut net = net::Net::from_bytes(&image).expect(\"weights\");
    let output: Box<net::Output> = net.forward(&one[0], &other[0]);
    let mut again = output.clone();
    again.n_images_.fill(0.0);
    net.forward_into(&one[0], &other[0], &mut again);
    assert_eq!(output, again);
    print(output.match_.as_flattened().as_flattened());
    print(&output.n_images_);
    let outputs = net.forward_batch(one, other);
    print(outputs.match_.as_flattened().as_flattened().as_flattened());
    print(outputs.n_images_.as_flattened());

    // Where they lie, and damaged.
    #[repr(align(64))]
    struct Image([u8; net::WEIGHTS_SIZE]);
    impl AsRef<[u8]> for Image {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let mut shared = Image(image.as_slice().try_into().expect(\"so many\"));
    shared.0[2000] ^= 1;
    let shared = std::sync::Arc::new(shared);
    let opened = net::Net::from_shared(shared.clone());
    assert_eq!(opened.expect_err(\"damage\"), net::Error::WeightsChecksum);
    let mut shared = std::sync::Arc::into_inner(shared).expect(\"nobody keeps it\");
    shared.0[2000] ^= 1;
    let mut opened = net::Net::from_shared(std::sync::Arc::new(shared)).expect(\"weights\");
    assert_eq!(opened.forward(&one[0], &other[0]), output);
    for damaged in [&image[..100], &[][..]] {
        let error = net::Net::from_bytes(damaged).expect_err(\"damage\");
        assert_eq!(error, net::Error::WeightsSize);
        let error: Box<dyn std::error::Error> = error.into();
        assert_eq!(error.to_string(), \"the weights have another size\");
    }
    let wrong = std::panic::AssertUnwindSafe(move || net.forward_batch(one, &other[1..]));
    let panic = std::panic::catch_unwind(wrong);
    assert!(panic.is_err());
}
";
    let graph = graph_of(SEVERAL, "Several");
    let source = WeightSource::seeded(&graph, 3);
    let floats = [noise(2 * 4800, 1), noise(2 * 3200, 2)].concat();
    let (one, other) = floats.split_at(2 * 4800);
    let batch = |n: usize| {
        let tensor = |channels: usize, floats: &[f32]| {
            let values = floats[..n * channels * 1600].to_vec();
            Tensor::new(vec![n, channels, 40, 40], values).expect("a tensor")
        };
        vec![tensor(3, one), tensor(2, other)]
    };
    let wanted = jit(&graph, &machine(), &source, &[batch(1), batch(2)]);
    let wanted: Vec<u32> = wanted
        .iter()
        .flat_map(|outputs| bits(outputs).concat())
        .collect();
    let found = run(folder.path(), "2024", &format!("{HEAD}{program}"), &floats);
    assert!(found == wanted);
}

#[test]
fn an_input_of_another_shape_does_not_compile() {
    let folder = folder(DIGITS, |config| config);
    let program = "
fn main() {
    let mut net = net::Net::new().expect(\"weights\");
    print(&floats());
    print(&net.forward(&[[[0.0; 9]; 8]; 1]));
}
";
    let good = format!("{HEAD}{}", program.replace("; 9]", "; 8]"));
    let compiled = compile(folder.path(), "2024", &good);
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
    let compiled = compile(folder.path(), "2024", &format!("{HEAD}{program}"));
    assert!(!compiled.status.success());
    let said = text(&compiled.stderr);
    let is_told = said.contains("error[E0308]: mismatched types")
        && said.contains("expected an array with a size of 8, found one with a size of 9");
    assert!(is_told, "{said}");
}

#[test]
fn what_is_wrong_with_a_net_is_told_as_check_tells_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.net");
    let wrong = "net Wrong { input x: [3, 8, 8] conv(4, 3x3, strid=2) -> conv(4, 9x9, pad=1) output y: dense() }";
    fs::write(&path, wrong).expect("a file");
    let path = path.display().to_string();
    let checked = netc(&["check", &path]);
    let checked = text(&checked.stderr);
    let (checked, _) = checked.split_once("checked 1 file").expect("a summary");
    assert!(checked.contains("error[E0304]") && checked.contains("did you mean `stride`?"));
    let error = fault(Config::new(path).init(0).target(host().triple()));
    assert_eq!(error.to_string(), checked);
    assert_eq!(format!("{error:?}"), checked);
    assert!(
        error
            .diagnostics()
            .iter()
            .any(|fault| fault.code.id == "E0304")
    );
}

#[test]
fn wrong_uses_of_the_build_helper_are_told() {
    let said = |config: &mut Config| fault(config).to_string();
    for target in ["wasm32-unknown-unknown", "x86_64-apple-darwin"] {
        let said = said(Config::new(DIGITS).target(target));
        let wanted = format!("error[E1102]: there is no code for the target `{target}`");
        assert!(said.starts_with(&wanted), "{said}");
        assert!(
            said.contains("x86_64-unknown-linux-gnu and aarch64"),
            "{said}"
        );
    }
    let on_host = |net: &str| {
        let mut config = Config::new(net);
        config.target(host().triple());
        config
    };
    let aarch64 = "aarch64-unknown-linux-gnu";
    let said_of = said(Config::new(DIGITS).target(aarch64).isas([TileFamily::Avx2]));
    assert!(said_of.starts_with("error[E1001]: aarch64-unknown-linux-gnu has no avx2 tiles"));
    assert!(said(on_host(DIGITS).name("a name")).starts_with("error[E1103]"));
    assert!(said(on_host(DIGITS).weights("no such file")).starts_with("error[E0801]"));
    assert!(said(&mut on_host("nets/resnet_cifar.net:ResNet20")).starts_with("error[E0801]"));
    for size in [0, u64::MAX] {
        let said = said(on_host("nets/resnet.net:ResNet18").init(0).set("H", size));
        assert!(said.starts_with("error[E0414]: `H` cannot be"), "{said}");
    }
    assert!(said(on_host("nets/vgg.net").init(0)).starts_with("error[E0208]"));
}

#[test]
fn the_same_net_gives_the_same_module() {
    let [one, other] = [(); 2].map(|()| {
        folder("nets/resnet.net:ResNet18", |config| {
            config.weights_file(true).set("H", 64).set("W", 96)
        })
    });
    let names = super::command::files(one.path());
    assert_eq!(names, ["Net.rs", "libnetc_Net.a"]);
    for name in names {
        let read = |folder: &tempfile::TempDir| fs::read(folder.path().join(&name));
        assert!(
            read(&one).expect("a file") == read(&other).expect("a file"),
            "{name}"
        );
    }
    let module = fs::read_to_string(one.path().join("Net.rs")).expect("a module");
    assert!(module.contains("pub type Input = [[[f32; 96]; 64]; 3];"));
    // Neither weights of its own nor of a file that was made.
    assert!(!module.contains("pub fn new") && !module.contains("WEIGHTS_PATH"));
}
