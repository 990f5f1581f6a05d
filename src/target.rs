//! What a user means by a net: `file.net`, `file.net:Net` or a manifest.

#[cfg(feature = "cli")]
mod commands;

use std::path::{Path, PathBuf};

use crate::check::label_fault;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::elaborate::{self, LoadError, NetInfo, Program, SetSizes};
use crate::fault::Fault;
use crate::graph::Graph;
use crate::limits;
use crate::loader::DiskLoader;
use crate::source::SourceMap;
use crate::weights::{Manifest, WeightSource, WeightsFile, split_target};

#[cfg(feature = "cli")]
pub use commands::{check_net, prove};

/// A net of a file, expanded and free of errors.
pub struct Target {
    /// The net as its source states it, before any pass.
    pub graph: Graph,
    /// The texts that the graph's spans point into.
    pub sources: SourceMap,
    /// What the manifest says, if there is one.
    pub manifest: Manifest,
    /// The text that its warnings point into.
    pub manifest_sources: SourceMap,
    /// What is doubtful about the net.
    pub warnings: Vec<Diagnostic>,
    /// All files that were read.
    pub files: Vec<PathBuf>,
}

/// How a net is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Directories from which `use` may read besides the file's own.
    pub directories: Vec<PathBuf>,
    /// Values of open sizes.
    pub sizes: SetSizes,
}

/// The largest value of an open size; the smallest is 1.
pub const SIZE_MAX: u64 = i32::MAX as u64;

/// Where weights come from.
#[derive(Clone, Debug, Default)]
pub struct WeightChoice {
    /// A safetensors file; a manifest beside it is read as well.
    pub file: Option<PathBuf>,
    /// Random weights from a seed.
    pub seed: Option<u64>,
}

/// Reads a file that the user named.
pub fn read_source(path: &Path) -> Result<String, Fault> {
    DiskLoader::read_root(path).map_err(|error| {
        let (code, reason) = match error {
            LoadError::NotFound(reason) => (codes::USE_NOT_FOUND, reason),
            LoadError::Escape => (
                codes::USE_ESCAPE,
                "it is outside the allowed directories".into(),
            ),
            LoadError::NotUtf8(byte) => (
                codes::NOT_UTF8,
                format!("it is not UTF-8 text (byte {byte})"),
            ),
            LoadError::TooLarge => (
                codes::LIMIT_SOURCE,
                format!(
                    "it is larger than the limit of {} bytes",
                    limits::SOURCE_BYTES
                ),
            ),
        };
        Diagnostic::without_place(code, format!("cannot read `{}`: {reason}", path.display()))
            .into()
    })
}

/// Reads and parses a file and all that it uses, from its own directory and those given. Its diagnostics are in the program.
pub fn load_program(path: &Path, directories: &[PathBuf]) -> Result<Program, Fault> {
    let text = read_source(path)?;
    let mut loader = DiskLoader::new(path, directories);
    Ok(Program::load(path, text, &mut loader))
}

/// Opens the net that `target` names. The manifest is the target itself, or lies beside the weights.
pub fn open(target: &str, weights: Option<&Path>, reading: &Reading) -> Result<Target, Fault> {
    let located = locate(target, weights)?;
    let path = located.path;
    let program = load_program(&path, &reading.directories)?;
    let files = program.files().map(Path::to_path_buf);
    let files = files
        .chain(located.manifest_file)
        .chain(located.manifest.labels_file.clone());
    let files = files.collect();
    let expand = |name: &str| elaborate::expand_with(&program, name, &reading.sizes);
    let (graph, warnings) = chosen(&program, &path, located.net.as_deref(), expand)?;
    let manifest = located.manifest;
    if let Some(span) = manifest.labels_at
        && let Some(message) = label_fault(&graph, manifest.labels.len())
    {
        let fault = Diagnostic::new(codes::MANIFEST, message, span, "");
        return Err(Fault::Diagnostics(vec![fault], located.manifest_sources));
    }
    Ok(Target {
        graph,
        sources: program.sources,
        manifest,
        manifest_sources: located.manifest_sources,
        warnings,
        files,
    })
}

/// What a target names.
#[derive(Default)]
struct Located {
    /// The file of the net.
    path: PathBuf,
    /// The net, if it is named.
    net: Option<String>,
    manifest: Manifest,
    manifest_file: Option<PathBuf>,
    manifest_sources: SourceMap,
}

/// The file and the net that a target names, and its manifest.
fn locate(target: &str, weights: Option<&Path>) -> Result<Located, Fault> {
    let is_manifest = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    let mut located = Located::default();
    if is_manifest(Path::new(target)) {
        located.read_manifest(Path::new(target))?;
        let Some((path, name)) = located.manifest.net.clone() else {
            return Err(Diagnostic::without_place(
                codes::MANIFEST,
                format!("the manifest `{target}` does not say which net it is for"),
            )
            .with_help("add `net: file.net:Net`, or give the net itself")
            .into());
        };
        (located.path, located.net) = (path, name);
    } else {
        let (path, name) = file_and_net(target);
        let beside = weights.map(|weights| weights.with_extension("yaml"));
        if let Some(path) = beside.filter(|path| path.is_file()) {
            located.read_manifest(&path)?;
        }
        (located.path, located.net) = (PathBuf::from(path), name.map(str::to_owned));
    }
    Ok(located)
}

