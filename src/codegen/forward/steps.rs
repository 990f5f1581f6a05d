//! Steps of a plan, one after another.

use super::words::{WORD, Words};
use super::{Context, Variant};
use crate::kernels::TaskCount;
use crate::plan::{Buffer, Operand};

use cranelift::codegen::ir::Value;
use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::module::FuncId;

/// Bytes of a float.
pub const FLOAT: usize = size_of::<f32>();

/// What steps run for, and where.
pub struct Run<'a> {
    /// The code.
    pub variant: &'a Variant<'a>,
    /// The kernels' functions.
    pub kernels: &'a [FuncId],
    /// Buffers of the arena that the images share; those of size 0, and those that the list does not have, lie in the arena of the images that run.
    pub shared: &'a [Buffer],
    /// The words that all steps read; see [`Context`].
    pub context: Value,
    /// The first image.
    pub first: Value,
    /// How many images run.
    pub n_images: Value,
    /// Which part of each step's tasks, if not all.
    pub part: Option<Value>,
}

impl Run<'_> {
    /// Writes the calls of steps.
    pub fn emit(&self, function: &mut Words<'_>, steps: impl IntoIterator<Item = usize>) {
        let plan = self.variant.plan;
        let n_operands = plan.steps.iter().map(|step| step.operands.len()).max();
        let operands = function.room(n_operands.unwrap_or(0));
        for index in steps {
            let step = &plan.steps[index];
            for (place, operand) in step.operands.iter().enumerate() {
                let pointer = self.pointer(function, operand);
                function.store(pointer, operands, WORD * place as i64);
            }
            let kernel = step.kernel.0 as usize;
            let n_tasks = n_tasks(function, plan.kernels[kernel].task_count(), self.n_images);
            self.call(function, self.kernels[kernel], operands, n_tasks);
        }
    }

    fn call(&self, function: &mut Words<'_>, kernel: FuncId, operands: Value, n_tasks: Value) {
        let Some(part) = self.part else {
            let begin = function.int(0);
            function.call(kernel, &[operands, begin, n_tasks, self.n_images]);
            return;
        };
        // Part `i` of `n` begins where the part before it ends.
        let n_parts = Context::Parts.load(function, self.context);
        let bound = |function: &mut Words<'_>, part: Value| {
            let product = function.mul(n_tasks, part);
            function.div(product, n_parts)
        };
        let begin = bound(function, part);
        let next = function.add_int(part, 1);
        let end = bound(function, next);
        let has_tasks = function.compare(IntCC::UnsignedLessThan, begin, end);
        function.when(has_tasks, |function| {
            function.call(kernel, &[operands, begin, end, self.n_images]);
        });
    }

    fn pointer(&self, function: &mut Words<'_>, operand: &Operand) -> Value {
        let plan = self.variant.plan;
        match *operand {
            Operand::Buffer { buffer, offset } => {
                let index = buffer.0 as usize;
                let shared = self.shared.get(index).filter(|shared| shared.size > 0);
                let base = match shared {
                    Some(shared) => {
                        let base = Context::Shared.load(function, self.context);
                        let batch = Context::Batch.load(function, self.context);
                        let start = function.mul_int(batch, FLOAT * shared.offset);
                        let image = function.mul_int(self.first, FLOAT * shared.image_stride);
                        let start = function.add(start, image);
                        function.add(base, start)
                    }
                    None => {
                        let base = Context::Arena.load(function, self.context);
                        let offset = FLOAT * plan.buffers[index].offset;
                        let start = function.mul_int(self.n_images, offset);
                        function.add(base, start)
                    }
                };
                function.add_int(base, FLOAT * offset)
            }
            Operand::Input(index) => self.port(function, index, &plan.inputs[index]),
            Operand::Output(index) => {
                self.port(function, plan.inputs.len() + index, &plan.outputs[index])
            }
            Operand::Param(id) => {
                let base = Context::Weights.load(function, self.context);
                function.add_int(base, FLOAT * plan.packed[id.0 as usize].offset)
            }
            Operand::Scratch => {
                let base = Context::Scratch.load(function, self.context);
                match self.part {
                    None => base,
                    Some(part) => {
                        let start = function.mul_int(part, self.variant.scratch_bytes());
                        function.add(base, start)
                    }
                }
            }
        }
    }

    fn port(&self, function: &mut Words<'_>, index: usize, port: &crate::plan::Port) -> Value {
        let base = Context::Port(index).load(function, self.context);
        let image = FLOAT * port.shape.elements() as usize;
        let start = function.mul_int(self.first, image);
        function.add(base, start)
    }
}

/// [`TaskCount::of`] a number of images.
fn n_tasks(function: &mut Words<'_>, count: TaskCount, n_images: Value) -> Value {
    match count {
        TaskCount::Fixed(n_tasks) => function.int(n_tasks),
        TaskCount::Groups {
            parts_per_image,
            parts_per_group,
            tasks_per_group,
        } => {
            let parts = function.mul_int(n_images, parts_per_image);
            let groups = function.div_up(parts, parts_per_group);
            function.mul_int(groups, tasks_per_group)
        }
    }
}
