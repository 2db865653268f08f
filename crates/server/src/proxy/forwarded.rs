//! The headers in which proxies write where a request came from: `X-Forwarded-For` and `Forwarded` (RFC 7239).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

/// One of the two headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressHeader {
    /// Addresses, separated by commas.
    XForwardedFor,
    /// Elements with a parameter `for`, separated by commas.
    Forwarded,
}

impl AddressHeader {
    /// The hops in the order they were passed, the last one the nearest. `None` for what is no address, which
    /// proxies may write on purpose.
    pub(super) fn hops(self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        };
        let mut hops = Vec::new();
        for line in headers.get_all(name) {
            match (line.to_str(), self) {
                (Ok(line), Self::XForwardedFor) => hops.extend(line.split(',').map(node)),
                (Ok(line), Self::Forwarded) => {
                    hops.extend(split(line, ',').into_iter().map(forwarded_for));
                }
                (Err(_), _) => hops.push(None),
            }
        }
        hops
    }
}

/// The parameter `for` of one element. Named twice, it says nothing.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for parameter in split(element, ';') {
        let (name, value) = parameter.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            found = Some(bare.unwrap_or(value));
        }
    }
    node(found?)
}

/// Splits at `separator`, but not within quotation marks.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let at_separator = |c: char| {
        let splits = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        splits
    };
    text.split(at_separator).collect()
}

/// An address with or without a port.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    plain()
        .or_else(with_port)
        .or_else(in_brackets)
        .map(|address| address.to_canonical())
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
