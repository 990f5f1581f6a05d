//! Where choices come from: a seed, or bytes that a fuzzer steers.

/// A source of choices. The same seed, or the same bytes, make the same choices.
#[derive(Clone, Debug)]
pub struct Entropy<'b> {
    state: u64,
    /// Taken before the seed; `None` if there is nothing but a seed.
    bytes: Option<&'b [u8]>,
}

impl Entropy<'static> {
    /// Choices that follow from a seed (SplitMix64).
    pub fn seeded(seed: u64) -> Entropy<'static> {
        Entropy {
            state: seed,
            bytes: None,
        }
    }
}

impl<'b> Entropy<'b> {
    /// Choices read from bytes. When they are used up, every further choice is the first one, so
    /// that a shorter text of bytes makes a simpler net.
    pub fn of_bytes(bytes: &'b [u8]) -> Entropy<'b> {
        Entropy {
            state: 0,
            bytes: Some(bytes),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`; 0 if `n` is 0. At most 65,536 different ones come from bytes.
    pub fn below(&mut self, n: usize) -> usize {
        let Some(bytes) = &mut self.bytes else {
            return (self.next() % n.max(1) as u64) as usize;
        };
        let width = if n > 256 { 2 } else { 1 };
        let (taken, rest) = bytes.split_at(width.min(bytes.len()));
        *bytes = rest;
        let number = taken.iter().fold(0, |sum, byte| sum << 8 | *byte as usize);
        number % n.max(1)
    }

    /// True once in `n` times, and never where bytes are used up.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) + 1 == n
    }

    /// One of several, the first where bytes are used up.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).cloned()
    }

    /// In -1..1, of so few bits that it is exact in f32. Never read from bytes.
    pub fn number(&mut self) -> f64 {
        (self.next() >> 44) as f64 / (1 << 19) as f64 - 1.0
    }
}
