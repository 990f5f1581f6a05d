//! The calls that run a net, and those that tell of it.

use cranelift::codegen::ir::Value;
use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::module::{FuncId, Linkage, Module};

use super::steps::{FLOAT, Run};
use super::words::{self, Answer, WORD, Words};
use super::{ALIGNMENT, Context, Forward, PARTS_MAX, Status, Variant, Workspace};
use crate::codegen::CodegenError;
use crate::kernels::KernelSpec;
use crate::plan::{PARALLEL_COST, waves};

/// Defines them.
pub fn define(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    kernels: &[Vec<FuncId>],
) -> Result<(), CodegenError> {
    let workspace = Workspace::of(forward.variants.iter());
    let mut runs = Vec::new();
    for (variant, kernels) in forward.variants.iter().zip(kernels) {
        runs.push(define_run(module, variant, kernels)?);
    }
    define_forward(module, forward, &workspace, &runs)?;
    define_info(module, forward)?;
    define_size(module, forward, &workspace)?;
    if forward.parallel {
        let mut runs = Vec::new();
        for (variant, kernels) in forward.variants.iter().zip(kernels) {
            runs.push(define_parallel_run(module, variant, kernels)?);
        }
        define_forward_parallel(module, forward, &workspace, &runs)?;
        define_parallel_size(module, forward, &workspace)?;
    }
    Ok(())
}

fn local(
    module: &mut dyn Module,
    variant: &Variant<'_>,
    name: &str,
    n_arguments: usize,
) -> Result<FuncId, CodegenError> {
    let name = format!("{}{name}", variant.prefix);
    words::declare(module, &name, Linkage::Local, n_arguments, Answer::Nothing)
}

/// `fn(context)`: runs a batch. The first steps go group by group, where the plan says so.
fn define_run(
    module: &mut dyn Module,
    variant: &Variant<'_>,
    kernels: &[FuncId],
) -> Result<FuncId, CodegenError> {
    let plan = variant.plan;
    let run = local(module, variant, "run", 1)?;
    let all = 0..plan.steps.len();
    let Some(lead) = &plan.lead else {
        words::define(module, run, |function, arguments| {
            let context = arguments[0];
            let run = whole_batch(function, variant, kernels, context);
            run.emit(function, all);
            function.end();
        })?;
        return Ok(run);
    };
    let group = local(module, variant, "run_group", 3)?;
    words::define(module, group, |function, arguments| {
        let run = Run {
            variant,
            kernels,
            shared: &lead.buffers,
            context: arguments[0],
            first: arguments[1],
            n_images: arguments[2],
            part: None,
        };
        run.emit(function, 0..lead.n_steps);
        function.end();
    })?;
    words::define(module, run, |function, arguments| {
        let context = arguments[0];
        let batch = Context::Batch.load(function, context);
        let n_groups = function.div_up(batch, lead.group);
        let zero = function.int(0);
        // Group `i` of `n` begins where the one before it ends.
        function.while_below(n_groups, &[zero, zero], |function, values| {
            let [index, begin] = values else {
                unreachable!("two values are carried");
            };
            let next = function.add_int(*index, 1);
            let product = function.mul(next, batch);
            let end = function.div(product, n_groups);
            let n_images = function.sub(end, *begin);
            function.call(group, &[context, *begin, n_images]);
            vec![next, end]
        });
        let run = Run {
            shared: &lead.buffers,
            ..whole_batch(function, variant, kernels, context)
        };
        run.emit(function, lead.n_steps..plan.steps.len());
        function.end();
    })?;
    Ok(run)
}

/// All images, in the arena of the images that run.
fn whole_batch<'a>(
    function: &mut Words<'_>,
    variant: &'a Variant<'a>,
    kernels: &'a [FuncId],
    context: Value,
) -> Run<'a> {
    Run {
        variant,
        kernels,
        shared: &[],
        context,
        first: function.int(0),
        n_images: Context::Batch.load(function, context),
        part: None,
    }
}

