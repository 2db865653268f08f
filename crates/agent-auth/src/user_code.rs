//! User codes: what a person types to find a pending request (RFC 8628 §6.1, §7.1).

use std::fmt;

use procura_keys::digest::sha256;

/// Eight consonants, shown as `WDJB-MJHT`: 20^8, more than 34 bits. Letters only, none that spell words or
/// look like digits.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// A code from random bytes; bytes that would favour some letters are skipped. `None` when too many were.
    pub fn from_random(random: [u8; 32]) -> Option<Self> {
        let fair = random.into_iter().filter(|byte| *byte < FAIR);
        let mut letters = fair.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]);
        let mut code = [0; LENGTH];
        for letter in &mut code {
            *letter = letters.next()?;
        }
        Some(Self(code))
    }

    /// Reads what a person typed: case, blanks and dashes do not matter.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut letters = typed
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐' | '‑' | '–' | '—' | '.'))
            .map(|c| {
                u8::try_from(c.to_ascii_uppercase())
                    .ok()
                    .filter(|letter| ALPHABET.contains(letter))
            });
        let mut code = [0; LENGTH];
        for letter in &mut code {
            *letter = letters.next()??;
        }
        letters.next().is_none().then_some(Self(code))
    }

    /// What is stored instead of the code.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.0.iter().enumerate() {
            if at == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

const LENGTH: usize = 8;
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// The largest multiple of the alphabet's size that a byte can hold.
const FAIR: u8 = 240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_forgiving_of_case_blanks_and_dashes() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        for typed in ["wdjbmjht", " wdjb mjht ", "WDJB—MJHT", "w-d-j-b-m-j-h-t"] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for typed in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJB-MJHA",
            "WDJB-MJH1",
            "ẄDJB-MJHT",
        ] {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
    }

    // AA-7.1-02
    #[test]
    fn every_letter_is_equally_likely() {
        let mut counts = [0_u32; 20];
        for byte in 0..FAIR {
            counts[usize::from(byte) % 20] += 1;
        }
        assert!(counts.iter().all(|count| *count == 12));
        assert_eq!(UserCode::from_random([255; 32]), None);
        let mut random = [255; 32];
        random[24..].copy_from_slice(&[0, 1, 2, 3, 20, 21, 22, 23]);
        assert_eq!(
            UserCode::from_random(random).unwrap().to_string(),
            "BCDF-BCDF"
        );
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", UserCode::parse("WDJB-MJHT")),
            "Some(UserCode(…))"
        );
    }
}
