//! A thin layer over Cranelift's `FunctionBuilder`: addresses in floats, loops, vectors of four floats.

use cranelift::codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift::codegen::ir::{
    Block, Endianness, FuncRef, Function, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind,
    Type, Value, types,
};
use cranelift::codegen::isa::TargetIsa;
use cranelift::frontend::FunctionBuilder;

use crate::codegen::CodegenError;
use crate::plan::Machine;

/// Takes in assembled functions, so that kernels can call them.
pub trait Linker {
    /// A reference, for `caller`, to the function with this code and so many words as arguments.
    fn link(
        &mut self,
        caller: &mut Function,
        code: Vec<u8>,
        n_arguments: usize,
    ) -> Result<FuncRef, CodegenError>;
}

/// Lanes of the vectors that kernels use.
pub const LANES: usize = 4;

/// Bytes of a cache line.
const LINE: i64 = 64;

/// Bytes of a float.
const FLOAT: i64 = 4;

/// Builds one kernel.
pub struct Emitter<'a> {
    builder: FunctionBuilder<'a>,
    linker: &'a mut dyn Linker,
    error: Option<CodegenError>,
    has_fma: bool,
    operands: Value,
    /// First task to do.
    pub begin: Value,
    /// One past the last task.
    pub end: Value,
    /// Images in the batch.
    pub batch: Value,
}

