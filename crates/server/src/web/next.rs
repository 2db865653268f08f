//! Where to go after signing in: a path of this site and nothing else.

use url::form_urlencoded::byte_serialize;

/// A path of this site, with its query. Safe to send a browser to, whoever chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    /// Reads what an address or a form carries. `None` for anything that a browser could take for another site.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Browsers read a backslash as a slash and drop tabs and line breaks, so neither may hide a second slash.
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let local = text.starts_with('/') && !text.starts_with("//");
        (plain && local && text.len() <= MAX_BYTES).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether something is decided there, which takes a fresh sign-in.
    pub(super) fn leads_to_a_decision(&self, base: &str) -> bool {
        let path = self.0.strip_prefix(base).unwrap_or_default();
        path.starts_with("/device") || path.starts_with("/inbox/")
    }
}

/// The sign-in page that leads to `path` afterwards, after the base path.
pub(super) fn sign_in_path(path: &str) -> String {
    with_next("/login", path)
}

/// `page`, which leads to `path` afterwards.
pub(super) fn with_next(page: &str, path: &str) -> String {
    let next: String = byte_serialize(path.as_bytes()).collect();
    format!("{page}?next={next}")
}

const MAX_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn paths_of_this_site_are_kept() {
        for path in [
            "/",
            "/device",
            "/device?code=WDJB-MJHT",
            "/auth/device?code=a%2Fb#x",
            "/a//b",
        ] {
            assert_eq!(Next::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn a_request_is_where_something_is_decided() {
        let decides = |base: &str, path: &str| Next::parse(path).unwrap().leads_to_a_decision(base);
        assert!(decides("", "/device?code=WDJB-MJHT"));
        assert!(decides("/auth", "/auth/inbox/x"));
        for (base, path) in [
            ("", "/inbox"),
            ("", "/"),
            ("/auth", "/device"),
            ("", "/a/device"),
        ] {
            assert!(!decides(base, path), "{base} {path}");
        }
    }

    #[test]
    fn whatever_could_leave_this_site_is_refused() {
        let attempts = [
            "",
            "device",
            "https://evil.example",
            "HTTPS:evil.example",
            "javascript:alert(1)",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\nSet-Cookie: a=b",
            " //evil.example",
            "/ /evil.example",
            "/\u{0}",
            "/é",
        ];
        for text in attempts {
            assert_eq!(Next::parse(text), None, "{text:?}");
        }
        assert_eq!(Next::parse(&format!("/{}", "a".repeat(MAX_BYTES))), None);
    }

    /// The rule judged by a browser's own way to read addresses.
    #[test]
    fn every_short_text_that_passes_stays_on_the_site() {
        let site = Url::parse("https://bank.example/login").unwrap();
        let alphabet = [
            '/', '\\', '.', ':', '@', '?', '#', '%', '\t', ' ', 'e', '\u{2044}',
        ];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts
                .iter()
                .flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}")));
            texts = longer.collect();
            for next in texts.iter().filter_map(|text| Next::parse(text)) {
                let target = site.join(next.as_str()).unwrap();
                assert_eq!(target.origin(), site.origin(), "{next:?}");
            }
        }
    }
}
