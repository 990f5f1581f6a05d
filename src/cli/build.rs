//! `netc build`

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::console::{self, Failure};
use super::machine::Choices;
use super::target::{self, Include, Weights};
use crate::artefact::{Artefact, FileKind, Options, write_files};
use crate::codegen::{CodegenError, Target};
use crate::diagnostic::{Diagnostic, codes};
use crate::kernels::TileFamily;

/// Make a library or an object file that C, C++ and Rust programs call
#[derive(Debug, clap::Args)]
#[command(after_help = "\
NAME.h is always written. docs/artefacts.md tells what the functions promise. A shared library needs a C compiler on this machine to link it; \
nothing else does.")]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    #[command(flatten)]
    weights: Weights,

    /// The directory to write to; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// What to write besides the header
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "KIND",
        default_value = "a"
    )]
    emit: Vec<Emit>,

    /// What functions and files are called after [default: the net's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Put the weights into a file of their own, NAME.weights, for the program to map. Without weights only code is made
    #[arg(long)]
    weights_file: bool,

    /// Add a function that runs layers in parts, for a caller that has threads
    #[arg(long)]
    parallel: bool,

    /// Vectors to compute in, one or several: of several, the widest that a machine has is chosen there [default: native]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ISA")]
    isa: Vec<BuildIsa>,

    /// What the code runs on [default: a machine like this one]
    #[arg(long, value_enum, value_name = "TRIPLE")]
    target: Option<Triple>,

    /// How many images a call mostly runs: the fastest algorithms are chosen for so many. Any number can be run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// The C compiler that links shared libraries [default: cc, or that of the target]
    #[arg(long, value_name = "PROGRAM")]
    linker: Option<OsString>,

    #[command(flatten)]
    choices: Choices,

    #[command(flatten)]
    include: Include,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Emit {
    /// NAME.o
    O,
    /// libNAME.a
    A,
    /// libNAME.so
    So,
    /// NAMEConfig.cmake, for CMake's find_package
    Cmake,
    /// NAME.pc, for pkg-config
    Pc,
    /// NAME.clif, the kernels in Cranelift's intermediate representation
    Clif,
    /// NAME.asm, the kernels' machine code
    Asm,
}

impl Emit {
    fn kind(self) -> FileKind {
        match self {
            Emit::O => FileKind::Object,
            Emit::A => FileKind::Archive,
            Emit::So => FileKind::Library,
            Emit::Cmake => FileKind::Cmake,
            Emit::Pc => FileKind::PkgConfig,
            Emit::Clif => FileKind::Clif,
            Emit::Asm => FileKind::Asm,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum BuildIsa {
    /// The widest vectors of this machine
    Native,
    /// 128 bits: SSE4.2 on x86-64, NEON on AArch64
    Clif128,
    /// 256 bits: x86-64 with AVX2 and FMA
    Avx2,
    /// 512 bits: x86-64 with AVX-512
    Avx512,
    /// The same, with the algorithms that pay where additions cost nothing beside multiply-adds: AMD's Zen 4
    Zen4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Triple {
    #[value(name = "x86_64-unknown-linux-gnu")]
    X86_64Linux,
    #[value(name = "aarch64-unknown-linux-gnu")]
    Aarch64Linux,
}

/// Builds an artefact.
pub fn run(args: &Args) -> Result<(), Failure> {
    let build_target = args.target()?;
    let target = target::open(&args.net, args.weights.weights.as_deref(), &args.include)?;
    let options = Options {
        name: args
            .name
            .clone()
            .unwrap_or_else(|| target.graph.name.clone()),
        target: build_target,
        families: args.families(build_target)?,
        precise: args.choices.precise,
        dense_weights: args.choices.dense_weights(),
        batch: args.batch.into(),
        embeds: !args.weights_file,
        parallel: args.parallel,
    };
    options.check()?;
    let kinds = args.kinds();
    // Code is made without weights, where these are not a part of it.
    let needs_weights = match args.weights_file {
        true => target.has_weights(&args.weights.choice()),
        false => kinds.iter().any(|kind| kind.has_code()),
    };
    let source = match needs_weights {
        true => Some(target.chosen_weights(&args.weights)?),
        false => None,
    };

    let choice = args.weights.choice();
    let inputs: Vec<&Path> = target.read_files(&choice).collect();
    let start = Instant::now();
    let artefact = Artefact::new(&target.graph, options)?;
    let bar = console::progress("packing weights", artefact.packed_size() as u64);
    let files = write_files(
        &artefact,
        source.as_ref(),
        &kinds,
        &args.output,
        args.linker.clone(),
        &inputs,
        &|n| bar.inc(n as u64),
    );
    bar.finish_and_clear();
    let files = files?;
    let seconds = start.elapsed().as_secs_f64();

    let rows = files.iter().map(|path| {
        let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let path = console::visible(&path.display().to_string());
        vec![path, console::grouped(size)]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    console::remark(&format!(
        "{} for {}, in {seconds:.2} s",
        artefact.isas(),
        build_target.triple()
    ));
    console::print(&console::table(&rows, &[false, true]))
}

impl Args {
    /// The files to write.
    fn kinds(&self) -> Vec<FileKind> {
        let mut kinds = vec![FileKind::Header];
        if self.weights_file {
            kinds.push(FileKind::Weights);
        }
        for emit in &self.emit {
            let kind = emit.kind();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    fn target(&self) -> Result<Target, Diagnostic> {
        match self.target {
            Some(Triple::X86_64Linux) => Ok(Target::X86_64Linux),
            Some(Triple::Aarch64Linux) => Ok(Target::Aarch64Linux),
            None => Target::host().ok_or_else(|| {
                let message = "there is no code for objects of this machine's system";
                Diagnostic::without_place(codes::TARGET, message)
                    .with_help("name another with --target")
            }),
        }
    }

    fn families(&self, target: Target) -> Result<Vec<TileFamily>, CodegenError> {
        let asked = match self.isa.as_slice() {
            [] => &[BuildIsa::Native],
            isas => isas,
        };
        let family = |isa: &BuildIsa| match isa {
            BuildIsa::Native => target.native_family(),
            BuildIsa::Clif128 => Ok(TileFamily::Clif128),
            BuildIsa::Avx2 => Ok(TileFamily::Avx2),
            BuildIsa::Avx512 => Ok(TileFamily::Avx512),
            BuildIsa::Zen4 => Ok(TileFamily::Zen4),
        };
        asked.iter().map(family).collect()
    }
}
