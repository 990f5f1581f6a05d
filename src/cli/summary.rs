//! `netc summary`

use super::console::{self, Failure, Format, grouped};
use super::target::{self, Include};
use crate::check::{OpenSummary, Summary, summarise, summarise_open};

/// Show the layers of a net with their shapes, parameters and costs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// A table or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Leave sizes open: shapes and costs as expressions of them
    #[arg(long)]
    symbolic: bool,

    #[command(flatten)]
    include: Include,
}

/// Sums up a net.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.symbolic {
        let proof = target::prove(&args.net, &args.include)?;
        let summary = summarise_open(&proof.graph, &proof.open, &proof.shapes);
        return match args.format {
            Format::Text => console::print(&render(open_table(&summary))),
            Format::Json => console::print_json(&summary),
        };
    }
    let target = target::open(&args.net, None, &args.include)?;
    let summary = summarise(&target.graph);
    match args.format {
        Format::Text => console::print(&render(table(&summary))),
        Format::Json => console::print_json(&summary),
    }
}

/// A summary in words: the rows of its table, and the lines below.
struct Table {
    net: String,
    rows: Vec<Vec<String>>,
    totals: Vec<Vec<String>>,
}

/// `[64, 112, 112]`
fn shape<T: ToString>(sizes: &[T]) -> String {
    let sizes: Vec<String> = sizes.iter().map(T::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

/// A dash is easier to pass over than a nought among the numbers.
fn number(n: u64) -> String {
    match n {
        0 => "-".to_owned(),
        n => grouped(n),
    }
}

fn input_row(name: &str, shape: String) -> Vec<String> {
    vec![
        name.to_owned(),
        "input".into(),
        shape,
        "-".into(),
        "-".into(),
    ]
}

fn table(summary: &Summary) -> Table {
    let inputs = summary.inputs.iter();
    let inputs = inputs.map(|input| input_row(&input.name, shape(&input.shape)));
    let layers = summary.layers.iter().map(|layer| {
        vec![
            layer.name.clone(),
            layer.op.clone(),
            shape(&layer.output),
            number(layer.params),
            number(layer.macs),
        ]
    });
    let outputs = summary.outputs.iter();
    Table {
        net: summary.net.clone(),
        rows: inputs.chain(layers).collect(),
        totals: totals(
            summary.params,
            summary.buffers,
            grouped(summary.macs),
            outputs.map(|output| (output.name.as_str(), shape(&output.shape))),
        ),
    }
}

fn open_table(summary: &OpenSummary) -> Table {
    let inputs = summary.inputs.iter();
    let inputs = inputs.map(|input| input_row(&input.name, shape(&input.shape)));
    let layers = summary.layers.iter().map(|layer| {
        let macs = match layer.macs.as_str() {
            "0" => "-",
            macs => macs,
        };
        vec![
            layer.name.clone(),
            layer.op.clone(),
            shape(&layer.output),
            number(layer.params),
            macs.to_owned(),
        ]
    });
    let outputs = summary.outputs.iter();
    let of_net = totals(
        summary.params,
        summary.buffers,
        summary.macs.clone(),
        outputs.map(|output| (output.name.as_str(), shape(&output.shape))),
    );
    let sizes = summary.sizes.iter();
    let sizes = sizes.map(|size| vec![format!("size {}", size.name), size.allowed.clone()]);
    Table {
        net: summary.net.clone(),
        rows: inputs.chain(layers).collect(),
        totals: sizes.chain(of_net).collect(),
    }
}

fn totals<'a>(
    params: u64,
    buffers: u64,
    macs: String,
    outputs: impl Iterator<Item = (&'a str, String)>,
) -> Vec<Vec<String>> {
    let mut totals = vec![vec!["parameters".to_owned(), grouped(params)]];
    if buffers > 0 {
        totals.push(vec!["running statistics".to_owned(), grouped(buffers)]);
    }
    totals.push(vec!["multiply-accumulates per image".to_owned(), macs]);
    totals.extend(outputs.map(|(name, shape)| vec![format!("output {name}"), shape]));
    totals
}

fn render(table: Table) -> String {
    let header = ["layer", "op", "output", "params", "MACs"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    rows.extend(table.rows);
    let body = console::table(&rows, &[false, false, false, true, true]);
    let width = body
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let (head, body) = body.split_once('\n').unwrap_or((&body, ""));
    let rule = "-".repeat(width);
    let totals = console::table(&table.totals, &[false, true]);
    format!("{}\n\n{head}\n{rule}\n{body}{rule}\n{totals}", table.net)
}
