//! Messages to browsers through their push services: encrypted for the browser alone (RFC 8291), and signed so that the
//! push service knows who sends them (VAPID, RFC 8292).

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;

use crate::clock::Timestamp;
use crate::digest::{from_base64url, hmac_sha256, to_base64url};

/// What a browser told so that messages can be sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushReceiver {
    /// A point of P-256: 4, then both coordinates.
    point: [u8; 65],
    /// A secret between the browser and this server.
    secret: [u8; 16],
}

impl PushReceiver {
    /// Reads `p256dh` and `auth` as browsers give them. `None` for what is no such key.
    pub fn parse(p256dh: &str, auth: &str) -> Option<Self> {
        let point = from_base64url(p256dh)?.try_into().ok()?;
        let secret = from_base64url(auth)?.try_into().ok()?;
        let receiver = Self { point, secret };
        // Agreeing with any key shows whether it is a point at all.
        let probe = private(&[1; 32])?;
        receiver.agree(&probe).map(|_| receiver)
    }

    /// Encrypts a message of at most [`MAX_MESSAGE`] bytes. `ephemeral` is a private key that is used for nothing else:
    /// 32 random bytes, which in one of four billion cases are none.
    pub fn encrypt(
        &self,
        message: &[u8],
        ephemeral: &[u8; 32],
        salt: &[u8; 16],
    ) -> Option<Vec<u8>> {
        if message.len() > MAX_MESSAGE {
            return None;
        }
        let ephemeral = private(ephemeral)?;
        let own = public(&ephemeral)?;
        let shared = self.agree(&ephemeral)?;
        let info = [b"WebPush: info\0", &self.point[..], &own].concat();
        let input = expand(&hmac_sha256(&self.secret, &shared), &info);
        let secret = hmac_sha256(salt, &input);
        let key = expand(&secret, b"Content-Encoding: aes128gcm\0");
        let nonce = expand(&secret, b"Content-Encoding: nonce\0");
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce[..12]).ok()?;
        // 2 ends the last record (RFC 8188 §2).
        let mut sealed = [message, &[2]].concat();
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
            .ok()?;
        let size = RECORD_SIZE.to_be_bytes();
        Some([&salt[..], &size, &[65], &own, &sealed].concat())
    }

    fn agree(&self, private: &PrivateKey) -> Option<Vec<u8>> {
        let theirs = UnparsedPublicKey::new(&ECDH_P256, self.point);
        agree(private, theirs, (), |shared| Ok(shared.to_vec())).ok()
    }
}

/// The key by which push services know this server.
pub struct PushKey {
    pair: EcdsaKeyPair,
    point: [u8; 65],
}

impl PushKey {
    /// The key with these 32 bytes as its secret. `None` in one of four billion cases.
    pub fn from_secret(secret: &[u8; 32]) -> Option<Self> {
        let point = public(&private(secret)?)?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, &point).ok()?;
        Some(Self { pair, point })
    }

    /// What browsers are told, so that their push service takes messages of this server alone.
    pub fn public(&self) -> String {
        to_base64url(&self.point)
    }

    /// The header `Authorization` of a request to the push service at the origin `audience`. `contact` is whom that
    /// service turns to: a `mailto:` or `https:` URL.
    pub fn authorization(
        &self,
        audience: &str,
        contact: &str,
        expires_at: Timestamp,
    ) -> Option<String> {
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let claims = json!({ "aud": audience, "exp": expires_at.as_seconds(), "sub": contact });
        let [header, claims] =
            [header, claims].map(|part| to_base64url(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        // The library draws what ECDSA needs by itself.
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .ok()?;
        let signature = to_base64url(signature.as_ref());
        Some(format!("vapid t={signed}.{signature}, k={}", self.public()))
    }
}

impl fmt::Debug for PushKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushKey({})", self.public())
    }
}

fn private(secret: &[u8; 32]) -> Option<PrivateKey> {
    PrivateKey::from_private_key(&ECDH_P256, secret).ok()
}

