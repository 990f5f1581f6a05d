//! `netc diff`

use super::console::{self, Failure, Format, grouped};
use super::target::{self, Include};
use crate::diff::{Difference, diff, render};

/// Tell what makes one net another: structure, shapes, parameters and costs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    before: String,

    /// What it is compared with
    after: String,

    /// Sentences or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    include: Include,
}

/// Compares two nets.
pub fn run(args: &Args) -> Result<(), Failure> {
    let before = target::open(&args.before, None, &args.include)?;
    let after = target::open(&args.after, None, &args.include)?;
    let difference = diff(&before.graph, &after.graph);
    match args.format {
        Format::Text => console::print(&text(&difference)),
        Format::Json => console::print_json(&difference),
    }
}

fn text(difference: &Difference) -> String {
    let (before, after) = (&difference.before, &difference.after);
    let row = |name: &str, before: u64, after: u64| {
        let sign = if after < before { "-" } else { "+" };
        let change = match (before, after) {
            _ if before == after => "-".to_owned(),
            (0, _) => format!("{sign}{}", grouped(after)),
            _ => format!(
                "{sign}{} ({sign}{:.1}%)",
                grouped(after.abs_diff(before)),
                100.0 * after.abs_diff(before) as f64 / before as f64
            ),
        };
        vec![name.to_owned(), grouped(before), grouped(after), change]
    };
    let head = ["", &before.net, &after.net, "difference"].map(str::to_owned);
    let rows = [
        head.to_vec(),
        row("layers", before.layers, after.layers),
        row("parameters", before.params, after.params),
        row("MACs per image", before.macs, after.macs),
    ];
    format!(
        "{}\n{}",
        render(difference, &grouped),
        console::table(&rows, &[false, true, true, true])
    )
}
