//! Nets in Rust programs: a build script compiles them, a generated module runs them.
//!
//! The program depends on nothing but the code that is made: netc is a build dependency.
//!
//! ```toml
//! [build-dependencies]
//! netc = { version = "0.1", default-features = false } # without the command line
//!
//! [profile.dev.build-override] # packs large weights in a fraction of the time
//! opt-level = 2
//! ```
//!
//! ```no_run
//! // build.rs
//! netc::build::Config::new("nets/digits.net:Digits")
//!     .weights("nets/digits.safetensors")
//!     .compile();
//! ```
//!
//! ```text
//! // src/main.rs
//! mod digits {
//!     include!(concat!(env!("OUT_DIR"), "/Digits.rs"));
//! }
//!
//! let mut net = digits::Net::new()?; // the weights are a part of the program
//! let image: digits::Input = [[[0.0; 8]; 8]; 1];
//! let logits: [f32; 10] = net.forward(&image);
//! ```
//!
//! The module has the types `Input` and `Output` of one image, arrays of arrays, so that what has another shape does not compile; `Net` with its
//! weights and the memory that it computes in; `Error` for what can be wrong when it is opened. `docs/artefacts.md` tells of all of it.
//!
//! What is wrong with the net or its weights ends the build, with the words of `netc check`; what is doubtful is a warning. Cargo runs the build
//! script again when a file changes that was read.

mod cargo;
mod module;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::artefact::{Artefact, FileKind, Options, write_files};
use crate::diagnostic::{Diagnostic, codes, render_lines};
use crate::elaborate;
use crate::fault::Fault;
use crate::files;
use crate::target::{self, Reading, WeightChoice};

pub use crate::kernels::{TileFamily, WeightType};

/// How a net becomes a Rust module: what `netc build` has as options, for a build script.
#[derive(Clone, Debug)]
pub struct Config {
    net: String,
    weights: WeightChoice,
    reading: Reading,
    name: Option<String>,
    isas: Vec<TileFamily>,
    precise: bool,
    dense_weights: WeightType,
    batch: usize,
    parallel: bool,
    weights_file: bool,
    target: Option<String>,
    out_dir: Option<PathBuf>,
}

impl Config {
    /// For the net that is meant by `FILE.net`, `FILE.net:NET` or the path of a manifest. Relative paths begin at the package's root.
    pub fn new(net: impl Into<String>) -> Config {
        Config {
            net: net.into(),
            weights: WeightChoice::default(),
            reading: Reading::default(),
            name: None,
            isas: Vec::new(),
            precise: false,
            dense_weights: WeightType::default(),
            batch: 1,
            parallel: false,
            weights_file: false,
            target: None,
            out_dir: None,
        }
    }

    /// Takes weights from a safetensors file. A manifest of the same name with `.yaml` beside it is read as well. A net that is meant by its
    /// manifest has those that it names, unless others are.
    pub fn weights(&mut self, file: impl Into<PathBuf>) -> &mut Config {
        self.weights.file = Some(file.into());
        self
    }

    /// Takes random weights (He et al. 2015) from a seed, whatever else is named.
    pub fn init(&mut self, seed: u64) -> &mut Config {
        self.weights.seed = Some(seed);
        self
    }

    /// Puts the packed weights into a file of their own, for the program to open, rather than into the program. Without weights only code is
    /// made: for many weights of one net.
    pub fn weights_file(&mut self, beside: bool) -> &mut Config {
        self.weights_file = beside;
        self
    }

    /// Calls the module's file `NAME.rs` [default: the net's name]. Two nets of a package need two names.
    pub fn name(&mut self, name: impl Into<String>) -> &mut Config {
        self.name = Some(name.into());
        self
    }

    /// Compiles for these instruction sets. Of several, the widest that a machine has is chosen there, and weights are packed for each.
    /// [default: the widest of this machine, if it is of the target's kind; else vectors of 128 bits]
    pub fn isas(&mut self, isas: impl IntoIterator<Item = TileFamily>) -> &mut Config {
        self.isas = isas.into_iter().collect();
        self
    }

    /// Fixes an open size of the net's inputs.
    pub fn set(&mut self, size: impl Into<String>, value: u64) -> &mut Config {
        self.reading.sizes.insert(size.into(), value);
        self
    }

    /// Computes every layer by its definition, where Winograd's algorithms would be faster but round more, and sums in short chains.
    pub fn precise(&mut self, precise: bool) -> &mut Config {
        self.precise = precise;
        self
    }

    /// Stores weights of dense layers in another type [default: 32 bits].
    pub fn weights_as(&mut self, stored: WeightType) -> &mut Config {
        self.dense_weights = stored;
        self
    }

    /// Chooses the fastest algorithms for so many images at a time [default: 1]. Any number can be run.
    pub fn batch(&mut self, n_images: usize) -> &mut Config {
        self.batch = n_images;
        self
    }

