//! Arithmetic of vectors in registers.

use iced_x86::{Code, Instruction};

use super::{Assembler, Vector, Word};
use crate::codegen::transforms::VectorCode;
use crate::kernels::TileFamily;

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

impl Assembler {
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

    pub(super) fn arithmetic_code(&self, op: Arithmetic) -> Code {
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
