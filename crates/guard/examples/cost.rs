//! What a guard costs each request: a route of axum with and without it, and what of that is the signature.
//!
//! ```sh
//! cargo run --release -p procura-guard --features axum --example cost
//! ```
//!
//! No network is between: requests go to the router as values, on one thread. Tokens are signed before anything is
//! timed. The three are measured in turns, and the fastest round of each counts.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an example that fails by panicking and prints what it measured"
)]

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::Request;
use http::header::AUTHORIZATION;
use procura_agent_auth::agent::{Agent, AgentState, Mode};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, GrantId, HostId};
use procura_agent_auth::lifetime::LifetimePolicy;
use procura_agent_auth::token::FORM;
use procura_guard::{Directory, Guard, Known, Local, Protects};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::digest::from_base64url;
use procura_keys::jwt;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::json;
use tower::ServiceExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let plain = Router::new().route("/execute", post(async || "done"));
    let guard = Guard::new(LOCATION, local()).unwrap();
    let pay = "pay".parse().unwrap();
    let guarded = plain.clone().layer(guard.layer(Protects::execution([pay])));
    let (mut without, mut with, mut verify) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for round in 0..ROUNDS {
        let tokens: Vec<_> = (0..CALLS)
            .map(|call| token(&format!("{round}-{call}")))
            .collect();
        without = without.min(calls(&plain, &tokens).await);
        with = with.min(calls(&guarded, &tokens).await);
        verify = verify.min(verifications(&tokens));
    }
    let added = with.saturating_sub(without);
    println!("a call without the guard   {:>7.1} us", micros(without));
    println!("a call with the guard      {:>7.1} us", micros(with));
    println!("one Ed25519 verification   {:>7.1} us", micros(verify));
    println!(
        "the guard adds {:.2} verifications",
        added.as_secs_f64() / verify.as_secs_f64()
    );
}

async fn calls(service: &Router, tokens: &[String]) -> Duration {
    let request = |token: &String| {
        Request::post("/execute")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::from(CALL))
            .unwrap()
    };
    let requests: Vec<_> = tokens.iter().map(request).collect();
    let started = Instant::now();
    for request in requests {
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    started.elapsed()
}

/// Nothing but the signatures of the same tokens.
fn verifications(tokens: &[String]) -> Duration {
    let key = key(2).public().clone();
    let started = Instant::now();
    for token in tokens {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature: [u8; 64] = from_base64url(signature).unwrap().try_into().unwrap();
        assert!(key.verifies(signed.as_bytes(), &signature));
    }
    started.elapsed()
}

fn micros(all: Duration) -> f64 {
    all.as_secs_f64() * 1e6 / f64::from(CALLS)
}

struct Records {
    known: Known,
    seen: Mutex<HashSet<String>>,
}

#[async_trait]
impl Directory for Records {
    async fn find(&self, agent: &AgentId) -> Result<Option<Known>, String> {
        Ok((self.known.agent.id == *agent).then(|| self.known.clone()))
    }

    async fn claim(&self, _: &AgentId, jti: &str, _: Timestamp) -> Result<bool, String> {
        Ok(self.seen.lock().unwrap().insert(jti.to_owned()))
    }

    async fn take_use(&self, _: &GrantId) -> Result<bool, String> {
        Ok(true)
    }
}

fn local() -> Local<Records> {
    let host = Host {
        id: HostId::new(NOW, [1; 10]),
        name: None,
        public_key: key(1).public().clone(),
        jwks: None,
        user_id: None,
        default_capabilities: Vec::new(),
        status: HostStatus::Active,
        activated_at: Some(NOW),
        last_used_at: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let agent = Agent {
        id: agent_id(),
        host_id: host.id.clone(),
        user_id: None,
        name: "Payer".into(),
        mode: Mode::Autonomous,
        public_key: key(2).public().clone(),
        jwks: None,
        state: AgentState::Active { activated_at: NOW },
        last_used_at: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let grant = Grant {
        id: GrantId::new(NOW, [3; 10]),
        agent_id: agent.id.clone(),
        capability: "pay".parse().unwrap(),
        constraints: Constraints::parse(&json!({ "amount": { "max": 100 } })).unwrap(),
        state: GrantState::Active {
            granted_by: Actor::Policy,
        },
        reason: None,
        expires_at: None,
        uses: None,
        form: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let known = Known {
        key: key(2).public().clone(),
        issuer: issuer(),
        host_keys: None,
        grants: vec![grant],
        agent,
        host,
    };
    let records = Records {
        known,
        seen: Mutex::default(),
    };
    let lifetime = LifetimePolicy {
        session_ttl: Some(Duration::from_hours(1)),
        max_lifetime: None,
        absolute_lifetime: None,
    };
    Local::new("https://bank.example", records, Arc::new(Still), lifetime)
}

fn token(jti: &str) -> String {
    let now = NOW.as_seconds();
    let claims = json!({
        "iss": issuer(), "sub": agent_id(), "aud": LOCATION, "iat": now, "exp": now + 60, "jti": jti,
    });
    let header = jwt::Header {
        algorithm: FORM.algorithm,
        typ: "agent+jwt",
        kid: None,
    };
    jwt::sign(header, &claims, &key(2)).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

fn issuer() -> String {
    Thumbprint::of(key(1).public()).as_str().to_owned()
}

fn agent_id() -> AgentId {
    AgentId::new(NOW, [2; 10])
}

/// A clock that makes every token fresh.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LOCATION: &str = "https://payments.example/execute";
const CALL: &str = r#"{"capability":"pay","arguments":{"amount":10}}"#;
const CALLS: u32 = 5000;
const ROUNDS: u32 = 5;
