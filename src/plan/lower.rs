//! From nodes to steps.

use std::collections::HashMap;

use super::builder::{Builder, Place};
use super::forms::Form;
use super::placement::{Home, place};
use super::{Machine, Operand, Plan, Port, View};
use crate::graph::{Graph, Margins, Node, NodeId, Op, PoolKind};
use crate::kernels::{
    Epilogue, KernelSpec, LrnSpec, MapSpec, PoolSpec, PoolWindows, ResizeSpec, SoftmaxSpec, Tuning,
    conv, conv_transpose, dense,
};

pub(super) struct Lowering<'a> {
    pub(super) graph: &'a Graph,
    machine: &'a Machine,
    tuning: &'a Tuning,
    pub(super) homes: Vec<Home>,
    pub(super) builder: Builder,
    /// The home's operand of each value that owns memory.
    pub(super) roots: Vec<Option<Operand>>,
    /// Copies that were made for readers, by value and form.
    pub(super) copies: HashMap<(NodeId, Form), Place>,
}

/// Lowers every node in the graph's order.
pub(super) fn lower(graph: &Graph, machine: &Machine, tuning: &Tuning) -> Plan {
    let mut lowering = Lowering {
        graph,
        machine,
        tuning,
        homes: place(graph, machine, tuning),
        builder: Builder::default(),
        roots: vec![None; graph.nodes.len()],
        copies: HashMap::new(),
    };
    let counts = graph.use_counts();
    let mut outputs: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (index, output) in graph.outputs.iter().enumerate() {
        outputs[output.node.index()].push(index);
    }
    for id in graph.node_ids() {
        // Only inputs of the net may stay unread.
        if counts[id.index()] == 0 {
            continue;
        }
        lowering.node(id);
        for &index in &outputs[id.index()] {
            lowering.output(id, index);
        }
    }
    let port = |name: &str, node: NodeId| Port {
        name: name.to_owned(),
        shape: graph.node(node).shape.clone(),
    };
    let inputs = graph.inputs.iter();
    let outputs = graph.outputs.iter();
    lowering.builder.finish(
        machine,
        tuning,
        inputs.map(|input| port(&input.name, input.node)).collect(),
        outputs
            .map(|output| port(&output.name, output.node))
            .collect(),
    )
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        match &node.op {
            Op::Input(index) => self.input(id, *index),
            // A parameter is read where it lies; a batch-norm is folded or a map by now.
            Op::Param | Op::BatchNorm { .. } | Op::Dropout | Op::Identity => {}
            Op::Conv(attributes) => {
                let shape = self.shape(node.inputs[0]);
                let block = self.homes[node.inputs[0].index()].view.block;
                let (machine, tuning) = (self.machine, self.tuning);
                let halo = conv::required_halo(attributes, shape, block, machine, tuning);
                let input = self.blocked(node.inputs[0], block, halo);
                let output = self.home(id);
                let (epilogue, operands) = self.epilogue(node, output.view.block);
                let (from, to) = (input.view, output.view);
                let spec = conv::configure(attributes, from, to, epilogue, machine, tuning);
                self.layer(node, spec, input, &operands, output);
            }
            Op::ConvTranspose(attributes) => {
                let shape = self.shape(node.inputs[0]);
                let halo = conv_transpose::required_halo(attributes, shape);
                let block = self.homes[node.inputs[0].index()].view.block;
                let input = self.blocked(node.inputs[0], block, halo);
                let home = self.home(id);
                // No phase alone can write the halo's zeros, so a result with a halo takes a detour.
                let output = if home.view.halo.is_zero() {
                    home
                } else {
                    let view = View::dense(&node.shape, home.view.block, Margins::default());
                    let operand = self.builder.buffer(view.image_stride);
                    Place { view, operand }
                };
                let (epilogue, operands) = self.epilogue(node, output.view.block);
                let specs = conv_transpose::configure(
                    attributes,
                    input.view,
                    output.view,
                    epilogue,
                    self.machine,
                );
                for spec in specs {
                    self.layer(node, KernelSpec::Conv(spec), input, &operands, output);
                }
                if output.operand != home.operand {
                    self.copy_step(id, output, home);
                }
            }
            Op::Dense { bias, .. } => {
                let input = self.vector(node.inputs[0]);
                let output = self.home(id);
                let (epilogue, operands) = self.epilogue(node, output.view.block);
                let spec = dense::configure(input.view, output.view, *bias, epilogue, self.machine);
                self.layer(node, spec, input, &operands, output);
            }
            Op::Pool(pool) => {
                let windows = PoolWindows::Sliding {
                    kernel: pool.kernel,
                    stride: pool.stride,
                    dilation: pool.dilation,
                    pad: [pool.pad.top, pool.pad.left],
                    pad_end: [pool.pad.bottom, pool.pad.right],
                };
                self.pool(id, pool.kind, windows);
            }
            Op::GlobalPool(kind) => self.pool(id, *kind, PoolWindows::Adaptive),
            Op::AdaptiveAveragePool { .. } => {
                let kind = PoolKind::Average {
                    count_include_pad: false,
                };
                self.pool(id, kind, PoolWindows::Adaptive);
            }
            Op::Lrn {
                size,
                alpha,
                beta,
                k,
            } => {
                let bits = |value: f64| (value as f32).to_bits();
                let (size, alpha, beta, k) = (*size, bits(*alpha), bits(*beta), bits(*k));
                self.unary(id, |input, output| {
                    KernelSpec::Lrn(LrnSpec {
                        size,
                        alpha,
                        beta,
                        k,
                        input,
                        output,
                    })
                });
            }
            Op::Softmax => self.unary(id, |input, output| {
                KernelSpec::Softmax(SoftmaxSpec { input, output })
            }),
            Op::Resize(resize) => self.unary(id, |input, output| {
                KernelSpec::Resize(ResizeSpec {
                    mode: resize.mode,
                    input,
                    output,
                })
            }),
            Op::Map(function) => {
                let output = self.home(id);
                let operands: Vec<Place> = node
                    .inputs
                    .iter()
                    .map(|input| self.blocked(*input, output.view.block, Margins::default()))
                    .collect();
                let spec = MapSpec {
                    function: function.clone(),
                    operands: operands.iter().map(|place| place.view).collect(),
                    output: output.view,
                };
                let mut pointers: Vec<Operand> =
                    operands.iter().map(|place| place.operand).collect();
                pointers.push(output.operand);
                self.builder
                    .step(KernelSpec::Map(spec), pointers, &node.name);
            }
            Op::Flatten | Op::Reshape => self.reshape(id),
            Op::Concat { axis } => self.concat(id, *axis),
            Op::Slice { axis, start, .. } => {
                // A slice that begins at a block is read where it lies.
                if !self.homes[id.index()].is_there {
                    let (from, to) = (self.home(node.inputs[0]), self.home(id));
                    let mut source = [0; 3];
                    source[*axis] = *start;
                    let size = [to.view.channels, to.view.height, to.view.width];
                    self.copy_box(id, from, to, source, [0; 3], size, None);
                }
            }
            Op::Pad {
                spatial,
                channels,
                value,
            } => {
                let (from, to) = (self.home(node.inputs[0]), self.home(id));
                let size = [from.view.channels, from.view.height, from.view.width];
                let target = [channels[0], spatial.top, spatial.left];
                self.copy_box(id, from, to, [0; 3], target, size, Some(*value));
            }
        }
    }

    fn input(&mut self, id: NodeId, index: usize) {
        let home = self.home(id);
        if home.operand != Operand::Input(index) {
            let from = Place {
                view: View::plain(self.shape(id)),
                operand: Operand::Input(index),
            };
            self.copy_step(id, from, home);
        }
    }

    /// The epilogue of a node whose result has this block, and its operands.
    fn epilogue(&mut self, node: &Node, block: usize) -> (Option<Epilogue>, Vec<Operand>) {
        let Some(function) = &node.epilogue else {
            return (None, Vec::new());
        };
        let places: Vec<Place> = node
            .epilogue_inputs()
            .iter()
            .map(|input| self.blocked(*input, block, Margins::default()))
            .collect();
        let epilogue = Epilogue {
            function: function.clone(),
            operands: places.iter().map(|place| place.view).collect(),
        };
        let operands = places.iter().map(|place| place.operand).collect();
        (Some(epilogue), operands)
    }

    /// A step of a kernel with parameters.
    fn layer(
        &mut self,
        node: &Node,
        spec: KernelSpec,
        input: Place,
        further: &[Operand],
        output: Place,
    ) {
        let mut operands = vec![input.operand];
        for (param, packing) in node.params.iter().zip(spec.packings()) {
            operands.push(self.builder.packed(*param, packing));
        }
        operands.extend(further);
        if spec.scratch_size() > 0 {
            operands.push(Operand::Scratch);
        }
        operands.push(output.operand);
        self.builder.step(spec, operands, &node.name);
    }

    fn pool(&mut self, id: NodeId, kind: PoolKind, windows: PoolWindows) {
        self.unary(id, |input, output| {
            KernelSpec::Pool(PoolSpec {
                kind,
                windows,
                input,
                output,
            })
        });
    }

    /// A step of a kernel that takes one tensor with its result's block.
    fn unary(&mut self, id: NodeId, spec: impl FnOnce(View, View) -> KernelSpec) {
        let node = self.graph.node(id);
        let output = self.home(id);
        let input = self.home(node.inputs[0]);
        // Of one channel the result's block is its input's: see `layout`.
        let spec = spec(input.view, output.view);
        self.builder
            .step(spec, vec![input.operand, output.operand], &node.name);
    }

    /// Moves what a new shape moves: by way of plain order, which is the same for both shapes.
    fn reshape(&mut self, id: NodeId) {
        if self.homes[id.index()].is_there {
            return;
        }
        let source = self.graph.node(id).inputs[0];
        let (from, to) = (self.home(source), self.home(id));
        if to.view.is_plain_order() {
            let view = to.view.reinterpret(self.shape(source));
            self.copy_step(id, from, Place { view, ..to });
            return;
        }
        let plain = if from.view.is_plain_order() {
            from
        } else {
            self.copy(source, Form::Vector, from)
        };
        let view = plain.view.reinterpret(self.shape(id));
        self.copy_step(id, Place { view, ..plain }, to);
    }

    /// Copies the inputs that could not be written in place.
    fn concat(&mut self, id: NodeId, axis: usize) {
        let to = self.home(id);
        let mut target = [0; 3];
        for &input in &self.graph.node(id).inputs {
            let from = self.home(input);
            let is_there = Some(from.operand) == self.at_channel(id, axis, target[axis]);
            if !is_there {
                let size = [from.view.channels, from.view.height, from.view.width];
                self.copy_box(id, from, to, [0; 3], target, size, None);
            }
            target[axis] += [from.view.channels, from.view.height, from.view.width][axis];
        }
    }

    /// Where a part of a value lives that begins at `channel`, if one may begin there.
    fn at_channel(&mut self, id: NodeId, axis: usize, channel: usize) -> Option<Operand> {
        let Place { view, operand } = self.home(id);
        match operand {
            Operand::Buffer { buffer, offset }
                if axis == 0 && channel.is_multiple_of(view.block) =>
            {
                let offset = offset + channel / view.block * view.plane_stride();
                Some(Operand::Buffer { buffer, offset })
            }
            _ => None,
        }
    }
}
