//! Executions that the server finishes later (§5.11): asking until they are done.

use std::time::Duration;

use http::Method;
use procura_fetch::Response;
use serde_json::Value;
use url::Url;

use super::shape::Shape;
use super::{Call, Client, ClientError, Provider, Signer, read};
use crate::call::JSON;
use crate::http_date::retry_after;

impl Client {
    /// Asks at `status_url`, with a fresh token each time and less and less often, until there is a result.
    pub(super) async fn poll(
        &self,
        provider: &Provider,
        started: &Call<'_>,
        first: &Response,
        status_url: &str,
    ) -> Result<Value, ClientError> {
        let mut call = self.question(provider, started, status_url)?;
        let started_at = self.now();
        let mut asked_for = retry_after(&first.headers, started_at);
        let mut delay = FIRST_DELAY;
        loop {
            let waited = self.now().since(started_at);
            if waited >= self.options.max_job_wait {
                let status_url = call.url.into();
                return Err(ClientError::JobStillRunning { waited, status_url });
            }
            let pause = asked_for.unwrap_or(delay);
            let left = self.options.max_job_wait.saturating_sub(waited);
            self.parts.pause.pause(pause.min(left)).await;
            if pause > left {
                continue;
            }
            delay = (delay * 2).min(MAX_DELAY);
            let response = match self.whole(&call).await {
                Ok(response) => response,
                Err(ClientError::Refused(refused)) if refused.status == 429 => {
                    asked_for = refused.retry_after;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match read(&call, &response)? {
                Shape::Result(value) => return Ok(value),
                Shape::Failed(refused) => return Err(refused.into()),
                Shape::Pending { status_url } => {
                    call = self.question(provider, started, &status_url)?;
                }
            }
            asked_for = retry_after(&response.headers, self.now());
        }
    }

    /// A question for an execution's result. It goes to the issuer's origin only: the URL is the server's
    /// text, and the token must not go anywhere else (§8.12).
    fn question<'a>(
        &self,
        provider: &'a Provider,
        started: &Call<'a>,
        status_url: &str,
    ) -> Result<Call<'a>, ClientError> {
        let bad = |reason: &str| {
            let reason = format!("its status_url {status_url:?} {reason}");
            ClientError::bad_answer(started.url.as_str(), reason)
        };
        let url = Url::parse(status_url).map_err(|_| bad("is not an absolute URL"))?;
        let issuer = provider.issuer_url();
        let issuer =
            issuer.map_err(|defect| ClientError::bad_provider(provider.issuer(), defect))?;
        if url.origin() != issuer.origin() {
            return Err(bad("is not on the issuer's origin"));
        }
        let admitted = self.url_policy().admit(&url);
        admitted.map_err(|error| bad(&format!("cannot be called: {error}")))?;
        let Signer::Agent {
            connection,
            capabilities,
        } = started.signer
        else {
            return Err(bad("belongs to no agent"));
        };
        Ok(Call {
            issuer: provider.issuer(),
            method: Method::GET,
            url,
            body: None,
            accept: JSON,
            aud: started.aud,
            signer: Signer::Agent {
                connection,
                capabilities,
            },
        })
    }
}

/// The first wait; each one after it is twice as long.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest wait unless the server says otherwise.
const MAX_DELAY: Duration = Duration::from_secs(30);