    /// Adds the method `forward_batch_parallel`, which runs layers in parts, on the program's threads.
    pub fn parallel(&mut self, parallel: bool) -> &mut Config {
        self.parallel = parallel;
        self
    }

    /// Adds a directory that `use` may read from, besides that of the file itself.
    pub fn include(&mut self, directory: impl Into<PathBuf>) -> &mut Config {
        self.reading.directories.push(directory.into());
        self
    }

    /// Compiles for a target [default: Cargo's `TARGET`].
    pub fn target(&mut self, triple: impl Into<String>) -> &mut Config {
        self.target = Some(triple.into());
        self
    }

    /// Writes to a directory [default: Cargo's `OUT_DIR`].
    pub fn out_dir(&mut self, directory: impl Into<PathBuf>) -> &mut Config {
        self.out_dir = Some(directory.into());
        self
    }

    /// Compiles the net, and tells Cargo where the library is, which files it depends on and what is doubtful. What is wrong is told on stderr, and ends
    /// the process.
    pub fn compile(&self) {
        if let Err(error) = self.try_compile() {
            eprint!("{error}");
            std::process::exit(1);
        }
    }

    /// The same, but answers what is wrong; else the path of the module.
    pub fn try_compile(&self) -> Result<PathBuf, Error> {
        let made = self.make().map_err(Error)?;
        print!("{}", made.said);
        Ok(made.module)
    }

    fn make(&self) -> Result<Made, Fault> {
        let compiled_for = cargo::target(self.target.as_deref())?;
        let directory = cargo::out_dir(self.out_dir.as_deref())?;
        let is_wrong = |size: &(&String, &u64)| !(1..=target::SIZE_MAX).contains(size.1);
        if let Some((name, size)) = self.reading.sizes.iter().find(is_wrong) {
            let most = target::SIZE_MAX;
            let message = format!("`{name}` cannot be {size}: a size is a number from 1 to {most}");
            return Err(Diagnostic::without_place(codes::NO_SIZE, message).into());
        }
        let net = target::open(&self.net, self.weights.file.as_deref(), &self.reading)?;
        let name = self.name.as_ref().unwrap_or(&net.graph.name);
        let options = Options {
            name: cargo::library_name(name),
            target: compiled_for,
            families: match self.isas.as_slice() {
                [] => vec![compiled_for.native_family()?],
                isas => isas.to_vec(),
            },
            precise: self.precise,
            dense_weights: self.dense_weights,
            batch: self.batch,
            embeds: !self.weights_file,
            parallel: self.parallel,
        };
        options.check()?;
        let has_weights = net.has_weights(&self.weights);
        let (source, doubts) = match self.weights_file && !has_weights {
            true => (None, Vec::new()),
            false => {
                let help =
                    "name a safetensors file with `weights`, or a seed for random ones with `init`";
                let (source, doubts) = net.weights(&self.weights, help)?;
                (Some(source), doubts)
            }
        };
        let artefact = Artefact::new(&net.graph, options)?;
        let beside = FileKind::Weights.file_name(&artefact.options().name);
        let beside = Some(beside.as_str()).filter(|_| self.weights_file && has_weights);
        let text = module::print(&artefact, net.labels(), beside);
        let kinds: &[FileKind] = match beside {
            Some(_) => &[FileKind::Archive, FileKind::Weights],
            None => &[FileKind::Archive],
        };
        let read: Vec<&Path> = net.read_files(&self.weights).collect();
        let source = source.as_ref();
        write_files(&artefact, source, kinds, &directory, None, &read, &|_| {})?;
        let module = directory.join(format!("{name}.rs"));
        files::refuse_inputs(&module, read.iter().copied())
            .and_then(|()| files::write(&module, text.as_bytes()))
            .map_err(|error| files::cannot_write(&module, &error))?;
        let doubts = [net.warnings.clone(), elaborate::lint(&net.graph), doubts].concat();
        let mut warnings = render_lines(&doubts, &net.sources);
        warnings.extend(render_lines(&net.manifest.warnings, &net.manifest_sources));
        let said = cargo::directives(&directory, read.into_iter(), &warnings);
        Ok(Made { module, said })
    }
}

/// What came of a build.
struct Made {
    /// The module's file.
    module: PathBuf,
    /// What Cargo is told.
    said: String,
}

/// Why a net was not built. It is shown as `netc check` shows it.
#[derive(Clone)]
pub struct Error(Fault);

impl Error {
    /// What is wrong with the net, its weights or what was asked for; nothing, if it is netc that is wrong.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match &self.0 {
            Fault::Diagnostics(diagnostics, _) => diagnostics,
            Fault::Internal(_) => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The same as for people: it is what a build script shows that ends with it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Error {}
