//! Recovery codes: ten, each good once, for whoever has lost their passkeys.

use std::fmt;

use procura_keys::digest::sha256;

/// A recovery code: 16 letters and digits of 32, which is 80 random bits, in four groups. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// A code of these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        let letter = |byte: u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(random.into_iter().map(letter).collect())
    }

    /// Reads what somebody typed: case, blanks and dashes do not matter.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MAX_TYPED {
            return None;
        }
        let plain = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let code: String = plain.map(|c| c.to_ascii_uppercase()).collect();
        let fits = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
        fits.then_some(Self(code))
    }

    /// The code for its person to write down.
    pub fn expose(&self) -> String {
        let groups = [&self.0[..4], &self.0[4..8], &self.0[8..12], &self.0[12..]];
        groups.join("-")
    }

    /// Under what it is stored. A code cannot be guessed, so a plain digest will do.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// How many codes a person gets.
pub const COUNT: usize = 10;
const LENGTH: usize = 16;
const MAX_TYPED: usize = 64;
/// Without I, L, O and U, which are taken for others or make words.
const ALPHABET: [u8; 32] = *b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = RecoveryCode::new([0, 1, 31, 32, 63, 200, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255]);
        assert_eq!(code.expose(), "01Z0-Z878-9ABC-DEFZ");
        for typed in [
            "01Z0-Z878-9ABC-DEFZ",
            " 01z0z8789abcdefz ",
            "01z0 z878 9abc defz",
        ] {
            assert_eq!(RecoveryCode::parse(typed).as_ref(), Some(&code), "{typed}");
        }
        for typed in [
            "",
            "01Z0-Z878-9ABC-DEF",
            "01Z0-Z878-9ABC-DEFI",
            &"-".repeat(65),
        ] {
            assert_eq!(RecoveryCode::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", RecoveryCode::new([0; 16])),
            "RecoveryCode(…)"
        );
    }
}
