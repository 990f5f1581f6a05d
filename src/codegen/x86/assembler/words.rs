//! Addresses and counts, cache lines that are asked for, and loops.

use iced_x86::code_asm::qword_ptr;
use iced_x86::{Code, Instruction};

use super::{Assembler, FLOAT, Word};

impl Assembler {
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
}