fn public(private: &PrivateKey) -> Option<[u8; 65]> {
    private.compute_public_key().ok()?.as_ref().try_into().ok()
}

/// The first block of HKDF's output (RFC 5869 §2.3), which is all that is needed here.
fn expand(secret: &[u8; 32], info: &[u8]) -> [u8; 32] {
    hmac_sha256(secret, &[info, &[1]].concat())
}

/// The longest message, in bytes: a record without its tag, and without the byte that ends it.
pub const MAX_MESSAGE: usize = RECORD_SIZE as usize - 16 - 1 - 86;
const RECORD_SIZE: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifying_key::VerifyingKey;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        from_base64url(text).unwrap().try_into().unwrap()
    }

    /// RFC 8291 appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out_to_the_byte() {
        let receiver = PushReceiver::parse(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        );
        let sealed = receiver.unwrap().encrypt(
            b"When I grow up, I want to be a watermelon",
            &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
            &bytes("DGv6ra1nlYgDCS1FRnbzlw"),
        );
        let expected = concat!(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz",
            "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        );
        assert_eq!(to_base64url(&sealed.unwrap()), expected);
    }

    #[test]
    fn what_is_no_key_is_no_receiver() {
        let point = PushKey::from_secret(&[7; 32]).unwrap().public();
        let secret = to_base64url(&[9; 16]);
        assert!(PushReceiver::parse(&point, &secret).is_some());
        let mut off = from_base64url(&point).unwrap();
        off[64] ^= 1;
        for (point, secret) in [
            (to_base64url(&off).as_str(), secret.as_str()),
            (&to_base64url(&[4; 65]), &secret),
            (&to_base64url(&[0; 65]), &secret),
            ("", &secret),
            (&point[..86], &secret),
            (&point, ""),
            (&point, &to_base64url(&[9; 15])),
            (&point, "not base64!"),
        ] {
            assert!(
                PushReceiver::parse(point, secret).is_none(),
                "{point} {secret}"
            );
        }
    }

    #[test]
    fn a_message_has_a_longest_length_and_keys_that_are_none_are_refused() {
        let point = PushKey::from_secret(&[7; 32]).unwrap().public();
        let receiver = PushReceiver::parse(&point, &to_base64url(&[9; 16])).unwrap();
        let length = |size| {
            let sealed = receiver.encrypt(&vec![0; size], &[3; 32], &[4; 16]);
            sealed.map(|sealed| sealed.len())
        };
        assert_eq!(length(MAX_MESSAGE), Some(4096));
        assert_eq!(length(MAX_MESSAGE + 1), None);
        for none in [[0; 32], [0xff; 32]] {
            assert!(receiver.encrypt(b"", &none, &[4; 16]).is_none());
            assert!(PushKey::from_secret(&none).is_none());
        }
    }

    #[test]
    fn the_header_carries_a_token_that_the_key_signed() {
        let key = PushKey::from_secret(&[7; 32]).unwrap();
        let at = Timestamp::from_seconds(1_800_000_000);
        let said = key.authorization("https://push.example", "mailto:ops@bank.example", at);
        let said = said.unwrap();
        let (token, point) = said
            .strip_prefix("vapid t=")
            .and_then(|rest| rest.split_once(", k="))
            .unwrap();
        assert_eq!(point, key.public());
        let point = from_base64url(point).unwrap();
        let jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": to_base64url(&point[1..33]), "y": to_base64url(&point[33..]),
        });
        let jwk = VerifyingKey::parse(&jwk).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        assert!(jwk.verifies(signed.as_bytes(), &bytes(signature)));
        let claims = from_base64url(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(
            claims,
            json!({ "aud": "https://push.example", "exp": 1_800_000_000, "sub": "mailto:ops@bank.example" })
        );
        assert!(!format!("{key:?}").contains(&to_base64url(&[7; 32])));
    }
}
