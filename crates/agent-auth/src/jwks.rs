//! Where hosts and agents publish their keys (§4.1).

use std::fmt;
use std::str::FromStr;

use url::Url;

/// An https URL of a key set, in one spelling, so that equal places are equal.
///
/// Whether its host may be called is judged each time it is fetched, not here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JwksUrl(Url);

impl JwksUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Its spelling.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for JwksUrl {
    type Err = NotAJwksUrl;

    fn from_str(text: &str) -> Result<Self, NotAJwksUrl> {
        if text.len() > MAX_BYTES {
            return Err(NotAJwksUrl);
        }
        let url = Url::parse(text).map_err(|_| NotAJwksUrl)?;
        let is_plain = url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        is_plain.then_some(Self(url)).ok_or(NotAJwksUrl)
    }
}

impl TryFrom<String> for JwksUrl {
    type Error = NotAJwksUrl;

    fn try_from(text: String) -> Result<Self, NotAJwksUrl> {
        text.parse()
    }
}

impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the URL of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an https URL of at most {MAX_BYTES} bytes without user name, password and fragment")]
pub struct NotAJwksUrl;

const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_one_spelling() {
        let url: JwksUrl = "https://keys.example/a".parse().unwrap();
        for same in ["HTTPS://KEYS.example:443/a", "https://keys.example/b/../a"] {
            assert_eq!(same.parse(), Ok(url.clone()), "{same}");
        }
        assert_ne!("https://keys.example/A".parse(), Ok(url.clone()));
        assert_eq!(url.to_string().parse(), Ok(url));
    }

    // AA-8.12-03
    #[test]
    fn only_plain_https_urls_are_taken() {
        for text in [
            "",
            "keys.example",
            "http://keys.example/a",
            "file:///etc/passwd",
            "https://",
            "https://amy@keys.example/a",
            "https://:secret@keys.example/a",
            "https://keys.example/a#b",
        ] {
            assert_eq!(text.parse::<JwksUrl>(), Err(NotAJwksUrl), "{text}");
        }
        let long = format!("https://keys.example/{}", "a".repeat(2048));
        assert_eq!(long.parse::<JwksUrl>(), Err(NotAJwksUrl));
    }
}
