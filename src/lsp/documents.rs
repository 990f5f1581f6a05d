//! The texts that the editor holds, and what is known of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gen_lsp_types as lsp;

use super::lines::Lines;
use crate::elaborate::{self, Lifts, Program, SetSizes};
use crate::ide::{Analysis, View};
use crate::limits;
use crate::loader::{DiskLoader, OverlayLoader};
use crate::source::FileId;

/// A text that the editor holds.
pub struct Document {
    /// What the editor calls it.
    pub uri: lsp::Uri,
    /// The number of its present state.
    pub version: i32,
    /// The text.
    pub text: String,
    /// Its lines.
    pub lines: Lines,
    /// Where it was changed last.
    edited: Option<usize>,
    analysis: RefCell<Option<Analysed>>,
    /// Whether its present diagnostics were told.
    pub is_told: bool,
}

#[derive(Clone)]
struct Analysed {
    analysis: Rc<Analysis>,
    /// Canonical paths of the files it uses.
    uses: Rc<BTreeSet<PathBuf>>,
}

/// All of them, by canonical path (or by the whole URI, where there is no path).
pub struct Documents {
    open: BTreeMap<PathBuf, Document>,
    /// Directories that `use` may read from.
    pub include: Vec<PathBuf>,
    /// Folders that the editor has open.
    folders: Vec<PathBuf>,
    /// What was proved so far.
    lifts: RefCell<Lifts>,
}

/// The one name of a document.
pub fn key(uri: &lsp::Uri) -> PathBuf {
    match uri.to_file_path() {
        Ok(path) => canonical(&path),
        Err(()) => PathBuf::from(uri.as_str()),
    }
}

/// The canonical path of a file; of one that is not there, of its directory and its name.
pub fn canonical(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    match (path.parent().map(fs::canonicalize), path.file_name()) {
        (Some(Ok(directory)), Some(name)) => directory.join(name),
        _ => path.to_path_buf(),
    }
}

impl Documents {
    /// None yet.
    pub fn new(include: Vec<PathBuf>, folders: Vec<PathBuf>) -> Documents {
        Documents {
            open: BTreeMap::new(),
            include,
            folders,
            lifts: RefCell::default(),
        }
    }

    /// The document, if it is open.
    pub fn get(&self, uri: &lsp::Uri) -> Option<&Document> {
        self.open.get(&key(uri))
    }

    /// Those whose diagnostics were not told yet.
    pub fn untold(&mut self) -> Option<&mut Document> {
        self.open.values_mut().find(|document| !document.is_told)
    }

    /// Takes a text in.
    pub fn open(&mut self, item: lsp::TextDocumentItem) {
        let path = key(&item.uri);
        let document = Document {
            lines: Lines::new(&item.text),
            uri: item.uri,
            version: item.version,
            text: item.text,
            edited: None,
            analysis: RefCell::new(None),
            is_told: false,
        };
        self.open.insert(path, document);
        self.forget_all();
    }

    /// Changes a text.
    pub fn change(&mut self, params: lsp::DidChangeTextDocumentParams) {
        let path = key(&params.text_document.text_document_identifier.uri);
        let Some(document) = self.open.get_mut(&path) else {
            return;
        };
        document.version = params.text_document.version;
        for change in params.content_changes {
            document.apply(change);
        }
        document.forget();
        for other in self.open.values_mut().filter(|other| other.uses(&path)) {
            other.forget();
        }
    }

    /// Lets a text go.
    pub fn close(&mut self, uri: &lsp::Uri) {
        self.open.remove(&key(uri));
        self.forget_all();
    }

    /// Forgets what is known: files outside changed.
    pub fn forget_all(&mut self) {
        self.open.values_mut().for_each(Document::forget);
    }

    /// What is known of an open document.
    pub fn analysis(&self, document: &Document) -> Rc<Analysis> {
        self.analysed(document).analysis
    }

    fn analysed(&self, document: &Document) -> Analysed {
        if let Some(known) = &*document.analysis.borrow() {
            return known.clone();
        }
        let path = key(&document.uri);
        let analysed = self.analyse(&path, &document.text, document.edited);
        *document.analysis.borrow_mut() = Some(analysed.clone());
        analysed
    }

    fn analyse(&self, path: &Path, text: &str, edited: Option<usize>) -> Analysed {
        self.analyse_with(path, text, edited, &BTreeMap::new())
    }

    /// What would be known of an analysis' own file if the texts of some files, by canonical path, were others.
    pub fn analysis_with(
        &self,
        analysis: &Analysis,
        changed: &BTreeMap<PathBuf, String>,
    ) -> Rc<Analysis> {
        let path = canonical(analysis.program.sources.path(analysis.program.root()));
        let text = changed.get(&path).map_or(analysis.text(), String::as_str);
        self.analyse_with(&path, text, None, changed).analysis
    }

    fn analyse_with(
        &self,
        path: &Path,
        text: &str,
        edited: Option<usize>,
        changed: &BTreeMap<PathBuf, String>,
    ) -> Analysed {
        let texts = |path: &Path| {
            let open = || self.open.get(path).map(|document| document.text.clone());
            changed.get(path).cloned().or_else(open)
        };
        let disk = path
            .is_absolute()
            .then(|| DiskLoader::new(path, &self.include));
        let mut loader = OverlayLoader::new(disk, &texts);
        let mut lifts = self.lifts.borrow_mut();
        let analysis = Analysis::new(path, text, edited, &mut loader, &mut lifts);
        Analysed {
            analysis: Rc::new(analysis),
            uses: Rc::new(loader.loaded.into_iter().collect()),
        }
    }

