//! The functions that run a net.

use std::fmt::Write;

use super::ports::{Ports, RustPort};

/// Characters of a line, as rustfmt counts them.
const WIDTH: usize = 100;

/// Characters of a call's arguments on one line.
const CALL_WIDTH: usize = 60;

/// How far a function of the module is indented, and what stands in it.
const FUNCTION: &str = "        ";
const BODY: &str = "            ";
const BLOCK: &str = "                ";

/// Text with arguments in parentheses: on one line if that holds all of it and `most` characters of arguments, else each on a line of its own.
fn laid_out(indent: &str, before: &str, arguments: &[String], behind: &str, most: usize) -> String {
    let list = arguments.join(", ");
    let line = format!("{indent}{before}({list}){behind}\n");
    if line.len() <= WIDTH + 1 && list.len() <= most {
        return line;
    }
    let lines = arguments
        .iter()
        .map(|argument| format!("{indent}    {argument},\n"));
    let lines: String = lines.collect();
    format!("{indent}{before}(\n{lines}{indent}){behind}\n")
}

/// A function's head.
fn head(name: &str, arguments: &[String], behind: &str) -> String {
    laid_out(FUNCTION, name, arguments, behind, WIDTH)
}

/// A call.
fn call(indent: &str, name: &str, arguments: &[String], behind: &str) -> String {
    laid_out(indent, name, arguments, behind, CALL_WIDTH)
}

/// Something of each port, between what stands before and behind.
fn list<'p, 'a: 'p>(
    before: &[&str],
    ports: impl IntoIterator<Item = &'p RustPort<'a>>,
    of: impl Fn(&RustPort<'_>) -> String,
    behind: &[&str],
) -> Vec<String> {
    let before = before.iter().map(|text| (*text).to_owned());
    let behind = behind.iter().map(|text| (*text).to_owned());
    let ports = ports.into_iter().map(of);
    before.chain(ports).chain(behind).collect()
}

/// The functions that run the net, as C has them.
pub fn declarations(ports: &Ports<'_>, parallel: bool) -> String {
    let input = |port: &RustPort<'_>| format!("{}: *const f32", port.name);
    let output = |port: &RustPort<'_>| format!("{}: *mut f32", port.name);
    let mut arguments = list(&["weights: *const Weights"], &ports.inputs, input, &[]);
    let behind = ["n_images: usize", "workspace: *mut c_void"];
    arguments.extend(list(&[], &ports.outputs, output, &behind));
    let forward = head("fn forward", &arguments, " -> i32;");
    if !parallel {
        return forward;
    }
    let behind = ["n_parts: usize", "share: Share", "context: *mut c_void"];
    arguments.extend(behind.map(str::to_owned));
    let parallel = head("fn forward_parallel", &arguments, " -> i32;");
    format!(
        "{forward}{FUNCTION}#[link_name = \"@LIBRARY@_workspace_size_parallel\"]
{FUNCTION}fn workspace_size_parallel(batch: usize, n_parts: usize) -> usize;
{FUNCTION}#[link_name = \"@LIBRARY@_forward_parallel\"]
{parallel}"
    )
}

/// The methods that run the net.
pub fn print(ports: &Ports<'_>, parallel: bool) -> String {
    let mut methods = vec![
        forward(ports),
        forward_into(ports),
        forward_batch(ports, Threads::One),
    ];
    if parallel {
        methods.push(forward_batch(ports, Threads::Callers));
    }
    methods.push(run(ports, Threads::One));
    if parallel {
        methods.push(run(ports, Threads::Callers));
    }
    methods.into_iter().map(|method| method + "\n").collect()
}

/// Whose threads a batch runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Threads {
    /// The one that calls.
    One,
    /// Those of a function of the caller's.
    Callers,
}

impl Threads {
    /// What names of functions end in.
    fn suffix(self) -> &'static str {
        match self {
            Threads::One => "",
            Threads::Callers => "_parallel",
        }
    }
}

