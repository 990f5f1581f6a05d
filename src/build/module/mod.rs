//! The Rust module over an artefact's functions. `net.rs.in` is what all have in common, `ports` names inputs and outputs, `types` and `methods` print what
//! depends on them.

mod methods;
mod ports;
mod types;

use crate::artefact::{Artefact, plain};
use crate::codegen::object::{ALIGNMENT, PARTS_MAX, Status};
use ports::{Ports, camel};

/// What is the same for every net, with names between `@` for what is not.
const TEMPLATE: &str = include_str!("net.rs.in");

/// Prints the module. `weights_file` is the name of the file of weights, if there is one, in the directory of the build script's output.
/// `labels` are names of the classes.
pub fn print(artefact: &Artefact, labels: &[String], weights_file: Option<&str>) -> String {
    let ports = Ports::new(artefact);
    let options = artefact.options();
    let isas = artefact.isas();
    let isas: Vec<String> = isas.split(',').map(|isa| format!("{isa:?}")).collect();
    let (new, embedded) = match options.embeds {
        true => (NEW, EMBEDDED),
        false => ("", ""),
    };
    let variants = errors(|variant, status| {
        let text = sentence(status.text());
        format!("        /// {text}.\n        {variant},\n")
    });
    let texts = errors(|variant, status| {
        let text = status.text();
        format!("                Error::{variant} => {text:?},\n")
    });
    let codes = errors(|variant, status| {
        let code = status.code();
        format!("            {code} => Err(Error::{variant}),\n")
    });
    let (parts_max, parallel) = match options.parallel {
        true => (PARTS, PARALLEL),
        false => ("", ""),
    };
    let replacements: [(&str, &str); 23] = [
        ("PARTS_MAX", parts_max),
        ("PARALLEL", parallel),
        ("N_PARTS", &grouped(PARTS_MAX)),
        ("TYPES", &types::print(&ports)),
        (
            "WEIGHTS_PATH",
            &weights_file.map_or(String::new(), weights_path),
        ),
        ("ERRORS", &variants),
        ("TEXTS", &texts),
        ("CODES", &codes),
        ("EMBEDDED", embedded),
        ("FORWARD", &methods::declarations(&ports, options.parallel)),
        ("NEW", new),
        ("METHODS", &methods::print(&ports, options.parallel)),
        ("VERSION", env!("CARGO_PKG_VERSION")),
        ("NET", &plain(artefact.net())),
        ("TARGET", options.target.triple()),
        ("N_ISAS", &isas.len().to_string()),
        ("ISAS", &isas.join(", ")),
        ("HASH", artefact.source_hash()),
        ("WEIGHTS_SIZE", &grouped(artefact.weights_len())),
        ("BATCH_MAX", &grouped(artefact.workspace().batch_max)),
        ("ALIGNMENT", &ALIGNMENT.to_string()),
        ("LIBRARY", &options.name),
        // The last: a label is any text.
        ("LABELS", &self::labels(labels)),
    ];
    let mut text = TEMPLATE.to_owned();
    for (name, value) in replacements {
        text = text.replace(&format!("@{name}@"), value);
    }
    text
}

/// A line or more for each error.
fn errors(line: impl Fn(&str, Status) -> String) -> String {
    let errors = Status::ALL.into_iter().filter(|s| *s != Status::Ok);
    errors
        .map(|status| line(&variant(status), status))
        .collect()
}

fn labels(labels: &[String]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let n_labels = labels.len();
    let labels: String = labels
        .iter()
        .map(|label| format!("\n        {label:?},"))
        .collect();
    format!(
        "    /// The names of the classes.
    #[rustfmt::skip]
    pub const LABELS: [&str; {n_labels}] = [{labels}
    ];

"
    )
}

fn weights_path(file: &str) -> String {
    format!(
        "    /// Where the build put the packed weights: a program that is shipped takes a copy of this file with it.
    pub const WEIGHTS_PATH: &str = concat!(env!(\"OUT_DIR\"), \"/{file}\");

"
    )
}

/// The declaration of the function that opens weights in the program.
const EMBEDDED: &str = "        #[link_name = \"@LIBRARY@_weights_embedded\"]
        fn weights_embedded(weights: *mut Weights) -> i32;
";

/// The function that makes a net of them.
const NEW: &str = "        /// The net with the weights that are a part of the program.
        ///
        /// # Errors
        ///
        /// [`Error::Isa`] if this machine lacks the instructions.
        pub fn new() -> Result<Net, Error> {
            let mut weights = MaybeUninit::uninit();
            // SAFETY: the weights are written where the answer is good.
            let weights = unsafe {
                result(weights_embedded(weights.as_mut_ptr()))?;
                weights.assume_init()
            };
            Ok(Net {
                weights,
                _owner: None,
                workspace: Vec::new(),
            })
        }

";

/// What a module with an entry for threads has besides.
const PARTS: &str = "    /// Into how many parts a layer can be cut, at most.
    pub const PARTS_MAX: usize = @N_PARTS@;

";

const PARALLEL: &str = "    /// Calls a function once for each number below the first, on any threads.
    type ParallelFor<'a> = &'a dyn Fn(usize, &(dyn Fn(usize) + Sync));

    /// The same as the library has it.
    type Share = unsafe extern \"C\" fn(
        context: *mut c_void,
        n_parts: usize,
        body: extern \"C\" fn(*mut c_void, usize),
        argument: *mut c_void,
    );

    /// What runs a part.
    struct Body {
        function: extern \"C\" fn(*mut c_void, usize),
        argument: *mut c_void,
    }

    // SAFETY: the library has it that parts may run on any threads.
    unsafe impl Sync for Body {}

    impl Body {
        fn run(&self, part: usize) {
            (self.function)(self.argument, part);
        }
    }

    /// Hands parts to the caller's threads. Each runs once, whatever the caller does: the library counts on it.
    unsafe extern \"C\" fn share(
        context: *mut c_void,
        n_parts: usize,
        function: extern \"C\" fn(*mut c_void, usize),
        argument: *mut c_void,
    ) {
        use std::sync::atomic::{AtomicU64, Ordering};
        // SAFETY: it is what `run_parallel` hands to the library.
        let parallel_for = unsafe { *context.cast::<ParallelFor<'_>>() };
        let body = Body { function, argument };
        let taken = [const { AtomicU64::new(0) }; PARTS_MAX / 64];
        let run = |part: usize| {
            let bit = 1 << (part % 64);
            if part < n_parts && taken[part / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                body.run(part);
            }
        };
        parallel_for(n_parts, &run);
        (0..n_parts).for_each(run);
    }

";

/// The variant of an error: `ERROR_WEIGHTS_SIZE` as `WeightsSize`.
fn variant(status: Status) -> String {
    let name = status.name().to_ascii_lowercase();
    camel(name.strip_prefix("error_").unwrap_or(&name))
}

/// `it is done` as `It is done`
fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// `1234567` as `1_234_567`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join("_")
}
