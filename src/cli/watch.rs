//! `netc watch`

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};

use super::console::{self, Failure, grouped};
use super::target::{Include, load_program};
use super::threads;
use crate::check::{Summary, summarise};
use crate::diagnostic::{Diagnostic, codes, render_text};
use crate::elaborate;

/// Check a file again whenever it or a file that it uses is saved, and show its nets
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .net file
    file: PathBuf,

    #[command(flatten)]
    include: Include,
}

/// An editor saves in several steps; what follows within this time belongs to the same save.
const SETTLE: Duration = Duration::from_millis(50);

/// Clears the screen and goes to its upper left corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Watches until it is interrupted.
pub fn run(args: &Args) -> Result<(), Failure> {
    let failed = |error: notify::Error| {
        let message = format!("cannot watch `{}`: {error}", args.file.display());
        Failure::from(Diagnostic::without_place(codes::USE_NOT_FOUND, message))
    };
    threads::want(1)?;
    let (sender, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event| {
        // The receiver is gone only when the program ends.
        let _ = sender.send(event);
    })
    .map_err(failed)?;
    let mut watched = BTreeSet::new();
    loop {
        let (view, files) = view(&args.file, &args.include)?;
        // Directories rather than files: many editors save by putting a new file in the place of the old one.
        for directory in files.iter().map(|file| directory_of(file)) {
            if watched.insert(directory.to_path_buf()) {
                watcher
                    .watch(directory, RecursiveMode::NonRecursive)
                    .map_err(failed)?;
            }
        }
        let clear = if io::stdout().is_terminal() {
            CLEAR
        } else {
            ""
        };
        console::print(&format!("{clear}{view}"))?;
        if !wait(&events, &files).map_err(failed)? {
            return Ok(());
        }
    }
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

/// Waits until one of the files has been written; `false` if there will be no more events.
fn wait(
    events: &mpsc::Receiver<notify::Result<notify::Event>>,
    files: &[PathBuf],
) -> notify::Result<bool> {
    let is_ours = |event: &notify::Event| {
        let names = |path: &PathBuf| {
            files
                .iter()
                .any(|file| file.file_name() == path.file_name())
        };
        !event.kind.is_access() && event.paths.iter().any(names)
    };
    loop {
        let Ok(event) = events.recv() else {
            return Ok(false);
        };
        if is_ours(&event?) {
            break;
        }
    }
    loop {
        match events.recv_timeout(SETTLE) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return Ok(true),
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
    }
}

/// What is shown of a file as it is now, and the files that it is made of. One that cannot be read is shown as such: it may be on its way.
fn view(path: &Path, include: &Include) -> Result<(String, Vec<PathBuf>), Failure> {
    let colour = console::wants_colour(io::stdout().is_terminal());
    let program = match load_program(path, &include.from) {
        Ok(program) => program,
        Err(Failure::Diagnostics(diagnostics, sources)) => {
            let text = render_text(&diagnostics, &sources, colour);
            return Ok((text, vec![path.to_path_buf()]));
        }
        Err(other) => return Err(other),
    };
    let files = program.sources.iter().map(|(_, file)| file.path.clone());
    let files: Vec<PathBuf> = files.collect();
    let sizes = include.sizes();
    let diagnostics = elaborate::check_with(&program, &sizes);
    let mut text = render_text(&diagnostics, &program.sources, colour);
    let nets = elaborate::nets(&program);
    let rows: Vec<Vec<String>> = nets
        .iter()
        .filter(|net| net.complete)
        .map(
            |net| match elaborate::expand_with(&program, &net.name, &sizes).0 {
                Some(graph) => row(&summarise(&graph)),
                None => vec![net.name.clone(), "has errors".to_owned()],
            },
        )
        .collect();
    text += &format!("{}\n", path.display());
    text += &console::table(&rows, &[false, true, true, false]);
    Ok((text, files))
}

fn row(summary: &Summary) -> Vec<String> {
    let outputs: Vec<String> = summary
        .outputs
        .iter()
        .map(|output| format!("{} {:?}", output.name, output.shape))
        .collect();
    vec![
        summary.net.clone(),
        format!("{} parameters", grouped(summary.params)),
        format!("{} MACs", grouped(summary.macs)),
        outputs.join(", "),
    ]
}
