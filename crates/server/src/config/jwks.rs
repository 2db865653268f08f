//! `[jwks]`: keys that hosts and agents publish (AAP §4.2, §8.12, §10.4).

use std::time::Duration;

use procura_fetch::{FetchPolicy, JwksPolicy};
use serde::Deserialize;

use super::span::Span;

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct JwksSection {
    pub(super) enabled: bool,
    usual_age: Span,
    min_refresh: Span,
    max_age: Span,
    retry_after: Span,
    connect_timeout: Span,
    total_timeout: Span,
    max_bytes: usize,
}

impl JwksSection {
    pub(super) fn judge(&self) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("jwks.{why}"));
        if self.usual_age.0 > self.max_age.0 || self.min_refresh.0 > self.max_age.0 {
            return wrong("max_age: must not be shorter than usual_age and min_refresh");
        }
        if self.min_refresh.0 < SECOND || self.retry_after.0 < SECOND {
            return wrong("min_refresh, jwks.retry_after: have to be at least 1s");
        }
        if self.connect_timeout.0 > self.total_timeout.0 {
            return wrong("connect_timeout: must not be longer than total_timeout");
        }
        if !BYTES.contains(&self.max_bytes) {
            return wrong("max_bytes: has to be 1024 to 16777216");
        }
        Ok(())
    }

    /// How long sets are kept.
    pub(super) fn cache(&self) -> JwksPolicy {
        JwksPolicy {
            usual_age: self.usual_age.0,
            min_refresh: self.min_refresh.0,
            max_age: self.max_age.0,
            retry_after: self.retry_after.0,
            ..JwksPolicy::default()
        }
    }

    /// How they are fetched: from public addresses only, whoever runs the server.
    pub(super) fn fetch(&self) -> FetchPolicy {
        FetchPolicy {
            connect_timeout: self.connect_timeout.0,
            total_timeout: self.total_timeout.0,
            max_response_bytes: self.max_bytes,
            ..FetchPolicy::server()
        }
    }
}

impl Default for JwksSection {
    fn default() -> Self {
        let (cache, fetch) = (JwksPolicy::default(), FetchPolicy::server());
        Self {
            enabled: true,
            usual_age: Span(cache.usual_age),
            min_refresh: Span(cache.min_refresh),
            max_age: Span(cache.max_age),
            retry_after: Span(cache.retry_after),
            connect_timeout: Span(fetch.connect_timeout),
            total_timeout: Span(fetch.total_timeout),
            max_bytes: fetch.max_response_bytes,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const BYTES: std::ops::RangeInclusive<usize> = 1024..=16 * 1024 * 1024;
