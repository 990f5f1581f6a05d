//! `netc graph`

use std::path::PathBuf;

use super::console::{self, Failure};
use super::target::{self, Include};
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::drawing::{self, Drawing};
use crate::target::WeightChoice;

/// Draw a net
#[derive(Debug, clap::Args)]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// What to write
    #[arg(long, value_enum, default_value = "svg")]
    format: Format,

    /// Draw the inside of blocks down to this depth only (svg)
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    depth: usize,

    /// Draw only the block or layer with this path, such as `layer1.0`
    #[arg(long, value_name = "PATH")]
    only: Option<String>,

    /// The file to write [default: the standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    include: Include,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A picture
    Svg,
    /// The language of Graphviz
    Dot,
    /// A page to explore, in one file
    Html,
}

/// Draws a net.
pub fn run(args: &Args) -> Result<(), Failure> {
    let target = target::open(&args.net, None, &args.include)?;
    let mut data = target.data()?;
    if let Some(path) = &args.only {
        restrict(&mut data.drawing, path)?;
    }
    let text = match args.format {
        Format::Svg => drawing::svg(&data.drawing, args.depth),
        Format::Dot => drawing::dot(&data.drawing),
        Format::Html => {
            drawing::graph_page(&data).map_err(|error| Failure::Internal(error.to_string()))?
        }
    };
    let choice = WeightChoice::default();
    console::write(args.output.as_deref(), &text, target.read_files(&choice))
}

/// Leaves only the box of a path in a drawing.
fn restrict(drawing: &mut Drawing, path: &str) -> Result<(), Failure> {
    if drawing.keep_only(path) {
        return Ok(());
    }
    let fault = Diagnostic::without_place(
        codes::NO_NET,
        format!(
            "`{}` has no block or layer `{path}` that is drawn",
            drawing.net
        ),
    );
    let names = drawing.paths();
    Err(match did_you_mean(path, names.iter().map(String::as_str)) {
        Some(like) => fault.with_help(format!("did you mean `{like}`?")),
        None => fault.with_help("equal blocks are one box, under the path of the first"),
    }
    .into())
}
