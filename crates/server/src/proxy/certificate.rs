//! The client certificate of a connection, as a proxy that terminated its TLS passes it on (RFC 8705 §6.5).

use http::{HeaderMap, HeaderName};
use procura_keys::digest::from_base64;
use procura_keys::thumbprint::Thumbprint;

/// Where the certificate stands, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHeader {
    /// The name of the header.
    pub name: HeaderName,
    /// How the certificate is written in it.
    pub format: CertificateFormat,
}

/// How a certificate is written in a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateFormat {
    /// DER as a byte sequence of structured fields, `:MII…:` (RFC 9440).
    #[default]
    Rfc9440,
    /// PEM, percent-encoded.
    Pem,
}

impl CertificateHeader {
    /// The thumbprint of the certificate, if there is exactly one.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<Thumbprint> {
        let mut values = headers.get_all(&self.name).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let text = value.to_str().ok().filter(|text| text.len() <= MAX)?;
        let der = match self.format {
            CertificateFormat::Rfc9440 => byte_sequence(text),
            CertificateFormat::Pem => pem(&percent_decoded(text)?),
        };
        // A certificate is a sequence. Whether it is a good one, the proxy has judged.
        der.filter(|der| der.first() == Some(&SEQUENCE))
            .map(|der| Thumbprint::of_certificate(&der))
    }
}

fn byte_sequence(text: &str) -> Option<Vec<u8>> {
    from_base64(text.trim().strip_prefix(':')?.strip_suffix(':')?)
}

/// One certificate and nothing else.
fn pem(text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: String = body.split_ascii_whitespace().collect();
    from_base64(&body)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// The first byte of every certificate in DER.
const SEQUENCE: u8 = 0x30;
/// The longest header that is read, in bytes.
const MAX: usize = 32 * 1024;
