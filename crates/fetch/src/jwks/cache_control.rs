//! How long an answer asks to be kept (RFC 9111 §5.2.2).

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// The age that `Cache-Control` asks for; `None` when it asks for nothing that can be read.
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL);
    let texts = values.iter().filter_map(|value| value.to_str().ok());
    let directives = texts.flat_map(|text| text.split(','));
    let ages = directives.filter_map(|directive| age_of(directive.trim()));
    ages.min()
}

fn age_of(directive: &str) -> Option<Duration> {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
        return Some(Duration::ZERO);
    }
    if !name.eq_ignore_ascii_case("max-age") {
        return None;
    }
    value
        .trim_matches('"')
        .parse()
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_age_counts() {
        let cases = [
            (&[][..], None),
            (&["public"], None),
            (&["max-age=soon"], None),
            (&["max-age=-1"], None),
            (&["public, max-age=600"], Some(600)),
            (&["Max-Age=\"600\""], Some(600)),
            (&["max-age=600", "max-age=60"], Some(60)),
            (&["max-age=600, no-cache"], Some(0)),
            (&["No-Store"], Some(0)),
        ];
        for (values, seconds) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, value.parse().unwrap());
            }
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(max_age(&headers), expected, "{values:?}");
        }
    }
}
