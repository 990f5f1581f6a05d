//! The text form of a plan: `netc dump --stage plan`.

use std::fmt::Write;

use super::choices::describe_choice;
use super::{ALIGNMENT_FLOATS, Operand, Plan, Step, View, lower_bound};
use crate::kernels::{KernelSpec, PoolWindows};

impl KernelSpec {
    /// The algorithm's name, and what distinguishes this one for people.
    pub fn describe(&self) -> String {
        match self {
            KernelSpec::Conv(spec) => {
                let [kh, kw] = spec.kernel;
                let family = spec.family.name();
                let mut text = match spec.pairs {
                    true => format!("pairs{kh}x{kw}_{family}"),
                    false => format!("conv{kh}x{kw}_{family}"),
                };
                push_strides(&mut text, spec.stride, spec.dilation);
                push_groups(&mut text, spec.groups);
                if spec.transposed.is_some() {
                    let [row, column] = spec.lattice.offset;
                    let _ = write!(text, " phase {row},{column}");
                }
                text + &suffix(&spec.epilogue)
            }
            KernelSpec::Winograd(spec) => {
                let (tile, family) = (spec.tile, spec.conv.family.name());
                let taps = match spec.conv.kernel[0] {
                    3 => String::new(),
                    taps => format!("_{taps}x{taps}"),
                };
                let mut text = format!("winograd{tile}{taps}_{family}");
                push_strides(&mut text, spec.conv.stride, spec.conv.dilation);
                push_groups(&mut text, spec.conv.groups);
                text + &suffix(&spec.conv.epilogue)
            }
            KernelSpec::Depthwise(spec) => {
                let [kh, kw] = spec.kernel;
                let mut text = format!("depthwise{kh}x{kw}_{}", spec.family.name());
                push_strides(&mut text, spec.stride, spec.dilation);
                text + &suffix(&spec.epilogue)
            }
            KernelSpec::Dense(spec) => {
                format!("dense_{}{}", spec.family.name(), suffix(&spec.epilogue))
            }
            KernelSpec::Pool(spec) => {
                let kind = match spec.kind {
                    crate::graph::PoolKind::Max => "maxpool",
                    crate::graph::PoolKind::Average { .. } => "avgpool",
                };
                match spec.windows {
                    PoolWindows::Adaptive => format!("{kind} adaptive"),
                    PoolWindows::Sliding {
                        kernel: [kh, kw],
                        stride,
                        dilation,
                        ..
                    } => {
                        let mut text = format!("{kind}{kh}x{kw}");
                        push_strides(&mut text, stride, dilation);
                        text
                    }
                }
            }
            KernelSpec::Map(spec) => format!("map {}", spec.function.name()),
            KernelSpec::Lrn(spec) => format!("lrn over {}", spec.size),
            KernelSpec::Softmax(_) => "softmax".into(),
            KernelSpec::Copy(spec) => match spec.fill {
                Some(_) => "copy and fill".into(),
                None => "copy".into(),
            },
            KernelSpec::Resize(spec) => match spec.mode {
                crate::graph::ResizeMode::Nearest => "resize nearest".into(),
                crate::graph::ResizeMode::Bilinear { .. } => "resize bilinear".into(),
            },
        }
    }
}

fn push_strides(text: &mut String, stride: [usize; 2], dilation: [usize; 2]) {
    if stride != [1, 1] {
        let _ = write!(text, " s{}x{}", stride[0], stride[1]);
    }
    if dilation != [1, 1] {
        let _ = write!(text, " d{}x{}", dilation[0], dilation[1]);
    }
}

fn push_groups(text: &mut String, groups: usize) {
    if groups > 1 {
        let _ = write!(text, " g{groups}");
    }
}

fn suffix(epilogue: &Option<crate::kernels::Epilogue>) -> String {
    epilogue.as_ref().map_or(String::new(), |epilogue| {
        format!(" + {}", epilogue.function.name())
    })
}

/// `64x56x56/8+1,1,1,1`: the shape, the block, the halo.
fn view_text(view: &View) -> String {
    let mut text = format!("{}x{}x{}", view.channels, view.height, view.width);
    if view.block > 1 {
        let _ = write!(text, "/{}", view.block);
    }
    let halo = view.halo;
    if !halo.is_zero() {
        let _ = write!(
            text,
            "+{},{},{},{}",
            halo.top, halo.left, halo.bottom, halo.right
        );
    }
    text
}

fn operand_text(operand: &Operand) -> String {
    match operand {
        Operand::Buffer { buffer, offset: 0 } => format!("b{}", buffer.0),
        Operand::Buffer { buffer, offset } => format!("b{}+{offset}", buffer.0),
        Operand::Input(index) => format!("in{index}"),
        Operand::Output(index) => format!("out{index}"),
        Operand::Param(id) => format!("p{}", id.0),
        Operand::Scratch => "scratch".into(),
    }
}

fn push_step(text: &mut String, plan: &Plan, index: usize, step: &Step) {
    let spec = &plan.kernels[step.kernel.0 as usize];
    let inputs: Vec<String> = spec.inputs().iter().map(view_text).collect();
    let operands: Vec<String> = step.operands.iter().map(operand_text).collect();
    let (result, sources) = operands
        .split_last()
        .map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    let _ = writeln!(
        text,
        "{index:>5}  {result} = k{} {}({})  {} <- {}  # {}",
        step.kernel.0,
        spec.describe(),
        sources.join(", "),
        view_text(spec.output()),
        inputs.join(", "),
        step.name,
    );
}

/// The plan as text: totals, buffers, steps. A view is written `channels x height x width / block + halo` (top, left, bottom, right).
pub fn print_plan(plan: &Plan) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} steps, {} kernels, {} parameters in {} floats",
        plan.steps.len(),
        plan.kernels.len(),
        plan.packed.len(),
        plan.packed_size
    );
    let _ = writeln!(
        text,
        "arena of {} floats an image in {} buffers (at least {} live at once), aligned to {ALIGNMENT_FLOATS}",
        plan.arena_size,
        plan.buffers.len(),
        lower_bound(&plan.buffers),
    );
    if let Some(lead) = &plan.lead {
        let _ = writeln!(
            text,
            "of a batch, steps 0..={} run image by image ({} at a time); the others for all images, in an arena of {} floats an image",
            lead.n_steps - 1,
            lead.group,
            lead.arena_size,
        );
    }
    text.push_str("\nconvolutions: how each kernel is cut, and what else was possible (a slot is the time of one multiply-add of vectors)\n");
    for (index, spec) in plan.kernels.iter().enumerate() {
        if let Some(choice) = describe_choice(spec, plan) {
            let _ = writeln!(text, "  k{index} {}: {choice}", spec.describe());
        }
    }
    text.push_str("\nbuffers: floats at offset, first and last step\n");
    for (index, buffer) in plan.buffers.iter().enumerate() {
        let (first, last) = buffer.live;
        let _ = writeln!(
            text,
            "  b{index}: {} at {}, {first}..={last}",
            buffer.size, buffer.offset
        );
    }
    text.push_str("\nsteps: result = kernel(operands)  views  # node\n");
    for (index, step) in plan.steps.iter().enumerate() {
        push_step(&mut text, plan, index, step);
    }
    text
}
