//! A service with a capability of its own, on axum.
//!
//! The server that registers agents lists the capability with this service's location:
//!
//! ```toml
//! [[capability]]
//! name = "pay_invoice"
//! description = "Pay an open invoice"
//! approval = "presence"
//! location = "https://payments.example/execute"
//!
//! [[introspection.caller]]
//! name = "payments"
//! secret_file = "payments.secret"
//! ```
//!
//! ```sh
//! PROCURA_ISSUER=https://bank.example PROCURA_SECRET=… cargo run -p procura-guard --example axum --features axum
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "an example takes its settings from the environment"
)]

use std::error::Error;

use axum::routing::post;
use axum::{Json, Router};
use procura_guard::{Agent, Call, Guard, Introspection, Protects};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = std::env::var("PROCURA_ISSUER")?;
    let authority = Introspection::of(issuer)?.with_secret(std::env::var("PROCURA_SECRET")?);
    // Exactly as it stands in the server's list: tokens name it letter by letter.
    let guard = Guard::new("https://payments.example/execute", authority)?;

    let app = Router::new()
        .route("/execute", post(pay_invoice))
        .layer(guard.layer(Protects::execution(["pay_invoice".parse()?])));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8090").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

/// Runs only when the agent may do exactly this. The log knows who it was, and for whom.
async fn pay_invoice(agent: Agent, call: Call) -> Json<Value> {
    Json(json!({
        "data": { "paid": call.arguments.get("invoice"), "by": agent.id, "for": agent.user_id },
    }))
}
