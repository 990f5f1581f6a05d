//! The text form of a graph, for dumps and snapshots: one node a line, attributes that differ from the language's defaults,
//! shapes, parameters and recipes.
//!
//! ```text
//! net Small
//! %0 image = input : [3, 32, 32]
//! %1 conv1 = conv(%0, channels=16, kernel=3x3, pad=1x1) : [16, 32, 32]  params(conv1.weight [16, 3, 3, 3], conv1.bias [16])
//! %2 1 = relu{max(a0, 0.0)}(%1) : [16, 32, 32]
//! output output = %2
//! ```

use std::fmt::Write;

use super::{
    CompareOp, Graph, Margins, Node, NodeId, Op, ParamId, PoolKind, Recipe, ResizeMode,
    ScalarBinary, ScalarFn, ScalarId, ScalarOp, ScalarUnary,
};

/// The whole graph. Equal graphs have equal texts.
pub fn print(graph: &Graph) -> String {
    let mut text = format!("net {}\n", graph.name);
    for id in graph.node_ids() {
        line(&mut text, graph, id);
    }
    for output in &graph.outputs {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "output {} = %{}", output.name, output.node.0);
    }
    text
}

fn line(text: &mut String, graph: &Graph, id: NodeId) {
    let node = graph.node(id);
    let name = if node.name.is_empty() {
        "_"
    } else {
        &node.name
    };
    let _ = write!(text, "%{} {name} = ", id.0);
    operation(text, node);
    if let Some(epilogue) = &node.epilogue {
        let _ = write!(text, " then {}(", epilogue.name());
        let inputs: Vec<String> = node.epilogue_inputs().iter().map(handle).collect();
        let _ = write!(text, "{}){{{}}}", inputs.join(", "), body(epilogue));
    }
    let _ = write!(text, " : {}", node.shape);
    if !node.params.is_empty() {
        let params: Vec<String> = node
            .params
            .iter()
            .map(|param| {
                let shape: Vec<String> = graph
                    .param(*param)
                    .shape
                    .iter()
                    .map(usize::to_string)
                    .collect();
                format!("{} [{}]", recipe(graph, *param, 0), shape.join(", "))
            })
            .collect();
        let _ = write!(text, "  params({})", params.join(", "));
    }
    text.push('\n');
}

fn handle(id: &NodeId) -> String {
    format!("%{}", id.0)
}

/// `conv(%0, channels=16, kernel=3x3)`
fn operation(text: &mut String, node: &Node) {
    text.push_str(node.op.name());
    if let Op::Map(function) = &node.op {
        let _ = write!(text, "{{{}}}", body(function));
    }
    let mut parts: Vec<String> = node.op_inputs().iter().map(handle).collect();
    let attributes = attributes(&node.op).into_iter();
    parts.extend(attributes.map(|(name, value)| format!("{name}={value}")));
    if !parts.is_empty() {
        let _ = write!(text, "({})", parts.join(", "));
    }
}

fn size([height, width]: [usize; 2]) -> String {
    format!("{height}x{width}")
}

fn margins(m: Margins) -> String {
    if m.top == m.bottom && m.left == m.right {
        size([m.top, m.left])
    } else {
        format!("[{}, {}, {}, {}]", m.top, m.left, m.bottom, m.right)
    }
}

/// The attributes of an operation that differ from the language's defaults, and those that have none, as names and values.
pub fn attributes(op: &Op) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    let mut push = |name: &'static str, value: String, is_default: bool| {
        if !is_default {
            parts.push((name, value));
        }
    };
    match op {
        Op::Conv(c) => {
            push("channels", c.out_channels.to_string(), false);
            push("kernel", size(c.kernel), false);
            push("stride", size(c.stride), c.stride == [1, 1]);
            push("pad", margins(c.pad), c.pad.is_zero());
            push("dilation", size(c.dilation), c.dilation == [1, 1]);
            push("groups", c.groups.to_string(), c.groups == 1);
            push("bias", c.bias.to_string(), c.bias);
        }
        Op::ConvTranspose(c) => {
            push("channels", c.out_channels.to_string(), false);
            push("kernel", size(c.kernel), false);
            push("stride", size(c.stride), c.stride == [1, 1]);
            push("pad", margins(c.pad), c.pad.is_zero());
            push("output_pad", size(c.output_pad), c.output_pad == [0, 0]);
            push("dilation", size(c.dilation), c.dilation == [1, 1]);
            push("groups", c.groups.to_string(), c.groups == 1);
            push("bias", c.bias.to_string(), c.bias);
        }
        Op::Dense { features, bias } => {
            push("features", features.to_string(), false);
            push("bias", bias.to_string(), *bias);
        }
        Op::Pool(p) => {
            push("kernel", size(p.kernel), false);
            push("stride", size(p.stride), false);
            push("pad", margins(p.pad), p.pad.is_zero());
            push("dilation", size(p.dilation), p.dilation == [1, 1]);
            push("ceil", p.ceil.to_string(), !p.ceil);
            let excludes = PoolKind::Average {
                count_include_pad: false,
            };
            push("count_include_pad", "false".into(), p.kind != excludes);
        }
        Op::AdaptiveAveragePool { output } => push("output", size(*output), false),
        Op::BatchNorm { eps, affine } => {
            push("eps", format!("{eps:?}"), *eps == 1e-5);
            push("affine", affine.to_string(), *affine);
        }
        Op::Lrn {
            size,
            alpha,
            beta,
            k,
        } => {
            push("size", size.to_string(), false);
            push("alpha", format!("{alpha:?}"), false);
            push("beta", format!("{beta:?}"), false);
            push("k", format!("{k:?}"), false);
        }
        Op::Concat { axis } => push("axis", axis.to_string(), *axis == 0),
        Op::Slice { axis, start, end } => {
            push("start", start.to_string(), false);
            push("end", end.to_string(), false);
            push("axis", axis.to_string(), *axis == 0);
        }
        Op::Pad {
            spatial,
            channels: [before, after],
            value,
        } => {
            push("spatial", margins(*spatial), spatial.is_zero());
            let channels = format!("[{before}, {after}]");
            push("channels", channels, [*before, *after] == [0, 0]);
            push("value", format!("{value:?}"), *value == 0.0);
        }
        Op::Resize(r) => {
            push("size", size(r.size), false);
            match r.mode {
                ResizeMode::Nearest => push("mode", "nearest".into(), false),
                ResizeMode::Bilinear { align_corners } => {
                    push("mode", "bilinear".into(), false);
                    push("align_corners", align_corners.to_string(), !align_corners);
                }
            }
        }
        Op::Input(_)
        | Op::Param
        | Op::GlobalPool(_)
        | Op::Map(_)
        | Op::Softmax
        | Op::Dropout
        | Op::Identity
        | Op::Flatten
        | Op::Reshape => {}
    }
    parts
}

