//! `examples/c`, built every way it can be.

use std::fs;
use std::path::Path;

use netc::codegen::Target;
use netc::kernels::TileFamily;
use netc::runtime::Tensor;

use super::common::{digits, jit};
use super::programs::{answer, argument, build, place, run, text};

const NET: &str = "nets/digits/digits.yaml";
const FLAGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-O2"];

fn net() -> String {
    argument(&place(NET))
}

/// A bundled picture, as the example reads it.
fn pixels(digit: usize) -> Vec<f32> {
    let path = place(&format!("examples/c/digits/{digit}.pgm"));
    let text = fs::read_to_string(path).expect("a picture");
    let numbers = text.split_whitespace().skip(4);
    let pixel = |number: &str| (number.parse::<f32>().expect("a number") / 255.0 - 0.305) / 0.376;
    numbers.map(pixel).collect()
}

/// What the JIT says of each picture.
fn logits(family: TileFamily) -> Vec<Vec<f32>> {
    let (graph, source) = digits();
    let tensor = |digit| Tensor::new(vec![1, 1, 8, 8], pixels(digit)).expect("a tensor");
    let batches: Vec<Vec<Tensor>> = (0..10).map(|digit| vec![tensor(digit)]).collect();
    let machine = Target::host().expect("a target").machine(family);
    let outputs = jit(&graph, &machine, &source, &batches);
    outputs
        .iter()
        .map(|output| output[0].values().to_vec())
        .collect()
}

/// Class and logits that the example prints.
fn parse(printed: &str) -> (usize, Vec<f32>) {
    let mut lines = printed.lines();
    let class = lines.next().and_then(|line| line.parse().ok());
    let logit = |line: &str| line.split(": ").nth(1)?.parse().ok();
    let logits = lines.map(|line| logit(line).expect("a logit"));
    (class.expect("a class"), logits.collect())
}

/// Runs the program on all pictures, and compares with the JIT: bit for bit, nine digits tell a float.
pub fn check(program: &[&str], family: TileFamily) {
    for (digit, wanted) in logits(family).iter().enumerate() {
        let picture = argument(&place(&format!("examples/c/digits/{digit}.pgm")));
        let mut arguments = program[1..].to_vec();
        arguments.push(&picture);
        let (class, logits) = parse(&run(program[0], &arguments));
        assert_eq!(class, digit);
        assert_eq!(&logits, wanted, "{program:?}, {digit}");
    }
}

/// Compiles `examples/c/digit.c` with what lies in `folder`.
fn compile(compiler: &[&str], folder: &Path) -> String {
    let program = argument(&folder.join("digit"));
    let mut arguments: Vec<String> = compiler[1..].iter().map(|s| (*s).to_owned()).collect();
    arguments.extend(FLAGS.map(str::to_owned));
    arguments.push(format!("-I{}", folder.display()));
    arguments.extend(["-o".to_owned(), program.clone()]);
    arguments.push(argument(&place("examples/c/digit.c")));
    arguments.extend(["-x", "none"].map(str::to_owned));
    arguments.push(argument(&folder.join("libDigits.a")));
    run(compiler[0], &arguments);
    program
}

#[test]
fn c_and_cpp_programs_compute_what_the_jit_does() {
    let family = Target::host().expect("a target").native_family();
    let family = family.expect("a family");
    let folder = tempfile::tempdir().expect("a folder");
    build(&net(), folder.path(), &["--emit", "a"]);
    for compiler in [
        &["gcc", "-std=c11"][..],
        &["g++", "-x", "c++", "-std=c++17"],
    ] {
        let program = compile(compiler, folder.path());
        check(&[&program], family);
    }
}

#[test]
fn the_shared_library_and_the_object_link_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    build(&net(), at, &["--emit", "o,so", "--isa", "clif128"]);
    let include = format!("-I{}", at.display());
    let source = argument(&place("examples/c/digit.c"));
    for library in ["libDigits.so", "Digits.o"] {
        let program = argument(&at.join("digit"));
        let path = format!("-Wl,-rpath,{}", at.display());
        let library = argument(&at.join(library));
        run(
            "gcc",
            &[
                "-std=c11", &include, "-o", &program, &source, &library, &path,
            ],
        );
        check(&[&program], TileFamily::Clif128);
    }
    // It depends on nothing, not even on libc.
    let dynamic = run("readelf", &["-d", &argument(&at.join("libDigits.so"))]);
    assert!(!dynamic.contains("NEEDED"), "{dynamic}");
    let undefined = run("nm", &["-u", &argument(&at.join("Digits.o"))]);
    assert_eq!(undefined, "");
}