/// `fn(context, parallel_for, its context)`: runs a batch, each wave in parts if it is worth it.
fn define_parallel_run(
    module: &mut dyn Module,
    variant: &Variant<'_>,
    kernels: &[FuncId],
) -> Result<FuncId, CodegenError> {
    let plan = variant.plan;
    let mut bodies = Vec::new();
    for (index, wave) in waves(plan).into_iter().enumerate() {
        let spec = |step: &usize| &plan.kernels[plan.steps[*step].kernel.0 as usize];
        let costs = wave.iter().map(|step| KernelSpec::cost(spec(step)));
        let cost = costs.fold(1, u64::saturating_add);
        let body = local(module, variant, &format!("wave_{index}"), 2)?;
        words::define(module, body, |function, arguments| {
            let (context, part) = (arguments[0], arguments[1]);
            let run = Run {
                part: Some(part),
                ..whole_batch(function, variant, kernels, context)
            };
            run.emit(function, wave);
            function.end();
        })?;
        bodies.push((body, PARALLEL_COST.div_ceil(cost)));
    }
    let run = local(module, variant, "run_parallel", 4)?;
    words::define(module, run, |function, arguments| {
        let [context, n_parts, parallel_for, of_caller] = *arguments else {
            unreachable!("it was declared so");
        };
        let batch = Context::Batch.load(function, context);
        let zero = function.int(0);
        let one = function.int(1);
        for (body, worth_from) in bodies {
            let is_worth =
                function.compare_int(IntCC::UnsignedGreaterThanOrEqual, batch, worth_from);
            let parts = function.select(is_worth, n_parts, one);
            Context::Parts.store(function, context, parts);
            let is_one = function.compare(IntCC::Equal, parts, one);
            function.either(
                is_one,
                |function| {
                    function.call(body, &[context, zero]);
                },
                |function| {
                    let body = function.address(body);
                    function.call_address(parallel_for, &[of_caller, n_parts, body, context]);
                },
            );
        }
        function.end();
    })?;
    Ok(run)
}

/// The arguments that both entries begin with.
struct Arguments {
    weights: Value,
    ports: Vec<Value>,
    batch: Value,
    workspace: Value,
}

impl Arguments {
    fn new(forward: &Forward<'_>, arguments: &[Value]) -> Arguments {
        let n_ports = n_ports(forward);
        Arguments {
            weights: arguments[0],
            ports: arguments[1..1 + n_ports].to_vec(),
            batch: arguments[1 + n_ports],
            workspace: arguments[2 + n_ports],
        }
    }

    /// Answers what is wrong with them, and that an empty batch is done.
    fn check(&self, function: &mut Words<'_>, workspace: &Workspace) {
        null(function, self.weights);
        let is_empty = function.compare_int(IntCC::Equal, self.batch, 0);
        function.answer_when(is_empty, Status::Ok.code());
        let most = workspace.batch_max as u64;
        let is_large = function.compare_int(IntCC::UnsignedGreaterThan, self.batch, most);
        function.answer_when(is_large, Status::Batch.code());
        for &pointer in self.ports.iter().chain([&self.workspace]) {
            null(function, pointer);
        }
        unaligned(function, self.workspace);
    }