/// The operations of a function, `t2 = exp(a0); t2 + 1.0`: temporaries but for constants, the result last.
fn body(function: &ScalarFn) -> String {
    let ops = function.ops();
    let operand = |id: ScalarId| match ops.get(id.0 as usize) {
        Some(ScalarOp::Arg(index)) => format!("a{index}"),
        Some(ScalarOp::Const(bits)) => format!("{:?}", f32::from_bits(*bits)),
        _ => format!("t{}", id.0),
    };
    let mut parts = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        let is_last = index + 1 == ops.len();
        let shown = match *op {
            ScalarOp::Arg(_) | ScalarOp::Const(_) if !is_last => continue,
            ScalarOp::Arg(_) | ScalarOp::Const(_) => operand(ScalarId(index as u32)),
            ScalarOp::Unary(op, x) => format!("{}({})", unary(op), operand(x)),
            ScalarOp::Binary(op, a, b) => binary(op, &operand(a), &operand(b)),
            ScalarOp::Select(op, a, b, x, y) => format!(
                "if {} {} {} then {} else {}",
                operand(a),
                compare(op),
                operand(b),
                operand(x),
                operand(y)
            ),
        };
        parts.push(match is_last {
            true => shown,
            false => format!("t{index} = {shown}"),
        });
    }
    parts.join("; ")
}

fn unary(op: ScalarUnary) -> &'static str {
    match op {
        ScalarUnary::Neg => "-",
        ScalarUnary::Abs => "abs",
        ScalarUnary::Sqrt => "sqrt",
        ScalarUnary::Floor => "floor",
        ScalarUnary::Exp => "exp",
        ScalarUnary::Log => "log",
        ScalarUnary::Tanh => "tanh",
        ScalarUnary::Erf => "erf",
    }
}

fn binary(op: ScalarBinary, a: &str, b: &str) -> String {
    match op {
        ScalarBinary::Add => format!("{a} + {b}"),
        ScalarBinary::Sub => format!("{a} - {b}"),
        ScalarBinary::Mul => format!("{a} * {b}"),
        ScalarBinary::Div => format!("{a} / {b}"),
        ScalarBinary::Min => format!("min({a}, {b})"),
        ScalarBinary::Max => format!("max({a}, {b})"),
        ScalarBinary::Pow => format!("pow({a}, {b})"),
    }
}

fn compare(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::Ne => "!=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}

/// The name of a stored parameter, or how a derived one is computed.
fn recipe(graph: &Graph, id: ParamId, depth: usize) -> String {
    // Recipes refer backwards, so they end; no pass nests them this deep.
    if depth > 8 {
        return "...".into();
    }
    let of = |id: ParamId| recipe(graph, id, depth + 1);
    let or = |id: Option<ParamId>, without: &str| id.map_or(without.to_string(), of);
    match &graph.param(id).recipe {
        Recipe::Stored { name, .. } => name.clone(),
        Recipe::NormScale {
            weight,
            variance,
            eps,
        } => format!(
            "norm_scale({}, {}, eps={eps:?})",
            or(*weight, "1"),
            of(*variance)
        ),
        Recipe::NormShift { bias, mean, scale } => {
            format!(
                "norm_shift({}, {}, {})",
                or(*bias, "0"),
                of(*mean),
                of(*scale)
            )
        }
        Recipe::ScaledRows { tensor, scale } => {
            format!("scaled_rows({}, {})", of(*tensor), of(*scale))
        }
        Recipe::FoldedBias { bias, scale, shift } => {
            format!(
                "folded_bias({}, {}, {})",
                or(*bias, "0"),
                of(*scale),
                of(*shift)
            )
        }
    }
}
