//! Vectors from constants and from memory, and back to it.

use iced_x86::code_asm::{CodeLabel, dword_ptr, get_ymm, get_zmm, ymmword_ptr, zmmword_ptr};
use iced_x86::{Code, Instruction};

use super::{Assembler, FLOAT, Vector, Word};

/// Lanes of a quarter of a wide vector, 128 bits, within which a permutation needs no vector of its own.
const QUARTER: usize = 4;

/// A permutation of a vector's lanes.
pub enum Spread {
    /// The same in each quarter, by two bits a lane.
    Quarters(u32),
    /// A source for each lane.
    Whole(Vector),
}

impl Assembler {
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
}