    /// Runs the plan that the weights are for. `scratch` is how much of the workspace is scratch memory; `n_images` are in the arena at once.
    fn run(
        &self,
        function: &mut Words<'_>,
        variant: &Variant<'_>,
        scratch: Value,
        n_images: Value,
        run: impl FnOnce(&mut Words<'_>, Value),
    ) {
        let n_words = Context::Port(self.ports.len()).place() / WORD;
        let context = function.room(n_words as usize);
        let weights = function.load(self.weights, 0);
        Context::Weights.store(function, context, weights);
        Context::Scratch.store(function, context, self.workspace);
        let arena = function.add(self.workspace, scratch);
        Context::Arena.store(function, context, arena);
        let size = function.mul_int(n_images, FLOAT * variant.plan.arena_size);
        let shared = function.add(arena, size);
        Context::Shared.store(function, context, shared);
        Context::Batch.store(function, context, self.batch);
        for (index, &port) in self.ports.iter().enumerate() {
            Context::Port(index).store(function, context, port);
        }
        run(function, context);
        function.answer_status(Status::Ok.code());
    }
}

fn n_ports(forward: &Forward<'_>) -> usize {
    let plan = forward.variants.first().map(|variant| variant.plan);
    plan.map_or(0, |plan| plan.inputs.len() + plan.outputs.len())
}

/// Answers that a pointer is null, if it is.
pub(super) fn null(function: &mut Words<'_>, pointer: Value) {
    let is_null = function.compare_int(IntCC::Equal, pointer, 0);
    function.answer_when(is_null, Status::Null.code());
}

/// Answers that a region does not begin where it must, if so.
pub(super) fn unaligned(function: &mut Words<'_>, pointer: Value) {
    let rest = function.and_int(pointer, ALIGNMENT as u64 - 1);
    let is_off = function.compare_int(IntCC::NotEqual, rest, 0);
    function.answer_when(is_off, Status::Alignment.code());
}

/// For each variant what to do if the weights are for it; ends by answering that they are for none.
fn dispatch(
    function: &mut Words<'_>,
    forward: &Forward<'_>,
    weights: Value,
    mut body: impl FnMut(&mut Words<'_>, usize),
) {
    let chosen = function.load(weights, WORD);
    for index in 0..forward.variants.len() {
        let is_it = function.compare_int(IntCC::Equal, chosen, index as u64 + 1);
        function.leave_when(is_it, |function| body(function, index));
    }
    function.answer_status(Status::Weights.code());
}

/// `NAME_forward(weights, inputs, outputs, batch, workspace)`
fn define_forward(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    workspace: &Workspace,
    runs: &[FuncId],
) -> Result<(), CodegenError> {
    let name = format!("{}_forward", forward.name);
    let n_arguments = 3 + n_ports(forward);
    let id = words::declare(module, &name, Linkage::Export, n_arguments, Answer::Status)?;
    words::define(module, id, |function, arguments| {
        let arguments = Arguments::new(forward, arguments);
        arguments.check(function, workspace);
        dispatch(function, forward, arguments.weights, |function, index| {
            let variant = &forward.variants[index];
            let scratch = function.int(variant.scratch_bytes());
            let n_images = match &variant.plan.lead {
                Some(lead) => {
                    let group = function.int(lead.group);
                    function.min(arguments.batch, group)
                }
                None => arguments.batch,
            };
            arguments.run(function, variant, scratch, n_images, |function, context| {
                function.call(runs[index], &[context]);
            });
        });
    })
}

/// `NAME_forward_parallel(weights, inputs, outputs, batch, workspace, parts, parallel_for, context)`
fn define_forward_parallel(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    workspace: &Workspace,
    runs: &[FuncId],
) -> Result<(), CodegenError> {
    let name = format!("{}_forward_parallel", forward.name);
    let n_arguments = 6 + n_ports(forward);
    let id = words::declare(module, &name, Linkage::Export, n_arguments, Answer::Status)?;
    words::define(module, id, |function, arguments| {
        let [n_parts, parallel_for, of_caller] = arguments[n_arguments - 3..] else {
            unreachable!("it was declared so");
        };
        let arguments = Arguments::new(forward, arguments);
        null(function, parallel_for);
        wrong_parts(function, n_parts, Status::Parts.code());
        arguments.check(function, workspace);
        dispatch(function, forward, arguments.weights, |function, index| {
            let variant = &forward.variants[index];
            let scratch = function.mul_int(n_parts, variant.scratch_bytes());
            let batch = arguments.batch;
            arguments.run(function, variant, scratch, batch, |function, context| {
                function.call(runs[index], &[context, n_parts, parallel_for, of_caller]);
            });
        });
    })
}

fn wrong_parts(function: &mut Words<'_>, n_parts: Value, status: i32) {
    // A number less one is large where the number is 0.
    let less = function.add_int(n_parts, usize::MAX);
    let is_wrong = function.compare_int(IntCC::UnsignedGreaterThanOrEqual, less, PARTS_MAX as u64);
    function.answer_when(is_wrong, status);
}

/// `NAME_info()`
fn define_info(module: &mut dyn Module, forward: &Forward<'_>) -> Result<(), CodegenError> {
    let name = format!("{}_info", forward.name);
    let id = words::declare(module, &name, Linkage::Export, 0, Answer::Word)?;
    words::define(module, id, |function, _| {
        let description = function.data(forward.description);
        function.answer(description);
    })
}

/// `NAME_workspace_size(batch)`; 0 for a batch that is too large.
fn define_size(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    workspace: &Workspace,
) -> Result<(), CodegenError> {
    let name = format!("{}_workspace_size", forward.name);
    let id = words::declare(module, &name, Linkage::Export, 1, Answer::Word)?;
    words::define(module, id, |function, arguments| {
        let batch = arguments[0];
        nothing_for_too_many(function, batch, workspace.batch_max);
        let group = function.int(workspace.group);
        let at_once = function.min(batch, group);
        let arena = function.mul_int(at_once, workspace.arena);
        let shared = function.mul_int(batch, workspace.shared);
        let sum = function.add(arena, shared);
        let sum = function.add_int(sum, workspace.scratch);
        function.answer(sum);
    })
}

/// `NAME_workspace_size_parallel(batch, parts)`; 0 for numbers that are too large.
fn define_parallel_size(
    module: &mut dyn Module,
    forward: &Forward<'_>,
    workspace: &Workspace,
) -> Result<(), CodegenError> {
    let name = format!("{}_workspace_size_parallel", forward.name);
    let id = words::declare(module, &name, Linkage::Export, 2, Answer::Word)?;
    words::define(module, id, |function, arguments| {
        let [batch, n_parts] = *arguments else {
            unreachable!("it was declared so");
        };
        nothing_for_too_many(function, batch, workspace.batch_max);
        nothing_for_too_many(function, n_parts, PARTS_MAX);
        let whole = function.mul_int(batch, workspace.whole);
        let scratch = function.mul_int(n_parts, workspace.scratch);
        let sum = function.add(whole, scratch);
        function.answer(sum);
    })
}

fn nothing_for_too_many(function: &mut Words<'_>, number: Value, most: usize) {
    let is_large = function.compare_int(IntCC::UnsignedGreaterThan, number, most as u64);
    function.leave_when(is_large, |function| {
        let zero = function.int(0);
        function.answer(zero);
    });
}
