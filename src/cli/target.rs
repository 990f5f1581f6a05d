//! What a user means by a net: `file.net`, `file.net:Net` or a manifest.

use std::path::{Path, PathBuf};

use super::console::Failure;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::drawing;
use crate::elaborate::{self, LoadError, NetInfo, Program, Proof, SetSizes};
use crate::graph::{Graph, ImageSpec};
use crate::limits;
use crate::loader::DiskLoader;
use crate::source::SourceMap;
use crate::weights::{Manifest, WeightSource, WeightsFile, split_target};

/// A net of a file, expanded and free of errors.
pub struct Target {
    /// The net as its source states it, before any pass.
    pub graph: Graph,
    /// The texts that the graph's spans point into.
    pub sources: SourceMap,
    /// What the manifest says, if there is one.
    pub manifest: Manifest,
}

/// Directories from which `use` may read besides the file's own.
#[derive(Clone, Debug, clap::Args)]
pub struct Directories {
    /// A directory that `use` may read from, besides that of the file itself
    #[arg(long = "include", value_name = "DIR")]
    pub directories: Vec<PathBuf>,
}

/// How a net is read: those directories, and values of open sizes.
#[derive(Clone, Debug, clap::Args)]
pub struct Include {
    #[command(flatten)]
    pub from: Directories,

    /// Fix an open size of the net's inputs, such as H=256
    #[arg(long = "set", value_name = "SIZE=N", value_parser = size)]
    pub sizes: Vec<(String, u64)>,
}

impl Include {
    /// The values of open sizes; of several for one, the last.
    pub fn sizes(&self) -> SetSizes {
        self.sizes.iter().cloned().collect()
    }
}

/// `H=256`
fn size(text: &str) -> Result<(String, u64), String> {
    let (name, size) = text
        .split_once('=')
        .ok_or("a name and a number are wanted, such as H=256")?;
    match size.trim().parse() {
        Ok(size) if (1..=i32::MAX as u64).contains(&size) => Ok((name.trim().to_string(), size)),
        _ => Err(format!(
            "`{size}` is no size: a number from 1 to {}",
            i32::MAX
        )),
    }
}

/// Where weights come from.
#[derive(Clone, Debug, clap::Args)]
pub struct Weights {
    /// A safetensors file; a manifest of the same name with .yaml beside it is read as well
    #[arg(long, value_name = "FILE", conflicts_with = "init")]
    pub weights: Option<PathBuf>,

    /// Random weights (He et al. 2015) from this seed
    #[arg(long, value_name = "SEED")]
    pub init: Option<u64>,
}

impl Weights {
    /// The same, but random ones where nothing is chosen: how long a run takes does not depend on them.
    pub fn or_random(&self) -> Weights {
        let mut weights = self.clone();
        if weights.weights.is_none() {
            weights.init.get_or_insert(0);
        }
        weights
    }
}

/// Reads a file that the user named.
pub fn read_source(path: &Path) -> Result<String, Failure> {
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

/// Reads and parses a file and all that it uses. Its diagnostics are in the program.
pub fn load_program(path: &Path, from: &Directories) -> Result<Program, Failure> {
    let text = read_source(path)?;
    let mut loader = DiskLoader::new(path, &from.directories);
    Ok(Program::load(path, text, &mut loader))
}

/// Opens the net that `target` names. The manifest is the target itself, or lies beside the weights.
pub fn open(target: &str, weights: Option<&Path>, include: &Include) -> Result<Target, Failure> {
    let (path, name, manifest) = locate(target, weights)?;
    let program = load_program(&path, &include.from)?;
    let sizes = include.sizes();
    let expand = |name: &str| elaborate::expand_with(&program, name, &sizes);
    let graph = chosen(&program, &path, name.as_deref(), expand)?;
    Ok(Target {
        graph,
        sources: program.sources,
        manifest,
    })
}

/// The proof of the net that `target` names for all its open sizes.
pub fn prove(target: &str, include: &Include) -> Result<Proof, Failure> {
    let (path, name, _) = locate(target, None)?;
    let program = load_program(&path, &include.from)?;
    let sizes = include.sizes();
    let prove = |name: &str| elaborate::prove(&program, name, &sizes);
    chosen(&program, &path, name.as_deref(), prove)
}

/// The file and the net that a target names, and its manifest.
fn locate(
    target: &str,
    weights: Option<&Path>,
) -> Result<(PathBuf, Option<String>, Manifest), Failure> {
    let is_manifest = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    if is_manifest(Path::new(target)) {
        let manifest = load_manifest(Path::new(target))?;
        let Some((path, name)) = manifest.net.clone() else {
            return Err(Diagnostic::without_place(
                codes::MANIFEST,
                format!("the manifest `{target}` does not say which net it is for"),
            )
            .with_help("add `net: file.net:Net`, or give the net itself")
            .into());
        };
        Ok((path, name, manifest))
    } else {
        let (path, name) = file_and_net(target);
        let beside = weights.map(|weights| weights.with_extension("yaml"));
        let manifest = match beside {
            Some(path) if path.is_file() => load_manifest(&path)?,
            _ => Manifest::default(),
        };
        Ok((PathBuf::from(path), name.map(str::to_owned), manifest))
    }
}

/// `FILE.net:NET` as its two parts. A path may hold a colon of its own.
pub fn file_and_net(target: &str) -> (&str, Option<&str>) {
    match Path::new(target).exists() {
        true => (target, None),
        false => split_target(target),
    }
}

fn load_manifest(path: &Path) -> Result<Manifest, Failure> {
    let mut sources = SourceMap::new();
    Manifest::load(path, &mut sources)
        .map_err(|diagnostic| Failure::Diagnostics(vec![diagnostic], sources))
}

/// Everything that is wrong with one net of a program, warnings included.
pub fn check_net(
    program: &Program,
    path: &Path,
    name: &str,
    sizes: &SetSizes,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let mut diagnostics = program.diagnostics.clone();
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(diagnostics);
    }
    let name = choose(&elaborate::nets(program), path, Some(name))?;
    diagnostics.extend(elaborate::check_net(program, &name, sizes));
    Ok(diagnostics)
}

