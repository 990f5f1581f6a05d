//! A thin layer over iced-x86: vectors of the family's width, registers that free themselves, counted loops. With `cpu` the sole user of the assembler.
//!
//! Functions follow the System V calling convention: up to six words come in registers, all vector registers may be overwritten. Each ends in
//! `vzeroupper`, since code of Cranelift, whose vectors are narrow, would be slow while upper halves are in use.

mod across;
mod arithmetic;
mod loads;
mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use iced_x86::code_asm::{
    AsmRegister64, CodeAssembler, CodeLabel, r8, r9, r10, r11, r12, rax, rbp, rbx, rcx, rdi, rdx,
    rsi,
};
use iced_x86::{
    Code, Decoder, DecoderOptions, Formatter, GasFormatter, IcedError, Instruction, MemoryOperand,
    Mnemonic, Register,
};

pub use arithmetic::Arithmetic;
pub use loads::Spread;

use crate::codegen::CodegenError;
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
            return Err(CodegenError::Internal(error));
        }
        self.code
            .assemble(0)
            .map_err(|error| CodegenError::Internal(error.to_string()))
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

    /// A register for a vector, which holds anything.
    pub fn vector(&mut self) -> Vector {
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
