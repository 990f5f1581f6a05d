//! What looks at all lanes of a vector of 512 bits at once: sums of lanes, comparisons, branches. And operands that are one float for all of them.

use iced_x86::{Code, Instruction, Register};

use super::{Arithmetic, Assembler, Spread, Vector, Word};

/// How a comparison of unsigned numbers is written: first operand at least, and larger than, the second.
const AT_LEAST: u32 = 5;
const LARGER: u32 = 6;

/// The register that a word's lower half is.
fn half(word: &Word) -> Register {
    let number = Register::from(word.register()) as u32 - Register::RAX as u32;
    Register::EAX + number
}

impl Assembler {
    /// The first lanes of a vector.
    fn first_lanes(&self, vector: &Vector) -> Register {
        debug_assert!(self.is_wide());
        Register::XMM0 + u32::from(vector.0.number)
    }

    /// `a OP one float of memory` into a register that is there; only AVX-512 has it.
    pub fn compute_broadcast_into(
        &mut self,
        to: &Vector,
        op: Arithmetic,
        a: &Vector,
        base: &Word,
        floats: i64,
    ) {
        debug_assert!(self.can_broadcast());
        let place = self.place(base, floats, true);
        let [to, a] = [to, a].map(|vector| self.register(vector));
        let code = self.arithmetic_code(op);
        self.emit(Instruction::with3(code, to, a, place));
    }

    /// The same in a register of its own.
    pub fn compute_broadcast(
        &mut self,
        op: Arithmetic,
        a: &Vector,
        base: &Word,
        floats: i64,
    ) -> Vector {
        let to = self.vector();
        self.compute_broadcast_into(&to, op, a, base, floats);
        to
    }

    /// Neighbouring lanes change places, while a vector is loaded.
    pub fn load_swapped(&mut self, base: &Word, floats: i64) -> Vector {
        self.load_spread(&Spread::Quarters(0b10_11_00_01), base, floats)
    }

    /// The sums of the quarters of as many vectors as a vector has quarters (of four lanes), side by side.
    pub fn add_quarters(&mut self, vectors: &[Vector]) -> Vector {
        // Of each pair, what comes first and what comes second in quarters or halves.
        let levels: &[[u32; 2]] = match self.is_wide() {
            true => &[[0x44, 0xee], [0x88, 0xdd]],
            false => &[[0x20, 0x31]],
        };
        let code = self.by_width(
            Code::VEX_Vperm2f128_ymm_ymm_ymmm256_imm8,
            Code::EVEX_Vshuff32x4_zmm_k1z_zmm_zmmm512b32_imm8,
        );
        let mut sums = vectors.to_vec();
        for orders in levels {
            let pairs = sums.chunks(2).map(|pair| {
                let [a, b] = [&pair[0], &pair[1]].map(|vector| self.register(vector));
                let [first, second] = orders.map(|order| {
                    let picked = self.vector();
                    let to = self.register(&picked);
                    self.emit(Instruction::with4(code, to, a, b, order));
                    picked
                });
                self.compute_into(&first, Arithmetic::Add, &first, &second);
                first
            });
            sums = pairs.collect();
        }
        sums.swap_remove(0)
    }

    /// Adds the even lanes of a vector into its first.
    pub fn add_even_lanes(&mut self, vector: &Vector) {
        let register = self.register(vector);
        for (code, order) in [
            (
                Code::EVEX_Vshuff32x4_zmm_k1z_zmm_zmmm512b32_imm8,
                0b01_00_11_10,
            ),
            (
                Code::EVEX_Vshuff32x4_zmm_k1z_zmm_zmmm512b32_imm8,
                0b10_11_00_01,
            ),
        ] {
            let other = self.vector();
            let to = self.register(&other);
            self.emit(Instruction::with4(code, to, register, register, order));
            self.compute_into(vector, Arithmetic::Add, vector, &other);
        }
        let other = self.vector();
        let to = self.register(&other);
        let code = Code::EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8;
        self.emit(Instruction::with3(code, to, register, 0b01_00_11_10u32));
        self.compute_into(vector, Arithmetic::Add, vector, &other);
    }

    /// Stores a vector's first lane; NaN instead unless `most`, as unsigned numbers, has a lane of at least `least`'s, and none larger than `largest`'s.
    pub fn store_first_if_within(
        &mut self,
        [value, most, least, largest]: [&Vector; 4],
        base: &Word,
        floats: i64,
    ) {
        let first = self.first_lanes(value);
        let [most, least, largest] = [most, least, largest].map(|vector| self.register(vector));
        let words = [self.word(), self.word()];
        let [a, b] = [half(&words[0]), half(&words[1])];
        let compare = Code::EVEX_Vpcmpud_kr_k1_zmm_zmmm512b32_imm8;
        let (k1, k2) = (Register::K1, Register::K2);
        self.emit(Instruction::with4(compare, k1, most, largest, LARGER));
        self.emit(Instruction::with4(compare, k2, most, least, AT_LEAST));
        self.emit(Instruction::with2(Code::VEX_Kmovw_r32_kr, a, k1));
        self.emit(Instruction::with2(Code::VEX_Kmovw_r32_kr, b, k2));
        // All ones where no lane is large enough.
        self.emit(Instruction::with2(Code::Cmp_rm32_imm8, b, 1));
        self.emit(Instruction::with2(Code::Sbb_r32_rm32, b, b));
        self.emit(Instruction::with2(Code::Or_r32_rm32, a, b));
        self.emit(Instruction::with2(Code::EVEX_Vmovd_rm32_xmm, b, first));
        let nan = f32::NAN.to_bits();
        let third = self.word();
        let c = half(&third);
        self.emit(Instruction::with2(Code::Mov_r32_imm32, c, nan));
        self.emit(Instruction::with2(Code::Test_rm32_r32, a, a));
        self.emit(Instruction::with2(Code::Cmovne_r32_rm32, b, c));
        let place = self.place(base, floats, false);
        self.emit(Instruction::with2(Code::Mov_rm32_r32, place, b));
    }

    /// Does one thing if a vector's first lane is NaN, else the other.
    pub fn if_nan(
        &mut self,
        vector: Vector,
        nan: impl FnOnce(&mut Assembler),
        number: impl FnOnce(&mut Assembler),
    ) {
        let first = self.first_lanes(&vector);
        let code = Code::EVEX_Vucomiss_xmm_xmmm32_sae;
        self.emit(Instruction::with2(code, first, first));
        drop(vector);
        let [mut is_nan, mut end] = [(); 2].map(|()| self.code.create_label());
        let jumped = self.code.jp(is_nan);
        self.note(jumped);
        number(self);
        let jumped = self.code.jmp(end);
        self.note(jumped);
        let placed = self.code.set_label(&mut is_nan);
        self.note(placed);
        nan(self);
        let placed = self.code.set_label(&mut end);
        self.note(placed);
        // A label stands before an instruction.
        let filled = self.code.nop();
        self.note(filled);
    }
}
