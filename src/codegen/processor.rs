//! What processors of x86-64 tell of themselves, and which families of tiles run on them.
//!
//! One table: the JIT, `--isa`, the measurements of a machine's peak and the libraries that `netc build` makes all choose by it. The processor that runs this is asked
//! by [`host`], the one that runs a library by [`x86::cpu`](super::x86::cpu), which writes the same words.

use crate::kernels::TileFamily;

/// How many words a processor is described by.
pub const N_WORDS: usize = 5;

/// What a processor tells, in this order: `ecx` of CPUID's leaf 1; `ebx` and `edx` of its leaf 7; `ecx` of its leaf 0x8000_0001; and XCR0, the registers whose state the
/// system saves. A word that the processor does not have is 0.
pub type Words = [u32; N_WORDS];

const LEAF_1_ECX: usize = 0;
const LEAF_7_EBX: usize = 1;
const LEAF_7_EDX: usize = 2;
const EXTENDED_ECX: usize = 3;
const STATE: usize = 4;

/// Leaf 1, `ecx`: the system lets programs ask which registers it saves.
pub const OSXSAVE: u32 = 27;

/// A bit of [`Words`].
#[derive(Clone, Copy)]
struct Bit(usize, u32);

/// An instruction set that code may use: what Cranelift calls it, and the bit that tells of it.
struct Feature(&'static str, Bit);

/// What tiles of 128 bits take for granted (the second level of x86-64, as compilers call it): machines since 2009.
const NARROW: [Feature; 5] = [
    Feature("has_sse3", Bit(LEAF_1_ECX, 0)),
    Feature("has_ssse3", Bit(LEAF_1_ECX, 9)),
    Feature("has_sse41", Bit(LEAF_1_ECX, 19)),
    Feature("has_sse42", Bit(LEAF_1_ECX, 20)),
    Feature("has_popcnt", Bit(LEAF_1_ECX, 23)),
];

const FMA: Bit = Bit(LEAF_1_ECX, 12);

/// What those of 256 bits do besides (the third level).
const WIDE: [Feature; 6] = [
    Feature("has_avx", Bit(LEAF_1_ECX, 28)),
    Feature("has_fma", FMA),
    Feature("has_avx2", Bit(LEAF_7_EBX, 5)),
    Feature("has_bmi1", Bit(LEAF_7_EBX, 3)),
    Feature("has_bmi2", Bit(LEAF_7_EBX, 8)),
    Feature("has_lzcnt", Bit(EXTENDED_ECX, 5)),
];

/// What those of 512 bits do besides.
const WIDEST: [Feature; 2] = [
    Feature("has_avx512f", Bit(LEAF_7_EBX, 16)),
    Feature("has_avx512vl", Bit(LEAF_7_EBX, 31)),
];

/// SSE4A, which only AMD's processors have. Code of [`TileFamily::Zen4`] does not use it.
const AMD: Bit = Bit(EXTENDED_ECX, 6);

/// AVX512_VP2INTERSECT, which AMD's processors have since Zen 5. There additions of whole vectors compete with multiply-adds, so that [`TileFamily::Zen4`] does not pay.
const SINCE_ZEN_5: Bit = Bit(LEAF_7_EDX, 8);

/// Registers that the system must save: those of 128 and 256 bits.
const WIDE_STATE: u32 = 0b110;

/// Those of 512 bits too: masks, and both halves of the registers.
const WIDEST_STATE: u32 = WIDE_STATE | 0b1110_0000;

/// What a family of tiles asks of a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Bits that must be set.
    pub needed: Words,
    /// Bits that must not be: of a processor on which another family is faster.
    pub excluded: Words,
}

impl Requirements {
    /// Those of a family.
    pub fn of(family: TileFamily) -> Requirements {
        let mut of_family = Requirements::default();
        for Feature(_, Bit(word, bit)) in features(family) {
            of_family.needed[*word] |= 1 << bit;
        }
        of_family.needed[STATE] = match family {
            TileFamily::Clif128 => 0,
            TileFamily::Avx2 => WIDE_STATE,
            TileFamily::Avx512 | TileFamily::Zen4 => WIDEST_STATE,
        };
        if family == TileFamily::Zen4 {
            of_family.needed[AMD.0] |= 1 << AMD.1;
            of_family.excluded[SINCE_ZEN_5.0] |= 1 << SINCE_ZEN_5.1;
        }
        of_family
    }

    /// Whether a processor meets them.
    pub fn hold(&self, found: &Words) -> bool {
        let wanted = self.needed.iter().zip(&self.excluded);
        let mut words = found.iter().zip(wanted);
        words.all(|(found, (needed, excluded))| found & (needed | excluded) == *needed)
    }
}

fn features(family: TileFamily) -> impl Iterator<Item = &'static Feature> {
    let (wide, widest): (&[Feature], &[Feature]) = match family {
        TileFamily::Clif128 => (&[], &[]),
        TileFamily::Avx2 => (&WIDE, &[]),
        TileFamily::Avx512 | TileFamily::Zen4 => (&WIDE, &WIDEST),
    };
    NARROW.iter().chain(wide).chain(widest)
}

/// Cranelift's names of the instruction sets that code of a family may use.
pub fn settings(family: TileFamily) -> impl Iterator<Item = &'static str> {
    features(family).map(|Feature(name, _)| *name)
}

/// The families that run on a processor, the narrowest first: of these the last is the fastest.
pub fn families(found: &Words) -> Vec<TileFamily> {
    let all = TileFamily::ALL.into_iter();
    all.filter(|family| Requirements::of(*family).hold(found))
        .collect()
}

