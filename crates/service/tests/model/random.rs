//! Randomness that a seed repeats.

/// `SplitMix64`: small, fast, and good enough to pick steps.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to and without `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let [_, _, _, _, a, b, c, d] = self.next().to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) % end
    }
}