#[test]
fn valgrind_has_nothing_to_report() {
    let folder = tempfile::tempdir().expect("a folder");
    // All families: valgrind's processor has not the widest, and that is found out.
    for isa in ["clif128", "avx2", "clif128,avx2,avx512,zen4"] {
        build(&net(), folder.path(), &["--isa", isa]);
        let program = compile(&["gcc", "-std=c11", "-g"], folder.path());
        let family = match isa {
            "clif128" => TileFamily::Clif128,
            _ => TileFamily::Avx2,
        };
        check(
            &[
                "valgrind",
                "-q",
                "--error-exitcode=9",
                "--leak-check=full",
                &program,
            ],
            family,
        );
    }
}

#[test]
fn a_processor_that_lacks_the_instructions_gets_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = argument(&place("examples/c/digits/7.pgm"));
    for (isa, processor) in [
        ("clif128", "core2duo"),
        ("avx2", "Westmere"),
        ("avx512", "Haswell"),
        ("avx512", "max"),
        ("zen4", "max"),
    ] {
        build(&net(), folder.path(), &["--isa", isa]);
        let program = compile(&["gcc", "-std=c11"], folder.path());
        let output = answer("qemu-x86_64", &["-cpu", processor, &program, &picture], &[]);
        let told = "digit: this machine lacks the instructions that the code was made of\n";
        assert_eq!(output.status.code(), Some(1), "{isa} on {processor}");
        assert_eq!(text(&output.stderr).lines().last(), Some(told.trim_end()));
    }
    // With all in one library, each takes what it has.
    build(
        &net(),
        folder.path(),
        &["--isa", "clif128,avx2,avx512,zen4"],
    );
    let program = compile(&["gcc", "-std=c11"], folder.path());
    check(
        &["qemu-x86_64", "-cpu", "Westmere", &program],
        TileFamily::Clif128,
    );
    check(&["qemu-x86_64", "-cpu", "max", &program], TileFamily::Avx2);
}

#[test]
fn make_and_cmake_build_the_example() {
    let folder = tempfile::tempdir().expect("a folder");
    let family = Target::host().expect("a target").native_family();
    let family = family.expect("a family");
    // The Makefile names the net from where it lies.
    let example = folder.path().join("examples/c");
    fs::create_dir_all(&example).expect("a folder");
    for file in ["digit.c", "Makefile", "CMakeLists.txt"] {
        fs::copy(place("examples/c").join(file), example.join(file)).expect("a copy");
    }
    std::os::unix::fs::symlink(place("nets"), folder.path().join("nets")).expect("a link");
    let netc = format!("NETC={}", env!("CARGO_BIN_EXE_netc"));
    let at = argument(&example);
    run("make", &["-C", &at, &netc]);
    check(&[&argument(&example.join("digit"))], family);

    build(&net(), &example.join("build"), &["--emit", "so,cmake"]);
    for archive in [true, false] {
        if !archive {
            fs::remove_file(example.join("build/libDigits.a")).expect("it is there");
        }
        let out = argument(&example.join(if archive { "out" } else { "out_shared" }));
        let prefix = format!("-DCMAKE_PREFIX_PATH={}/build", example.display());
        run("cmake", &["-S", &at, "-B", &out, &prefix]);
        run("cmake", &["--build", &out]);
        check(&[&format!("{out}/digit")], family);
    }
}

#[test]
fn pkg_config_tells_how_to_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = argument(folder.path());
    let family = Target::host().expect("a target").native_family();
    build(&net(), folder.path(), &["--emit", "a,pc"]);
    let program = argument(&folder.path().join("digit"));
    let source = argument(&place("examples/c/digit.c"));
    let command = "gcc -std=c11 -Wall -Wextra -Werror -o \"$1\" \"$2\" \
        $(PKG_CONFIG_PATH=\"$3\" pkg-config --cflags --libs Digits)";
    run("sh", &["-c", command, "sh", &program, &source, &at]);
    check(&[&program], family.expect("a family"));
}

#[test]
fn weights_beside_a_program_are_mapped() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    build(&net(), at, &["--weights-file"]);
    let program = argument(&at.join("mapped"));
    let weights = argument(&at.join("Digits.weights"));
    let library = argument(&at.join("libDigits.a"));
    let include = format!("-I{}", at.display());
    let source = argument(&place("examples/c/mapped.c"));
    let flags = [
        "-std=c11",
        "-D_GNU_SOURCE",
        "-Wall",
        "-Wextra",
        "-Werror",
        &include,
    ];
    let files = ["-o", &program, &source, &library];
    run("gcc", &[&flags[..], &files[..]].concat());
    run(&program, &[&weights]);
    let mut bytes = fs::read(&weights).expect("weights");
    bytes[5000] ^= 1;
    fs::write(&weights, bytes).expect("weights");
    let output = answer(&program, &[&weights], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "mapped: the weights are damaged\n");
}
