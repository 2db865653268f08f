//! Everything the server serves, and what holds for all of it.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, CONNECTION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::dpop;
use procura_agent_auth::token::possession::Demand;
use procura_agent_auth::wire::discovery;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::app::App;
use crate::error::{ClockRefusal, RefusalCode, Rejection, internal_error};
use crate::metrics::known_method;
use crate::{agent_auth, operations, web};

/// The whole server as one service, under the issuer's path.
pub fn router(app: App) -> Router {
    let (own, elsewhere) = routes(&app);
    let mounted = match app.base_path() {
        "" => own.fallback(path_not_found),
        base => Router::new()
            .nest(base, own.fallback(path_not_found))
            .fallback(path_not_found),
    };
    finish(mounted.merge(elsewhere), app)
}

/// The same beside an application's routes, with nothing to say about paths that may be the application's.
pub(crate) fn embedded(app: App) -> Router {
    let (own, elsewhere) = routes(&app);
    let mounted = match app.base_path() {
        "" => own,
        base => Router::new().nest(base, own.fallback(path_not_found)),
    };
    finish(mounted.merge(elsewhere), app)
}

/// What is served under the issuer's path, and what at its origin.
fn routes(app: &App) -> (Router<App>, Router<App>) {
    let challenge = map_response_with_state(app.clone(), challenge);
    let own = Router::new()
        .merge(agent_auth::routes().layer(challenge))
        .merge(web::routes(app))
        .merge(operations::routes());
    let elsewhere = agent_auth::compat_routes(app.ctx.policy().compat);
    let elsewhere = match app.base_path() {
        "" => elsewhere,
        _ => elsewhere.merge(agent_auth::routes_at_origin()),
    };
    (own, elsewhere)
}

/// What holds for every request.
fn finish(routes: Router<App>, app: App) -> Router {
    let broken = CatchPanicLayer::custom(|_: Box<dyn Any + Send>| internal_error());
    routes
        .layer(broken)
        .layer(from_fn_with_state(app.clone(), log))
        .with_state(app)
}

/// Points whoever is not authenticated at the discovery document (§5.14), and at DPoP where that is missing
/// (RFC 9449 §7.1).
async fn challenge(State(app): State<App>, mut response: Response) -> Response {
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    let discovery = app.ctx.provider().url(discovery::PATH);
    let mut challenges = vec![format!("AgentAuth discovery=\"{discovery}\"")];
    let algorithms = dpop::ALGORITHMS.join(" ");
    match response.extensions().get::<RefusalCode>() {
        Some(RefusalCode(code @ ("invalid_dpop_proof" | "use_dpop_nonce"))) => {
            challenges.push(format!("DPoP error=\"{code}\", algs=\"{algorithms}\""));
        }
        _ if matches!(
            app.ctx.policy().possession.demand,
            Demand::Dpop | Demand::Any
        ) =>
        {
            challenges.push(format!("DPoP algs=\"{algorithms}\""));
        }
        _ => {}
    }
    let values = challenges.iter().map(|text| HeaderValue::from_str(text));
    for value in values.flatten() {
        response.headers_mut().append(WWW_AUTHENTICATE, value);
    }
    response
}

/// A page for whoever reads pages, and the protocol's form for everybody else.
async fn path_not_found(State(app): State<App>, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        web::not_found(app, &headers).await
    } else {
        Rejection::from(Refusal::PathNotFound).into_response()
    }
}

/// One line for each request: what, how it went, how long it took. Never tokens, codes, addresses or bodies.
/// Whatever else is logged meanwhile carries the request's number, and so does the answer.
///
/// A server that is about to end has clients connect elsewhere before it takes no connections any more. HTTP/2 has a frame
/// for that, which is sent then.
async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let is_http2 = request.version() > Version::HTTP_11;
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let id = next_request_id();
    let span = tracing::info_span!("request", id);
    let traced = traced(&id, known_method(&method), route.as_deref());
    let answer = next.run(request).instrument(traced.clone());
    let mut response = answer.instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if !is_http2 && app.ctx.stopping().is_leaving() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    let route = route.as_deref().unwrap_or("-");
    let status = response.status().as_u16();
    let outcome = response
        .extensions()
        .get::<RefusalCode>()
        .map_or("ok", |code| code.0);
    let took = started.elapsed();
    app.metrics.count(&method, route, status, outcome, took);
    let clock = response.extensions().get::<ClockRefusal>();
    let clock = clock.map(|ClockRefusal(wrong)| *wrong);
    if let Some(wrong) = clock {
        app.metrics.count_clock_refusal(wrong);
    }
    tracing::info!(
        parent: &span,
        http.method = %method,
        http.route = route,
        http.status = status,
        outcome,
        clock,
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    traced.record("http.response.status_code", status);
    traced.record("outcome", outcome);
    if status >= 500 {
        traced.record("otel.status_code", "ERROR");
    }
    response
}

/// The request as traces show it: below the level of the log, whose lines would repeat it.
fn traced(id: &str, method: &'static str, route: Option<&str>) -> Span {
    tracing::debug_span!(
        "http",
        id,
        otel.name = format_args!("{method} {}", route.unwrap_or("-")),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        outcome = Empty,
    )
}

/// A number that no other request of this process has, after one that no other process is likely to have.
fn next_request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{count:x}", std::process::id())
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
