//! Whether 32 bytes are a point of Ed25519 (RFC 8032 §5.1.3). The library that verifies signatures does not say:
//! it takes any bytes as a key, and then no signature verifies.
//!
//! Public keys are public, so nothing here has to take constant time.

/// Whether the curve has a point with this `y` coordinate. The sign of `x`, the topmost bit, does not matter: with
/// a point, its mirror image is on the curve.
pub(crate) fn has_point(encoded: &[u8; 32]) -> bool {
    // -x² + y² = 1 - (121665/121666)·x²·y², solved for x²: that has a root exactly when the product of its
    // numerator and denominator is a square, and what is no square has -1 for its power (p - 1)/2.
    let y2 = Element::from_bytes(encoded).square();
    let numerator = y2.minus(&Element::small(1)).times(&Element::small(121_666));
    let denominator = Element::small(121_666).minus(&y2.times(&Element::small(121_665)));
    let symbol = numerator.times(&denominator).to_half_order();
    !symbol.plus(&Element::small(1)).is_zero()
}

/// A number modulo 2^255 - 19 in five limbs of 51 bits, each with room above.
struct Element([u64; 5]);

impl Element {
    fn small(value: u64) -> Self {
        Self([value, 0, 0, 0, 0])
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        let limb = |number: usize| (0..51).fold(0, |sum, at| sum | bit(number * 51 + at) << at);
        Self([limb(0), limb(1), limb(2), limb(3), limb(4)])
    }

    fn plus(&self, other: &Self) -> Self {
        let sum = |at: usize| u128::from(self.0[at]) + u128::from(other.0[at]);
        Self::carried([sum(0), sum(1), sum(2), sum(3), sum(4)])
    }

    fn minus(&self, other: &Self) -> Self {
        let difference =
            |at: usize| u128::from(self.0[at]) + u128::from(TWICE_P[at]) - u128::from(other.0[at]);
        let limbs = [0, 1, 2, 3, 4].map(difference);
        Self::carried(limbs)
    }

    /// 2^255 is 19, so what goes over the top comes back below.
    fn times(&self, other: &Self) -> Self {
        let [a0, a1, a2, a3, a4] = self.0.map(u128::from);
        let [b0, b1, b2, b3, b4] = other.0.map(u128::from);
        Self::carried([
            a0 * b0 + 19 * (a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1),
            a0 * b1 + a1 * b0 + 19 * (a2 * b4 + a3 * b3 + a4 * b2),
            a0 * b2 + a1 * b1 + a2 * b0 + 19 * (a3 * b4 + a4 * b3),
            a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + 19 * (a4 * b4),
            a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
        ])
    }

    fn square(&self) -> Self {
        self.times(self)
    }

    /// The power 2^times.
    fn squared(&self, times: usize) -> Self {
        (1..times).fold(self.square(), |power, _| power.square())
    }

    /// The power (p - 1)/2 = 2^254 - 10 = (2^250 - 1)·2^4 + 6, by powers whose exponents are so many ones.
    fn to_half_order(&self) -> Self {
        let join = |high: &Self, low: &Self, bits| high.squared(bits).times(low);
        let two = join(self, self, 1);
        let four = join(&two, &two, 2);
        let five = join(&four, self, 1);
        let ten = join(&five, &five, 5);
        let twenty = join(&ten, &ten, 10);
        let forty = join(&twenty, &twenty, 20);
        let fifty = join(&forty, &ten, 10);
        let hundred = join(&fifty, &fifty, 50);
        let two_hundred = join(&hundred, &hundred, 100);
        let all = join(&two_hundred, &fifty, 50);
        join(&all, &two.square(), 4)
    }

    /// Limbs below 2^51 but for the lowest, which may be a little above.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each limb is masked to 51 bits, and the last carry is below 2^10"
    )]
    fn carried(mut limbs: [u128; 5]) -> Self {
        for _ in 0..2 {
            for at in 0..5 {
                let carry = limbs[at] >> 51;
                limbs[at] &= u128::from(MASK);
                limbs[(at + 1) % 5] += if at == 4 { carry * 19 } else { carry };
            }
        }
        Self(limbs.map(|limb| limb as u64))
    }

    /// Whether this is 0 or the prime, the two forms of zero that fit.
    fn is_zero(&self) -> bool {
        let carried = Self::carried(self.0.map(u128::from)).0;
        carried == [0; 5] || carried == P
    }
}

const MASK: u64 = (1 << 51) - 1;
const P: [u64; 5] = [MASK - 18, MASK, MASK, MASK, MASK];
/// Enough to stay above zero when something is taken away.
const TWICE_P: [u64; 5] = [2 * P[0], 2 * MASK, 2 * MASK, 2 * MASK, 2 * MASK];

#[cfg(test)]
mod tests {
    use ed25519_dalek::VerifyingKey;

    use super::*;
    use crate::digest::sha256;

    #[test]
    fn half_of_all_numbers_belong_to_a_point_and_another_library_names_the_same() {
        let mut points = 0;
        for number in 0..2000_u32 {
            let mut bytes = sha256(&number.to_le_bytes());
            if number < 400 {
                // Numbers at both ends, where carries and reductions show.
                bytes = [if number % 2 == 0 { 0 } else { 0xff }; 32];
                bytes[..4].copy_from_slice(&number.to_le_bytes());
                bytes[31] &= 0x7f;
            }
            let expected = VerifyingKey::from_bytes(&bytes).is_ok();
            assert_eq!(has_point(&bytes), expected, "{bytes:02x?}");
            points += u32::from(expected);
        }
        assert!((900..1100).contains(&points), "{points}");
    }
}
