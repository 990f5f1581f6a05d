//! A thin layer over iced-x86: vectors of the family's width, registers that free themselves, counted loops. With `cpu` the sole user of the assembler.
//!
//! Functions follow the System V calling convention: up to six words come in registers, all vector registers may be overwritten. Each ends in
//! `vzeroupper`, since code of Cranelift, whose vectors are narrow, would be slow while upper halves are in use.

mod across;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use iced_x86::code_asm::{
    AsmRegister64, CodeAssembler, CodeLabel, dword_ptr, get_ymm, get_zmm, qword_ptr, r8, r9, r10,
    r11, r12, rax, rbp, rbx, rcx, rdi, rdx, rsi, ymmword_ptr, zmmword_ptr,
};
use iced_x86::{
    Code, Decoder, DecoderOptions, Formatter, GasFormatter, IcedError, Instruction, MemoryOperand,
    Mnemonic, Register,
};

use crate::codegen::CodegenError;
use crate::codegen::transforms::VectorCode;
use crate::kernels::TileFamily;

/// Registers that callers expect back. The assembler saves all that it may hand out.
const SAVED: [AsmRegister64; 3] = [rbx, rbp, r12];

/// Where the arguments come.
const ARGUMENTS: [AsmRegister64; 6] = [rdi, rsi, rdx, rcx, r8, r9];

/// Bytes of a float.
const FLOAT: i64 = 4;

/// Numbers of registers that are free.
type Pool = Rc<RefCell<Vec<u8>>>;

/// A register that goes back to its pool when nothing refers to it any more.
struct Lease {
    number: u8,
    pool: Pool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.borrow_mut().push(self.number);
    }
}

/// A vector of floats in a register.
#[derive(Clone)]
pub struct Vector(Rc<Lease>);

/// An address or a count in a register.
#[derive(Clone)]
pub struct Word(Rc<Lease>);

impl Word {
    fn register(&self) -> AsmRegister64 {
        words()[usize::from(self.0.number)]
    }
}

/// All registers for words: arguments first.
fn words() -> [AsmRegister64; 12] {
    let [a, b, c, d, e, f] = ARGUMENTS;
    [
        a, b, c, d, e, f, rax, r10, r11, SAVED[0], SAVED[1], SAVED[2],
    ]
}

/// Lanes of a quarter of a wide vector, 128 bits, within which a permutation needs no vector of its own.
const QUARTER: usize = 4;

/// A permutation of a vector's lanes.
pub enum Spread {
    /// The same in each quarter, by two bits a lane.
    Quarters(u32),
    /// A source for each lane.
    Whole(Vector),
}

/// Arithmetic of two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its own name
pub enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    /// The smaller; the second where either is NaN.
    Min,
    /// The larger; the second where either is NaN.
    Max,
    /// Of the bits.
    And,
    /// The larger of the bits as unsigned numbers.
    MaxUnsigned,
}

/// Assembles one function.
pub struct Assembler {
    code: CodeAssembler,
    family: TileFamily,
    vectors: Pool,
    words: Pool,
    /// What follows the code, each at a label of its own.
    constants: BTreeMap<Vec<u32>, CodeLabel>,
    error: Option<String>,
}

impl Assembler {
    /// A function of `N` words.
    pub fn start<const N: usize>(family: TileFamily) -> (Assembler, [Word; N]) {
        let pool = |numbers: std::ops::Range<u8>| Rc::new(RefCell::new(numbers.rev().collect()));
        // Never fails: 64 is a number of bits that there is.
        let code = CodeAssembler::new(64).unwrap_or_else(|_| unreachable!("64-bit code"));
        let mut assembler = Assembler {
            code,
            family,
            vectors: pool(0..family.registers() as u8),
            words: pool(0..words().len() as u8),
            constants: BTreeMap::new(),
            error: None,
        };
        let arguments = std::array::from_fn(|_| assembler.word());
        for register in SAVED {
            let pushed = assembler.code.push(register);
            assembler.note(pushed);
        }
        (assembler, arguments)
    }

