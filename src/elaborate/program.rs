//! A root file and everything that it uses, parsed, with the names that each file sees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layers;
use super::names;
use super::occurrences::Occurrence;
use super::recursion;
use super::resolve::{self, Resolution};
use crate::diagnostic::{Diagnostic, codes};
use crate::limits;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::{self, ast};

/// Where used files come from. The front end itself does no IO; [`crate::loader::DiskLoader`] does.
pub trait Loader {
    /// The one name of a file that has many (`a/../b.net`, symbolic links).
    fn canonical(&mut self, path: &Path) -> PathBuf {
        path.to_path_buf()
    }

    /// The file that `use "path"` means in the file `from` (a canonical path): its canonical path and its text.
    fn load(&mut self, from: &Path, path: &str) -> Result<(PathBuf, String), LoadError>;
}

/// Why a used file cannot be had.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadError {
    /// It cannot be found or read; why.
    NotFound(String),
    /// It lies outside the allowed directories.
    Escape,
    /// It is not UTF-8; the first byte that is not.
    NotUtf8(usize),
    /// It is larger than [`limits::SOURCE_BYTES`].
    TooLarge,
}

/// A loader for texts that use nothing.
pub struct NoLoader;

impl Loader for NoLoader {
    fn load(&mut self, _: &Path, _: &str) -> Result<(PathBuf, String), LoadError> {
        Err(LoadError::NotFound("there are no other files".into()))
    }
}

/// Handle of a declaration in its [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclarationId(pub(super) u32);

/// One declaration, and what is known of it before anything is expanded.
#[derive(Clone, Debug)]
pub(super) struct DeclarationInfo {
    /// The file that holds it.
    pub file: FileId,
    /// Its index in that file.
    pub index: usize,
    /// Parts of it could not be parsed: what it contains says nothing about faults any more.
    pub damaged: bool,
    /// It contains itself.
    pub recursive: bool,
}

/// A file of a program.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// What it says.
    pub ast: ast::File,
    /// The names it sees, other than layers and the prelude.
    pub names: BTreeMap<String, DeclarationId>,
    /// The files of its `use`s, in order; `None` if one cannot be had.
    pub uses: Vec<Option<FileId>>,
    /// Names that its `use`s choose, where they stand.
    pub imports: Vec<(ast::Ident, DeclarationId)>,
    /// Something could not be parsed or loaded, so that a name it seems to lack may have been declared.
    pub lossy: bool,
}

/// The text of the standard prelude.
pub(crate) const PRELUDE: &str = include_str!("prelude.net");

/// A root file and everything that it uses.
#[derive(Clone, Debug)]
pub struct Program {
    /// The texts; the root file is the first.
    pub sources: SourceMap,
    /// What is wrong with the files and their names.
    pub diagnostics: Vec<Diagnostic>,
    pub(super) units: Vec<Unit>,
    pub(super) declarations: Vec<DeclarationInfo>,
    /// The functions that every file sees.
    pub(super) prelude: BTreeMap<String, DeclarationId>,
    /// The nets of the root file by name, the first of each.
    pub(super) nets: BTreeMap<String, DeclarationId>,
    /// What can be said without values.
    pub(super) resolution: Resolution,
}

/// What a word means in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entity {
    /// A built-in layer.
    Layer(&'static layers::Layer),
    /// A declaration.
    Declared(DeclarationId),
}

impl Program {
    /// Parses `text` (of the file `path`) and all that it uses, and resolves the names of their declarations.
    pub fn load(path: &Path, text: String, loader: &mut dyn Loader) -> Program {
        let mut loading = Loading {
            sources: SourceMap::new(),
            diagnostics: Vec::new(),
            units: Vec::new(),
            known: BTreeMap::new(),
            open: Vec::new(),
            loader,
        };
        let canonical = loading.loader.canonical(path);
        loading.add(path.to_path_buf(), canonical, text);
        let (prelude, faults) = loading.parse(PathBuf::from("<prelude>"), PRELUDE.to_string());
        debug_assert!(faults.is_empty(), "the prelude is in the grammar");
        let Loading {
            sources,
            diagnostics,
            units,
            ..
        } = loading;
        let mut program = Program {
            sources,
            diagnostics,
            units,
            declarations: Vec::new(),
            prelude: BTreeMap::new(),
            nets: BTreeMap::new(),
            resolution: Resolution::default(),
        };
        names::declare(&mut program, prelude);
        let mut resolution = resolve::resolve(&program);
        let recursion = recursion::mark(&mut program, &resolution.references);
        resolution.diagnostics.extend(recursion);
        program.resolution = resolution;
        program
    }

