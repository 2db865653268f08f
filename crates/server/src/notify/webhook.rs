//! Notices as signed requests to a URL of the operator's, in the form of Standard Webhooks
//! (<https://www.standardwebhooks.com>), for which receivers have libraries.
//!
//! `webhook-signature` is `v1,` and the base64 of the HMAC-SHA-256 of `<webhook-id>.<webhook-timestamp>.<body>`.

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, header};
use procura_agent_auth::notice::{Audience, Notice, Undelivered, WaitingRequest};
use procura_fetch::{Fetcher, Request};
use procura_keys::clock::Timestamp;
use procura_keys::digest::{from_base64, hmac_sha256, to_base64};
use procura_service::Context;
use serde::Serialize;
use url::Url;

use super::Sender;

/// A receiver of signed requests.
pub struct Webhook {
    name: String,
    url: Url,
    key: WebhookKey,
    fetcher: Fetcher,
}

impl Webhook {
    /// A receiver at `url`, which the fetcher has to admit.
    pub fn new(name: String, url: Url, key: WebhookKey, fetcher: Fetcher) -> Self {
        Self {
            name,
            url,
            key,
            fetcher,
        }
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.name)
    }
}

#[async_trait]
impl Sender for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, ctx: &Context, notice: &Notice) -> Result<(), Undelivered> {
        // Whatever a receiver answers, the operator may still mend it.
        self.attempt(ctx, notice).await.map_err(|why| Undelivered {
            why,
            for_good: false,
        })
    }
}

impl Webhook {
    async fn attempt(&self, ctx: &Context, notice: &Notice) -> Result<(), String> {
        let body = body(ctx, notice).map_err(|error| error.to_string())?;
        let headers = self.headers(notice, ctx.now(), &body);
        let request = Request {
            method: Method::POST,
            url: self.url.clone(),
            headers: headers.map_err(|error| error.to_string())?,
            body: Some(body.into()),
        };
        let answer = self.fetcher.send(request).await;
        let status = answer.map_err(|error| error.to_string())?.status;
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("answered {}", status.as_u16()))
        }
    }

    fn headers(
        &self,
        notice: &Notice,
        now: Timestamp,
        body: &str,
    ) -> Result<HeaderMap, header::InvalidHeaderValue> {
        let id = notice.id.as_str();
        let seconds = now.as_seconds();
        let signature = self.key.sign(id, seconds, body);
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert("webhook-id", HeaderValue::try_from(id)?);
        headers.insert("webhook-timestamp", seconds.into());
        headers.insert("webhook-signature", HeaderValue::try_from(signature)?);
        Ok(headers)
    }
}

/// What a receiver and this server share. It has no `Debug`.
pub struct WebhookKey(Vec<u8>);

impl WebhookKey {
    /// Reads a secret: `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = from_base64(text.strip_prefix("whsec_")?)?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let signed = format!("{id}.{seconds}.{body}");
        let mac = hmac_sha256(&self.0, signed.as_bytes());
        format!("v1,{}", to_base64(&mac))
    }
}

fn body(ctx: &Context, notice: &Notice) -> serde_json::Result<String> {
    let (user_id, url) = match &notice.audience {
        Audience::Person(id) => (Some(id.0.as_str()), Some(ctx.provider().url("/inbox"))),
        Audience::Administrators => (None, None),
    };
    serde_json::to_string(&Body {
        id: notice.id.as_str(),
        event: notice.audience.event().as_str(),
        time: notice.created_at,
        issuer: &ctx.provider().issuer,
        user_id,
        requests: &notice.requests,
        url,
    })
}

/// What is sent: identifiers, and nothing that approves or that a stranger wrote.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    event: &'static str,
    time: Timestamp,
    issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    requests: &'a [WaitingRequest],
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of `docs/notifications.md`, whose signature OpenSSL made.
    #[test]
    fn the_worked_example_is_signed_as_documented() {
        let key = WebhookKey::parse("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
        let id = "ntc_0199f3a3c6d07c0fb1d6a4c51b2c7a10";
        let signature = key.sign(id, 1_800_000_000, r#"{"event":"inbox.waiting"}"#);
        assert_eq!(signature, "v1,pzjJoVWQgBqgtRmOGfeyTiBG2K+1l9qa3Y8fwp6Sfw4=");
    }

    #[test]
    fn a_secret_has_its_prefix_and_enough_bytes() {
        for text in [
            "",
            "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "whsec_c2hvcnQ=",
            "whsec_not base64",
        ] {
            assert!(WebhookKey::parse(text).is_none(), "{text:?}");
        }
    }
}
