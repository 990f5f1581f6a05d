//! A net as native functions to ship: a C header, and an object file or library that needs nothing but what is in it.
//!
//! [`Artefact::new`] plans the net for each family of tiles; from there come the [header](Artefact::header), the [object file](Artefact::object) and the packed
//! [weights](Artefact::write_weights). `header` writes C, `image` lays out weights, `library` makes archives and shared libraries, `files` writes what is asked for. The contract of the
//! functions is in `docs/artefacts.md`.

mod files;
mod header;
mod image;
mod library;

use std::io::{Seek, Write};

use sha2::{Digest, Sha256};

use crate::codegen::object::{self, Contents, ObjectFile, Variant, Workspace};
use crate::codegen::{CodegenError, Lister, Target, print_asm, print_clif, symbol_prefix};
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::Graph;
use crate::kernels::{TileFamily, Tuning, WeightType};
use crate::optimize::optimize;
use crate::pipeline::CompileError;
use crate::plan::{Machine, Plan, Port, plan};
use crate::weights::WeightSource;
use image::ImageLayout;

pub(crate) use files::{FileKind, write_files};
pub(crate) use header::{c_names, plain};
pub use image::LAYOUT_VERSION;
pub use library::{LibraryError, archive, default_linker, link, write_object};

/// What is made of a net.
#[derive(Clone, Debug)]
pub struct Options {
    /// What functions and files are called after: see [`is_c_name`].
    pub name: String,
    /// What the code runs on.
    pub target: Target,
    /// For which tiles: the widest that a machine has is taken there. Not empty, and of the target.
    pub families: Vec<TileFamily>,
    /// See [`Machine::precise`].
    pub precise: bool,
    /// See [`Machine::dense_weights`].
    pub dense_weights: WeightType,
    /// See [`Machine::batch`].
    pub batch: usize,
    /// Whether weights are a part of the object, rather than a file beside it.
    pub embeds: bool,
    /// Whether there is a function that runs steps in parts, for a caller with threads.
    pub parallel: bool,
}

impl Options {
    /// What is wrong with them, if anything.
    pub fn check(&self) -> Result<(), Diagnostic> {
        let triple = self.target.triple();
        let is_foreign = |family: &&TileFamily| !self.target.families().contains(family);
        if let Some(family) = self.families.iter().find(is_foreign) {
            let message = format!("{triple} has no {} tiles", family.name());
            return Err(Diagnostic::without_place(codes::ISA, message));
        }
        if self.families.is_empty() {
            let message = "no instruction set is asked for";
            return Err(Diagnostic::without_place(codes::ISA, message));
        }
        if !is_c_name(&self.name) {
            let message = format!("`{}` cannot begin the names of C", self.name);
            let help = "give a `name` of letters, digits and underscores that begins with a letter";
            return Err(Diagnostic::without_place(codes::C_NAME, message).with_help(help));
        }
        Ok(())
    }
}

/// Whether a name can be the beginning of C's names.
pub fn is_c_name(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_fine)
}

/// A net that is planned for a target.
pub struct Artefact {
    options: Options,
    /// After all passes.
    graph: Graph,
    /// For each family, the narrowest first.
    plans: Vec<Plan>,
    layout: ImageLayout,
    net: String,
    source_hash: String,
}

impl Artefact {
    /// Plans `graph` (as its source has it, before any pass). Needs no weights. Fails if the options are not as [`Options::check`] wants them.
    pub fn new(graph: &Graph, options: Options) -> Result<Artefact, CompileError> {
        let is_wrong =
            |fault: Diagnostic| CompileError::Codegen(CodegenError::Internal(fault.message));
        options.check().map_err(is_wrong)?;
        let text = crate::graph::text::print(graph);
        let mut optimized = graph.clone();
        optimize(&mut optimized).map_err(CompileError::Optimize)?;
        let mut families = options.families.clone();
        families.sort();
        families.dedup();
        let plans: Vec<Plan> = families
            .into_iter()
            .map(|family| {
                let machine = Machine {
                    precise: options.precise,
                    dense_weights: options.dense_weights,
                    batch: options.batch.max(1),
                    ..options.target.machine(family)
                };
                plan(&optimized, &machine, &Tuning::default())
            })
            .collect();
        Ok(Artefact {
            layout: ImageLayout::of(&optimized, &plans),
            graph: optimized,
            plans,
            net: graph.name.clone(),
            source_hash: hex(&Sha256::digest(text)),
            options,
        })
    }

