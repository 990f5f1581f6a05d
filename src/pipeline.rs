//! The stages behind one another: the functions of the crate's root.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::codegen::jit::{self, Executable};
use crate::codegen::{CodegenError, detect_machine, kernel_names, symbol_prefix};
use crate::diagnostic::Diagnostic;
use crate::elaborate::{self, NoLoader, Program};
use crate::graph::Graph;
use crate::kernels::Tuning;
use crate::optimize::optimize;
use crate::plan::{Machine, Plan, plan};
use crate::runtime::{AlignedBuffer, RunError, Session};
use crate::weights::{self, WeightSource};

/// Parses a text that uses no other file. `path` stands in diagnostics.
///
/// Texts with `use` go through [`Program::load`] with a [loader](crate::loader::DiskLoader).
///
/// ```
/// let program = netc::parse("mine.net", "net Mine { input x: [4]\n dense(2) }");
/// assert!(netc::check(&program).is_empty());
/// ```
pub fn parse(path: impl AsRef<Path>, text: impl Into<String>) -> Program {
    Program::load(path.as_ref(), text.into(), &mut NoLoader)
}

/// Everything that is wrong with a program, every net of it expanded; warnings too.
///
/// ```
/// let program = netc::parse("mine.net", "net Mine { input x: [4]\n dens(2) }");
/// let findings = netc::check(&program);
/// assert!(findings[0].is_error());
/// assert_eq!(findings[0].help.as_deref(), Some("did you mean `dense`?"));
/// ```
pub fn check(program: &Program) -> Vec<Diagnostic> {
    elaborate::check(program)
}

/// The graph of a net, without errors: what [`compile`] takes. Answers the errors where there are any.
///
/// ```
/// let program = netc::parse("mine.net", "net Mine { input x: [4]\n dense(2) }");
/// let graph = netc::expand(&program, "Mine").expect("no errors");
/// assert_eq!(netc::check::summarise(&graph).params, 4 * 2 + 2);
/// ```
pub fn expand(program: &Program, net: &str) -> Result<Graph, Vec<Diagnostic>> {
    let (graph, findings) = elaborate::expand(program, net);
    let errors: Vec<Diagnostic> = findings.into_iter().filter(Diagnostic::is_error).collect();
    match graph {
        Some(graph) if errors.is_empty() => Ok(graph),
        _ => Err(errors),
    }
}

/// Why a checked graph could not be compiled: the machine lacks instructions or memory, or netc is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// A pass broke the graph.
    Optimize(String),
    /// Code could not be made.
    Codegen(CodegenError),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::Optimize(reason) => f.write_str(reason),
            CompileError::Codegen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CompileError {}

/// Why weights could not be bound.
#[derive(Clone, Debug, PartialEq)]
pub enum BindError {
    /// What is wrong with the weights.
    Weights(Vec<Diagnostic>),
    /// Memory or threads could not be allocated.
    Run(RunError),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Weights(faults) => {
                let messages: Vec<&str> =
                    faults.iter().map(|fault| fault.message.as_str()).collect();
                f.write_str(&messages.join("; "))
            }
            BindError::Run(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {}

/// A net in machine code, without weights. One may be bound to several.
pub struct Compiled {
    /// After all passes: what it derives from stored parameters is evaluated when weights are bound.
    graph: Graph,
    plan: Arc<Plan>,
    code: Arc<Executable>,
}

/// Compiles a graph for the machine that runs this. Needs no weights.
///
/// ```
/// use netc::runtime::Tensor;
/// use netc::weights::WeightSource;
///
/// let program = netc::parse("mine.net", "net Mine { input x: [3, 8, 8]\n conv(4, 3x3) -> relu -> flatten -> dense(2) }");
/// let graph = netc::expand(&program, "Mine").expect("no errors");
/// let compiled = netc::compile(&graph)?;
/// let session = compiled.bind(&WeightSource::seeded(&graph, 0))?;
///
/// let outputs = session.run(&[Tensor::zeroed(vec![5, 3, 8, 8])?])?;
/// assert_eq!(outputs[0].shape(), [5, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compile(graph: &Graph) -> Result<Compiled, CompileError> {
    let machine = detect_machine().map_err(CompileError::Codegen)?;
    compile_for(graph, &machine)
}

/// The same for a machine of one's choice: one of [`machines`](crate::codegen::machines), with [`Machine::precise`] set or not.
pub fn compile_for(graph: &Graph, machine: &Machine) -> Result<Compiled, CompileError> {
    compile_tuned(graph, machine, &Tuning::default())
}

/// The same with convolutions computed as is fastest by what [`tune`](fn@crate::tune) measured on that machine, and as the cost model has it where it did not.
pub fn compile_tuned(
    graph: &Graph,
    machine: &Machine,
    tuning: &Tuning,
) -> Result<Compiled, CompileError> {
    let mut graph = graph.clone();
    optimize(&mut graph).map_err(CompileError::Optimize)?;
    let plan = plan(&graph, machine, tuning);
    let code = jit::compile(&plan.kernels, machine).map_err(CompileError::Codegen)?;
    Ok(Compiled {
        graph,
        plan: Arc::new(plan),
        code: Arc::new(code),
    })
}

impl Compiled {
    /// What runs, in which order, where.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where each kernel's code lies, with the names of its layers: the text of the file `/tmp/perf-PID.map`, from which Linux's `perf` names what it samples. The
    /// code stays there as long as this or a session that was bound of it.
    pub fn perf_map(&self) -> String {
        let prefix = symbol_prefix(&self.graph.name, self.plan.machine.family);
        let names = kernel_names(&self.plan, &prefix);
        self.code.perf_map(&names, &prefix)
    }

    /// Binds weights, on all threads of the machine; the session will run on as many.
    ///
    /// [`WeightSource::check`] tells beforehand, in one report, everything that does not fit.
    pub fn bind(&self, source: &WeightSource) -> Result<Session, BindError> {
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
        self.bind_with(source, n_threads, &|_| {})
    }

    /// The same for a number of threads to run on; `progress` is told, from several threads, how many of [`Plan::packed_size`] floats are done.
    pub fn bind_with(
        &self,
        source: &WeightSource,
        n_threads: usize,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Session, BindError> {
        let mut packed = AlignedBuffer::zeroed(self.plan.packed_size).map_err(BindError::Run)?;
        weights::bind(&self.graph, &self.plan, source, &mut packed, progress)
            .map_err(BindError::Weights)?;
        Session::new(
            self.code.clone(),
            self.plan.clone(),
            Arc::new(packed),
            n_threads,
        )
        .map_err(BindError::Run)
    }
}
