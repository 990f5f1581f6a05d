//! Requests that follow names through the files of a workspace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use gen_lsp_types as lsp;

use super::documents::{Document, canonical, key, text_of};
use super::lines::Lines;
use super::requests::{Refusal, document};
use super::session::State;
use crate::elaborate::{LocalKind, Target};
use crate::ide::{self, Analysis, Edits, Item, ItemKind, Named};
use crate::source::{FileId, Span};

/// A place in a file, by canonical path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: PathBuf,
    start: usize,
    end: usize,
}

/// A place with what it takes to tell it.
struct Found {
    location: lsp::Location,
    text: String,
    declares: bool,
}

/// The files of an analysis that places are told in. What is known of one is found once, however many places it has.
struct Files<'a> {
    state: &'a State,
    analysis: &'a Analysis,
    known: BTreeMap<FileId, (PathBuf, Lines)>,
}

impl<'a> Files<'a> {
    fn new(state: &'a State, analysis: &'a Analysis) -> Files<'a> {
        Files {
            state,
            analysis,
            known: BTreeMap::new(),
        }
    }

    fn file(&mut self, file: FileId) -> &(PathBuf, Lines) {
        self.known.entry(file).or_insert_with(|| {
            let path = canonical(self.analysis.program.sources.path(file));
            (path, Lines::new(text_of(self.analysis, file)))
        })
    }

    fn place(&mut self, span: Span) -> Place {
        Place {
            path: self.file(span.file).0.clone(),
            start: span.start as usize,
            end: span.end as usize,
        }
    }

    fn location(&mut self, span: Span) -> Option<lsp::Location> {
        let (state, text) = (self.state, text_of(self.analysis, span.file));
        let (path, lines) = self.file(span.file);
        Some(lsp::Location {
            uri: state.documents.uri(path)?,
            range: lines.range(text, span.range()),
        })
    }
}

/// `textDocument/definition`
pub fn definition(
    state: &State,
    params: lsp::DefinitionParams,
) -> Result<Option<lsp::DefinitionResponse>, Refusal> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let byte = document.byte(at.position);
    let spans = match ide::used_file(analysis.view(), byte) {
        Some(file) => vec![Span::new(file, 0, 0)],
        None => match ide::name_at(analysis.view(), byte) {
            Some(named) => ide::definitions(analysis.view(), &named),
            None => Vec::new(),
        },
    };
    let mut files = Files::new(state, &analysis);
    let locations: Vec<_> = spans
        .into_iter()
        .filter_map(|span| files.location(span))
        .collect();
    Ok((!locations.is_empty()).then(|| lsp::Definition::from(locations).into()))
}

/// `textDocument/references`
pub fn references(
    state: &State,
    params: lsp::ReferenceParams,
) -> Result<Option<Vec<lsp::Location>>, Refusal> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let Some(named) = ide::name_at(analysis.view(), document.byte(at.position)) else {
        return Ok(None);
    };
    let found = uses(state, &analysis, &named);
    let found = found
        .places
        .into_values()
        .filter(|found| params.context.include_declaration || !found.declares);
    Ok(Some(found.map(|found| found.location).collect()))
}

/// `textDocument/documentHighlight`
pub fn highlight(
    state: &State,
    params: lsp::DocumentHighlightParams,
) -> Result<Option<Vec<lsp::DocumentHighlight>>, Refusal> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let view = analysis.view();
    let Some(named) = ide::name_at(view, document.byte(at.position)) else {
        return Ok(None);
    };
    let sites = ide::references(view, &ide::definitions(view, &named));
    let own = sites.into_iter().filter(|site| site.span.file == view.file);
    let highlights = own.map(|site| lsp::DocumentHighlight {
        range: document.range(site.span.range()),
        kind: Some(match site.declares {
            true => lsp::DocumentHighlightKind::Write,
            false => lsp::DocumentHighlightKind::Read,
        }),
    });
    Ok(Some(highlights.collect()))
}

/// `textDocument/prepareRename`
pub fn prepare_rename(
    state: &State,
    params: lsp::PrepareRenameParams,
) -> Result<Option<lsp::PrepareRenameResult>, Refusal> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let Some(named) = ide::name_at(analysis.view(), document.byte(at.position)) else {
        return Ok(None);
    };
    let placeholder = ide::rename(analysis.view(), &named, None).map_err(|e| Refusal(e.0))?;
    let placeholder = lsp::PrepareRenamePlaceholder {
        range: document.range(named.span.range()),
        placeholder,
    };
    Ok(Some(placeholder.into()))
}

