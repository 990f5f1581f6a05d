//! What commands ask of a target, and build scripts do not.

use std::path::Path;

use super::{Reading, Target, choose, chosen, load_program, locate};
use crate::diagnostic::Diagnostic;
use crate::elaborate::{self, Program, Proof, SetSizes};
use crate::fault::Fault;
use crate::graph::ImageSpec;

/// The proof of the net that `target` names for all its open sizes.
pub fn prove(target: &str, reading: &Reading) -> Result<Proof, Fault> {
    let located = locate(target, None)?;
    let program = load_program(&located.path, &reading.directories)?;
    let prove = |name: &str| elaborate::prove(&program, name, &reading.sizes);
    Ok(chosen(&program, &located.path, located.net.as_deref(), prove)?.0)
}

/// Everything that is wrong with one net of a program, warnings included.
pub fn check_net(
    program: &Program,
    path: &Path,
    name: &str,
    sizes: &SetSizes,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let mut diagnostics = program.diagnostics.clone();
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(diagnostics);
    }
    let name = choose(&elaborate::nets(program), path, Some(name))?;
    diagnostics.extend(elaborate::check_net(program, &name, sizes));
    Ok(diagnostics)
}

impl Target {
    /// The image preprocessing of an input: the manifest's, else the net's own.
    pub fn image(&self, input: usize) -> Option<&ImageSpec> {
        self.manifest.image.as_ref().or(self
            .graph
            .inputs
            .get(input)
            .and_then(|input| input.image.as_ref()))
    }
}
