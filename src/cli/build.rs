//! `netc build`

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::console::{self, Failure};
use super::machine::{Choices, Isa};
use super::target::{self, Include, Weights};
use crate::artefact::{
    Artefact, LibraryError, Options, WeightsImage, archive, default_linker, is_c_name, link,
    write_object,
};
use crate::codegen::Target;
use crate::diagnostic::{Diagnostic, codes};
use crate::kernels::TileFamily;
use crate::pipeline::{BindError, CompileError};

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
    /// NAME.clif, the kernels in Cranelift's intermediate representation
    Clif,
    /// NAME.asm, the kernels' machine code
    Asm,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Triple {
    #[value(name = "x86_64-unknown-linux-gnu")]
    X86_64Linux,
    #[value(name = "aarch64-unknown-linux-gnu")]
    Aarch64Linux,
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Failure {
        Failure::Internal(error.to_string())
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Failure {
        match error {
            BindError::Weights(faults) => Failure::from(faults),
            BindError::Run(error) => Failure::from(error),
        }
    }
}

/// Builds an artefact.
pub fn run(args: &Args) -> Result<(), Failure> {
    let build_target = args.target()?;
    let families = args.families(build_target)?;
    let target = target::open(&args.net, args.weights.weights.as_deref(), &args.include)?;
    let name = args.name(&target.graph.name)?;
    let has_weights = args.weights.weights.is_some()
        || args.weights.init.is_some()
        || target.manifest.weights.is_some();
    // Code is made without weights, where these are not a part of it.
    let needs_weights = match args.weights_file {
        true => has_weights,
        false => args.makes_object(),
    };
    let source = match needs_weights {
        true => Some(target.weights(&args.weights)?),
        false => None,
    };

    let start = Instant::now();
    let artefact = Artefact::new(
        &target.graph,
        Options {
            name,
            target: build_target,
            families,
            precise: args.choices.precise,
            dense_weights: args.choices.dense_weights(),
            embeds: !args.weights_file,
            parallel: args.parallel,
        },
    )?;
    let bar = console::progress("packing weights", artefact.packed_size() as u64);
    let image = source.map(|source| artefact.weights(&source, &|n| bar.inc(n as u64)));
    bar.finish_and_clear();
    let image = image.transpose()?;
    let files = write(args, &artefact, image)?;
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
    /// Whether an object is to be made, for itself or for a library.
    fn makes_object(&self) -> bool {
        let objects = [Emit::O, Emit::A, Emit::So];
        objects.iter().any(|emit| self.emit.contains(emit))
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

    fn families(&self, target: Target) -> Result<Vec<TileFamily>, Failure> {
        let asked = match self.isa.as_slice() {
            [] => &[BuildIsa::Native],
            isas => isas,
        };
        let mut families = Vec::new();
        for isa in asked {
            let family = match isa {
                BuildIsa::Native => target
                    .native_family()
                    .map_err(|error| Failure::Internal(error.to_string()))?,
                BuildIsa::Clif128 => Isa::Clif128.family(),
                BuildIsa::Avx2 => Isa::Avx2.family(),
                BuildIsa::Avx512 => Isa::Avx512.family(),
            };
            if !target.families().contains(&family) {
                let message = format!("{} has no {} tiles", target.triple(), family.name());
                return Err(Diagnostic::without_place(codes::ISA, message).into());
            }
            families.push(family);
        }
        Ok(families)
    }

    fn name(&self, net: &str) -> Result<String, Diagnostic> {
        let name = self.name.as_deref().unwrap_or(net);
        match is_c_name(name) {
            true => Ok(name.to_owned()),
            false => Err(Diagnostic::without_place(
                codes::C_NAME,
                format!("`{}` cannot begin the names of C", console::visible(name)),
            )
            .with_help(
                "give a --name of letters, digits and underscores that begins with a letter",
            )),
        }
    }
}

/// Writes all files; answers which.
fn write(
    args: &Args,
    artefact: &Artefact,
    image: Option<WeightsImage>,
) -> Result<Vec<PathBuf>, Failure> {
    let name = &artefact.options().name;
    let directory = &args.output;
    fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
    let mut files = Vec::new();
    let mut put = |file: String, bytes: &[u8]| -> Result<(), Failure> {
        let path = directory.join(&file);
        // A program may have the old file mapped: it keeps that one.
        let part = directory.join(format!(".{file}.part"));
        let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &path));
        written.map_err(|error| {
            let _ = fs::remove_file(&part);
            cannot_write(&path, &error)
        })?;
        files.push(path);
        Ok(())
    };
    let wants = |emit: Emit| args.emit.contains(&emit);
    put(format!("{name}.h"), artefact.header().as_bytes())?;
    if wants(Emit::Cmake) {
        put(format!("{name}Config.cmake"), artefact.cmake().as_bytes())?;
    }
    if wants(Emit::Clif) {
        put(format!("{name}.clif"), artefact.print_clif()?.as_bytes())?;
    }
    if wants(Emit::Asm) {
        put(format!("{name}.asm"), artefact.print_asm()?.as_bytes())?;
    }
    if let Some(image) = image.as_ref().filter(|_| args.weights_file) {
        put(format!("{name}.weights"), image.bytes())?;
    }
    if args.makes_object() {
        // Of an object that was not asked for nothing is left, and one that is there stays.
        let object = match wants(Emit::O) {
            true => directory.join(format!("{name}.o")),
            false => directory.join(format!(".{name}.{}.o", std::process::id())),
        };
        let made = write_code(args, artefact, image, &object);
        match wants(Emit::O) {
            true => files.push(object),
            false => drop(fs::remove_file(object)),
        }
        files.extend(made?);
    }
    Ok(files)
}

/// Writes the object and the libraries that are made of it; answers the libraries.
fn write_code(
    args: &Args,
    artefact: &Artefact,
    image: Option<WeightsImage>,
    object: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let embedded = image.as_ref().filter(|_| !args.weights_file);
    write_object(artefact, embedded, object).map_err(|error| match error {
        LibraryError::Compile(error) => Failure::from(error),
        error => cannot_make(object, &error).into(),
    })?;
    // Libraries are made of the file: weights are not in memory twice.
    drop(image);
    let name = &artefact.options().name;
    let mut files = Vec::new();
    for emit in [Emit::A, Emit::So] {
        if !args.emit.contains(&emit) {
            continue;
        }
        let file = match emit {
            Emit::A => format!("lib{name}.a"),
            _ => format!("lib{name}.so"),
        };
        let path = args.output.join(&file);
        let made = match emit {
            Emit::A => archive(object, &format!("{name}.o"), &path),
            _ => {
                let target = artefact.options().target;
                let linker = args.linker.clone();
                link(
                    &linker.unwrap_or_else(|| default_linker(target)),
                    object,
                    &path,
                    &file,
                )
            }
        };
        made.map_err(|error| cannot_make(&path, &error))?;
        files.push(path);
    }
    Ok(files)
}

fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("cannot write `{}`: {error}", path.display());
    Diagnostic::without_place(codes::OUTPUT_FILE, message)
}

fn cannot_make(path: &Path, error: &LibraryError) -> Diagnostic {
    let message = format!("cannot make `{}`: {error}", path.display());
    let diagnostic = Diagnostic::without_place(codes::LINK, message);
    match error {
        LibraryError::NoLinker { .. } => diagnostic
            .with_help("install a C compiler, name one with --linker, or link NAME.o or libNAME.a, which need none here"),
        LibraryError::Compile(_) | LibraryError::Io(_) | LibraryError::Linker { .. } => diagnostic,
    }
}
