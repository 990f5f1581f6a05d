//! What kernels are called where people see them: in debuggers and profilers.

use crate::kernels::TileFamily;
use crate::plan::Plan;

/// The names of a plan's kernels as symbols: what they compute, and for which layer first.
pub fn kernel_names(plan: &Plan, prefix: &str) -> Vec<String> {
    let mut layers: Vec<Vec<&str>> = vec![Vec::new(); plan.kernels.len()];
    for step in &plan.steps {
        layers[step.kernel.0 as usize].push(&step.name);
    }
    let name = |(index, layers): (usize, &Vec<&str>)| {
        let what = plan.kernels[index].describe();
        let first = layers.first().copied().unwrap_or_default();
        let more = match layers.len() {
            0 | 1 => String::new(),
            n => format!("_and_{}_more", n - 1),
        };
        format!(
            "{prefix}k{index}.{}.{}{more}",
            as_symbol(&what),
            as_symbol(first)
        )
    };
    layers.iter().enumerate().map(name).collect()
}

/// A text with nothing but what may stand in a symbol, without gaps.
fn as_symbol(text: &str) -> String {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let parts = text.split(|c: char| !is_fine(c));
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// What begins the symbols of a variant.
pub fn symbol_prefix(name: &str, family: TileFamily) -> String {
    format!("{name}.{}.", family.name())
}
