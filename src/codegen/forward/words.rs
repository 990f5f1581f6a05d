//! A thin layer over Cranelift for functions of words: addresses in bytes, loops, conditions.

use cranelift::codegen::ir::condcodes::IntCC;
use cranelift::codegen::ir::{
    AbiParam, InstBuilder, MemFlagsData, Signature, StackSlotData, StackSlotKind, Type,
    UserFuncName, Value, types,
};
use cranelift::frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift::module::{DataId, FuncId, Linkage, Module};

use crate::codegen::CodegenError;
use crate::codegen::module::{failed, words};

/// Bytes of a word.
pub const WORD: i64 = 8;

/// What a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Nothing,
    /// A C `int`.
    Status,
    /// A word.
    Word,
}

impl Answer {
    fn ty(self) -> Option<Type> {
        match self {
            Answer::Nothing => None,
            Answer::Status => Some(types::I32),
            Answer::Word => Some(types::I64),
        }
    }
}

/// A function that is being written.
pub struct Words<'a> {
    builder: FunctionBuilder<'a>,
    module: &'a mut dyn Module,
}

/// Declares a function of `n_arguments` words.
pub fn declare(
    module: &mut dyn Module,
    name: &str,
    linkage: Linkage,
    n_arguments: usize,
    answer: Answer,
) -> Result<FuncId, CodegenError> {
    let mut signature = words(module.isa(), n_arguments);
    signature.returns.extend(answer.ty().map(AbiParam::new));
    module
        .declare_function(name, linkage, &signature)
        .map_err(failed)
}

/// Writes a function that [`declare`] declared; `body` gets its arguments and ends with an answer.
pub fn define(
    module: &mut dyn Module,
    id: FuncId,
    body: impl FnOnce(&mut Words<'_>, &[Value]),
) -> Result<(), CodegenError> {
    let mut context = module.make_context();
    let declared = module.declarations().get_function_decl(id);
    context.func.signature = declared.signature.clone();
    context.func.name = UserFuncName::user(0, id.as_u32());
    let config = module.target_config();
    let mut of_builder = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut of_builder);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let arguments = builder.block_params(entry).to_vec();
    let mut function = Words {
        builder,
        module: &mut *module,
    };
    body(&mut function, &arguments);
    function.builder.seal_all_blocks();
    function.builder.finalize(config);
    module
        .define_function(id, &mut context)
        .map_err(|error| CodegenError::Internal(format!("{error:?}")))
}

