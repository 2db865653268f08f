//! `[proxy]`: the proxies in front, and what is believed of what they say.

use http::HeaderName;
use serde::Deserialize;

use crate::proxy::{AddressHeader, CertificateFormat, CertificateHeader, Proxies};

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProxySection {
    trusted: Vec<String>,
    client_address: Option<AddressHeader>,
    client_certificate: Option<String>,
    client_certificate_format: CertificateFormat,
}

impl ProxySection {
    pub(super) fn judge(&self) -> Result<Proxies, String> {
        let trusted = self.trusted.iter().map(|text| text.parse());
        let trusted = trusted.collect::<Result<Vec<_>, _>>();
        let proxies = Proxies {
            trusted: trusted.map_err(|error| format!("proxy.trusted: {error}"))?,
            client_address: self.client_address,
            client_certificate: self.certificate_header()?,
        };
        let tells = proxies.client_address.is_some() || proxies.client_certificate.is_some();
        match (proxies.trusted.is_empty(), tells) {
            (true, true) => Err(
                "proxy.trusted: has to list the proxies whose headers are to be believed".to_owned(),
            ),
            (false, false) => Err(
                "proxy: nothing is taken from the trusted proxies; set client_address, client_certificate or both"
                    .to_owned(),
            ),
            _ => Ok(proxies),
        }
    }

    fn certificate_header(&self) -> Result<Option<CertificateHeader>, String> {
        let Some(name) = &self.client_certificate else {
            return Ok(None);
        };
        let name: HeaderName = name.parse().map_err(|_| {
            format!(
                "proxy.client_certificate: {name:?} is not the name of a header such as client-cert"
            )
        })?;
        Ok(Some(CertificateHeader {
            name,
            format: self.client_certificate_format,
        }))
    }
}
