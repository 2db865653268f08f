//! Times in HTTP headers: `Date` and `Retry-After` (RFC 9110 §5.6.7, §10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use procura_keys::clock::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// What the server's clock said when it answered.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse(headers.get(DATE)?.to_str().ok()?)
}

/// For how long the server wants to be left alone.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => parse(text).map(|moment| moment.since(now)),
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Timestamp::from_seconds(moment.unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let text = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        let headers = HeaderMap::from_iter([(DATE, text)]);
        assert_eq!(date(&headers), Some(Timestamp::from_seconds(784_111_777)));
        assert_eq!(date(&HeaderMap::new()), None);
    }

    // AA-8.13-05
    #[test]
    fn a_delay_comes_in_seconds_or_as_a_date() {
        let now = Timestamp::from_seconds(784_111_777);
        let delay = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, now)
        };
        assert_eq!(delay("30"), Some(Duration::from_secs(30)));
        assert_eq!(
            delay("Sun, 06 Nov 1994 08:49:47 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(delay("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(delay("soon"), None);
    }
}
