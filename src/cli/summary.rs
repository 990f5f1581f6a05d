//! `netc summary`

use super::console::{self, Failure, grouped};
use super::target::{self, Include};
use crate::check::{Summary, summarise};

/// Show the layers of a net with their shapes, parameters and costs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// A table or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    include: Include,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Sums up a net.
pub fn run(args: &Args) -> Result<(), Failure> {
    let target = target::open(&args.net, None, &args.include)?;
    let summary = summarise(&target.graph);
    match args.format {
        Format::Text => console::print(&render(&summary)),
        Format::Json => {
            let value = serde_json::to_value(&summary)
                .map_err(|error| Failure::Internal(error.to_string()))?;
            console::print_json(&value)
        }
    }
}

fn render(summary: &Summary) -> String {
    let shape = |sizes: &[u64]| {
        let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
        format!("[{}]", sizes.join(", "))
    };
    // A dash is easier to pass over than a nought among the numbers.
    let number = |n: u64| if n == 0 { "-".to_owned() } else { grouped(n) };
    let header = ["layer", "op", "output", "params", "MACs"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    for input in &summary.inputs {
        rows.push(vec![
            input.name.clone(),
            "input".into(),
            shape(&input.shape),
            "-".into(),
            "-".into(),
        ]);
    }
    for layer in &summary.layers {
        rows.push(vec![
            layer.name.clone(),
            layer.op.clone(),
            shape(&layer.output),
            number(layer.params),
            number(layer.macs),
        ]);
    }
    let table = console::table(&rows, &[false, false, false, true, true]);
    let width = table
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let (head, body) = table.split_once('\n').unwrap_or((&table, ""));
    let rule = "-".repeat(width);
    let mut text = format!("{}\n\n{head}\n{rule}\n{body}{rule}\n", summary.net);
    let mut totals = vec![
        vec!["parameters".to_owned(), grouped(summary.params)],
        vec![
            "multiply-accumulates per image".to_owned(),
            grouped(summary.macs),
        ],
    ];
    if summary.buffers > 0 {
        totals.insert(
            1,
            vec!["running statistics".to_owned(), grouped(summary.buffers)],
        );
    }
    for output in &summary.outputs {
        totals.push(vec![
            format!("output {}", output.name),
            shape(&output.shape),
        ]);
    }
    text.push_str(&console::table(&totals, &[false, true]));
    text
}
