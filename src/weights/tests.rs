use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Init, Param, ParamId, Recipe};
use crate::kernels::Packing;
use crate::plan::{PackedParam, Plan};
use crate::source::SourceMap;

/// A safetensors file with this header.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn open(bytes: Vec<u8>) -> Result<WeightsFile, Diagnostic> {
    WeightsFile::from_bytes(Path::new("w.safetensors"), bytes)
}

fn entry(name: &str, dtype: &str, shape: &str, offsets: [usize; 2]) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets:?}}}"#)
}

#[test]
fn stored_types_are_read_as_f32() {
    let header = [
        entry("a", "F16", "[2]", [0, 4]),
        entry("b", "BF16", "[1]", [4, 6]),
        entry("c", "F64", "[1]", [6, 14]),
        entry("d", "I64", "[1]", [14, 22]),
    ];
    let mut data = vec![0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f];
    data.extend(2.5f64.to_le_bytes());
    data.extend((-7i64).to_le_bytes());
    let file = open(file(&format!("{{{}}}", header.join(",")), &data)).unwrap();
    assert_eq!(file.read_f32("a"), Some(vec![1.0, -2.0]));
    assert_eq!(file.read_f32("b"), Some(vec![1.0]));
    assert_eq!(file.read_f32("c"), Some(vec![2.5]));
    assert_eq!(file.read_f32("d"), None);
    assert_eq!(file.read_integers("d"), Some(vec![-7]));
    assert!(file.get("c").unwrap().element_type.is_wider_than_f32());
}

