//! Notices to the devices that a person chose, by Web Push (RFC 8030): encrypted for the browser, signed for its push
//! service. A message names the app and nothing else of the request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use procura_agent_auth::notice::{Notice, Undelivered};
use procura_fetch::{FetchPolicy, Fetcher, Request};
use procura_keys::web_push::{PushKey, PushReceiver};
use procura_people::consent::ConsentView;
use procura_people::push::PushDevice;
use procura_service::{Context, ServiceResult, notices};
use serde_json::json;
use url::Url;

use super::Sender;
use super::mail::quotable;

/// What Web Push is called among the receivers.
pub const NAME: &str = "web-push";

/// A way to send to devices.
pub struct Push {
    key: PushKey,
    contact: String,
    policy: FetchPolicy,
    fetcher: Fetcher,
}

impl Push {
    /// Signs with `key`, and names `contact` to push services. Endpoints come from browsers, so that `policy` should be one
    /// for strangers' URLs.
    pub fn new(key: PushKey, contact: String, policy: &FetchPolicy) -> Result<Self, String> {
        let policy = FetchPolicy {
            max_redirects: 0,
            max_response_bytes: MAX_ANSWER,
            ..policy.clone()
        };
        let fetcher = Fetcher::new(policy.clone()).map_err(|error| error.to_string())?;
        Ok(Self {
            key,
            contact,
            policy,
            fetcher,
        })
    }

    /// What browsers are told about who sends.
    pub fn public_key(&self) -> String {
        self.key.public()
    }

    /// Whether a push service may be there.
    pub fn admits(&self, endpoint: &str) -> bool {
        let url = Url::parse(endpoint);
        endpoint.len() <= MAX_ENDPOINT && url.is_ok_and(|url| self.policy.admit(&url).is_ok())
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Push({})", self.contact)
    }
}

#[async_trait]
impl Sender for Arc<Push> {
    fn name(&self) -> &str {
        NAME
    }

    async fn send(&self, ctx: &Context, notice: &Notice) -> Result<(), Undelivered> {
        let failed = |why| Undelivered {
            why,
            for_good: false,
        };
        let outcomes = self.send_to_all(ctx, notice).await;
        let outcomes = outcomes.map_err(|error| failed(error.to_string()))?;
        // One that took it is enough: the others would get it twice.
        if outcomes.iter().any(Result::is_ok) {
            return Ok(());
        }
        match outcomes.into_iter().find_map(Result::err) {
            Some(why) => Err(failed(why)),
            None => Err(Undelivered {
                why: "the person has no device any more".to_owned(),
                for_good: true,
            }),
        }
    }
}

impl Push {
    /// What became of it at each device. Those that are gone are forgotten, and not among them.
    async fn send_to_all(
        &self,
        ctx: &Context,
        notice: &Notice,
    ) -> ServiceResult<Vec<Result<(), String>>> {
        let letter = notices::letter(ctx, notice).await?;
        let message = message(ctx, &letter.requests);
        let mut outcomes = Vec::new();
        for device in notices::devices(ctx, notice).await? {
            match self.send_to(ctx, &device, &message).await {
                Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => {
                    notices::forget_device(ctx, &device).await?;
                }
                Ok(status) if status.is_success() => outcomes.push(Ok(())),
                Ok(status) => outcomes.push(Err(format!("answered {}", status.as_u16()))),
                Err(why) => outcomes.push(Err(why)),
            }
        }
        Ok(outcomes)
    }

    async fn send_to(
        &self,
        ctx: &Context,
        device: &PushDevice,
        message: &[u8],
    ) -> Result<StatusCode, String> {
        let url = Url::parse(&device.endpoint).map_err(|error| error.to_string())?;
        let secrets = notices::push_secrets(ctx);
        let sealed = PushReceiver::parse(&device.public_key, &device.auth)
            .and_then(|receiver| receiver.encrypt(message, &secrets.ephemeral, &secrets.salt))
            .ok_or("cannot be encrypted for this device")?;
        let request = Request {
            method: Method::POST,
            headers: self.headers(ctx, &url).ok_or("cannot be signed")?,
            url,
            body: Some(sealed.into()),
        };
        // Errors name the host at most: the rest of an endpoint is a secret.
        let answer = self.fetcher.send(request).await;
        Ok(answer.map_err(|error| error.to_string())?.status)
    }

    fn headers(&self, ctx: &Context, url: &Url) -> Option<HeaderMap> {
        let audience = url.origin().ascii_serialization();
        let ends = ctx.now().plus(TOKEN_LIFETIME);
        let signed = self.key.authorization(&audience, &self.contact, ends)?;
        let mut signed = HeaderValue::try_from(signed).ok()?;
        signed.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, signed);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        headers.insert(
            header::CONTENT_ENCODING,
            HeaderValue::from_static("aes128gcm"),
        );
        // A device that is switched on later than that has nothing left to answer.
        headers.insert("ttl", ctx.policy().approval_expires_in.as_secs().into());
        headers.insert("urgency", HeaderValue::from_static("high"));
        // A device that was off shows the latest one only.
        headers.insert("topic", HeaderValue::from_static("inbox"));
        Some(headers)
    }
}

/// What the worker of the page shows.
fn message(ctx: &Context, requests: &[ConsentView]) -> Vec<u8> {
    let app = |view: &ConsentView| quotable(view.app.as_deref().unwrap_or(&view.agent), MAX_NAME);
    let body = match requests {
        [one] => format!("“{}” asks for permission", app(one)),
        [first, rest @ ..] if rest.iter().all(|view| view.app == first.app) => {
            format!(
                "“{}” asks for permission, {} times",
                app(first),
                requests.len()
            )
        }
        many => format!("{} requests wait for you", many.len()),
    };
    let message = json!({
        "title": ctx.provider().name,
        "body": body,
        "url": ctx.provider().url("/inbox"),
    });
    message.to_string().into_bytes()
}

/// Nobody reads an answer beyond its status.
const MAX_ANSWER: usize = 64 * 1024;
/// In bytes. Those of today's services have a few hundred.
const MAX_ENDPOINT: usize = 1024;
/// In characters.
const MAX_NAME: usize = 60;
/// A day at most (RFC 8292 §2).
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);