    /// Whether a place lies in the declaration of a function.
    pub(super) fn is_in_function(&self, place: Span) -> bool {
        // Declarations stand in the order of the text.
        let declarations = &self.unit(place.file).ast.declarations;
        let start = |declaration: &ast::Declaration| match declaration {
            ast::Declaration::Fn(function) => function.span.start,
            ast::Declaration::Template(template) => template.span.start,
        };
        let after = declarations.partition_point(|it| start(it) <= place.start);
        let around = after.checked_sub(1).and_then(|last| declarations.get(last));
        matches!(around, Some(ast::Declaration::Fn(function)) if place.end <= function.span.end)
    }

    /// The files that it was read from, in the order they were.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        // The prelude is the last of the texts, and lies in no file.
        let n_files = self.units.len() - 1;
        let files = self.sources.iter().take(n_files);
        files.map(|(_, file)| file.path.as_path())
    }

    /// The file that was asked for.
    pub fn root(&self) -> FileId {
        FileId(0)
    }

    /// The syntax tree of a file.
    pub fn tree(&self, file: FileId) -> &ast::File {
        &self.unit(file).ast
    }

    /// Whether something of a file could not be parsed or loaded.
    pub fn is_lossy(&self, file: FileId) -> bool {
        self.unit(file).lossy
    }

    /// The file behind each `use` of a file, in order; `None` where it cannot be had.
    pub fn used_files(&self, file: FileId) -> &[Option<FileId>] {
        &self.unit(file).uses
    }

    /// Every place that names something, in the order of the files.
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.resolution.occurrences
    }

    pub(super) fn unit(&self, file: FileId) -> &Unit {
        &self.units[file.0 as usize]
    }

    pub(super) fn info(&self, id: DeclarationId) -> &DeclarationInfo {
        &self.declarations[id.0 as usize]
    }

    /// The declaration behind a handle.
    pub fn declaration(&self, id: DeclarationId) -> &ast::Declaration {
        let info = self.info(id);
        &self.unit(info.file).ast.declarations[info.index]
    }

    /// The template behind a handle, if it is one.
    pub(super) fn template(&self, id: DeclarationId) -> Option<&ast::Template> {
        match self.declaration(id) {
            ast::Declaration::Template(template) => Some(template),
            ast::Declaration::Fn(_) => None,
        }
    }

    /// All declarations, in the order of their files.
    pub(crate) fn declaration_ids(&self) -> impl Iterator<Item = DeclarationId> + use<> {
        (0..self.declarations.len() as u32).map(DeclarationId)
    }

    /// What `name` means in `file`, apart from what bodies name.
    pub(crate) fn lookup(&self, file: FileId, name: &str) -> Option<Entity> {
        if let Some(layer) = layers::find(name) {
            return Some(Entity::Layer(layer));
        }
        let declared = self.prelude.get(name);
        declared
            .or_else(|| self.unit(file).names.get(name))
            .map(|id| Entity::Declared(*id))
    }

    /// Whether a word is a layer or a function of the prelude.
    pub(crate) fn is_built_in(&self, word: &str) -> bool {
        layers::find(word).is_some() || self.prelude.contains_key(word)
    }

    /// All words that [`Program::lookup`] knows in `file`.
    pub(crate) fn words(&self, file: FileId) -> impl Iterator<Item = &str> {
        self.built_in_words()
            .chain(self.unit(file).names.keys().map(String::as_str))
    }

    /// The words that mean the same in every file.
    pub(crate) fn built_in_words(&self) -> impl Iterator<Item = &str> {
        let layers = layers::LAYERS.iter().map(|layer| layer.name);
        layers.chain(self.prelude.keys().map(String::as_str))
    }
}

