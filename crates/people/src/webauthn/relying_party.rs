use url::{Host, Url};

/// This server as authenticators know it (WebAuthn §4, §13.4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host name that passkeys are bound to.
    pub id: String,
    /// The only origin whose pages may use them.
    pub origin: String,
}

impl RelyingParty {
    /// The relying party behind an issuer. `None` where browsers allow no passkeys: at an IP address, and without
    /// https anywhere but at `localhost`.
    pub fn of_issuer(issuer: &str) -> Option<Self> {
        let url = Url::parse(issuer).ok()?;
        let Some(Host::Domain(host)) = url.host() else {
            return None;
        };
        let is_secure = url.scheme() == "https" || host == "localhost";
        is_secure.then(|| Self {
            id: host.to_owned(),
            origin: url.origin().ascii_serialization(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_name_and_https() {
        let cases = [
            (
                "https://bank.example",
                Some(("bank.example", "https://bank.example")),
            ),
            (
                "https://bank.example:8443/auth",
                Some(("bank.example", "https://bank.example:8443")),
            ),
            (
                "http://localhost:8080",
                Some(("localhost", "http://localhost:8080")),
            ),
            ("http://127.0.0.1:8080", None),
            ("https://192.0.2.1", None),
            ("http://bank.example", None),
            ("bank", None),
        ];
        for (issuer, expected) in cases {
            let found = RelyingParty::of_issuer(issuer);
            let found = found
                .as_ref()
                .map(|party| (party.id.as_str(), party.origin.as_str()));
            assert_eq!(found, expected, "{issuer}");
        }
    }
}
