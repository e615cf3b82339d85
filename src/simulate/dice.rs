//! Chance, by seed.

/// A generator that is the same for the same seed (`SplitMix64`: spread, not secrecy).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// True in `percent` of the cases; asks chance only when it matters, so that a fault that is
    /// switched off does not move the others.
    pub(super) fn hits(&mut self, percent: f64) -> bool {
        percent > 0.0 && unit(self.next()) * 100.0 < percent
    }

    /// Within `0..below`; 0 for an empty range.
    pub(super) fn below(&mut self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.next() % below }
    }
}

/// Spreads a number over all 64 bits.
pub(super) fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Within 0..1.
pub(super) fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}
