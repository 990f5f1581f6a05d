//! Why each convolution is computed as it is: the part of the plan's text that teaches.

use std::fmt::Write;

use super::Machine;
use crate::kernels::conv::{Algorithm, alternatives};
use crate::kernels::{ConvSpec, KernelSpec, TileFamily, WinogradSpec};

/// What was chosen for a kernel, at which cost, and what else there was; nothing where there was no choice.
pub(super) fn describe_choice(spec: &KernelSpec, machine: &Machine) -> Option<String> {
    match spec {
        KernelSpec::Conv(spec) => Some(format!(
            "{}{}",
            direct_text(spec, machine),
            others_text(spec, Algorithm::Direct, machine)
        )),
        KernelSpec::Winograd(spec) => Some(format!(
            "{}{}",
            winograd_text(spec),
            others_text(&spec.conv, Algorithm::Winograd(spec.tile), machine)
        )),
        _ => None,
    }
}

fn direct_text(spec: &ConvSpec, machine: &Machine) -> String {
    let schedule = &spec.schedule;
    let mut text = format!("tiles of {} vectors by", schedule.vectors);
    for strip in schedule.strips.iter().filter(|strip| strip.count > 0) {
        let _ = write!(text, " {}x{}", strip.rows, strip.width);
    }
    if schedule.last_vectors != schedule.vectors {
        let _ = write!(
            text,
            " (the last channels: {} vectors)",
            schedule.last_vectors
        );
    }
    let order = match schedule.channels_fastest {
        true => "input rows stay near",
        false => "weights stay near",
    };
    let (rows, channels) = (schedule.rows_per_task, schedule.channels_per_task);
    let _ = write!(
        text,
        ", tasks of {rows} rows by {channels} channels, {order}"
    );
    if spec.family != machine.family {
        let family = TileFamily::name(machine.family);
        let reason = spec.lacks(machine.family).unwrap_or("it was not asked for");
        let _ = write!(text, "; not {family}: {reason}");
    }
    text
}

fn winograd_text(spec: &WinogradSpec) -> String {
    let cut = &spec.cut;
    format!(
        "products in tiles of {} vectors by {}, tasks of {} tiles by {} channels, {} KiB of scratch memory",
        cut.vectors,
        cut.width,
        cut.tiles_per_task,
        cut.units_per_task * spec.unit(),
        spec.scratch_size() * size_of::<f32>() / 1024,
    )
}

fn name(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Direct => "direct".into(),
        Algorithm::Winograd(tile) => format!("winograd{tile}"),
    }
}

/// The algorithms that were not taken.
fn others_text(spec: &ConvSpec, chosen: Algorithm, machine: &Machine) -> String {
    let widest = ConvSpec {
        family: machine.family,
        ..spec.clone()
    };
    let all = alternatives(&widest);
    let slots = |wanted: Algorithm| {
        let found = all.iter().find(|(algorithm, _)| *algorithm == wanted);
        found.map_or(f64::NAN, |(_, slots)| *slots)
    };
    let own = slots(chosen);
    let mut text = format!("; {:.2} million slots", own / 1e6);
    for &(algorithm, cost) in all.iter().filter(|(algorithm, _)| *algorithm != chosen) {
        let reason = match machine.precise && algorithm != Algorithm::Direct {
            true => "rounds more than a plain sum".to_owned(),
            false => format!("{:.2} times as many", cost / own),
        };
        let _ = write!(text, "; not {}: {reason}", name(algorithm));
    }
    text
}
