//! A request before it meets its upstream, and what its parts may be.
//!
//! Everything an agent chooses passes one of the functions here. A path value is one non-empty segment, or a
//! part of one: no slash, no backslash, no control character, and no segment that means "here" or "up". Query
//! and cookie values are encoded until nothing in them separates. Headers hold visible characters only, and the
//! headers that carry credentials, route, frame or override cannot be named at all.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::encode::component;
use crate::BackendError;

/// A request, without host and credentials. It has no `Debug`: what it carries is nobody's to log.
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The path below the upstream's, encoded; empty or with a slash in front.
    pub path: String,
    /// Pairs of the query, encoded.
    pub query: Vec<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// Pairs of the cookie header, encoded.
    pub cookies: Vec<String>,
    /// The body and its type.
    pub body: Option<(HeaderValue, Bytes)>,
}

impl Outgoing {
    /// A request that has nothing but a method and a path.
    pub fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            body: None,
        }
    }

    /// Adds a pair to the query.
    pub(crate) fn add_query(&mut self, name: &str, value: &str) {
        let pair = format!("{}={}", component(name), component(value));
        self.query.push(pair);
    }

    /// Sets a header to a value an agent chose.
    pub(crate) fn set_header(
        &mut self,
        name: &HeaderName,
        value: &str,
    ) -> Result<(), BackendError> {
        let value = header_value(name.as_str(), value)?;
        self.headers.insert(name.clone(), value);
        Ok(())
    }
}

/// A path value, encoded. It has to stay within its segment even where a service decodes it first.
pub(crate) fn path_value(name: &str, value: &str) -> Result<String, BackendError> {
    if value.is_empty() {
        return Err(wrong(name, "is part of a path and must not be empty"));
    }
    let leaves = |c: char| c == '/' || c == '\\' || c.is_control();
    if value.contains(leaves) {
        return Err(wrong(
            name,
            "is part of a path and must not contain slashes, backslashes or control characters",
        ));
    }
    Ok(component(value))
}

/// Refuses a path in which a segment means "here" or "up", however it is spelled.
pub(crate) fn check_segments(path: &str) -> Result<(), BackendError> {
    let steps = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    if path.split('/').any(steps) {
        let message = "An argument would make a path segment of . or .., which leads elsewhere.";
        return Err(BackendError::Arguments(message.to_owned()));
    }
    Ok(())
}

/// A header's value.
pub(crate) fn header_value(name: &str, value: &str) -> Result<HeaderValue, BackendError> {
    let visible = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let trimmed = value.trim_matches(' ');
    HeaderValue::from_str(trimmed)
        .ok()
        .filter(|_| visible)
        .ok_or_else(|| {
            wrong(
                name,
                "is sent as a header and takes visible ASCII characters only",
            )
        })
}

/// Whether a header is not for arguments: it carries credentials, names the host, frames the message, says where
/// a request came from, or changes what it is.
pub fn is_reserved_header(name: &HeaderName) -> bool {
    let name = name.as_str();
    RESERVED.contains(&name)
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn wrong(name: &str, why: &str) -> BackendError {
    BackendError::Arguments(format!("The argument {name:?} {why}."))
}

const RESERVED: [&str; 28] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "procura-actor",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];
const RESERVED_PREFIXES: [&str; 3] = ["proxy-", "x-forwarded-", "sec-"];