/// `textDocument/rename`
pub fn rename(
    state: &State,
    params: lsp::RenameParams,
) -> Result<Option<lsp::WorkspaceEdit>, Refusal> {
    let at = params.text_document_position_params;
    let document = document(state, &at.text_document.uri)?;
    let analysis = state.documents.analysis(document);
    let view = analysis.view();
    let Some(named) = ide::name_at(view, document.byte(at.position)) else {
        return Err(Refusal("there is no name here".into()));
    };
    let new_name = params.new_name.as_str();
    let old = ide::rename(view, &named, Some(new_name)).map_err(|e| Refusal(e.0))?;
    // Another name of a `use` is renamed where it is used, and nowhere else.
    let is_alias = ide::definitions(view, &named)
        .iter()
        .any(|span| analysis.program.sources.text(*span) != old);
    let found = uses(state, &analysis, &named);
    let mut changes: HashMap<lsp::Uri, Vec<lsp::TextEdit>> = HashMap::new();
    let mut ranges: BTreeMap<PathBuf, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (place, found) in found.places {
        let is_meant = found.text == old && (!is_alias || found.location.uri == document.uri);
        if is_meant {
            let edit = lsp::TextEdit {
                range: found.location.range,
                new_text: new_name.to_string(),
            };
            changes.entry(found.location.uri).or_default().push(edit);
            let of_file = ranges.entry(place.path).or_default();
            of_file.insert((place.start, place.end));
        }
    }
    let edits = ranges.into_iter();
    let edits = edits.map(|(path, ranges)| (path, Edits::new(ranges, new_name)));
    verify(state, &found.analyses, &edits.collect())?;
    Ok(Some(lsp::WorkspaceEdit {
        changes: Some(changes),
        ..Default::default()
    }))
}

/// Refuses edits, by canonical path, after which a name in one of the analyses would mean something else.
fn verify(
    state: &State,
    analyses: &[Rc<Analysis>],
    edits: &BTreeMap<PathBuf, Edits>,
) -> Result<(), Refusal> {
    for before in analyses {
        let mut texts = BTreeMap::new();
        let mut of_files = BTreeMap::new();
        for (file, _) in before.program.sources.iter() {
            let path = canonical(before.program.sources.path(file));
            if let Some(edits) = edits.get(&path) {
                texts.insert(path, edits.apply(text_of(before, file)));
                of_files.insert(file, edits.clone());
            }
        }
        let after = state.documents.analysis_with(before, &texts);
        ide::keeps_meaning(before, &after, &of_files).map_err(|error| Refusal(error.0))?;
    }
    Ok(())
}

/// What names the same, and the analyses that know of it.
struct Uses {
    places: BTreeMap<Place, Found>,
    analyses: Vec<Rc<Analysis>>,
}

/// All places that name the same, in all files that can.
fn uses(state: &State, analysis: &Rc<Analysis>, named: &Named) -> Uses {
    let definitions = ide::definitions(analysis.view(), named);
    let is_visible_outside = named.targets.iter().all(|target| {
        matches!(
            target,
            Target::Declared(_) | Target::Local(_, LocalKind::Parameter)
        )
    });
    let mut uses = Uses {
        places: BTreeMap::new(),
        analyses: vec![analysis.clone()],
    };
    uses.collect(state, analysis, &definitions);
    if is_visible_outside {
        let mut files = Files::new(state, analysis);
        let places: Vec<Place> = definitions.iter().map(|span| files.place(*span)).collect();
        for place in places {
            for (user, file) in state.documents.users(&place.path) {
                uses.collect(state, &user, &[Span::new(file, place.start, place.end)]);
                if !uses.analyses.iter().any(|known| Rc::ptr_eq(known, &user)) {
                    uses.analyses.push(user);
                }
            }
        }
    }
    uses
}

impl Uses {
    fn collect(&mut self, state: &State, analysis: &Analysis, definitions: &[Span]) {
        let mut files = Files::new(state, analysis);
        for site in ide::references(analysis.view(), definitions) {
            if let Some(location) = files.location(site.span) {
                let text = text_of(analysis, site.span.file)[site.span.range()].to_string();
                let declares = site.declares;
                self.places.entry(files.place(site.span)).or_insert(Found {
                    location,
                    text,
                    declares,
                });
            }
        }
    }
}

/// The files that a `use` of the document may name.
pub fn files_to_use(document: &Document, typed: Range<usize>) -> Vec<Item> {
    let path = key(&document.uri);
    let own = path.file_name();
    let Some(directory) = path.parent().filter(|_| path.is_absolute()) else {
        return Vec::new();
    };
    let written = &document.text[typed.clone()];
    let (below, name_start) = match written.rfind('/') {
        Some(slash) => (&written[..slash], typed.start + slash + 1),
        None => ("", typed.start),
    };
    let Ok(entries) = std::fs::read_dir(directory.join(below)) else {
        return Vec::new();
    };
    let mut names = BTreeSet::new();
    for entry in entries.flatten().take(crate::limits::FOLDER_ENTRIES) {
        let name = entry.file_name();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_net = entry.path().extension().is_some_and(|e| e == "net");
        let is_own = below.is_empty() && Some(name.as_os_str()) == own;
        if let Some(name) = name
            .to_str()
            .filter(|name| !name.starts_with('.') && !is_own)
        {
            match (is_directory, is_net) {
                (true, _) => names.insert(format!("{name}/")),
                (false, true) => names.insert(name.to_string()),
                (false, false) => false,
            };
        }
    }
    let items = names.into_iter().map(|label| Item {
        label,
        kind: ItemKind::File,
        detail: String::new(),
        doc: String::new(),
        snippet: None,
        replaces: name_start..typed.end,
    });
    items.collect()
}
