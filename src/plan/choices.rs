//! Why each convolution is computed as it is: the part of the plan's text that teaches.

use std::fmt::Write;
use std::time::Duration;

use super::{Machine, Plan};
use crate::kernels::conv::{Algorithm, alternatives};
use crate::kernels::{ConvSpec, KernelSpec, TileFamily, WinogradSpec};

/// What was chosen for a kernel, at which cost, and what else there was; nothing where there was no choice.
pub(super) fn describe_choice(spec: &KernelSpec, plan: &Plan) -> Option<String> {
    let algorithm = spec.algorithm()?;
    let (text, conv) = match spec {
        KernelSpec::Conv(spec) => (direct_text(spec, &plan.machine), spec),
        KernelSpec::Winograd(spec) => (winograd_text(spec), &spec.conv),
        _ => return None,
    };
    Some(text + &others_text(conv, algorithm, plan))
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

/// What the choice rests on: times where the algorithms were measured, else the model's slots.
fn others_text(spec: &ConvSpec, chosen: Algorithm, plan: &Plan) -> String {
    let machine = &plan.machine;
    let widest = ConvSpec {
        family: machine.family,
        ..spec.clone()
    };
    let all = alternatives(&widest, machine.batch);
    if let Some(text) = measured_text(spec, &all, plan) {
        return text;
    }
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
        let _ = write!(text, "; not {}: {reason}", algorithm.name());
    }
    text
}

/// The times that decided; nothing where the algorithms were not measured or may not be chosen by their speed.
fn measured_text(spec: &ConvSpec, all: &[(Algorithm, f64)], plan: &Plan) -> Option<String> {
    // Times are those of one image. A phase of a transposed convolution is computed directly, whatever is known of an ordinary one of its shape.
    if plan.machine.precise || plan.machine.batch > 1 || spec.transposed.is_some() {
        return None;
    }
    let mut algorithms: Vec<Algorithm> = all.iter().map(|(algorithm, _)| *algorithm).collect();
    algorithms.sort();
    let times = plan.tuning.times(spec, &algorithms)?;
    let time = |(algorithm, time): &(Algorithm, Duration)| {
        format!("{} {:.3} ms", algorithm.name(), 1e3 * time.as_secs_f64())
    };
    let times: Vec<String> = times.iter().map(time).collect();
    Some(format!("; measured: {}", times.join(", ")))
}
