//! `netc new`

use std::path::PathBuf;

use super::console::{self, Failure};
use crate::files;

/// Write NAME.net, a small net with a residual block to start from
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the file without `.net`: letters, digits, `_` and `-`
    #[arg(value_parser = file_name)]
    name: String,
}

/// What is written, with the name of the net in the place of `Template`.
const TEMPLATE: &str = include_str!("new/template.net");

/// Writes the file; one that is there already is left alone.
pub fn run(args: &Args) -> Result<(), Failure> {
    let path = PathBuf::from(format!("{}.net", args.name));
    let text = TEMPLATE.replace("Template", &net_name(&args.name));
    files::write_new(&path, text.as_bytes()).map_err(|error| files::cannot_write(&path, &error))?;
    console::remark(&format!(
        "wrote {0}; `netc check {0}` checks it, `netc summary {0}` shows its layers",
        path.display()
    ));
    Ok(())
}

fn file_name(name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() && name.chars().all(is_plain) => {
            Ok(name.to_owned())
        }
        _ => Err("a name begins with a letter and holds letters, digits, `_` and `-`".to_owned()),
    }
}

/// `my-net` as `MyNet`.
fn net_name(file: &str) -> String {
    let words = file.split(['_', '-']).filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect();
    // The template declares a block of this name.
    match name.as_str() {
        "Unit" => "UnitNet".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{file_name, net_name};

    #[test]
    fn names_of_files_become_names_of_nets() {
        assert_eq!(net_name("my-first_net"), "MyFirstNet");
        assert_eq!(net_name("resnet50"), "Resnet50");
        assert_eq!(net_name("unit"), "UnitNet");
        assert!(file_name("../up").is_err());
        assert!(file_name("3d").is_err());
        assert!(file_name("").is_err());
        assert!(file_name("my-net").is_ok());
    }
}