/// Whether a processor has fused multiply-add.
pub fn has_fma(found: &Words) -> bool {
    found[FMA.0] & 1 << FMA.1 != 0 && found[STATE] & WIDE_STATE == WIDE_STATE
}

/// The processor that runs this.
#[cfg(target_arch = "x86_64")]
pub fn host() -> Words {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// The leaf of AMD's extensions.
    const EXTENDED: u32 = 0x8000_0001;
    let mut words = [0; N_WORDS];
    words[LEAF_1_ECX] = __cpuid(1).ecx;
    if __cpuid(0).eax >= 7 {
        let leaf = __cpuid_count(7, 0);
        (words[LEAF_7_EBX], words[LEAF_7_EDX]) = (leaf.ebx, leaf.edx);
    }
    if __cpuid(0x8000_0000).eax >= EXTENDED {
        words[EXTENDED_ECX] = __cpuid(EXTENDED).ecx;
    }
    if words[LEAF_1_ECX] & 1 << OSXSAVE != 0 {
        // SAFETY: with this bit the system has enabled the instruction.
        words[STATE] = unsafe { _xgetbv(0) } as u32;
    }
    words
}

/// Others do not tell.
#[cfg(not(target_arch = "x86_64"))]
pub fn host() -> Words {
    [0; N_WORDS]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use TileFamily::{Avx2, Avx512, Clif128, Zen4};

    /// The state that Linux saves on machines without AVX, with it, and with AVX-512.
    const SSE: u32 = 0b11;
    const AVX: u32 = 0b111;
    const ALL: u32 = 0b1110_0111;

    /// Processors as they describe themselves, and what runs there.
    pub const PROCESSORS: [(&str, Words, &[TileFamily]); 12] = [
        ("Core 2", [0x0000_e3bd, 0, 0, 0x1, 0], &[]),
        ("Nehalem", [0x0098_e3bd, 0, 0, 0x1, 0], &[Clif128]),
        ("Sandy Bridge", [0x1fba_e3bf, 0, 0, 0x1, AVX], &[Clif128]),
        // Fused multiply-adds without AVX2.
        (
            "Piledriver",
            [0x3e98_320b, 0x8, 0, 0x01eb_bfff, AVX],
            &[Clif128],
        ),
        (
            "Haswell",
            [0x7ffa_fbff, 0x27ab, 0x9c00_0000, 0x21, AVX],
            &[Clif128, Avx2],
        ),
        // A system that saves nothing wide.
        (
            "Haswell, no AVX state",
            [0x7ffa_fbff, 0x27ab, 0, 0x21, SSE],
            &[Clif128],
        ),
        (
            "Zen 3",
            [0x7ef8_320b, 0x219c_97a9, 0x10, 0x75c2_37ff, AVX],
            &[Clif128, Avx2],
        ),
        (
            "Sapphire Rapids",
            [0x7ffe_fbff, 0xf3bf_bfef, 0xffdd_4432, 0x121, ALL],
            &[Clif128, Avx2, Avx512],
        ),
        (
            "Sapphire Rapids, no AVX-512 state",
            [0x7ffe_fbff, 0xf3bf_bfef, 0xffdd_4432, 0x121, AVX],
            &[Clif128, Avx2],
        ),
        // What Zen 5 is told by, but not of AMD's make.
        (
            "Tiger Lake",
            [0x7ffa_fbbf, 0xf3bf_a7eb, 0xfc10_0510, 0x121, ALL],
            &[Clif128, Avx2, Avx512],
        ),
        (
            "Zen 4",
            [0x7efa_320b, 0xf1bf_97a9, 0x1000_0010, 0x75c2_37ff, ALL],
            &[Clif128, Avx2, Avx512, Zen4],
        ),
        (
            "Zen 5",
            [0x7efa_320b, 0xf1bf_97a9, 0x1000_0110, 0x75c2_37ff, ALL],
            &[Clif128, Avx2, Avx512],
        ),
    ];

    #[test]
    fn every_processor_gets_the_families_that_it_runs() {
        for (name, words, expected) in PROCESSORS {
            assert_eq!(families(&words), expected, "{name}");
        }
    }

    #[test]
    fn fused_multiply_adds_need_registers_that_are_saved() {
        let has = PROCESSORS.map(|(name, words, _)| (name, has_fma(&words)));
        let without = has.iter().filter(|(_, has_fma)| !has_fma);
        let without: Vec<&str> = without.map(|(name, _)| *name).collect();
        assert_eq!(
            without,
            ["Core 2", "Nehalem", "Sandy Bridge", "Haswell, no AVX state"]
        );
    }

    #[test]
    fn one_missing_bit_takes_a_family_away() {
        let (_, zen4, _) = PROCESSORS[10];
        for family in TileFamily::ALL {
            let Requirements { needed, excluded } = Requirements::of(family);
            for (word, bit) in (0..N_WORDS).flat_map(|word| (0..32).map(move |bit| (word, bit))) {
                let mut changed = zen4;
                changed[word] ^= 1 << bit;
                let counts = (needed[word] | excluded[word]) & 1 << bit != 0;
                let runs = families(&changed).contains(&family);
                assert_eq!(runs, !counts, "{}: bit {bit} of word {word}", family.name());
            }
        }
    }

    /// What runs by these words runs by what the standard library finds.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_host_has_what_the_standard_library_finds() {
        let found = families(&host());
        assert!(!found.contains(&Avx2) || is_x86_feature_detected!("avx2"));
        assert!(!found.contains(&Avx512) || is_x86_feature_detected!("avx512vl"));
        assert_eq!(has_fma(&host()), is_x86_feature_detected!("fma"));
    }
}
