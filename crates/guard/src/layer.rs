//! The tower layer: one request, judged before the service behind it sees it.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::TokenDefect;
use procura_agent_auth::token::agent::UnverifiedAgentToken;
use procura_agent_auth::token::possession::{Confirmation, Scheme};
use tower::{Layer, Service};

use crate::authority::{Denied, Question};
use crate::body::{self, GuardedBody, MAX_BODY_BYTES};
use crate::challenge::{add_challenge, answer};
use crate::guard::Shared;
use crate::possession::Sent;
use crate::protects::Protects;

/// Guards a service. Made by [`Guard::layer`](crate::Guard::layer).
#[derive(Clone)]
pub struct GuardLayer {
    judge: Judge,
}

impl GuardLayer {
    pub(crate) fn new(shared: Arc<Shared>, protects: Protects) -> Self {
        Self {
            judge: Judge {
                shared,
                protects,
                others: Others::Refused,
                max_body_bytes: MAX_BODY_BYTES,
            },
        }
    }

    /// Lets requests through that carry no agent JWT, for a service that knows its callers by other means as
    /// well. They carry no [`Agent`](crate::Agent). Where the service answers them with `401`, the challenge
    /// of §5.14 is added to its own.
    #[must_use]
    pub fn beside_other_schemes(mut self) -> Self {
        self.judge.others = Others::PassedOn;
        self
    }

    /// Reads bodies of up to `bytes` instead of 1 MiB. Larger ones are answered `413`.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.judge.max_body_bytes = bytes;
        self
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            judge: self.judge.clone(),
            inner,
        }
    }
}

/// A service behind the layer.
#[derive(Clone)]
pub struct Guarded<S> {
    judge: Judge,
    inner: S,
}

impl<S, In, Out> Service<Request<In>> for Guarded<S>
where
    S: Service<Request<GuardedBody<In>>, Response = Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    In: http_body::Body<Data = Bytes> + Send + 'static,
    In::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Either<Full<Bytes>, Out>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        let judge = self.judge.clone();
        // The one that is ready is the one to use.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let passed_on = judge.passes_on(request.headers());
            let admitted = if passed_on {
                Ok(request.map(Either::Right))
            } else {
                judge.admit(request).await
            };
            let request = match admitted {
                Ok(request) => request,
                Err(denied) => return Ok(judge.refuse(&denied).map(Either::Left)),
            };
            let mut response = inner.call(request).await?;
            if passed_on && response.status() == StatusCode::UNAUTHORIZED {
                add_challenge(response.headers_mut(), &judge.shared.challenge);
            }
            Ok(response.map(Either::Right))
        })
    }
}

/// How one kind of route is judged.
#[derive(Clone)]
struct Judge {
    shared: Arc<Shared>,
    protects: Protects,
    others: Others,
    max_body_bytes: usize,
}

/// What becomes of requests without an agent JWT.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Refused,
    PassedOn,
}

impl Judge {
    fn passes_on(&self, headers: &HeaderMap) -> bool {
        self.others == Others::PassedOn && !carries_agent_token(headers)
    }

    /// The request with its caller in it, if the authority permits it.
    async fn admit<In>(&self, request: Request<In>) -> Result<Request<GuardedBody<In>>, Denied>
    where
        In: http_body::Body<Data = Bytes>,
        In::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let sent = Sent::read(&parts.headers)?;
        // What is not meant for this place is not shown to the authority, which takes tokens for many.
        let unverified = UnverifiedAgentToken::parse(&sent.token, &[&self.shared.location])?;
        self.hold(unverified.confirmation(), &sent, &parts)?;
        let body = body::read(body, self.max_body_bytes).await?;
        let call = self.protects.read(&parts, &body)?;
        let question = Question {
            token: &sent.token,
            location: &self.shared.location,
            capability: &call.capability,
            arguments: &call.arguments,
        };
        let agent = self.shared.authority.judge(question).await?;
        parts.extensions.insert(agent);
        parts.extensions.insert(call);
        Ok(Request::from_parts(parts, Either::Left(Full::new(body))))
    }

    /// Whoever sends a bound token has to show what it is bound to (§4.4). To let it through without looking would make
    /// the binding worth nothing.
    fn hold(&self, bound: &Confirmation, sent: &Sent, parts: &Parts) -> Result<(), Refusal> {
        match &self.shared.proofs {
            Some(proofs) => proofs.hold(bound, sent, parts),
            None if bound.is_bound() => Err(TokenDefect::BindingNotChecked.into()),
            None if sent.scheme == Scheme::Dpop => Err(TokenDefect::NotBearer.into()),
            None => Ok(()),
        }
    }

    fn refuse(&self, denied: &Denied) -> Response<Full<Bytes>> {
        match denied {
            Denied::Unavailable(why) => tracing::error!(why, "agents cannot be verified"),
            other => tracing::info!(why = %other, "an agent's call was refused"),
        }
        answer(denied, &self.shared.challenge)
    }
}

/// Whether somebody claims to be an agent. Other services' bearer tokens look different, even as JWTs: the type
/// in the header is this protocol's own (§4.3).
fn carries_agent_token(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.any(|value| {
        let text = value.to_str().unwrap_or_default();
        let token = text.split_once(' ').map_or("", |(_, token)| token.trim());
        procura_keys::jwt::Unverified::parse(token, procura_agent_auth::token::FORM)
            .is_ok_and(|it| it.typ.as_deref() == Some(procura_agent_auth::token::agent::TYPE))
    })
}
