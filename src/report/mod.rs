//! A net on one page: the drawing, every layer in a table, memory over time, and where parameters, work and time sit.

mod memory;

pub use memory::{Allocation, Memory, memory};

use serde::Serialize;

use crate::drawing::page::assemble;
use crate::drawing::{Data, Layer};
use crate::plan::Plan;

/// Everything that the page shows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    data: Data,
    memory: Memory,
    profile: Option<Profile>,
}

/// Where the time of a run goes.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// Under which conditions it was measured, for people.
    pub setting: String,
    /// A whole run, seconds.
    pub run_seconds: f64,
    /// In order of execution.
    pub steps: Vec<StepTime>,
}

/// The time of a step of the plan.
#[derive(Clone, Debug, Serialize)]
pub struct StepTime {
    /// The step's name, which is that of a node.
    pub name: String,
    /// Its kernel.
    pub kernel: String,
    /// Seconds.
    pub seconds: f64,
    /// How near it comes to what bounds it, from 0 to 1, and what that is.
    pub share_of_bound: f64,
    /// `fma` or `memory`.
    pub bound: &'static str,
    /// The node of the graph, filled in by [`report`].
    pub node: Option<usize>,
}

/// Gathers what the page shows. `data` is that of the graph as the front end makes it, `plan` what becomes of it.
pub fn report(data: Data, plan: &Plan, mut profile: Option<Profile>) -> Report {
    if let Some(profile) = &mut profile {
        assign_nodes(&data.nodes, &mut profile.steps);
    }
    Report {
        data,
        memory: memory(plan),
        profile,
    }
}

/// Steps have the names of their nodes. Where several nodes have one name, their steps are in the order of the nodes.
fn assign_nodes(nodes: &[Layer], steps: &mut [StepTime]) {
    let mut by_name = std::collections::BTreeMap::<&str, Vec<usize>>::new();
    for (index, node) in nodes.iter().enumerate().rev() {
        by_name.entry(&node.name).or_default().push(index);
    }
    for step in steps {
        let Some(nodes) = by_name.get_mut(step.name.as_str()) else {
            continue;
        };
        step.node = match nodes.len() {
            0 | 1 => nodes.last().copied(),
            _ => nodes.pop(),
        };
    }
}

/// The page.
pub fn page(report: &Report) -> Result<String, serde_json::Error> {
    assemble(
        include_str!("page/report.html"),
        &report.data.drawing.net,
        &[include_str!("page/report.css")],
        &[include_str!("page/report.js")],
        report,
    )
}