/// Chooses a net of a program and makes something of it. Warnings are for `check` to tell.
fn chosen<T>(
    program: &Program,
    path: &Path,
    name: Option<&str>,
    make: impl FnOnce(&str) -> (Option<T>, Vec<Diagnostic>),
) -> Result<T, Failure> {
    let errors = |diagnostics: &[Diagnostic]| -> Vec<Diagnostic> {
        diagnostics
            .iter()
            .filter(|d| d.is_error())
            .cloned()
            .collect()
    };
    let fail = |diagnostics| Failure::Diagnostics(diagnostics, program.sources.clone());
    let faults = errors(&program.diagnostics);
    if !faults.is_empty() {
        return Err(fail(faults));
    }
    let nets = elaborate::nets(program);
    let name = choose(&nets, path, name)?;
    let (made, diagnostics) = make(&name);
    let faults = errors(&diagnostics);
    match made {
        Some(made) if faults.is_empty() => Ok(made),
        _ if faults.is_empty() => Err(Failure::Internal(format!(
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
    /// What drawings and reports show.
    pub fn data(&self) -> Result<drawing::Data, Diagnostic> {
        let data = drawing::data(&self.graph, &self.sources);
        let n_boxes = data.drawing.panel.most_figures();
        if n_boxes <= limits::DRAWN_BOXES {
            return Ok(data);
        }
        Err(Diagnostic::without_place(
            codes::LIMIT_NODES,
            format!(
                "`{}` has {n_boxes} layers or blocks side by side; at most {} are drawn",
                self.graph.name,
                limits::DRAWN_BOXES
            ),
        )
        .with_help("write it in blocks: each is one box"))
    }

    /// The image preprocessing of an input: the manifest's, else the net's own.
    pub fn image(&self, input: usize) -> Option<&ImageSpec> {
        self.manifest.image.as_ref().or(self
            .graph
            .inputs
            .get(input)
            .and_then(|input| input.image.as_ref()))
    }

    /// Names of the classes: the manifest's, else the net's own.
    pub fn labels(&self) -> &[String] {
        match self.manifest.labels.as_slice() {
            [] => &self.graph.class_labels,
            labels => labels,
        }
    }

    /// The weights that the user or else the manifest names, compared with the net. Tells warnings.
    pub fn weights(&self, chosen: &Weights) -> Result<WeightSource, Failure> {
        if let Some(seed) = chosen.init {
            return Ok(WeightSource::seeded(&self.graph, seed));
        }
        let Some(path) = chosen.weights.as_ref().or(self.manifest.weights.as_ref()) else {
            return Err(Diagnostic::without_place(
                codes::WEIGHTS_FILE,
                format!("nothing says which weights `{}` takes", self.graph.name),
            )
            .with_help("give `--weights FILE.safetensors`, or `--init SEED` for random ones")
            .into());
        };
        let source = WeightSource::file(WeightsFile::open(path)?, &self.manifest.names)?;
        let findings = source.check(&self.graph);
        super::console::report(&findings, &SourceMap::new());
        match findings.iter().any(Diagnostic::is_error) {
            true => Err(Failure::Reported),
            false => Ok(source),
        }
    }
}