impl Located {
    fn read_manifest(&mut self, path: &Path) -> Result<(), Fault> {
        let sources = &mut self.manifest_sources;
        self.manifest = Manifest::load(path, sources)
            .map_err(|diagnostic| Fault::Diagnostics(vec![diagnostic], sources.clone()))?;
        self.manifest_file = Some(path.to_owned());
        Ok(())
    }
}

/// `FILE.net:NET` as its two parts. A path may hold a colon of its own.
pub fn file_and_net(target: &str) -> (&str, Option<&str>) {
    match Path::new(target).exists() {
        true => (target, None),
        false => split_target(target),
    }
}

/// Chooses a net of a program and makes something of it; answers the warnings as well.
fn chosen<T>(
    program: &Program,
    path: &Path,
    name: Option<&str>,
    make: impl FnOnce(&str) -> (Option<T>, Vec<Diagnostic>),
) -> Result<(T, Vec<Diagnostic>), Fault> {
    let errors = |diagnostics: &[Diagnostic]| -> Vec<Diagnostic> {
        diagnostics
            .iter()
            .filter(|d| d.is_error())
            .cloned()
            .collect()
    };
    let fail = |diagnostics| Fault::Diagnostics(diagnostics, program.sources.clone());
    let faults = errors(&program.diagnostics);
    if !faults.is_empty() {
        return Err(fail(faults));
    }
    let nets = elaborate::nets(program);
    let name = choose(&nets, path, name)?;
    let (made, diagnostics) = make(&name);
    let faults = errors(&diagnostics);
    match made {
        Some(made) if faults.is_empty() => Ok((made, diagnostics)),
        _ if faults.is_empty() => Err(Fault::Internal(format!(
            "`{name}` was not expanded and nothing says why"
        ))),
        _ => Err(fail(faults)),
    }
}

/// The net that is meant: the named one, or the only one that can be compiled.
fn choose(nets: &[NetInfo], path: &Path, name: Option<&str>) -> Result<String, Diagnostic> {
    let file = path.display();
    let complete: Vec<&str> = nets
        .iter()
        .filter(|net| net.complete)
        .map(|net| net.name.as_str())
        .collect();
    let fail = |message: String| {
        let diagnostic = Diagnostic::without_place(codes::NO_NET, message);
        match complete.as_slice() {
            [] => diagnostic,
            names => diagnostic.with_note(format!("the nets of the file: {}", names.join(", "))),
        }
    };
    match (name, complete.as_slice()) {
        (Some(name), complete) if complete.contains(&name) => Ok(name.to_owned()),
        (Some(name), complete) => Err(if nets.iter().any(|net| net.name == name) {
            fail(format!("`{name}` is a template: some of its parameters have no value"))
                .with_help(format!("name a net with values for all parameters, or declare one: `net Mine = {name}(...)`"))
        } else {
            let diagnostic = fail(format!("`{file}` has no net `{name}`"));
            match did_you_mean(name, complete.iter().copied()) {
                Some(like) => diagnostic.with_help(format!("did you mean `{like}`?")),
                None => diagnostic,
            }
        }),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => Err(fail(format!("`{file}` has no net that can be compiled"))),
        (None, [first, ..]) => Err(fail(format!("`{file}` has several nets"))
            .with_help(format!("name one, `{file}:{first}` for example"))),
    }
}

impl Target {
    /// Names of the classes: the manifest's, else the net's own.
    pub fn labels(&self) -> &[String] {
        match self.manifest.labels.as_slice() {
            [] => &self.graph.class_labels,
            labels => labels,
        }
    }

    /// The weights that are chosen, or else those that the manifest names, compared with the net; with what is doubtful about them.
    /// `help` tells how to name some, where nobody did.
    pub fn weights(
        &self,
        chosen: &WeightChoice,
        help: &str,
    ) -> Result<(WeightSource, Vec<Diagnostic>), Fault> {
        if let Some(seed) = chosen.seed {
            return Ok((WeightSource::seeded(&self.graph, seed), Vec::new()));
        }
        let Some(path) = self.weights_file(chosen) else {
            return Err(Diagnostic::without_place(
                codes::WEIGHTS_FILE,
                format!("nothing says which weights `{}` takes", self.graph.name),
            )
            .with_help(help)
            .into());
        };
        let source = WeightSource::file(WeightsFile::open(path)?, &self.manifest.names)?;
        let findings = source.check(&self.graph);
        match findings.iter().any(Diagnostic::is_error) {
            true => Err(findings.into()),
            false => Ok((source, findings)),
        }
    }

    /// Whether anything says where weights come from.
    pub fn has_weights(&self, chosen: &WeightChoice) -> bool {
        chosen.seed.is_some() || self.weights_file(chosen).is_some()
    }

    /// All files that were or are to be read: those of the net, and its weights.
    pub fn read_files<'a>(&'a self, chosen: &'a WeightChoice) -> impl Iterator<Item = &'a Path> {
        let files = self.files.iter().chain(self.weights_file(chosen));
        files.map(PathBuf::as_path)
    }

    /// The file that weights are read from, if they are from a file and one is named.
    pub fn weights_file<'a>(&'a self, chosen: &'a WeightChoice) -> Option<&'a PathBuf> {
        let named = chosen.file.as_ref().or(self.manifest.weights.as_ref());
        named.filter(|_| chosen.seed.is_none())
    }
}