#[test]
fn broken_files_are_refused_with_their_fault() {
    let one = |dtype, shape, offsets| {
        file(
            &format!("{{{}}}", entry("x", dtype, shape, offsets)),
            &[0; 8],
        )
    };
    let two = |a, b| {
        file(
            &format!(
                "{{{},{}}}",
                entry("x", "F32", "[1]", a),
                entry("y", "F32", "[1]", b)
            ),
            &[0; 8],
        )
    };
    let cases = [
        (Vec::new(), "too few"),
        (vec![1, 2, 3], "too few"),
        (
            b"PK\x03\x04 a zip archive of pickles".to_vec(),
            "not a safetensors file",
        ),
        (file("{", &[]), "header is broken"),
        (file(r#"{"x": 3}"#, &[]), "header is broken"),
        (
            [&u64::MAX.to_le_bytes()[..], b"{}"].concat(),
            "more than the limit",
        ),
        ([&1000u64.to_le_bytes()[..], b"{}"].concat(), "truncated"),
        (one("F32", "[3]", [0, 12]), "truncated"),
        (one("F32", "[3]", [0, 8]), "takes 12"),
        (one("F32", "[2]", [8, 0]), "before it begins"),
        (one("F99", "[2]", [0, 8]), "header is broken"),
        (one("F32", "[9223372036854775807, 9]", [0, 8]), "too large"),
        (two([0, 4], [0, 4]), "overlap"),
        (two([0, 4], [3, 7]), "overlap"),
        (one("F32", "[1]", [4, 8]), "of no tensor"),
        (one("F32", "[1]", [0, 4]), "the last 4 bytes"),
        (
            file(
                &format!("{{{0},{0}}}", entry("x", "F32", "[1]", [0, 4])),
                &[0; 4],
            ),
            "twice",
        ),
    ];
    for (bytes, fault) in cases {
        let error = open(bytes).unwrap_err();
        assert_eq!(error.code.id, "E0801");
        assert!(
            error.message.contains(fault),
            "{} lacks {fault}",
            error.message
        );
    }
}

#[test]
fn a_thousand_corruptions_never_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("w.safetensors");
    let tensor = |name: &str, values| NamedTensor {
        name: name.into(),
        shape: vec![2, 3],
        values,
    };
    write_safetensors(
        &path,
        &[tensor("a.weight", &[1.5; 6]), tensor("b.weight", &[2.5; 6])],
    )
    .unwrap();
    let good = std::fs::read(&path).unwrap();
    assert_eq!(
        open(good.clone()).unwrap().read_f32("b.weight"),
        Some(vec![2.5; 6])
    );
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..1000 {
        let mut bytes = good.clone();
        for _ in 0..1 + random.next_u32() % 4 {
            let at = random.next_u32() as usize % bytes.len();
            match random.next_u32() % 3 {
                0 => bytes[at] = random.next_u32() as u8,
                1 => bytes[at] = b"0123456789{}[],:\""[random.next_u32() as usize % 17],
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(file) = open(bytes) {
            for (name, tensor) in file.tensors() {
                if let Some(values) = file.read_f32(name) {
                    assert_eq!(values.len(), tensor.elements());
                }
            }
        }
    }
}

fn graph(params: &[(&str, &[usize])]) -> Graph {
    let param = |(name, shape): &(&str, &[usize])| Param {
        shape: shape.to_vec(),
        recipe: Recipe::Stored {
            name: (*name).into(),
            learned: true,
            init: Init::Constant(0.0),
        },
    };
    Graph {
        name: "N".into(),
        params: params.iter().map(param).collect(),
        ..Graph::default()
    }
}

fn source(tensors: &[(&str, &str, &str, usize)], names: &NameMap) -> WeightSource {
    let mut start = 0;
    let entries: Vec<String> = tensors
        .iter()
        .map(|(name, dtype, shape, n_bytes)| {
            start += n_bytes;
            entry(name, dtype, shape, [start - n_bytes, start])
        })
        .collect();
    let file = open(file(&format!("{{{}}}", entries.join(",")), &vec![0; start])).unwrap();
    WeightSource::file(file, names).unwrap()
}

#[test]
fn one_report_says_everything() {
    let graph = graph(&[
        ("conv1.weight", &[4]),
        ("conv1.bias", &[1]),
        ("fc.weight", &[2, 2]),
        ("fc.bias", &[1]),
    ]);
    let source = source(
        &[
            ("conv1.weights", "F32", "[4]", 16),
            ("conv1.bias", "I32", "[1]", 4),
            ("fc.weight", "F32", "[4]", 16),
            ("fc.bias", "F64", "[1]", 8),
            ("aux.weight", "F32", "[1]", 4),
            ("bn1.num_batches_tracked", "I64", "[]", 8),
        ],
        &NameMap::default(),
    );
    let report = source.check(&graph);
    let text = crate::diagnostic::render_text(&report, &SourceMap::new(), false);
    insta::assert_snapshot!(text);
}

#[test]
fn long_lists_are_cut() {
    let names: Vec<String> = (0..100).map(|i| format!("layer{i}.weight")).collect();
    let params: Vec<(&str, &[usize])> =
        names.iter().map(|name| (name.as_str(), &[1][..])).collect();
    let report = source(&[("x", "F32", "[1]", 4)], &NameMap::default()).check(&graph(&params));
    assert_eq!(report[0].notes.len(), 9);
    assert_eq!(report[0].notes[8], "and 92 more");
}

#[test]
fn names_are_mapped() {
    let names = NameMap {
        renames: vec![Rename::new("module.*", "*").unwrap()],
        ignore: Vec::new(),
    };
    let graph = graph(&[("a.weight", &[1])]);
    let mapped = source(&[("module.a.weight", "F32", "[1]", 4)], &names);
    assert!(mapped.check(&graph).is_empty());
    assert_eq!(mapped.values("a.weight", &[1]).unwrap(), [0.0]);
}

#[test]
fn what_is_not_finite_is_found() {
    let data: Vec<u8> = [0.0f32, 1.0, 2.0, f32::NAN, 4.0, f32::INFINITY]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let file = open(file(
        &format!("{{{}}}", entry("a.weight", "F32", "[2, 3]", [0, 24])),
        &data,
    ))
    .unwrap();
    let source = WeightSource::file(file, &NameMap::default()).unwrap();
    let error = source.values("a.weight", &[2, 3]).unwrap_err();
    assert_eq!(error.message, "`a.weight` is NaN at [1, 0]");
    assert_eq!(
        error.notes,
        ["2 of its 6 values are not finite; this is the first"]
    );
}

fn manifest(text: &str) -> Result<Manifest, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.yaml");
    std::fs::write(&path, text).unwrap();
    let mut sources = SourceMap::new();
    Manifest::load(&path, &mut sources).map_err(|error| {
        let text = crate::diagnostic::render_text(&[error], &sources, false);
        text.replace(&directory.path().display().to_string(), "")
    })
}

#[test]
fn a_manifest_is_read() {
    let read = manifest(
        "net: d.net:Digits\nweights: w.safetensors\nimage: {resize: 256, crop: 224, order: bgr, range: 255, mean: [1, 2.5, 3]}\n\
         labels: [0, one, yes, 1.50]\nnames: [{from: \"a.*\", to: \"*\"}]\nheldout: {images: h.safetensors, accuracy: 0.5}\n",
    )
    .unwrap();
    let (net, name) = read.net.unwrap();
    assert!(net.ends_with("d.net"));
    assert_eq!(name.as_deref(), Some("Digits"));
    assert_eq!(read.image.as_ref().unwrap().crop, Some([224, 224]));
    assert_eq!(read.image.as_ref().unwrap().mean, [1.0, 2.5, 3.0]);
    assert_eq!(read.labels, ["0", "one", "yes", "1.50"]);
    assert_eq!(read.names.apply("a.b").as_deref(), Some("b"));
    assert_eq!(manifest("").unwrap(), Manifest::default());
}

#[test]
fn faults_of_a_manifest_show_their_place() {
    let bad = [
        "net: d.net\nweigths: w.safetensors\n",
        "image: {resize: [8, 8, 8]}\n",
        "image: {order: grey}\n",
        "image: {std: [0]}\n",
        "labels: 3\n",
        "net: [1\nlabels: ]\n",
        "names: [{from: a, to: \"*\"}]\n",
    ];
    let text: Vec<String> = bad.iter().map(|text| manifest(text).unwrap_err()).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn bombs_do_not_go_off() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (from, to) in ('a'..'i').zip('b'..='i') {
        bomb += &format!("{to}: &{to} [{}]\n", vec![format!("*{from}"); 9].join(", "));
    }
    assert!(manifest(&bomb).is_err());
    assert!(manifest(&"[".repeat(100_000)).is_err());
    assert!(manifest(&"a: ".repeat(10_000)).is_err());
}

#[test]
fn binding_fills_the_block_or_names_every_fault() {
    let graph = graph(&[("a.weight", &[2]), ("b.weight", &[3])]);
    let packed = |param, len, padded, offset| PackedParam {
        param: ParamId(param),
        packing: Packing::Vector { len, padded },
        offset,
    };
    let plan = Plan {
        machine: crate::codegen::detect_machine().expect("a machine"),
        tuning: Default::default(),
        scratch_size: 0,
        packed: vec![packed(0, 2, 8, 0), packed(1, 3, 8, 16)],
        packed_size: 24,
        kernels: Vec::new(),
        steps: Vec::new(),
        buffers: Vec::new(),
        arena_size: 0,
        lead: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let bound = |values: [f32; 5]| {
        let data = values
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<u8>>();
        let entries = [
            entry("a.weight", "F32", "[2]", [0, 8]),
            entry("b.weight", "F32", "[3]", [8, 20]),
        ];
        let file = open(file(&format!("{{{}}}", entries.join(",")), &data)).unwrap();
        let source = WeightSource::file(file, &NameMap::default()).unwrap();
        let mut block = vec![9.0; 24];
        bind(&graph, &plan, &source, &mut block, &|_| {}).map(|()| block)
    };
    let block = bound([1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    assert_eq!(block[..8], [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(block[16..20], [3.0, 4.0, 5.0, 0.0]);
    let faults = bound([f32::NAN, 2.0, 3.0, 4.0, f32::INFINITY]).unwrap_err();
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        messages,
        ["`a.weight` is NaN at [0]", "`b.weight` is inf at [2]"]
    );
}

/// The findings about a file with these tensors of shape [4] for a net of [4, 2, 2].
fn bound(steps: &str, tensors: &[&str]) -> Vec<Diagnostic> {
    let text = format!("net N {{ input x: [4, 2, 2]\n{steps}\n}}");
    let program = crate::parse("n.net", &text);
    let (graph, faults) = crate::elaborate::expand(&program, "N");
    let graph = graph.unwrap_or_else(|| panic!("{faults:?}"));
    let entries: Vec<String> = tensors
        .iter()
        .enumerate()
        .map(|(index, name)| entry(name, "F32", "[4]", [16 * index, 16 * index + 16]))
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    let stored = open(file(&header, &vec![0; 16 * tensors.len()])).unwrap();
    let source = WeightSource::file(stored, &NameMap::default()).unwrap();
    source.check(&graph)
}

const NORM: [&str; 2] = ["bn.running_mean", "bn.running_var"];

/// The net without them would be another one, so tensors under the label of one of its steps are an error.
#[test]
fn tensors_of_a_step_of_the_net_are_never_just_left_aside() {
    for (steps, tensor, words) in [
        (
            "bn: batchnorm(affine=false) -> act1: relu",
            "act1.weight",
            "`relu` has no parameters",
        ),
        (
            "bn: batchnorm(affine=false) -> act: { relu }",
            "act.0.weight",
            "`relu` has no parameters",
        ),
        (
            "bn: batchnorm(affine=false) -> act: { relu }",
            "act.norm.weight",
            "act.norm.weight",
        ),
        ("bn: batchnorm(affine=false)", "bn.weight", "`affine=true`"),
        (
            "bn: batchnorm(affine=false)",
            "bn.gamma",
            "`batchnorm` has no such parameter",
        ),
    ] {
        let found = bound(steps, &[NORM[0], NORM[1], tensor]);
        let [fault] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(fault.code.id, "E0803", "{steps}");
        let said = format!("{:?} {:?}", fault.notes, fault.help);
        assert!(said.contains(words) && said.contains("`ignore`"), "{said}");
    }
    // What the net has nothing of is left over.
    for tensor in ["aux.weight", "x.weight"] {
        let found = bound("bn: batchnorm(affine=false)", &[NORM[0], NORM[1], tensor]);
        assert_eq!(found[0].code.id, "W0011", "{tensor}");
    }
}

#[test]
fn a_stored_bias_asks_for_a_layer_with_one() {
    let found = bound(
        "c1: conv(4, 1x1, bias=false) -> bn: batchnorm(affine=false) -> c2: conv(4, 1x1)",
        &[NORM[0], NORM[1], "c1.weight", "c1.bias", "c2.weight"],
    );
    // It is not taken for the missing bias of another layer.
    let missing = found.iter().find(|fault| fault.code.id == "E0802").unwrap();
    assert!(
        missing.notes.iter().all(|note| !note.contains("c1.bias")),
        "{missing:?}"
    );
    let extra = found.iter().find(|fault| fault.code.id == "E0803").unwrap();
    assert_eq!(extra.notes, ["`c1.bias`: `c1` has `bias=false`"]);
    let help = extra.help.as_ref().unwrap();
    assert!(help.starts_with("write `bias=true`"), "{help}");
}

/// A file of many tensors is compared with the missing names in time that is linear in its length.
#[test]
fn many_unknown_tensors_are_told_soon() {
    let names: Vec<String> = (0..20_000).map(|i| format!("zbcdefgh{i}.weight")).collect();
    let tensors: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = bound("bn: batchnorm", &tensors);
    assert_eq!(found[0].code.id, "E0802");
}

/// No rule for names can make a weight of its length and direction.
#[test]
fn parts_of_a_weight_are_not_the_weight_under_another_name() {
    for parts in [
        ["c.weight_g", "c.weight_v"],
        ["c.weight_orig", "c.weight_u"],
    ] {
        let found = bound("c: conv(4, 1x1, bias=false)", &parts);
        assert_eq!(found[0].code.id, "E0802");
        let help = found[0].help.as_ref().unwrap();
        assert!(
            help.contains("before saving") && !help.contains("names:"),
            "{help}"
        );
    }
}

/// A file of another format is named for what it is, with what makes one of it that netc reads.
#[test]
fn files_of_other_formats_are_named() {
    let cases: [(&[u8], &str, &str); 3] = [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "Git LFS",
            "git lfs pull",
        ),
        (
            b"\x80\x02}q\x00X\x06\x00\x00\x00weightq\x01.",
            "pickle",
            "torch.load",
        ),
        (
            b"\x89HDF\r\n\x1a\n\0\0\0\0",
            "HDF5",
            "safetensors.numpy.save_file",
        ),
    ];
    for (bytes, what, help) in cases {
        let fault = open(bytes.to_vec()).unwrap_err();
        assert!(fault.message.contains(what), "{}", fault.message);
        assert!(fault.help.unwrap().contains(help));
    }
}

/// A variance that `eps` makes zero cannot divide either.
#[test]
fn a_variance_of_minus_eps_is_refused() {
    let eps = 0.5;
    assert!(bind::bad_variance("v", &[1.0, -0.5], eps).is_some());
    assert!(bind::bad_variance("v", &[1.0, -0.499], eps).is_none());
}
