//! RSA public keys for PKCS #1 v1.5 signatures with SHA-256. They verify and never sign.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

/// The modulus and the exponent, big-endian and without leading zeros.
#[derive(Clone)]
pub(crate) struct RsaKey {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl RsaKey {
    /// `None` for what could be no key of 2048 to 8192 bits. The library checks the exact size when it verifies.
    pub(crate) fn new(n: &[u8], e: &[u8]) -> Option<Self> {
        let sized = MODULUS_BYTES.contains(&n.len()) && (1..=4).contains(&e.len());
        (sized && n[0] != 0 && e[0] != 0).then(|| Self {
            n: n.to_vec(),
            e: e.to_vec(),
        })
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (n, e) = (&self.n, &self.e);
        RsaPublicKeyComponents { n, e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }
}

/// How long a modulus may be, and with it a signature.
pub(crate) const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
