//! `netc dump`

use super::console::{self, Failure};
use super::machine::Code;
use super::target::{self, Include};
use crate::weights::split_target;

/// Print what flows between the stages of the compiler
#[derive(Debug, clap::Args)]
pub struct Args {
    /// FILE.net, FILE.net:NET or a manifest
    net: String,

    /// Which stage
    #[arg(long, value_enum)]
    stage: Stage,

    /// Images at a time that the plan is made for
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    #[command(flatten)]
    code: Code,

    #[command(flatten)]
    include: Include,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Stage {
    /// The syntax tree, as a text that makes the same tree
    Ast,
    /// The net after its blocks are expanded
    Graph,
    /// The graph after all passes
    Optimized,
    /// Kernels, their order, layouts and memory
    Plan,
    /// Cranelift's intermediate representation of each kernel
    Clif,
    /// Machine code of each kernel
    Asm,
}

/// Prints a stage.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.stage == Stage::Ast {
        let (path, _) = split_target(&args.net);
        let program = target::load_program(path.as_ref(), &args.include.from)?;
        let root = program.root();
        let (ast, faults) = crate::syntax::parse(root, &program.sources.file(root).text);
        // The parser recovers: what it made of a faulty text is worth seeing, and then why it is faulty.
        console::print(&crate::syntax::print(&ast))?;
        return match faults.is_empty() {
            true => Ok(()),
            false => Err(Failure::Diagnostics(faults, program.sources)),
        };
    }
    let target = target::open(&args.net, None, &args.include)?;
    if args.stage == Stage::Graph {
        return console::print(&crate::graph::text::print(&target.graph));
    }
    let mut graph = target.graph.clone();
    crate::optimize::optimize(&mut graph).map_err(Failure::Internal)?;
    if args.stage == Stage::Optimized {
        return console::print(&crate::graph::text::print(&graph));
    }
    let machine = args.code.machine(args.batch.into())?;
    let tuning = args.code.tuning(&target.graph, &machine)?;
    let plan = crate::plan::plan(&graph, &machine, &tuning);
    let isa = crate::codegen::host_isa()?;
    let text = match args.stage {
        Stage::Clif => crate::codegen::print_clif(&plan.kernels, &machine, isa.as_ref()),
        Stage::Asm => crate::codegen::print_asm(&plan.kernels, &machine, isa.as_ref()),
        _ => Ok(crate::plan::print_plan(&plan)),
    };
    console::print(&text?)
}