    /// The code, or why there is none: more registers than the machine has, a place out of reach.
    pub fn finish(mut self) -> Result<Vec<u8>, CodegenError> {
        let ended = self.code.vzeroupper();
        self.note(ended);
        for register in SAVED.into_iter().rev() {
            let popped = self.code.pop(register);
            self.note(popped);
        }
        let ended = self.code.ret();
        self.note(ended);
        let constants = std::mem::take(&mut self.constants);
        for (words, mut label) in constants {
            let placed = self.code.set_label(&mut label);
            self.note(placed);
            let written = self.code.dd(&words);
            self.note(written);
        }
        if let Some(error) = self.error {
            return Err(CodegenError(error));
        }
        self.code
            .assemble(0)
            .map_err(|error| CodegenError(error.to_string()))
    }

    /// Floats of a vector.
    pub fn lanes(&self) -> usize {
        self.family.lanes()
    }

    /// Whether vectors have 512 bits.
    fn is_wide(&self) -> bool {
        matches!(self.family, TileFamily::Avx512 | TileFamily::Zen4)
    }

    /// Whether an operand in memory can be one float for all lanes.
    pub fn can_broadcast(&self) -> bool {
        self.is_wide()
    }

    fn note(&mut self, result: Result<(), IcedError>) {
        if let Err(error) = result {
            self.error.get_or_insert(error.to_string());
        }
    }

    fn lease(&mut self, pool: Pool, what: &str) -> Rc<Lease> {
        let number = pool.borrow_mut().pop();
        let number = number.unwrap_or_else(|| {
            self.error.get_or_insert(format!("no {what} register left"));
            0
        });
        Rc::new(Lease { number, pool })
    }

    /// A register for a word.
    pub fn word(&mut self) -> Word {
        Word(self.lease(self.words.clone(), "word"))
    }

    fn vector(&mut self) -> Vector {
        Vector(self.lease(self.vectors.clone(), "vector"))
    }

    fn register(&self, vector: &Vector) -> Register {
        let first = match self.is_wide() {
            true => Register::ZMM0,
            false => Register::YMM0,
        };
        first + u32::from(vector.0.number)
    }

    fn place(&mut self, base: &Word, floats: i64, is_broadcast: bool) -> MemoryOperand {
        let displacement = floats * FLOAT;
        if i32::try_from(displacement).is_err() {
            self.error.get_or_insert("a place out of reach".to_owned());
        }
        let size = if displacement == 0 { 0 } else { 1 };
        let base = Register::from(base.register());
        let none = Register::None;
        MemoryOperand::new(base, none, 1, displacement, size, is_broadcast, none)
    }

    fn emit(&mut self, instruction: Result<Instruction, IcedError>) {
        let added = instruction.and_then(|instruction| self.code.add_instruction(instruction));
        self.note(added);
    }

    fn by_width(&self, narrow: Code, wide: Code) -> Code {
        match self.is_wide() {
            true => wide,
            false => narrow,
        }
    }

    // Words.

    /// `to = from`
    pub fn copy_word(&mut self, to: &Word, from: &Word) {
        let moved = self.code.mov(to.register(), from.register());
        self.note(moved);
    }

    /// `pointer += floats`
    pub fn advance(&mut self, pointer: &Word, floats: i64) {
        match i32::try_from(floats * FLOAT) {
            Ok(0) => {}
            Ok(bytes) => {
                let added = self.code.add(pointer.register(), bytes);
                self.note(added);
            }
            Err(_) => {
                self.error.get_or_insert("a place out of reach".to_owned());
            }
        }
    }

    /// The pointer number `index` of the table at `table`.
    pub fn load_word(&mut self, to: &Word, table: &Word, index: usize) {
        let place = qword_ptr(table.register() + (8 * index) as i32);
        let moved = self.code.mov(to.register(), place);
        self.note(moved);
    }

    /// Puts a pointer into a table.
    pub fn store_word(&mut self, from: &Word, table: &Word, index: usize) {
        let place = qword_ptr(table.register() + (8 * index) as i32);
        let moved = self.code.mov(place, from.register());
        self.note(moved);
    }