/// All accesses are to memory that the caller vouches for. Nothing is said about alignment: views begin anywhere.
fn memory() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl<'a> Emitter<'a> {
    /// Opens the entry block.
    pub fn start(
        mut builder: FunctionBuilder<'a>,
        machine: &Machine,
        linker: &'a mut dyn Linker,
    ) -> Emitter<'a> {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let [operands, begin, end, batch] = *builder.block_params(entry) else {
            unreachable!("a kernel has four arguments");
        };
        Emitter {
            builder,
            linker,
            error: None,
            has_fma: machine.has_fma,
            operands,
            begin,
            end,
            batch,
        }
    }

    /// Returns and closes the function.
    pub fn finish(mut self, isa: &dyn TargetIsa) -> Result<(), CodegenError> {
        self.builder.ins().return_(&[]);
        self.builder.seal_all_blocks();
        self.builder.finalize(isa.frontend_config());
        self.error.map_or(Ok(()), Err)
    }

    /// Takes in an assembled function of words, to call as often as it is needed.
    pub fn link(
        &mut self,
        code: Result<Vec<u8>, CodegenError>,
        n_arguments: usize,
    ) -> Option<FuncRef> {
        let linked = code.and_then(|code| self.linker.link(self.builder.func, code, n_arguments));
        linked
            .map_err(|error| self.error.get_or_insert(error).clone())
            .ok()
    }

    /// Calls an assembled function. (That it is none has been noted as the error of the whole.)
    pub fn call(&mut self, function: Option<FuncRef>, arguments: &[Value]) {
        if let Some(function) = function {
            self.builder.ins().call(function, arguments);
        }
    }

    /// A table of words on the stack, with these in it.
    pub fn table(&mut self, words: &[Value]) -> Value {
        let bytes = (8 * words.len().max(1)) as u32;
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
        let slot = self.builder.create_sized_stack_slot(slot);
        for (index, &word) in words.iter().enumerate() {
            self.builder
                .ins()
                .stack_store(types::I64, word, slot, 8 * index as i32);
        }
        self.builder.ins().stack_addr(types::I64, slot, 0)
    }

    /// Memory on the stack for so many floats, beginning at a cache line.
    pub fn stack_floats(&mut self, floats: usize) -> Value {
        // A frame begins at 16 bytes, whatever its slots ask for.
        let bytes = floats * size_of::<f32>() + (LINE - 1) as usize;
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes as u32, 4);
        let slot = self.builder.create_sized_stack_slot(slot);
        let start = self.builder.ins().stack_addr(types::I64, slot, 0);
        let start = self.add_const(start, LINE - 1);
        self.builder.ins().band_imm_s(start, -LINE)
    }

    /// Puts words into a table, from entry `first` on.
    pub fn fill_table(&mut self, table: Value, first: usize, words: &[Value]) {
        for (index, &word) in (first..).zip(words) {
            let offset = (8 * index) as i32;
            self.builder.ins().store(memory(), word, table, offset);
        }
    }

    /// Instructions that have no short form here.
    pub fn builder(&mut self) -> &mut FunctionBuilder<'a> {
        &mut self.builder
    }

    /// The pointer of operand `index`.
    pub fn operand(&mut self, index: usize) -> Value {
        let offset = (index * 8) as i32;
        self.builder
            .ins()
            .load(types::I64, memory(), self.operands, offset)
    }

    // Integers. All are 64 bits wide.

    /// A number.
    pub fn int(&mut self, value: i64) -> Value {
        self.builder.ins().iconst(types::I64, value)
    }

    /// `a + b`
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().iadd(a, b)
    }

    /// `a - b`
    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().isub(a, b)
    }

    /// `a + b`
    pub fn add_const(&mut self, a: Value, b: i64) -> Value {
        if b == 0 {
            return a;
        }
        let b = self.int(b);
        self.add(a, b)
    }

    /// `a * b`
    pub fn mul_const(&mut self, a: Value, b: i64) -> Value {
        match b {
            1 => a,
            _ if b > 0 && b & (b - 1) == 0 => self
                .builder
                .ins()
                .ishl_imm_u(a, i64::from(b.trailing_zeros())),
            _ => {
                let b = self.int(b);
                self.builder.ins().imul(a, b)
            }
        }
    }

    /// `min(a, b)`, signed.
    pub fn min_int(&mut self, a: Value, b: Value) -> Value {
        let less = self.builder.ins().icmp(IntCC::SignedLessThan, a, b);
        self.builder.ins().select(less, a, b)
    }

    /// `max(a, b)`, signed.
    pub fn max_int(&mut self, a: Value, b: Value) -> Value {
        let less = self.builder.ins().icmp(IntCC::SignedLessThan, a, b);
        self.builder.ins().select(less, b, a)
    }

    /// Whether `a OP b`, as a condition.
    pub fn compare(&mut self, op: IntCC, a: Value, b: Value) -> Value {
        self.builder.ins().icmp(op, a, b)
    }

    /// `(a / b, a % b)` of a number that is not negative.
    pub fn div_rem(&mut self, a: Value, b: usize) -> (Value, Value) {
        if b == 1 {
            let zero = self.int(0);
            return (a, zero);
        }
        if b.is_power_of_two() {
            let quotient = self
                .builder
                .ins()
                .ushr_imm_u(a, i64::from(b.trailing_zeros()));
            return (quotient, self.builder.ins().band_imm_u(a, b as i64 - 1));
        }
        let divisor = self.int(b as i64);
        self.div_rem_value(a, divisor)
    }

    /// `(a / b, a % b)` of numbers that are not negative; `b` is not 0.
    pub fn div_rem_value(&mut self, a: Value, b: Value) -> (Value, Value) {
        let quotient = self.builder.ins().udiv(a, b);
        let product = self.builder.ins().imul(quotient, b);
        (quotient, self.builder.ins().isub(a, product))
    }

    // Addresses, in floats.

    /// `pointer + index * stride`
    pub fn advance(&mut self, pointer: Value, index: Value, stride: usize) -> Value {
        if stride == 0 {
            return pointer;
        }
        let bytes = self.mul_const(index, stride as i64 * FLOAT);
        self.add(pointer, bytes)
    }

    /// `pointer + floats`
    pub fn offset(&mut self, pointer: Value, floats: i64) -> Value {
        self.add_const(pointer, floats * FLOAT)
    }

    /// Address and immediate for `pointer + floats`; the immediate is 32 bits wide.
    fn place(&mut self, pointer: Value, floats: i64) -> (Value, i32) {
        match i32::try_from(floats * FLOAT) {
            Ok(immediate) => (pointer, immediate),
            Err(_) => (self.offset(pointer, floats), 0),
        }
    }

    /// Loads a value of any type.
    pub fn load(&mut self, ty: Type, pointer: Value, floats: i64) -> Value {
        let (pointer, offset) = self.place(pointer, floats);
        self.builder.ins().load(ty, memory(), pointer, offset)
    }

    /// Loads four floats.
    pub fn load4(&mut self, pointer: Value, floats: i64) -> Value {
        self.load(types::F32X4, pointer, floats)
    }

    /// Loads four halves, the upper 16 bits of floats, `halves` of them from `pointer`.
    pub fn load4_halves(&mut self, pointer: Value, halves: i64) -> Value {
        let pointer = self.add_const(pointer, halves * FLOAT / 2);
        let lower = self.builder.ins().uload16x4(memory(), pointer, 0);
        let upper = self.builder.ins().ishl_imm_u(lower, 16);
        self.cast(types::F32X4, upper)
    }

    /// Loads one float into all lanes.
    pub fn load_splat(&mut self, pointer: Value, floats: i64) -> Value {
        let value = self.load(types::F32, pointer, floats);
        self.builder.ins().splat(types::F32X4, value)
    }

    /// Stores a value of any type.
    pub fn store(&mut self, value: Value, pointer: Value, floats: i64) {
        let (pointer, offset) = self.place(pointer, floats);
        self.builder.ins().store(memory(), value, pointer, offset);
    }

    // Vectors of floats.

    /// A constant vector of 16 bytes.
    pub fn constant(&mut self, ty: Type, bytes: Vec<u8>) -> Value {
        let constant = self.builder.func.dfg.constants.insert(bytes.into());
        self.builder.ins().vconst(ty, constant)
    }

    /// A constant in all lanes.
    pub fn splat(&mut self, value: f32) -> Value {
        self.constant(types::F32X4, value.to_bits().to_le_bytes().repeat(LANES))
    }

    /// A single float as it is (for the type `F32`), or in all lanes.
    pub fn same_in_lanes(&mut self, ty: Type, value: Value) -> Value {
        if ty == types::F32 {
            value
        } else {
            self.builder.ins().splat(ty, value)
        }
    }

    /// A single float.
    pub fn float(&mut self, value: f32) -> Value {
        self.builder.ins().f32const(value)
    }

    /// `a + b`
    pub fn fadd(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fadd(a, b)
    }

    /// `a - b`
    pub fn fsub(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fsub(a, b)
    }

    /// `a * b`
    pub fn fmul(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fmul(a, b)
    }

    /// `a / b`
    pub fn fdiv(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fdiv(a, b)
    }

    /// `a` seen as a vector of another type with equally wide lanes.
    pub fn cast(&mut self, ty: Type, a: Value) -> Value {
        self.builder.ins().bitcast(ty, MemFlagsData::new(), a)
    }

    /// All bits of a lane set where `a OP b`, as a mask for [`Emitter::pick`].
    pub fn fcompare(&mut self, op: FloatCC, a: Value, b: Value) -> Value {
        self.builder.ins().fcmp(op, a, b)
    }

    /// By lane `a` where `mask` is set, `b` elsewhere.
    pub fn pick(&mut self, mask: Value, a: Value, b: Value) -> Value {
        let ty = self.builder.func.dfg.value_type(a);
        let mask = self.cast(ty, mask);
        self.builder.ins().bitselect(mask, a, b)
    }

    /// The larger by lane; `b` where either is NaN (so if `a` never is, NaN propagates). One instruction.
    pub fn max_or_second(&mut self, a: Value, b: Value) -> Value {
        let mask = self.fcompare(FloatCC::LessThan, b, a);
        self.pick(mask, a, b)
    }

    /// The smaller by lane; `b` where either is NaN (so if `a` never is, NaN propagates). One instruction.
    pub fn min_or_second(&mut self, a: Value, b: Value) -> Value {
        let mask = self.fcompare(FloatCC::LessThan, a, b);
        self.pick(mask, a, b)
    }

    /// Lanes `pick` of the eight lanes of `a` and `b`.
    pub fn shuffle(&mut self, a: Value, b: Value, pick: [u8; LANES]) -> Value {
        let bytes: Vec<u8> = pick
            .iter()
            .flat_map(|lane| (0..4).map(move |byte| lane * 4 + byte))
            .collect();
        let little = MemFlagsData::new().with_endianness(Endianness::Little);
        let ty = self.builder.func.dfg.value_type(a);
        let mask = self.builder.func.dfg.immediates.push(bytes.into());
        let ins =
            |emitter: &mut Self, value| emitter.builder.ins().bitcast(types::I8X16, little, value);
        let (a, b) = (ins(self, a), ins(self, b));
        let bytes = self.builder.ins().shuffle(a, b, mask);
        self.builder.ins().bitcast(ty, little, bytes)
    }

    /// `a * b + c`, rounded once where the machine can.
    pub fn fma(&mut self, a: Value, b: Value, c: Value) -> Value {
        if self.has_fma {
            self.builder.ins().fma(a, b, c)
        } else {
            let product = self.builder.ins().fmul(a, b);
            self.builder.ins().fadd(product, c)
        }
    }

    // Control flow.

    /// For `index` from `start` to below `end` by `step`, with values carried from round to round; answers what the last round left.
    ///
    /// The test is in the header and the arms of its branch take no arguments: otherwise loads are not folded into arithmetic.
    pub fn for_range_carrying(
        &mut self,
        start: Value,
        end: Value,
        step: i64,
        carried: &[Value],
        body: impl FnOnce(&mut Self, Value, &[Value]) -> Vec<Value>,
    ) -> Vec<Value> {
        let header = self.builder.create_block();
        let inside = self.builder.create_block();
        let after = self.builder.create_block();
        let index = self.builder.append_block_param(header, types::I64);
        let inner: Vec<Value> = carried
            .iter()
            .map(|value| {
                let ty = self.builder.func.dfg.value_type(*value);
                self.builder.append_block_param(header, ty)
            })
            .collect();
        self.jump(header, start, carried);
        self.builder.switch_to_block(header);
        let more = self.builder.ins().icmp(IntCC::SignedLessThan, index, end);
        self.builder.ins().brif(more, inside, &[], after, &[]);
        self.builder.switch_to_block(inside);
        let left = body(self, index, &inner);
        let next = self.add_const(index, step);
        self.jump(header, next, &left);
        self.builder.switch_to_block(after);
        inner
    }

    fn jump(&mut self, header: Block, index: Value, carried: &[Value]) {
        let arguments: Vec<_> = std::iter::once(index)
            .chain(carried.iter().copied())
            .map(Into::into)
            .collect();
        self.builder.ins().jump(header, &arguments);
    }

    /// For `index` from `start` to below `end` by `step`.
    pub fn for_range(
        &mut self,
        start: Value,
        end: Value,
        step: i64,
        body: impl FnOnce(&mut Self, Value),
    ) {
        self.for_range_carrying(start, end, step, &[], |emitter, index, _| {
            body(emitter, index);
            Vec::new()
        });
    }

    /// For `index` from 0 to below `count`; no loop where one round is all.
    pub fn for_count(&mut self, count: usize, body: impl FnOnce(&mut Self, Value)) {
        let start = self.int(0);
        match count {
            0 => {}
            1 => body(self, start),
            _ => {
                let end = self.int(count as i64);
                self.for_range(start, end, 1, body);
            }
        }
    }

    /// For every task of this call.
    pub fn for_tasks(&mut self, body: impl FnOnce(&mut Self, Value)) {
        let (begin, end) = (self.begin, self.end);
        self.for_range(begin, end, 1, body);
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

    /// Fills `count` floats from `pointer` with a value in all lanes.
    pub fn fill(&mut self, pointer: Value, count: usize, value: f32) {
        if count == 0 {
            return;
        }
        let vectors = self.splat(value);
        if count <= 8 * LANES {
            // A column of a halo: a loop would cost more than its rounds.
            for index in 0..count / LANES {
                self.store(vectors, pointer, (index * LANES) as i64);
            }
        } else {
            self.for_count(count / LANES, |emitter, index| {
                let place = emitter.advance(pointer, index, LANES);
                emitter.store(vectors, place, 0);
            });
        }
        if !count.is_multiple_of(LANES) {
            let single = self.float(value);
            for rest in count / LANES * LANES..count {
                self.store(single, pointer, rest as i64);
            }
        }
    }
}
