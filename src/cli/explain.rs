//! `netc explain`

use super::console::{self, Failure};
use crate::diagnostic::{ALL_CODES, Code, did_you_mean, page};

/// Explain the code of a diagnostic: an example that fails, why, and how to repair it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A code such as E0402; without one, all codes are listed
    #[arg(value_parser = code)]
    code: Option<Code>,
}

/// Prints the page of a code, or the list.
pub fn run(args: &Args) -> Result<(), Failure> {
    match args.code {
        Some(code) => console::print(page(code)),
        None => {
            let rows: Vec<Vec<String>> = ALL_CODES
                .iter()
                .map(|code| vec![code.id.to_owned(), code.title.to_owned()])
                .collect();
            console::print(&console::table(&rows, &[false, false]))
        }
    }
}

fn code(text: &str) -> Result<Code, String> {
    let id = text.to_ascii_uppercase();
    let ids = || ALL_CODES.iter().map(|code| code.id);
    match ALL_CODES.iter().find(|code| code.id == id) {
        Some(code) => Ok(*code),
        None => Err(match did_you_mean(&id, ids()) {
            Some(near) => format!("no such code; did you mean `{near}`?"),
            None => "no such code; `netc explain` lists them".to_owned(),
        }),
    }
}
