//! An application of its own, ready for agents: its people, its pages, its routes, and one capability in Rust.
//!
//! ```sh
//! cargo run -p procura-server --example embed
//! procura --allow-loopback-http connect http://127.0.0.1:8091/agents --capability add_note
//! ```
//!
//! Anybody may sign in here under any name, which makes it an example and nothing to put anywhere. Saying yes with a
//! passkey is left out: see `People::ask` and `People::confirm`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Form, Query, State};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use axum::{Router, serve};
use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use procura_keys::clock::{Clock as _, Timestamp};
use procura_keys::digest::to_base64url;
use procura_keys::entropy;
use procura_server::config::Config;
use procura_server::embed::{
    ApprovalStrength, Backend, BackendError, Call, Capability, Embedded, Offered, Reply,
    async_trait,
};
use procura_server::people::{People, Visit, Why, profile};
use procura_service::system::{SystemClock, SystemEntropy};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let notes = Arc::new(Notes::default());
    let mut config = Config::parse(CONFIG, None).map_err(anyhow::Error::msg)?;
    let offered = Offered::new(
        add_note()?,
        ApprovalStrength::Session,
        Arc::clone(&notes) as Arc<dyn Backend>,
    )?;
    config.catalogue.add(offered)?;
    let data = std::env::temp_dir().join("procura-embed-example");
    let people = Arc::clone(&notes) as Arc<dyn People>;
    let embedded = Embedded::open(config, data, people).await?;

    let routes = Router::new()
        .route("/", get(show))
        .route("/in", get(ask_who).post(sign_in))
        .with_state(Arc::clone(&notes))
        .merge(embedded.router());
    let listener = TcpListener::bind("127.0.0.1:8091").await?;
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, routes).with_graceful_shutdown(stop).await?;
    embedded.close().await
}

/// The whole application.
#[derive(Default)]
struct Notes {
    /// Who signed in when, by the value of their cookie.
    sessions: Mutex<HashMap<String, (String, Timestamp)>>,
    /// Whose note, and what it says.
    notes: Mutex<Vec<(String, String)>>,
}

impl Notes {
    fn signed_in(&self, cookies: Option<&str>) -> Option<(String, Timestamp)> {
        let mut cookies = cookies.unwrap_or_default().split("; ");
        let cookie = cookies.find_map(|cookie| cookie.strip_prefix("notes="))?;
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(cookie).cloned()
    }
}

#[async_trait]
impl People for Notes {
    async fn identify(&self, request: &Parts) -> anyhow::Result<Option<Visit>> {
        let cookies = request
            .headers
            .get(COOKIE)
            .and_then(|value| value.to_str().ok());
        let Some((name, proved_at)) = self.signed_in(cookies) else {
            return Ok(None);
        };
        let email = format!("{name}@notes.example");
        Ok(profile(&name, &email, &name).map(|profile| Visit {
            profile,
            proved_at,
            can_confirm: false,
        }))
    }

    fn sign_in(&self, _why: Why, return_to: &str) -> String {
        let to: String = url::form_urlencoded::byte_serialize(return_to.as_bytes()).collect();
        format!("/in?to={to}")
    }
}

#[async_trait]
impl Backend for Notes {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        let whose = call.user_id.unwrap_or("nobody").to_owned();
        let text = call.arguments["text"].as_str().unwrap_or_default();
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push((whose, text.to_owned()));
        Ok(Reply::Value(json!({ "notes": notes.len() })))
    }
}

fn add_note() -> anyhow::Result<Capability> {
    Ok(Capability {
        name: "add_note".parse()?,
        description: "Write a note".to_owned(),
        location: None,
        input: Some(json!({
            "type": "object",
            "properties": { "text": { "type": "string", "maxLength": 1000 } },
            "required": ["text"],
            "additionalProperties": false,
        })),
        output: None,
        grant_status: None,
    })
}

async fn show(State(notes): State<Arc<Notes>>) -> String {
    let notes = notes.notes.lock().unwrap_or_else(PoisonError::into_inner);
    let lines: Vec<_> = notes
        .iter()
        .map(|(whose, text)| format!("{whose}: {text}"))
        .collect();
    lines.join("\n")
}

async fn ask_who(Query(query): Query<Value>) -> Html<String> {
    // Only what the form takes back is shown, and it is encoded as it came.
    let to = query["to"].as_str().unwrap_or("/");
    let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
    Html(format!(
        "<form method=post action='/in?to={to}'><label>Your name <input name=name></label><button>Sign in</button></form>"
    ))
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
}

async fn sign_in(
    State(notes): State<Arc<Notes>>,
    Query(query): Query<HashMap<String, String>>,
    Form(form): Form<SignIn>,
) -> impl IntoResponse {
    let secret: [u8; 32] = entropy::bytes(&SystemEntropy);
    let cookie = to_base64url(&secret);
    let mut sessions = notes
        .sessions
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    sessions.insert(cookie.clone(), (form.name, SystemClock.now()));
    // A path of this site and nothing else, or whoever makes a link could send people anywhere.
    let to = query.get("to").filter(|to| to.starts_with("/agents"));
    let to = to.map_or("/", String::as_str);
    let cookie = format!("notes={cookie}; Path=/; HttpOnly; SameSite=Lax");
    ([(SET_COOKIE, cookie)], Redirect::to(to))
}

const CONFIG: &str = r#"
[provider]
name = "notes"
description = "Notes, for people and their agents"
issuer = "http://127.0.0.1:8091/agents"

[hosts]
unknown = "register"
"#;
