//! Which processor this is.

/// What its maker calls it; the architecture's name where it does not say.
pub(super) fn name() -> String {
    let name = brand().unwrap_or_default();
    // Brands are padded with blanks or zeros.
    let words: Vec<&str> = name
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    match words.is_empty() {
        true => std::env::consts::ARCH.to_owned(),
        false => words.join(" "),
    }
}

/// The 48 bytes that `cpuid` has for a name.
#[cfg(target_arch = "x86_64")]
fn brand() -> Option<String> {
    use std::arch::x86_64::__cpuid;

    /// The first of three leaves with 16 bytes each, before which is told how many extended leaves there are.
    const NAME: u32 = 0x8000_0002;
    if __cpuid(0x8000_0000).eax < NAME + 2 {
        return None;
    }
    let mut bytes = Vec::new();
    for leaf in NAME..NAME + 3 {
        let words = __cpuid(leaf);
        for word in [words.eax, words.ebx, words.ecx, words.edx] {
            bytes.extend(word.to_le_bytes());
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Others have no instruction that tells.
#[cfg(not(target_arch = "x86_64"))]
fn brand() -> Option<String> {
    None
}
