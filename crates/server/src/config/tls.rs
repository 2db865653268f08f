//! `[tls]`: the server's own certificate, for when no proxy stands in front.

use std::path::PathBuf;

use serde::Deserialize;

use crate::tls::TlsFiles;

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default)]
    client_certificates: bool,
}

impl TlsSection {
    pub(super) fn judge(&self, issuer: &str) -> Result<TlsFiles, String> {
        if !issuer.starts_with("https://") {
            return Err(
                "tls: provider.issuer has to be set to the https URL that clients reach this server under"
                    .to_owned(),
            );
        }
        Ok(TlsFiles {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            client_certificates: self.client_certificates,
        })
    }
}