/// A call of `run`, with the only output at the place `one`, or of several each at that which `field` says.
fn call_run(
    indent: &str,
    ports: &Ports<'_>,
    one: &str,
    field: impl Fn(&str) -> String,
    behind: &str,
) -> String {
    let mut arguments = list(&["1"], &ports.inputs, |port| port.name.clone(), &[]);
    match ports.outputs.as_slice() {
        [_] => arguments.push(one.to_owned()),
        outputs => arguments.extend(list(&[], outputs, |port| field(&port.name), &[])),
    }
    call(indent, "self.run", &arguments, behind)
}

fn forward(ports: &Ports<'_>) -> String {
    let (answer, memory) = match ports.are_large() {
        true => ("Box<Output>", "Box::<Output>::new_uninit()"),
        false => ("Output", "MaybeUninit::<Output>::uninit()"),
    };
    let arguments = list(
        &["&mut self"],
        &ports.inputs,
        |port| format!("{}: &{}", port.name, port.type_name),
        &[],
    );
    let head = head("pub fn forward", &arguments, &format!(" -> {answer} {{"));
    let place = |name: &str| format!("&raw mut (*output.as_mut_ptr()).{name}");
    let run = call_run(BLOCK, ports, "output.as_mut_ptr()", place, ";");
    format!(
        "{FUNCTION}/// Runs the net for one image.
{head}{BODY}let mut output = {memory};
{BODY}// SAFETY: everything is of one image, and outputs are written whole.
{BODY}unsafe {{
{run}{BLOCK}output.assume_init()
{BODY}}}
{FUNCTION}}}
"
    )
}

fn forward_into(ports: &Ports<'_>) -> String {
    let arguments = list(
        &["&mut self"],
        &ports.inputs,
        |port| format!("{}: &{}", port.name, port.type_name),
        &["output: &mut Output"],
    );
    let head = head("pub fn forward_into", &arguments, " {");
    let run = call_run(
        BLOCK,
        ports,
        "output",
        |name| format!("&mut output.{name}"),
        "",
    );
    let block = match run.lines().count() {
        1 => format!("{BODY}unsafe {{ {} }}\n", run.trim()),
        _ => format!("{BODY}unsafe {{\n{run}{BODY}}}\n"),
    };
    format!(
        "{FUNCTION}/// The same, with memory for the outputs that is there.
{head}{BODY}// SAFETY: everything is of one image.
{block}{FUNCTION}}}
"
    )
}

fn forward_batch(ports: &Ports<'_>, threads: Threads) -> String {
    let Some((first, others)) = ports.inputs.split_first() else {
        unreachable!("a net has an input");
    };
    let (or, checks) = match others {
        [] => ("", String::new()),
        others => (
            ", or inputs are of different batches",
            equal_batches(others),
        ),
    };
    let arguments = list(
        &["&mut self"],
        &ports.inputs,
        |port| format!("{}: &[{}]", port.name, port.type_name),
        match threads {
            Threads::One => &[],
            Threads::Callers => &[
                "n_parts: usize",
                "parallel_for: impl Fn(usize, &(dyn Fn(usize) + Sync))",
            ],
        },
    );
    let names: Vec<&str> = ports
        .outputs
        .iter()
        .map(|port| port.name.as_str())
        .collect();
    let (answer, value) = match names.as_slice() {
        [only] => ("Vec<Output>", format!("{BODY}{only}\n")),
        names => {
            let fields: String = names
                .iter()
                .map(|name| format!("{BLOCK}{name},\n"))
                .collect();
            ("Outputs", format!("{BODY}Outputs {{\n{fields}{BODY}}}\n"))
        }
    };
    let head = head(
        &format!("pub fn forward_batch{}", threads.suffix()),
        &arguments,
        &format!(" -> {answer} {{"),
    );
    let mut arguments = list(
        &["n_images"],
        &ports.inputs,
        |port| format!("{}.as_ptr()", port.name),
        &[],
    );
    arguments.extend(names.iter().map(|name| format!("{name}.as_mut_ptr()")));
    if threads == Threads::Callers {
        arguments.extend(["n_parts", "&parallel_for"].map(str::to_owned));
    }
    let run = format!("self.run{}", threads.suffix());
    let run = call(BLOCK, &run, &arguments, ";");
    let (mut memory, mut lengths) = (String::new(), String::new());
    for name in names {
        let _ = writeln!(
            memory,
            "{BODY}let mut {name} = Vec::with_capacity(n_images);"
        );
        let _ = writeln!(lengths, "{BLOCK}{name}.set_len(n_images);");
    }
    let (what, or_parts) = match threads {
        Threads::One => (".".to_owned(), ""),
        Threads::Callers => (
            format!(
                ", with each layer cut into `n_parts` parts: a few a thread.
{FUNCTION}///
{FUNCTION}/// `parallel_for(n, body)` calls `body` with each number below `n`, in any order, on any threads, and returns when all
{FUNCTION}/// calls have. What it leaves out runs on this thread. The process ends if it panics."
            ),
            ", there are no parts or more than [`PARTS_MAX`]",
        ),
    };
    format!(
        "{FUNCTION}/// Runs the net for a batch{what}
{FUNCTION}///
{FUNCTION}/// # Panics
{FUNCTION}///
{FUNCTION}/// If the batch is larger than [`BATCH_MAX`]{or_parts}{or}.
{head}{BODY}let n_images = {}.len();
{checks}{memory}{BODY}// SAFETY: there is room for so many outputs, which are written whole.
{BODY}unsafe {{
{run}{lengths}{BODY}}}
{value}{FUNCTION}}}
",
        first.name
    )
}