struct Loading<'l> {
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
    units: Vec<Unit>,
    /// By canonical path.
    known: BTreeMap<PathBuf, FileId>,
    /// The files being loaded, outermost first.
    open: Vec<FileId>,
    loader: &'l mut dyn Loader,
}

impl Loading<'_> {
    fn parse(&mut self, path: PathBuf, text: String) -> (FileId, Vec<Diagnostic>) {
        let id = self.sources.add(path, text);
        let (ast, faults) = syntax::parse(id, &self.sources.file(id).text);
        self.units.push(Unit {
            lossy: !faults.is_empty(),
            ast,
            names: BTreeMap::new(),
            uses: Vec::new(),
            imports: Vec::new(),
        });
        (id, faults)
    }

    /// Recurses along chains of files, which [`limits::FILES`] bounds.
    fn add(&mut self, path: PathBuf, canonical: PathBuf, text: String) -> FileId {
        let (id, faults) = self.parse(path, text);
        self.diagnostics.extend(faults);
        self.known.insert(canonical.clone(), id);
        self.open.push(id);
        for used in self.units[id.0 as usize].ast.uses.clone() {
            let target = self.follow(id, &canonical, &used);
            let unit = &mut self.units[id.0 as usize];
            unit.lossy |= target.is_none();
            unit.uses.push(target);
        }
        self.open.pop();
        id
    }

    fn follow(&mut self, from: FileId, canonical: &Path, used: &ast::Use) -> Option<FileId> {
        let (target, text) = match self.loader.load(canonical, &used.path) {
            Ok(found) => found,
            Err(error) => {
                self.diagnostics.push(cannot_load(error, used));
                return None;
            }
        };
        if let Some(&known) = self.known.get(&target) {
            if let Some(start) = self.open.iter().position(|open| *open == known) {
                self.report_cycle(start, used.path_span);
                return None;
            }
            return Some(known);
        }
        if self.units.len() >= limits::FILES {
            let message = format!("more than {} files are used", limits::FILES);
            self.diagnostics.push(Diagnostic::new(
                codes::LIMIT_FILES,
                message,
                used.path_span,
                "this one is not read",
            ));
            return None;
        }
        let shown = match self.sources.path(from).parent() {
            Some(directory) => directory.join(&used.path),
            None => PathBuf::from(&used.path),
        };
        Some(self.add(shown, target, text))
    }

    fn report_cycle(&mut self, start: usize, span: Span) {
        let circle: Vec<String> = self.open[start..]
            .iter()
            .chain(self.open.get(start))
            .map(|file| format!("`{}`", self.sources.path(*file).display()))
            .collect();
        self.diagnostics.push(
            Diagnostic::new(
                codes::USE_CYCLE,
                "files use each other in a circle",
                span,
                "leads back to a file that is being read",
            )
            .with_note(circle.join(" uses "))
            .with_help("move what both need to a third file"),
        );
    }
}

fn cannot_load(error: LoadError, used: &ast::Use) -> Diagnostic {
    let path = &used.path;
    if path.is_empty() {
        let message = "`use` without the name of a file";
        return Diagnostic::new(codes::USE_NOT_FOUND, message, used.path_span, "empty");
    }
    let (code, message, label) = match error {
        LoadError::NotFound(why) => (
            codes::USE_NOT_FOUND,
            format!("`{path}` cannot be read"),
            why,
        ),
        LoadError::Escape => (
            codes::USE_ESCAPE,
            format!("`{path}` lies outside the allowed directories"),
            String::new(),
        ),
        LoadError::NotUtf8(byte) => (
            codes::NOT_UTF8,
            format!("`{path}` is not UTF-8 text"),
            format!("byte {byte} of it is not"),
        ),
        LoadError::TooLarge => (
            codes::LIMIT_SOURCE,
            format!("`{path}` is larger than {} bytes", limits::SOURCE_BYTES),
            String::new(),
        ),
    };
    let diagnostic = Diagnostic::new(code, message, used.path_span, label);
    match code {
        codes::USE_ESCAPE => diagnostic.with_help("`--include DIR` allows another directory"),
        _ => diagnostic,
    }
}
