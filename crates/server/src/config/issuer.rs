//! The issuer: the base URL everything hangs off, and the audience of tokens (AAP §5.1).

use std::net::SocketAddr;

use url::{Host, Url};

/// The issuer to use: the configured one, or one made from a loopback address to listen at.
pub(super) fn judge(configured: Option<&str>, listen: &str) -> Result<String, String> {
    let address: SocketAddr = listen.parse().map_err(|_| {
        format!("server.listen: {listen:?} is not an address and port such as 127.0.0.1:8080")
    })?;
    match configured {
        Some(issuer) => judge_configured(issuer, address),
        None if address.ip().is_loopback() => Ok(format!("http://{address}")),
        None => Err(format!(
            "provider.issuer is missing; set it to the https URL that clients reach this server under \
             (it can be left out only when listening on a loopback address, and this is {address})"
        )),
    }
}

fn judge_configured(issuer: &str, address: SocketAddr) -> Result<String, String> {
    let wrong = |why: &str| format!("provider.issuer: {issuer:?} {why}");
    let url = Url::parse(issuer).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        Some(Host::Domain(host)) => host == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback && address.ip().is_loopback() => {}
        "http" => {
            return Err(wrong(
                "has to start with https://; http is for loopback addresses only",
            ));
        }
        _ => return Err(wrong("has to start with https://")),
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(wrong("must not have a user, query or fragment"));
    }
    if issuer.ends_with('/') {
        return Err(wrong("must not end with a slash"));
    }
    // Clients compare it as text, so only the text a URL parser would print is accepted.
    if issuer != url.as_str().trim_end_matches('/') {
        return Err(wrong(&format!(
            "has to be written as {}",
            url.as_str().trim_end_matches('/')
        )));
    }
    Ok(issuer.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_loopback_only() {
        let cases = [
            (None, "127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            (None, "[::1]:8080", Some("http://[::1]:8080")),
            (None, "0.0.0.0:8080", None),
            (
                Some("https://auth.example.com"),
                "0.0.0.0:8080",
                Some("https://auth.example.com"),
            ),
            (
                Some("https://example.com/agents"),
                "0.0.0.0:8080",
                Some("https://example.com/agents"),
            ),
            (
                Some("http://localhost:8080"),
                "127.0.0.1:8080",
                Some("http://localhost:8080"),
            ),
            (Some("http://localhost:8080"), "0.0.0.0:8080", None),
            (Some("http://auth.example.com"), "127.0.0.1:8080", None),
            (Some("https://auth.example.com/"), "0.0.0.0:1", None),
            (Some("https://AUTH.example.com"), "0.0.0.0:1", None),
            (Some("https://auth.example.com:443"), "0.0.0.0:1", None),
            (Some("https://a@auth.example.com"), "0.0.0.0:1", None),
            (Some("https://auth.example.com?x"), "0.0.0.0:1", None),
            (Some("ftp://auth.example.com"), "0.0.0.0:1", None),
            (Some("auth.example.com"), "0.0.0.0:1", None),
            (None, "localhost", None),
        ];
        for (configured, listen, expected) in cases {
            assert_eq!(
                judge(configured, listen).ok().as_deref(),
                expected,
                "{configured:?} {listen}"
            );
        }
    }
}