/// That inputs are of one batch.
fn equal_batches(inputs: &[RustPort<'_>]) -> String {
    let check = |port: &RustPort<'_>| {
        let length = format!("{}.len()", port.name);
        let arguments = [&length, "n_images", "\"inputs of different batches\""];
        call(BODY, "assert_eq!", &arguments.map(str::to_owned), ";")
    };
    inputs.iter().map(check).collect()
}

fn run(ports: &Ports<'_>, threads: Threads) -> String {
    let input = |port: &RustPort<'_>| format!("{}: *const {}", port.name, port.type_name);
    let output = |port: &RustPort<'_>| format!("{}: *mut {}", port.name, port.type_name);
    let (behind, size, passed, check): (&[&str], _, &[&str], _) = match threads {
        Threads::One => (&[], "workspace_size(n_images)", &[], String::new()),
        Threads::Callers => (
            &["n_parts: usize", "parallel_for: ParallelFor<'_>"],
            "workspace_size_parallel(n_images, n_parts)",
            &[
                "n_parts",
                "share",
                "(&raw const parallel_for).cast_mut().cast()",
            ],
            format!(
                "{BODY}assert!(
{BODY}    (1..=PARTS_MAX).contains(&n_parts),
{BODY}    \"a layer cannot be cut into {{n_parts}} parts\"
{BODY});
"
            ),
        ),
    };
    let mut arguments = list(&["&mut self", "n_images: usize"], &ports.inputs, input, &[]);
    arguments.extend(list(&[], &ports.outputs, output, behind));
    let name = format!("unsafe fn run{}", threads.suffix());
    let head = head(&name, &arguments, " {");
    let behind = [&["n_images", "workspace"], passed].concat();
    let arguments = list(
        &["&self.weights"],
        ports.inputs.iter().chain(&ports.outputs),
        |port| format!("{}.cast()", port.name),
        &behind,
    );
    let name = format!("forward{}", threads.suffix());
    let call = call(BLOCK, &name, &arguments, "");
    format!(
        "{FUNCTION}/// Runs the net for a batch, of which all pointers are; outputs need not be initialised.
{head}{check}{BODY}// SAFETY: it computes with numbers and nothing else.
{BODY}let size = unsafe {{ {size} }};
{BODY}let workspace = self.workspace(n_images, size);
{BODY}// SAFETY: the caller says so of inputs and outputs; the workspace is large enough.
{BODY}let status = unsafe {{
{call}{BODY}}};
{BODY}// All that can be wrong was seen to when the net was opened.
{BODY}assert_eq!(result(status), Ok(()));
{FUNCTION}}}
"
    )
}
