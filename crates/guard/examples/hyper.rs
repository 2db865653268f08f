//! The same without a framework: a plain hyper service behind the layer. See the axum example for the server's
//! part of the configuration.
#![expect(
    clippy::disallowed_methods,
    reason = "an example takes its settings from the environment"
)]

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use procura_guard::{Agent, Guard, GuardedBody, Introspection, Protects};
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = std::env::var("PROCURA_ISSUER")?;
    let authority = Introspection::of(issuer)?.with_secret(std::env::var("PROCURA_SECRET")?);
    let guard = Guard::new("https://payments.example/execute", authority)?;
    let service = ServiceBuilder::new()
        .layer(guard.layer(Protects::execution(["pay_invoice".parse()?])))
        .service(service_fn(pay_invoice));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8090").await?;
    loop {
        let (connection, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // A connection that breaks off is its client's affair.
            let _ = server
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn pay_invoice(
    request: Request<GuardedBody<Incoming>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // The layer put it there; without it, nobody was verified.
    let Some(agent) = request.extensions().get::<Agent>() else {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(answer);
    };
    let body = format!("{{\"data\":{{\"by\":\"{}\"}}}}", agent.id);
    Ok(Response::new(Full::from(body)))
}