    /// What it is made of.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The net's name.
    pub fn net(&self) -> &str {
        &self.net
    }

    /// SHA-256 of the net as `netc dump --stage graph` prints it, in hexadecimal.
    pub fn source_hash(&self) -> &str {
        &self.source_hash
    }

    /// The plans, one for each family, the narrowest first.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// Names and shapes (without the batch) of the inputs.
    pub fn inputs(&self) -> &[Port] {
        self.plans.first().map_or(&[], |plan| &plan.inputs)
    }

    /// Names and shapes (without the batch) of the outputs.
    pub fn outputs(&self) -> &[Port] {
        self.plans.first().map_or(&[], |plan| &plan.outputs)
    }

    /// How much memory a call needs.
    pub fn workspace(&self) -> Workspace {
        Workspace::of(self.variants().iter())
    }

    /// Bytes of the packed weights, be they a file or part of the object.
    pub fn weights_len(&self) -> usize {
        self.layout.len
    }

    /// The names of the families, the narrowest first: `avx2,avx512`.
    pub fn isas(&self) -> String {
        let names = self.plans.iter().map(|plan| plan.machine.family.name());
        names.collect::<Vec<_>>().join(",")
    }

    fn variants(&self) -> Vec<Variant<'_>> {
        let plans = self.plans.iter().zip(&self.layout.blocks);
        plans
            .map(|(plan, &weights_at)| Variant {
                plan,
                prefix: symbol_prefix(&self.options.name, plan.machine.family),
                weights_at,
            })
            .collect()
    }

    /// The C header.
    pub fn header(&self) -> String {
        header::print(self)
    }

    /// A package for CMake's `find_package`, to lie beside the library.
    pub fn cmake(&self) -> String {
        header::print_cmake(&self.options.name)
    }

    /// The same for pkg-config.
    pub fn pkg_config(&self) -> String {
        header::print_pkg_config(&self.options.name, &self.net)
    }

    /// The object file, still without weights.
    pub fn object(&self) -> Result<ObjectFile, CompileError> {
        let texts = [
            self.net.clone(),
            env!("CARGO_PKG_VERSION").to_owned(),
            self.options.target.triple().to_owned(),
            self.isas(),
            self.source_hash.clone(),
        ];
        object::compile(&Contents {
            name: &self.options.name,
            target: self.options.target,
            variants: &self.variants(),
            header: self.layout.header(),
            embeds: self.options.embeds,
            parallel: self.options.parallel,
            texts: &texts,
            layout_version: LAYOUT_VERSION,
        })
        .map_err(CompileError::Codegen)
    }

    /// Floats of all packed parameters: what the progress of [`Artefact::write_weights`] ends at.
    pub fn packed_size(&self) -> usize {
        self.plans.iter().map(|plan| plan.packed_size).sum()
    }

    /// Packs weights for each plan and writes them, [`Artefact::weights_len`] bytes from where `to` stands on. `progress` is told how many floats are packed more, from several
    /// threads.
    ///
    /// They are never all in memory. What is wrong with their values is known at the end: what was written until then is of no use.
    pub fn write_weights(
        &self,
        source: &WeightSource,
        to: &mut (impl Write + Seek + Send),
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(), LibraryError> {
        self.layout
            .write(&self.graph, &self.plans, source, to, progress)
    }

    /// The kernels as Cranelift IR, family by family.
    pub fn print_clif(&self) -> Result<String, CompileError> {
        self.list(print_clif)
    }

    /// The kernels as assembly, family by family.
    pub fn print_asm(&self) -> Result<String, CompileError> {
        self.list(print_asm)
    }

    fn list(&self, print: Lister) -> Result<String, CompileError> {
        let texts = self.plans.iter().map(|plan| {
            let isa = self.options.target.isa(plan.machine.family)?;
            print(&plan.kernels, &plan.machine, isa.as_ref())
        });
        let texts: Result<Vec<String>, CodegenError> = texts.collect();
        Ok(texts.map_err(CompileError::Codegen)?.join("\n"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