    /// The text of a document after its safe repairs, and how many there are.
    pub fn repaired(&self, document: &Document) -> (String, usize) {
        let path = key(&document.uri);
        let texts = |path: &Path| self.open.get(path).map(|document| document.text.clone());
        let mut load = |text: String| {
            let disk = path
                .is_absolute()
                .then(|| DiskLoader::new(&path, &self.include));
            Program::load(&path, text, &mut OverlayLoader::new(disk, &texts))
        };
        let program = load(document.text.clone());
        let repaired = elaborate::repair(program, &SetSizes::new(), &mut load);
        let program = &repaired.program;
        let text = program.sources.file(program.root()).text.clone();
        (text, repaired.n_changes)
    }

    /// What is known in the files that are open, that of `document` first, then of those that use it.
    pub fn around(&self, document: &Document) -> Vec<(Rc<Analysis>, FileId)> {
        let path = key(&document.uri);
        let own = self.analysis(document);
        let mut all = vec![(own.clone(), own.program.root())];
        for (other, document) in &self.open {
            let known = self.analysed(document);
            if *other != path && known.uses.contains(&path) {
                let file = file_in(&known.analysis, &path);
                all.extend(file.map(|file| (known.analysis, file)));
            }
        }
        all
    }

    /// What is known of everything that may name what `path` declares: the open documents, and the files of the editor's folders.
    pub fn users(&self, path: &Path) -> Vec<(Rc<Analysis>, FileId)> {
        let mut all: Vec<Analysed> = self.open.values().map(|d| self.analysed(d)).collect();
        for file in self.files_of_folders() {
            if !self.open.contains_key(&file)
                && let Ok(text) = DiskLoader::read_root(&file)
            {
                all.push(self.analyse(&file, &text, None));
            }
        }
        if !self.open.contains_key(path)
            && let Ok(text) = DiskLoader::read_root(path)
        {
            all.push(self.analyse(path, &text, None));
        }
        let users = all.into_iter().filter_map(|known| {
            let file = file_in(&known.analysis, path)?;
            Some((known.analysis, file))
        });
        users.collect()
    }

    /// The `.net` files of the editor's folders, as many as one compilation may read.
    fn files_of_folders(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut directories: Vec<(PathBuf, usize)> = self
            .folders
            .iter()
            .map(|folder| (folder.clone(), 0))
            .collect();
        let mut n_entries = 0;
        while let Some((directory, depth)) = directories.pop() {
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                n_entries += 1;
                if files.len() >= limits::FILES || n_entries > limits::FOLDER_ENTRIES {
                    return files;
                }
                let name = entry.file_name();
                let is_hidden = name.as_encoded_bytes().starts_with(b".");
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                let path = entry.path();
                if kind.is_dir() && !is_hidden && depth < limits::NESTING {
                    directories.push((path, depth + 1));
                } else if kind.is_file() && path.extension().is_some_and(|e| e == "net") {
                    files.insert(canonical(&path));
                }
            }
        }
        files
    }

    /// The URI of a file: the editor's own for what it has open.
    pub fn uri(&self, path: &Path) -> Option<lsp::Uri> {
        match self.open.get(path) {
            Some(document) => Some(document.uri.clone()),
            None => lsp::Uri::from_file_path(path).ok(),
        }
    }
}

/// The handle of a file in an analysis.
pub fn file_in(analysis: &Analysis, path: &Path) -> Option<FileId> {
    let mut files = analysis.program.sources.iter();
    files
        .find(|(_, file)| file.path == path || canonical(&file.path) == path)
        .map(|(id, _)| id)
}

/// The text of a file of an analysis: of its own file, the true one.
pub fn text_of(analysis: &Analysis, file: FileId) -> &str {
    match file == analysis.program.root() {
        true => analysis.text(),
        false => &analysis.program.sources.file(file).text,
    }
}

/// A file of an analysis, for the questions.
pub fn view(analysis: &Analysis, file: FileId) -> View<'_> {
    View { analysis, file }
}

impl Document {
    /// A position as a byte.
    pub fn byte(&self, position: lsp::Position) -> usize {
        self.lines.byte(&self.text, position)
    }

    /// A range of bytes as the protocol has it.
    pub fn range(&self, range: std::ops::Range<usize>) -> lsp::Range {
        self.lines.range(&self.text, range)
    }

    fn uses(&self, path: &Path) -> bool {
        let analysis = self.analysis.borrow();
        analysis
            .as_ref()
            .is_some_and(|known| known.uses.contains(path))
    }

    fn forget(&mut self) {
        *self.analysis.borrow_mut() = None;
        self.is_told = false;
    }

    fn apply(&mut self, change: lsp::TextDocumentContentChangeEvent) {
        use lsp::TextDocumentContentChangeEvent::{
            TextDocumentContentChangePartial, TextDocumentContentChangeWholeDocument,
        };
        match change {
            TextDocumentContentChangePartial(change) => {
                let range = self.lines.bytes(&self.text, change.range);
                self.edited = Some(range.start + change.text.trim_end_matches('\n').len());
                self.text.replace_range(range, &change.text);
            }
            TextDocumentContentChangeWholeDocument(change) => {
                self.edited = edited(&self.text, &change.text);
                self.text = change.text;
            }
        }
        self.lines = Lines::new(&self.text);
    }
}

/// Where two texts begin to differ, as a byte of the new one.
fn edited(old: &str, new: &str) -> Option<usize> {
    let differ = |(a, b): &(u8, u8)| a != b;
    let mut pairs = old.bytes().zip(new.bytes());
    match pairs.by_ref().position(|pair| differ(&pair)) {
        Some(at) => Some(at),
        None if old.len() == new.len() => None,
        None => Some(old.len().min(new.len())),
    }
}
