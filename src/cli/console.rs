//! Where words go: results to stdout, diagnostics and progress to stderr.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::diagnostic::{Budget, Diagnostic, codes, render_text};
use crate::fault::Fault;
use crate::files;
use crate::source::SourceMap;

/// Why a command stops.
#[derive(Debug)]
pub enum Failure {
    /// Errors, already told.
    Reported,
    /// Errors that are still to be told, and the texts that they point into.
    Diagnostics(Vec<Diagnostic>, SourceMap),
    /// A fault of netc itself.
    Internal(String),
    /// Whoever reads the output has seen enough.
    ClosedPipe,
}

impl<E: Into<Fault>> From<E> for Failure {
    fn from(error: E) -> Failure {
        match error.into() {
            Fault::Diagnostics(diagnostics, sources) => Failure::Diagnostics(diagnostics, sources),
            Fault::Internal(reason) => Failure::Internal(reason),
        }
    }
}

/// What `--color` says.
static COLOUR: OnceLock<ColorChoice> = OnceLock::new();

/// Notes what `--color` says; the first time counts.
pub fn choose_colour(choice: ColorChoice) {
    let _ = COLOUR.set(choice);
}

/// Whether to colour what goes to a stream: as `--color` says, and if that leaves it open only on a terminal and not where `NO_COLOR` is set
/// to anything (no-color.org).
pub fn wants_colour(is_terminal: bool) -> bool {
    match COLOUR.get() {
        Some(ColorChoice::Always) => true,
        Some(ColorChoice::Never) => false,
        Some(ColorChoice::Auto) | None => {
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            is_terminal && !unwanted
        }
    }
}

/// What this run may still tell.
static BUDGET: Mutex<Option<Budget>> = Mutex::new(None);

fn with_budget<R>(work: impl FnOnce(&mut Budget) -> R) -> R {
    let mut budget = BUDGET.lock().unwrap_or_else(PoisonError::into_inner);
    work(budget.get_or_insert_default())
}

/// Tells diagnostics on stderr, as many as a run may tell. What cannot be written there can be told nowhere.
pub fn report(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let told = with_budget(|budget| budget.take(diagnostics.to_vec()));
    write_report(&told, sources);
}

/// Tells how many diagnostics this run has kept to itself, if any. For the end of it.
pub fn report_rest() {
    if let Some(rest) = with_budget(|budget| budget.rest()) {
        write_report(&[rest], &SourceMap::new());
    }
}

fn write_report(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let colour = wants_colour(io::stderr().is_terminal());
    let text = render_text(diagnostics, sources, colour);
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// One line on stderr.
pub fn remark(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints text as it is on stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Diagnostic::without_place(
                codes::OUTPUT_FILE,
                format!("cannot write to the standard output: {error}"),
            )
            .into(),
        })
}

/// Writes a text to a file, or where none is named to stdout. `inputs` are the files that the command reads.
pub fn write<'p>(
    path: Option<&Path>,
    text: &str,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> Result<(), Failure> {
    match path.filter(|path| *path != Path::new("-")) {
        None => print(text),
        Some(path) => files::refuse_inputs(path, inputs)
            .and_then(|()| files::write(path, text.as_bytes()))
            .map_err(|error| files::cannot_write(path, &error).into()),
    }
}

/// Does the same to every file, whatever becomes of the ones before it; what is wrong with a text is told at once. `work` answers
/// whether all is well with a file.
pub fn for_each_file(
    files: &[PathBuf],
    mut work: impl FnMut(&Path) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut is_fine = true;
    for path in files {
        match work(path) {
            Ok(file_is_fine) => is_fine &= file_is_fine,
            Err(Failure::Diagnostics(diagnostics, sources)) => {
                report(&diagnostics, &sources);
                is_fine = false;
            }
            Err(other) => return Err(other),
        }
    }
    match is_fine {
        true => Ok(()),
        false => Err(Failure::Reported),
    }
}

/// How a command answers that people and programs ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Prints a value as JSON on stdout, indented, with a line end.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// A bar that appears on a terminal once the work has taken a noticeable time.
pub fn progress(what: &'static str, n: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(n);
    if let Ok(style) = ProgressStyle::with_template("{msg:>20} [{bar:40}] {percent:>3}% {eta:>4}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    // The first tick draws; before it nothing is seen, so that short work leaves no flicker.
    bar.enable_steady_tick(Duration::from_millis(300));
    bar
}

/// A text from a file as it may be shown: without control characters, which could drive the terminal.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// `12345678` as `12,345,678`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as a person says them.
pub fn human_bytes(n: u64) -> String {
    match n {
        0..1_024 => format!("{n} bytes"),
        1_024..1_048_576 => format!("{:.1} KiB", n as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", n as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", n as f64 / 1_073_741_824.0),
    }
}

/// Characters of a cell in a table. A name from a hostile file must not push the other columns out of sight.
const CELL: usize = 256;

/// A cell without the middle of what is too long to be read.
fn shortened(cell: &str) -> String {
    let n = cell.chars().count();
    if n <= CELL {
        return cell.to_owned();
    }
    let half = (CELL - 1) / 2;
    let begin = cell.chars().take(half);
    begin
        .chain(['…'])
        .chain(cell.chars().skip(n - half))
        .collect()
}

/// Columns of text, each as wide as its widest cell, two spaces apart; `right` says which columns end flush.
pub fn table(rows: &[Vec<String>], right: &[bool]) -> String {
    let shortened = rows
        .iter()
        .map(|row| row.iter().map(|cell| shortened(cell)));
    let rows: Vec<Vec<String>> = shortened.map(Iterator::collect).collect();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..right.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .zip(right)
            .map(|((cell, width), right)| {
                // By hand: the widths of the formatting macros end at 65,535.
                let space = " ".repeat(width - cell.chars().count());
                match right {
                    true => space + cell,
                    false => cell.clone() + &space,
                }
            });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(61_100_840), "61,100,840");
    }

    #[test]
    fn tables_line_up() {
        let rows = [
            vec!["a".into(), "1".into()],
            vec!["bcd".into(), "23".into()],
        ];
        assert_eq!(table(&rows, &[false, true]), "a     1\nbcd  23\n");
    }

    #[test]
    fn cells_of_any_length_are_shown_by_their_ends() {
        let long = format!("first{}last", "x".repeat(70_000));
        let text = table(&[vec![long, "1".into()]], &[false, true]);
        assert!(
            text.starts_with("firstxx") && text.ends_with("xxlast  1\n"),
            "{text}"
        );
        assert_eq!(text.chars().count(), 255 + 4);
    }
}
