//! A function that asks the processor what it has.

use iced_x86::IcedError;
use iced_x86::code_asm::{
    CodeAssembler, dword_ptr, eax, ebx, ecx, edx, r8d, r9d, r10d, r11d, rbx, rdi,
};

use crate::codegen::CodegenError;
use crate::codegen::processor::OSXSAVE;

/// `fn(words: *mut Words)`: see [`Words`](crate::codegen::processor::Words).
pub fn cpu() -> Result<Vec<u8>, CodegenError> {
    assemble().map_err(|error| CodegenError::Internal(error.to_string()))
}

fn assemble() -> Result<Vec<u8>, IcedError> {
    let mut a = CodeAssembler::new(64)?;
    let [mut no_leaf_7, mut no_extended, mut no_state] = [(); 3].map(|()| a.create_label());
    a.push(rbx)?;
    // How many leaves there are.
    a.xor(eax, eax)?;
    a.cpuid()?;
    a.mov(r8d, eax)?;

    a.mov(eax, 1)?;
    a.cpuid()?;
    a.mov(r9d, ecx)?;
    a.mov(dword_ptr(rdi), ecx)?;

    a.xor(r10d, r10d)?;
    a.xor(r11d, r11d)?;
    a.cmp(r8d, 7)?;
    a.jb(no_leaf_7)?;
    a.mov(eax, 7)?;
    a.xor(ecx, ecx)?;
    a.cpuid()?;
    a.mov(r10d, ebx)?;
    a.mov(r11d, edx)?;
    a.set_label(&mut no_leaf_7)?;
    a.mov(dword_ptr(rdi + 4), r10d)?;
    a.mov(dword_ptr(rdi + 8), r11d)?;

    a.xor(r10d, r10d)?;
    a.mov(eax, 0x8000_0000u32)?;
    a.cpuid()?;
    a.cmp(eax, 0x8000_0001u32 as i32)?;
    a.jb(no_extended)?;
    a.mov(eax, 0x8000_0001u32)?;
    a.cpuid()?;
    a.mov(r10d, ecx)?;
    a.set_label(&mut no_extended)?;
    a.mov(dword_ptr(rdi + 12), r10d)?;

    a.xor(r10d, r10d)?;
    a.bt(r9d, OSXSAVE)?;
    a.jae(no_state)?;
    a.xor(ecx, ecx)?;
    a.xgetbv()?;
    a.mov(r10d, eax)?;
    a.set_label(&mut no_state)?;
    a.mov(dword_ptr(rdi + 16), r10d)?;
    a.pop(rbx)?;
    a.ret()?;
    a.assemble(0)
}
