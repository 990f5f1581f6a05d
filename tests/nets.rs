//! The networks of `nets/`: their totals against the papers' and torchvision's, and the names of their parameters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use netc::check::summarise;
use netc::diagnostic::render_text;
use netc::elaborate::{self, Program};
use netc::graph::{Graph, Recipe, text, verify};
use netc::loader::DiskLoader;

fn program(file: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("nets")
        .join(file);
    let text = DiskLoader::read_root(&path).expect("the network is readable");
    Program::load(&path, text, &mut DiskLoader::new(&path, &[]))
}

fn graph(file: &str, net: &str) -> Graph {
    let program = program(file);
    let (graph, faults) = elaborate::expand(&program, net);
    graph.unwrap_or_else(|| panic!("{}", render_text(&faults, &program.sources, false)))
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("nets");
    let mut files: Vec<PathBuf> = [folder.clone(), folder.join("digits")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder is readable"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "net"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_is_without_diagnostics() {
    for path in files() {
        let program = program(&path.to_string_lossy());
        let faults = elaborate::check(&program);
        assert!(
            faults.is_empty(),
            "{}",
            render_text(&faults, &program.sources, false)
        );
        for net in elaborate::nets(&program).iter().filter(|net| net.complete) {
            let graph = graph(&path.to_string_lossy(), &net.name);
            assert_eq!(verify(&graph), Ok(()), "{}", net.name);
            assert_eq!(
                text::print(&graph).lines().count(),
                1 + graph.nodes.len() + graph.outputs.len()
            );
        }
    }
}

/// File, net, learned parameters, multiply-accumulates (0: not stated anywhere).
const TOTALS: &[(&str, &str, u64, u64)] = &[
    ("alexnet.net", "AlexNet", 60_965_224, 724_406_816),
    ("alexnet.net", "AlexNetTorchvision", 61_100_840, 714_188_480),
    ("zfnet.net", "ZFNet", 62_357_608, 1_168_032_896),
    ("vgg.net", "VGG_A", 132_863_336, 7_609_090_048),
    ("vgg.net", "VGG_A_LRN", 132_863_336, 7_609_090_048),
    ("vgg.net", "VGG_B", 133_047_848, 11_308_466_176),
    ("vgg.net", "VGG_C", 133_638_952, 11_770_888_192),
    ("vgg.net", "VGG_D", 138_357_544, 15_470_264_320),
    ("vgg.net", "VGG_E", 143_667_240, 19_632_062_464),
    ("vgg_bn.net", "VGG11_BN", 132_868_840, 7_609_090_048),
    ("vgg_bn.net", "VGG13_BN", 133_053_736, 11_308_466_176),
    ("vgg_bn.net", "VGG16_BN", 138_365_992, 15_470_264_320),
    ("vgg_bn.net", "VGG19_BN", 143_678_248, 19_632_062_464),
    ("googlenet.net", "GoogLeNet", 6_998_552, 1_582_671_872),
    ("googlenet.net", "GoogLeNetTrain", 13_378_280, 1_591_044_096),
    (
        "googlenet_torchvision.net",
        "GoogLeNetTorchvision",
        6_624_904,
        1_498_376_192,
    ),
    (
        "googlenet_torchvision.net",
        "GoogLeNetTorchvisionTrain",
        13_004_888,
        1_506_748_416,
    ),
    ("resnet.net", "ResNet18", 11_689_512, 1_814_073_344),
    ("resnet.net", "ResNet34", 21_797_672, 3_663_761_408),
    ("resnet.net", "ResNet50", 25_557_032, 4_089_184_256),
    ("resnet.net", "ResNet101", 44_549_160, 7_801_405_440),
    ("resnet.net", "ResNet152", 60_192_808, 11_513_626_624),
    (
        "resnet_variants.net",
        "ResNet50V1",
        25_557_032,
        3_857_973_248,
    ),
    (
        "resnet_variants.net",
        "ResNeXt50_32x4d",
        25_028_904,
        4_230_479_872,
    ),
    (
        "resnet_variants.net",
        "WideResNet50_2",
        68_883_240,
        11_398_021_120,
    ),
    (
        "resnet_variants.net",
        "SEResNet50",
        28_088_024,
        3_860_488_192,
    ),
    ("resnet_cifar.net", "ResNet20", 269_722, 40_551_040),
    ("resnet_cifar.net", "ResNet32", 464_154, 0),
    ("resnet_cifar.net", "ResNet44", 658_586, 0),
    ("resnet_cifar.net", "ResNet56", 853_018, 0),
    ("resnet_cifar.net", "ResNet110", 1_727_962, 0),
    ("resnet_cifar.net", "ResNet1202", 19_421_274, 2_829_238_912),
    ("preresnet.net", "PreResNet164", 1_703_258, 244_500_992),
    ("preresnet.net", "PreResNet1001", 10_327_706, 1_487_849_984),
    ("preresnet.net", "PreResNet200", 64_666_152, 15_007_481_856),
];

#[test]
fn totals_are_exact() {
    for (file, net, params, macs) in TOTALS {
        let summary = summarise(&graph(file, net));
        assert_eq!(summary.params, *params, "parameters of {net}");
        assert!(
            *macs == 0 || summary.macs == *macs,
            "MACs of {net}: {}",
            summary.macs
        );
        let by_layer: u64 = summary.layers.iter().map(|layer| layer.params).sum();
        assert_eq!(by_layer, summary.params, "sum over the layers of {net}");
    }
}

/// The stored parameters of a net: their shapes by name.
fn parameters(file: &str, net: &str) -> BTreeMap<String, Vec<usize>> {
    let graph = graph(file, net);
    let params = graph.params.into_iter();
    params
        .filter_map(|param| match param.recipe {
            Recipe::Stored { name, .. } => Some((name, param.shape)),
            _ => None,
        })
        .collect()
}

#[test]
fn names_are_those_of_torchvision() {
    /// A file, a net of it, names of parameters with their shapes.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [usize])]);
    let cases: &[Case] = &[
        (
            "resnet.net",
            "ResNet50",
            &[
                ("conv1.weight", &[64, 3, 7, 7]),
                ("bn1.running_var", &[64]),
                ("layer1.0.conv1.weight", &[64, 64, 1, 1]),
                ("layer1.0.downsample.0.weight", &[256, 64, 1, 1]),
                ("layer1.0.downsample.1.running_var", &[256]),
                ("layer4.2.bn3.bias", &[2048]),
                ("fc.weight", &[1000, 2048]),
            ],
        ),
        (
            "vgg.net",
            "VGG_D",
            &[
                ("features.0.weight", &[64, 3, 3, 3]),
                ("features.28.weight", &[512, 512, 3, 3]),
                ("classifier.0.weight", &[4096, 25088]),
                ("classifier.6.bias", &[1000]),
            ],
        ),
        (
            "vgg_bn.net",
            "VGG16_BN",
            &[("features.41.running_mean", &[512])],
        ),
        (
            "alexnet.net",
            "AlexNetTorchvision",
            &[
                ("features.10.bias", &[256]),
                ("classifier.1.weight", &[4096, 9216]),
            ],
        ),
        (
            "googlenet_torchvision.net",
            "GoogLeNetTorchvisionTrain",
            &[
                ("inception3a.branch2.1.conv.weight", &[128, 96, 3, 3]),
                ("inception5b.branch4.1.bn.running_mean", &[128]),
                ("aux1.conv.conv.weight", &[128, 512, 1, 1]),
                ("aux2.fc2.weight", &[1000, 1024]),
            ],
        ),
        (
            "mobilenet_v2.net",
            "MobileNetV2",
            &[
                ("features.0.0.weight", &[32, 3, 3, 3]),
                ("features.1.conv.0.0.weight", &[32, 1, 3, 3]),
                ("features.17.conv.2.weight", &[320, 960, 1, 1]),
                ("features.18.1.running_var", &[1280]),
                ("classifier.1.weight", &[1000, 1280]),
            ],
        ),
        (
            "densenet.net",
            "DenseNet121",
            &[
                (
                    "features.denseblock4.denselayer16.conv2.weight",
                    &[32, 128, 3, 3],
                ),
                ("features.transition2.norm.weight", &[512]),
                ("features.norm5.bias", &[1024]),
            ],
        ),
    ];
    for (file, net, wanted) in cases {
        let found = parameters(file, net);
        for (name, shape) in *wanted {
            assert_eq!(
                found.get(*name).map(Vec::as_slice),
                Some(*shape),
                "{name} of {net}"
            );
        }
    }
}