    /// Moves the pointer number `index` of a table by so many floats.
    pub fn advance_entry(&mut self, table: &Word, index: usize, floats: i64) {
        if floats == 0 {
            return;
        }
        let place = qword_ptr(table.register() + (8 * index) as i32);
        let added = i32::try_from(floats * FLOAT)
            .map_err(|_| "a place out of reach".to_owned())
            .and_then(|bytes| {
                self.code
                    .add(place, bytes)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = added {
            self.error.get_or_insert(error);
        }
    }

    /// Asks for the cache line that lies so many floats from `base`, to have it in the second-level cache.
    pub fn prefetch_far(&mut self, base: &Word, floats: i64) {
        let place = self.place(base, floats, false);
        self.emit(Instruction::with1(Code::Prefetcht1_m8, place));
    }

    /// Asks for the cache line that lies so many floats from `base`, to read it.
    pub fn prefetch(&mut self, base: &Word, floats: i64) {
        let place = self.place(base, floats, false);
        self.emit(Instruction::with1(Code::Prefetcht0_m8, place));
    }

    /// The same to write it.
    pub fn prefetch_to_write(&mut self, base: &Word, floats: i64) {
        let place = self.place(base, floats, false);
        self.emit(Instruction::with1(Code::Prefetchw_m8, place));
    }

    /// Does `body` `count` times; not a loop where once is all.
    pub fn repeat(&mut self, count: usize, body: impl FnOnce(&mut Assembler)) {
        match count {
            0 => {}
            1 => body(self),
            _ => {
                let left = self.word();
                let started = self.code.mov(left.register(), count as i64);
                self.note(started);
                self.count_down(&left, body);
            }
        }
    }

    /// Does `body` as often as `left` says, which is at least once; `left` is 0 afterwards.
    pub fn count_down(&mut self, left: &Word, body: impl FnOnce(&mut Assembler)) {
        let mut start = self.code.create_label();
        let placed = self.code.set_label(&mut start);
        self.note(placed);
        body(self);
        let counted = self.code.dec(left.register());
        self.note(counted);
        let jumped = self.code.jnz(start);
        self.note(jumped);
    }

    // Vectors.

    /// Zeros.
    pub fn zero(&mut self) -> Vector {
        let vector = self.vector();
        self.clear(&vector);
        vector
    }

    /// `vector = 0`
    pub fn clear(&mut self, vector: &Vector) {
        let register = self.register(vector);
        let code = self.by_width(
            Code::VEX_Vxorps_ymm_ymm_ymmm256,
            Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32,
        );
        self.emit(Instruction::with3(code, register, register, register));
    }

    /// A number in all lanes.
    pub fn splat(&mut self, value: f32) -> Vector {
        if value.to_bits() == 0 {
            return self.zero();
        }
        let label = self.constant(vec![value.to_bits()]);
        let vector = self.vector();
        let register = self.register(&vector);
        let loaded = match (get_zmm(register), get_ymm(register)) {
            (Some(wide), _) => self.code.vbroadcastss(wide, dword_ptr(label)),
            (_, Some(narrow)) => self.code.vbroadcastss(narrow, dword_ptr(label)),
            _ => unreachable!("a vector register"),
        };
        self.note(loaded);
        vector
    }

    fn constant(&mut self, words: Vec<u32>) -> CodeLabel {
        let code = &mut self.code;
        let label = self.constants.entry(words);
        *label.or_insert_with(|| code.create_label())
    }

    fn broadcast_code(&self) -> Code {
        self.by_width(
            Code::VEX_Vbroadcastss_ymm_m32,
            Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32,
        )
    }

    /// A vector from memory.
    pub fn load(&mut self, base: &Word, floats: i64) -> Vector {
        let vector = self.vector();
        self.load_into(&vector, base, floats);
        vector
    }

    /// The same into a register that is there.
    pub fn load_into(&mut self, vector: &Vector, base: &Word, floats: i64) {
        let place = self.place(base, floats, false);
        let register = self.register(vector);
        let code = self.by_width(
            Code::VEX_Vmovups_ymm_ymmm256,
            Code::EVEX_Vmovups_zmm_k1z_zmmm512,
        );
        self.emit(Instruction::with2(code, register, place));
    }

    /// A vector of halves from memory, the upper 16 bits of floats, `halves` of them from `base`.
    pub fn load_halves(&mut self, base: &Word, halves: i64) -> Vector {
        let vector = self.vector();
        let register = self.register(&vector);
        let mut place = self.place(base, 0, false);
        place.displacement = halves * FLOAT / 2;
        place.displ_size = u32::from(halves != 0);
        let code = self.by_width(
            Code::VEX_Vpmovzxwd_ymm_xmmm128,
            Code::EVEX_Vpmovzxwd_zmm_k1z_ymmm256,
        );
        self.emit(Instruction::with2(code, register, place));
        let code = self.by_width(
            Code::VEX_Vpslld_ymm_ymm_imm8,
            Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8,
        );
        self.emit(Instruction::with3(code, register, register, 16u32));
        vector
    }

    /// The permutation that gives all lanes of a group of so many the group's lane `member`. Groups divide the vector.
    pub fn spread(&mut self, group: usize, member: usize) -> Spread {
        let source = move |lane: usize| lane / group * group + member;
        if group <= QUARTER {
            let lanes = (0..QUARTER).rev();
            return Spread::Quarters(lanes.fold(0, |bits, lane| bits << 2 | source(lane) as u32));
        }
        let sources = (0..self.lanes()).map(|lane| source(lane) as u32);
        Spread::Whole(self.lanes_of(sources.collect()))
    }

    /// The bits of each lane.
    pub fn lanes_of(&mut self, bits: Vec<u32>) -> Vector {
        let label = self.constant(bits);
        let vector = self.vector();
        let register = self.register(&vector);
        let loaded = match (get_zmm(register), get_ymm(register)) {
            (Some(wide), _) => self.code.vmovups(wide, zmmword_ptr(label)),
            (_, Some(narrow)) => self.code.vmovups(narrow, ymmword_ptr(label)),
            _ => unreachable!("a vector register"),
        };
        self.note(loaded);
        vector
    }

    /// A vector from memory, permuted.
    pub fn load_spread(&mut self, spread: &Spread, base: &Word, floats: i64) -> Vector {
        let vector = self.vector();
        let place = self.place(base, floats, false);
        let register = self.register(&vector);
        let instruction = match spread {
            Spread::Quarters(bits) => {
                let code = self.by_width(
                    Code::VEX_Vpermilps_ymm_ymmm256_imm8,
                    Code::EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8,
                );
                Instruction::with3(code, register, place, *bits)
            }
            Spread::Whole(index) => {
                let code = self.by_width(
                    Code::VEX_Vpermps_ymm_ymm_ymmm256,
                    Code::EVEX_Vpermps_zmm_k1z_zmm_zmmm512b32,
                );
                Instruction::with3(code, register, self.register(index), place)
            }
        };
        self.emit(instruction);
        vector
    }

    /// One float of memory in all lanes.
    pub fn load_splat(&mut self, base: &Word, floats: i64) -> Vector {
        let vector = self.vector();
        let place = self.place(base, floats, false);
        let register = self.register(&vector);
        let code = self.broadcast_code();
        self.emit(Instruction::with2(code, register, place));
        vector
    }

    /// Stores a vector.
    pub fn store(&mut self, vector: &Vector, base: &Word, floats: i64) {
        let place = self.place(base, floats, false);
        let register = self.register(vector);
        let code = self.by_width(
            Code::VEX_Vmovups_ymmm256_ymm,
            Code::EVEX_Vmovups_zmmm512_k1z_zmm,
        );
        self.emit(Instruction::with2(code, place, register));
    }

    /// A copy in a register of its own.
    pub fn copy(&mut self, from: &Vector) -> Vector {
        let vector = self.vector();
        let (to, from) = (self.register(&vector), self.register(from));
        let code = self.by_width(
            Code::VEX_Vmovaps_ymm_ymmm256,
            Code::EVEX_Vmovaps_zmm_k1z_zmmm512,
        );
        self.emit(Instruction::with2(code, to, from));
        vector
    }

    fn fma_code(&self) -> Code {
        self.by_width(
            Code::VEX_Vfmadd231ps_ymm_ymm_ymmm256,
            Code::EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        )
    }

    /// `sum += a * b`
    pub fn fma(&mut self, sum: &Vector, a: &Vector, b: &Vector) {
        let [sum, a, b] = [sum, a, b].map(|vector| self.register(vector));
        let code = self.fma_code();
        self.emit(Instruction::with3(code, sum, a, b));
    }

    /// `sum += a * memory`
    pub fn fma_memory(&mut self, sum: &Vector, a: &Vector, base: &Word, floats: i64) {
        let place = self.place(base, floats, false);
        let [sum, a] = [sum, a].map(|vector| self.register(vector));
        let code = self.fma_code();
        self.emit(Instruction::with3(code, sum, a, place));
    }

    /// `sum += a * one float of memory`; only AVX-512 has it.
    pub fn fma_broadcast(&mut self, sum: &Vector, a: &Vector, base: &Word, floats: i64) {
        debug_assert!(self.can_broadcast());
        let place = self.place(base, floats, true);
        let [sum, a] = [sum, a].map(|vector| self.register(vector));
        let code = self.fma_code();
        self.emit(Instruction::with3(code, sum, a, place));
    }

    /// `sum -= a * b`
    pub fn fnma(&mut self, sum: &Vector, a: &Vector, b: &Vector) {
        let [sum, a, b] = [sum, a, b].map(|vector| self.register(vector));
        let code = self.by_width(
            Code::VEX_Vfnmadd231ps_ymm_ymm_ymmm256,
            Code::EVEX_Vfnmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        );
        self.emit(Instruction::with3(code, sum, a, b));
    }

    fn arithmetic_code(&self, op: Arithmetic) -> Code {
        let (narrow, wide) = match op {
            Arithmetic::Add => (
                Code::VEX_Vaddps_ymm_ymm_ymmm256,
                Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er,
            ),
            Arithmetic::Sub => (
                Code::VEX_Vsubps_ymm_ymm_ymmm256,
                Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er,
            ),
            Arithmetic::Mul => (
                Code::VEX_Vmulps_ymm_ymm_ymmm256,
                Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er,
            ),
            Arithmetic::Div => (
                Code::VEX_Vdivps_ymm_ymm_ymmm256,
                Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er,
            ),
            Arithmetic::Min => (
                Code::VEX_Vminps_ymm_ymm_ymmm256,
                Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae,
            ),
            Arithmetic::Max => (
                Code::VEX_Vmaxps_ymm_ymm_ymmm256,
                Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae,
            ),
            Arithmetic::And => (
                Code::VEX_Vpand_ymm_ymm_ymmm256,
                Code::EVEX_Vpandd_zmm_k1z_zmm_zmmm512b32,
            ),
            Arithmetic::MaxUnsigned => (
                Code::VEX_Vpmaxud_ymm_ymm_ymmm256,
                Code::EVEX_Vpmaxud_zmm_k1z_zmm_zmmm512b32,
            ),
        };
        self.by_width(narrow, wide)
    }

    /// `to = a OP b`
    pub fn compute_into(&mut self, to: &Vector, op: Arithmetic, a: &Vector, b: &Vector) {
        let [to, a, b] = [to, a, b].map(|vector| self.register(vector));
        let code = self.arithmetic_code(op);
        self.emit(Instruction::with3(code, to, a, b));
    }

    /// `a OP b` in a register of its own.
    pub fn compute(&mut self, op: Arithmetic, a: &Vector, b: &Vector) -> Vector {
        let to = self.vector();
        self.compute_into(&to, op, a, b);
        to
    }
}

impl VectorCode for Assembler {
    type Address = Word;
    type Vector = Vector;

    fn load_at(&mut self, base: &Word, floats: usize) -> Vector {
        self.load(base, floats as i64)
    }

    fn store_at(&mut self, vector: &Vector, base: &Word, floats: usize) {
        self.store(vector, base, floats as i64);
    }

    fn room(&self) -> usize {
        match self.family {
            // Of 32 registers.
            TileFamily::Avx512 | TileFamily::Zen4 => 12,
            // Of 16.
            _ => 3,
        }
    }

    fn number(&mut self, value: f32) -> Vector {
        self.splat(value)
    }

    fn plus(&mut self, a: &Vector, b: &Vector) -> Vector {
        self.compute(Arithmetic::Add, a, b)
    }

    fn minus(&mut self, a: &Vector, b: &Vector) -> Vector {
        self.compute(Arithmetic::Sub, a, b)
    }

    fn add_product(&mut self, c: &Vector, a: &Vector, b: &Vector) -> Vector {
        let sum = self.copy(c);
        self.fma(&sum, a, b);
        sum
    }

    fn sub_product(&mut self, c: &Vector, a: &Vector, b: &Vector) -> Vector {
        let sum = self.copy(c);
        self.fnma(&sum, a, b);
        sum
    }
}

/// The code of a function as text.
pub fn disassemble(code: &[u8]) -> String {
    let mut text = String::new();
    let mut formatter = GasFormatter::new();
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    while decoder.can_decode() {
        let instruction = decoder.decode();
        text.push_str("    ");
        formatter.format(&instruction, &mut text);
        text.push('\n');
        // What follows are constants.
        if instruction.mnemonic() == Mnemonic::Ret {
            break;
        }
    }
    text
}