/// Accesses are to memory that the caller vouches for.
fn memory() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl Words<'_> {
    /// A number.
    pub fn int(&mut self, value: usize) -> Value {
        self.bits(value as u64)
    }

    /// A word of these bits.
    pub fn bits(&mut self, value: u64) -> Value {
        self.builder.ins().iconst(types::I64, value as i64)
    }

    /// `a + b`
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().iadd(a, b)
    }

    /// `a + b`
    pub fn add_int(&mut self, a: Value, b: usize) -> Value {
        match b {
            0 => a,
            _ => {
                let b = self.int(b);
                self.add(a, b)
            }
        }
    }

    /// `a - b`
    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().isub(a, b)
    }

    /// `a * b`, wrapping.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().imul(a, b)
    }

    /// `a * b`
    pub fn mul_int(&mut self, a: Value, b: usize) -> Value {
        match b {
            1 => a,
            _ => {
                let b = self.int(b);
                self.mul(a, b)
            }
        }
    }

    /// `a / b`, rounded down. `b` is not 0.
    pub fn div(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().udiv(a, b)
    }

    /// `a / b`, rounded up. `b` is not 0, and the sum of both fits a word.
    pub fn div_up(&mut self, a: Value, b: usize) -> Value {
        if b == 1 {
            return a;
        }
        let sum = self.add_int(a, b - 1);
        let b = self.int(b);
        self.div(sum, b)
    }

    /// The smaller.
    pub fn min(&mut self, a: Value, b: Value) -> Value {
        let less = self.compare(IntCC::UnsignedLessThan, a, b);
        self.select(less, a, b)
    }

    /// `a` if `condition` holds, else `b`.
    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Value {
        self.builder.ins().select(condition, a, b)
    }

    /// The bits that both have.
    pub fn and_int(&mut self, a: Value, b: u64) -> Value {
        let b = self.bits(b);
        self.builder.ins().band(a, b)
    }

    /// The bits that either has.
    pub fn or(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().bor(a, b)
    }

    /// The bits that only one of both has.
    pub fn xor(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().bxor(a, b)
    }

    /// The bits so many places further up, those at the end at the start.
    pub fn rotate(&mut self, a: Value, places: u32) -> Value {
        let places = self.int(places as usize);
        self.builder.ins().rotl(a, places)
    }

    /// The bits so many places further down.
    pub fn shift_down(&mut self, a: Value, places: u32) -> Value {
        let places = self.int(places as usize);
        self.builder.ins().ushr(a, places)
    }

    /// Whether `a OP b`.
    pub fn compare(&mut self, op: IntCC, a: Value, b: Value) -> Value {
        self.builder.ins().icmp(op, a, b)
    }

    /// The same of a number.
    pub fn compare_int(&mut self, op: IntCC, a: Value, b: u64) -> Value {
        let b = self.bits(b);
        self.compare(op, a, b)
    }

    /// The word at a place in memory.
    pub fn load(&mut self, address: Value, bytes: i64) -> Value {
        let bytes = bytes as i32;
        self.builder
            .ins()
            .load(types::I64, memory(), address, bytes)
    }

    /// Half a word.
    pub fn load_half(&mut self, address: Value, bytes: i64) -> Value {
        let bytes = bytes as i32;
        self.builder.ins().uload32(memory(), address, bytes)
    }

    /// Puts a word there.
    pub fn store(&mut self, value: Value, address: Value, bytes: i64) {
        let bytes = bytes as i32;
        self.builder.ins().store(memory(), value, address, bytes);
    }

    /// Room for so many words on the stack.
    pub fn room(&mut self, n_words: usize) -> Value {
        let bytes = WORD as u32 * n_words.max(1) as u32;
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
        let slot = self.builder.create_sized_stack_slot(slot);
        self.builder.ins().stack_addr(types::I64, slot, 0)
    }

    /// Where a constant of the module lies.
    pub fn data(&mut self, id: DataId) -> Value {
        let global = self.module.declare_data_in_func(id, self.builder.func);
        self.builder.ins().symbol_value(types::I64, global)
    }

    /// The address of a function of the module.
    pub fn address(&mut self, id: FuncId) -> Value {
        let function = self.module.declare_func_in_func(id, self.builder.func);
        self.builder.ins().func_addr(types::I64, function)
    }

    /// Calls a function of the module that answers nothing.
    pub fn call(&mut self, id: FuncId, arguments: &[Value]) {
        let function = self.module.declare_func_in_func(id, self.builder.func);
        self.builder.ins().call(function, arguments);
    }

    /// Calls one that answers.
    pub fn call_for(&mut self, id: FuncId, arguments: &[Value]) -> Value {
        let function = self.module.declare_func_in_func(id, self.builder.func);
        let call = self.builder.ins().call(function, arguments);
        self.builder.inst_results(call)[0]
    }

    /// Calls a function by its address.
    pub fn call_address(&mut self, address: Value, arguments: &[Value]) {
        let signature: Signature = words(self.module.isa(), arguments.len());
        let signature = self.builder.import_signature(signature);
        self.builder
            .ins()
            .call_indirect(signature, address, arguments);
    }

    /// Only if `condition` holds.
    pub fn when(&mut self, condition: Value, body: impl FnOnce(&mut Self)) {
        let inside = self.builder.create_block();
        let after = self.builder.create_block();
        self.builder.ins().brif(condition, inside, &[], after, &[]);
        self.builder.switch_to_block(inside);
        body(self);
        self.builder.ins().jump(after, &[]);
        self.builder.switch_to_block(after);
    }

    /// The one or the other.
    pub fn either(
        &mut self,
        condition: Value,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) {
        let [yes, no, after] = [(); 3].map(|()| self.builder.create_block());
        self.builder.ins().brif(condition, yes, &[], no, &[]);
        self.builder.switch_to_block(yes);
        then(self);
        self.builder.ins().jump(after, &[]);
        self.builder.switch_to_block(no);
        otherwise(self);
        self.builder.ins().jump(after, &[]);
        self.builder.switch_to_block(after);
    }

    /// Answers a status, if `condition` holds.
    pub fn answer_when(&mut self, condition: Value, status: i32) {
        self.leave_when(condition, |function| function.answer_status(status));
    }

    /// The same with a body that ends with an answer.
    pub fn leave_when(&mut self, condition: Value, body: impl FnOnce(&mut Self)) {
        let inside = self.builder.create_block();
        let after = self.builder.create_block();
        self.builder.ins().brif(condition, inside, &[], after, &[]);
        self.builder.switch_to_block(inside);
        body(self);
        self.builder.switch_to_block(after);
    }

    /// While `carried.0 < end`, with values carried from round to round; answers what the last round left. `body` answers the next values.
    pub fn while_below(
        &mut self,
        end: Value,
        carried: &[Value],
        body: impl FnOnce(&mut Self, &[Value]) -> Vec<Value>,
    ) -> Vec<Value> {
        let [header, inside, after] = [(); 3].map(|()| self.builder.create_block());
        let values: Vec<Value> = carried
            .iter()
            .map(|_| self.builder.append_block_param(header, types::I64))
            .collect();
        self.jump(header, carried);
        self.builder.switch_to_block(header);
        let more = self.compare(IntCC::UnsignedLessThan, values[0], end);
        self.builder.ins().brif(more, inside, &[], after, &[]);
        self.builder.switch_to_block(inside);
        let next = body(self, &values);
        self.jump(header, &next);
        self.builder.switch_to_block(after);
        values
    }

    fn jump(&mut self, block: cranelift::codegen::ir::Block, values: &[Value]) {
        let values: Vec<_> = values.iter().copied().map(Into::into).collect();
        self.builder.ins().jump(block, &values);
    }

    /// Answers a status.
    pub fn answer_status(&mut self, status: i32) {
        let status = self.builder.ins().iconst(types::I32, i64::from(status));
        self.builder.ins().return_(&[status]);
    }

    /// Answers what another function answered, or a word.
    pub fn answer(&mut self, word: Value) {
        self.builder.ins().return_(&[word]);
    }

    /// Answers nothing.
    pub fn end(&mut self) {
        self.builder.ins().return_(&[]);
    }
}
